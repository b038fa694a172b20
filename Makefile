# The developer kit. Needs git, GNU make, Python 3.11 or later with pip; everything else is fetched
# by hash into .venv. `make help` lists the targets.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
MAKEFLAGS += --no-print-directory --no-builtin-rules

# The first Python that is new enough, or python3 so that the error below can name its version.
NEW_ENOUGH := import sys; sys.exit(sys.version_info < (3, 11))
PYTHON ?= $(or $(shell for p in python3 python3.14 python3.13 python3.12 python3.11; do \
	"$$p" -c '$(NEW_ENOUGH)' 2>/dev/null && echo "$$p" && break; done),python3)

VENV := .venv
BIN := $(VENV)/bin
STAMPS := $(VENV)/stamps
CODE := src tests deploy/kafka deploy/registry $(wildcard bench)

# Every office and command is a process of its own; without stored bytecode its start takes twice as long.
unexport PYTHONDONTWRITEBYTECODE
export PIP_DISABLE_PIP_VERSION_CHECK := 1
export PIP_NO_INPUT := 1
export PIP_ROOT_USER_ACTION := ignore
export UV_NO_CONFIG := 1
export UV_LINK_MODE := copy

# uv where it works, else plain pip; both check every hash and fetch nothing that has none.
UV = $(BIN)/uv pip install --quiet --compile-bytecode --python $(BIN)/python
PIP = $(BIN)/python -m pip install --quiet
define install_pinned
{ [ -x $(BIN)/uv ] && $(UV) --require-hashes -r $(1) 2>$(STAMPS)/uv.log; } || \
	$(PIP) --require-hashes -r $(1)
endef

##@ Use
.PHONY: run
run: install ## install, then show a referral crossing two hops that cannot read it
	@$(BIN)/xref demo

.PHONY: install
install: $(STAMPS)/installed ## make .venv/bin/xref
	@:

##@ Develop
.PHONY: test
test: develop ## the test suite (names in one line what it left out)
	@$(BIN)/python -m pytest

.PHONY: mutations
mutations: develop ## weaken every rule of the floor, and see that the prover notices
	@$(BIN)/python -m pytest -m long

.PHONY: check
check: develop ## style, types and tidiness
	@$(BIN)/ruff check --quiet $(CODE)
	@$(BIN)/ruff format --quiet --check $(CODE) || \
		{ echo "not formatted: run 'make format'" >&2; exit 1; }
	@$(BIN)/mypy --strict $(CODE)
	@$(BIN)/xref schema check schemas
	@$(BIN)/python -m pytest --quiet -p no:xdist -o addopts= tests/test_tidy.py \
		tests/unit/schema/test_releases.py

.PHONY: format
format: develop ## let ruff format the code and sort its imports
	@$(BIN)/ruff check --quiet --select I --fix $(CODE)
	@$(BIN)/ruff format --quiet $(CODE)

.PHONY: pages
pages: develop ## renew what is made from schemas, policies and commands: pages, the release to come
	@for page in commands rules agreements flows kinds schema_rules htcds messages asyncapi; do PYTHONPATH=tests $(BIN)/python tests/docs/make_$$page.py; done
	@PYTHONPATH=tests $(BIN)/python tests/releases.py

.PHONY: release
release: develop ## freeze schemas and policies as a release, which nobody changes from then on
	@PYTHONPATH=tests $(BIN)/python tests/releases.py --release

.PHONY: bench
bench: $(STAMPS)/bench ## measure throughput, latency and sizes, beside other libraries
	@$(BIN)/python -m bench

.PHONY: fuzz
fuzz: develop ## every property test again with many more examples; 10,000 messages of each flow
	@$(BIN)/python -m pytest -m hypothesis --hypothesis-profile=fuzz
	@XREF_MESSAGES=10000 $(BIN)/python -m pytest tests/unit/schema/test_every_message.py

