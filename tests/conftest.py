"""What every test shares: hypothesis profiles, and what a machine may leave out."""

import functools
import os
import re
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import local_registry
import pytest
from hypothesis import HealthCheck, settings
from hypothesis.internal.conjecture import providers

import kafka_session
import node_packages

CI = os.environ.get("XREF_CI") == "1"
GO_NEEDED = (1, 26)  # the first whose standard library has HPKE over X-Wing

# The same examples every time, so that a red run can be repeated; `make fuzz` looks for others.
# How long an example takes is no fault of it: the machine may be slow, or busy.
settings.register_profile(
    "same",
    deadline=None,
    derandomize=True,
    print_blob=True,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.register_profile(
    "fuzz",
    deadline=None,
    max_examples=5_000,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
settings.load_profile("same")


def pytest_configure(config: pytest.Config) -> None:
    """Keep what else is imported out of the examples, unless other ones are looked for.

    Hypothesis draws from the constants of whatever source files are loaded by then: which ones
    are depends on what a worker ran before, so that no seed alone would give the same examples.
    """
    if not config.getoption("--hypothesis-profile"):
        none = providers._local_constants
        pytest.MonkeyPatch().setattr(providers, "_get_local_constants", lambda: none)


@dataclass(frozen=True, slots=True)
class Need:
    """Something outside Python that some tests need, and how to see whether it is there."""

    marker: str
    title: str
    present: Callable[[], bool]


def _go_is_present() -> bool:
    if shutil.which("go") is None:
        return False
    answer = subprocess.run(["go", "env", "GOVERSION"], capture_output=True, text=True, check=False)
    found = re.match(r"go(\d+)\.(\d+)", answer.stdout)
    return found is not None and (int(found[1]), int(found[2])) >= GO_NEEDED


NEEDS = (
    Need("needs_go", "Go 1.26 or later", functools.cache(_go_is_present)),
    Need("needs_node", "Node 20 or later with npm", functools.cache(node_packages.are_to_be_had)),
    Need(
        "needs_registry",
        "a schema registry: Java 17 and Maven",
        functools.cache(lambda: not local_registry.missing()),
    ),
    Need(
        "needs_kafka",
        "Kafka: Java 17 and Maven, or a Docker engine, or brokers in XREF_TEST_KAFKA",
        kafka_session.is_there,
    ),
    Need(
        "needs_kafka_nodes",
        "Kafka nodes of its own: Java 17 and Maven",
        lambda: not kafka_session.lacks_nodes(),
    ),
)


@pytest.fixture(scope="session")
def repository() -> Path:
    """Return the checkout's top folder."""
    return Path(__file__).resolve().parents[1]


@pytest.fixture(scope="session")
def kafka_servers(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """Return the brokers of a real Kafka that the whole session shares."""
    return kafka_session.shared_servers(_session_folder(tmp_path_factory))


def _session_folder(factory: pytest.TempPathFactory) -> Path:
    base = factory.getbasetemp()
    return base.parent if "PYTEST_XDIST_WORKER" in os.environ else base


def pytest_sessionfinish(session: pytest.Session) -> None:
    """End what the session started: in the process that outlives every worker."""
    factory: pytest.TempPathFactory | None = getattr(session.config, "_tmp_path_factory", None)
    if factory is not None and "PYTEST_XDIST_WORKER" not in os.environ:
        kafka_session.end_shared(factory.getbasetemp())


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Leave out what this machine cannot run; in CI nothing may be missing."""
    for need in NEEDS:
        if item.get_closest_marker(need.marker) and not need.present():
            if CI:
                pytest.fail(f"CI must have {need.title}", pytrace=False)
            pytest.skip(f"needs {need.title}")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say in one line what was left out and why."""
    reasons = [
        report.longrepr[2].removeprefix("Skipped: ")
        for report in terminalreporter.getreports("skipped")
        if isinstance(report.longrepr, tuple)
    ]
    if reasons:
        counted = (f"{reasons.count(why)} ({why})" for why in sorted(set(reasons)))
        terminalreporter.write_line(f"Left out: {', '.join(counted)}.")