KILLS ?= 500
OVER ?= # --kafka: over a Kafka of the run's own
.PHONY: crash
crash: develop ## strike every write, play attacks and cases over Kafka, kill real processes 500 times
	@XREF_LONG=1 $(BIN)/python -m pytest tests/simulation tests/attacks \
		tests/integration/test_demo.py tests/integration/test_add_shard.py \
		tests/integration/test_offices.py \
		tests/kafka/test_brokers_killed.py tests/unit/desk/test_sheet_file.py
	@PYTHONPATH=tests:deploy/kafka $(BIN)/python -m integration.kill_run --kills $(KILLS) $(OVER)

.PHONY: lock
lock: develop ## renew the pinned requirement files from pyproject.toml
	@$(call compile,run)
	@$(call compile,kafka) --extra kafka -c requirements/run.txt
	@$(call compile,xlsx) --extra xlsx -c requirements/run.txt
	@$(call compile,dev) --extra kafka --extra xlsx --group dev -c requirements/run.txt -c requirements/kafka.txt
	@$(call compile_group,build) -c requirements/dev.txt
	@$(call compile_group,tools)
	@$(call compile_group,bench) -c requirements/dev.txt

.PHONY: clean
clean: ## remove everything that make made, the demo's data included
	@rm -rf $(VENV) build dist xref-demo .mypy_cache .ruff_cache .pytest_cache .hypothesis
	@find src tests -name __pycache__ -type d -prune -exec rm -rf {} +

.PHONY: help
help: ## this list
	@awk -F ':.*## ' '/^##@/ { print substr($$0, 5) } \
		/^[a-z]+:.*## / { printf "  make %-9s%s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

# Every file of a version is listed, so that one file serves every platform and Python. Neither
# index addresses nor this machine's paths are written.
COMPILE = rm -f requirements/$(1).txt; $(BIN)/uv pip compile --quiet --universal \
	--python-version 3.11 --generate-hashes --no-header --no-annotate --no-emit-index-url \
	--output-file requirements/$(1).txt >/dev/null
compile = $(COMPILE) pyproject.toml
compile_group = $(COMPILE) --group pyproject.toml:$(1)

.PHONY: develop
develop: $(STAMPS)/develop
	@:

# Debian's Python comes without ensurepip; there the caller's own pip fills the environment.
$(STAMPS)/venv:
	@"$(PYTHON)" -c '$(NEW_ENOUGH)' || { echo "xref needs Python 3.11 or later; $(PYTHON) is" \
		"$$("$(PYTHON)" --version 2>&1). Name another: make PYTHON=python3.12 install" >&2; exit 1; }
	@echo "Installing xref into $(VENV) (a minute or less) ..."
	@rm -rf $(VENV)
	@"$(PYTHON)" -m venv $(VENV) >/dev/null 2>&1 || { rm -rf $(VENV); \
		"$(PYTHON)" -m venv --without-pip $(VENV) && \
		"$(PYTHON)" -m pip --quiet --python $(BIN)/python install pip; } || { \
		rm -rf $(VENV); echo "$(PYTHON) can make no virtual environment: install its venv and pip" \
		"packages (on Debian: python3-venv)" >&2; exit 1; }
	@mkdir -p $(STAMPS)
	@touch $@

$(STAMPS)/tools: requirements/tools.txt | $(STAMPS)/venv
	@$(PIP) --require-hashes -r $< 2>$(STAMPS)/tools.log || \
		echo "uv is not to be had here; using pip, which takes longer"
	@touch $@

$(STAMPS)/installed: requirements/run.txt requirements/build.txt pyproject.toml | $(STAMPS)/tools
	@$(call install_pinned,requirements/run.txt)
	@$(call install_pinned,requirements/build.txt)
	@$(PIP) --no-deps --no-build-isolation --editable .
	@$(BIN)/python -m compileall -q src
	@touch $@

# What is only measured beside xref: neither it nor its tests need it.
$(STAMPS)/bench: requirements/bench.txt $(STAMPS)/develop
	@$(call install_pinned,requirements/bench.txt)
	@touch $@

$(STAMPS)/develop: requirements/dev.txt $(STAMPS)/installed
	@$(call install_pinned,requirements/dev.txt)
	@touch $@
