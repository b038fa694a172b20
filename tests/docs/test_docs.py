"""The documentation holds: commands run, links lead somewhere, the reference is complete."""

import ast
import io
import os
import re
import shlex
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, chdir, redirect_stderr, redirect_stdout
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from _pytest.mark.structures import ParameterSet
from local_kafka import LocalKafka
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from docs import (
    make_agreements,
    make_flows,
    make_kinds,
    make_messages,
    make_rules,
    make_schema_rules,
)
from docs.make_commands import PAGE, page
from integration.offices import port_kept
from xref.answers import STOPS
from xref.cli import main
from xref.config import (
    DeskConfig,
    HopConfig,
    KafkaConfig,
    PeerClusterConfig,
    SaslConfig,
    SqliteConfig,
    TlsConfig,
    WitnessAddress,
    WitnessConfig,
)

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
GUIDES = sorted([*DOCS.glob("tutorial/*.md"), *DOCS.glob("how-to/*.md")])
RUNNING = [guide for guide in GUIDES if "```console" in guide.read_text(encoding="utf-8")]
DEMO = "xref demo --case first-crossing --data demo"
SECONDS_MAX = 180  # no measure: a machine may be slow, and busy
PLAIN = re.compile(
    r'xref (?P<arguments>[^|&;<>$]+?)(?: > (?P<file>\S+))?(?: \|\| echo "(?P<otherwise>[^"]*)")?'
)
LOCAL_KAFKA = "deploy/kafka/local_kafka.py"
KAFKA_ADDRESS = "127.0.0.1:9092"  # in guides; a test's broker takes a free port instead
LOOKS_ONLY = ("xref desk status", "xref desk inbox", "xref audit")


@dataclass(frozen=True, slots=True)
class Step:
    """A command of a guide with the lines that it must print; `...` stands for anything."""

    command: str
    expected: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class NamedFile:
    """A TOML block that begins with the name of the file that it is."""

    name: str
    content: str


def steps_of(text: str) -> Iterator[Step | NamedFile]:
    """Yield what a reader of a guide does, in order."""
    for kind, block in re.findall(
        r"^```(console|toml)\n(.*?)^```$", text, re.MULTILINE | re.DOTALL
    ):
        if kind == "toml":
            first = re.match(r"# (\S+\.toml)\n", block)
            if first:
                yield NamedFile(first[1], block)
            continue
        for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
            command, *expected = part.splitlines()
            yield Step(command, [line for line in expected if line != "..."])


def missing(expected: list[str], output: str) -> list[str]:
    """Return the expected lines that were not printed; trailing blanks do not matter."""
    patterns = [
        ".*".join(re.escape(piece) for piece in line.rstrip().split("...")) for line in expected
    ]
    return [
        line
        for line, pattern in zip(expected, patterns, strict=True)
        if not re.search(rf"^{pattern} *$", output, re.MULTILINE)
    ]


def give_own_port(demo: Path) -> None:
    """Move a copy's witness: one that saw another copy's logs would rightly stop the hops."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = str(probe.getsockname()[1])
    witness = demo / "witness" / "witness.toml"
    (known,) = re.findall(r"^port = (\d+)$", witness.read_text(encoding="utf-8"), re.MULTILINE)
    for file in (witness, *demo.glob("*/hop.toml")):
        text = file.read_text(encoding="utf-8")
        file.write_text(re.sub(rf"\b{known}\b", port, text), encoding="utf-8")


class Terminal:
    """A folder in which a guide's commands are run; background processes are ended by id."""

    def __init__(self, folder: Path, demo: Path, stack: ExitStack) -> None:
        self.folder, self.demo, self.stack = folder, demo, stack
        self.running: list[tuple[subprocess.Popen[bytes], Path]] = []
        program = folder / ".program" / "xref"
        program.parent.mkdir()
        program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m xref "$@"\n', encoding="utf-8")
        program.chmod(0o700)
        path = f"{program.parent}:{os.environ['PATH']}"
        self.kafka = KAFKA_ADDRESS
        self.environment = {**os.environ, "PATH": path, "COLUMNS": "80", "PYTHONUTF8": "1"}

    def take(self, step: Step | NamedFile) -> None:
        if isinstance(step, NamedFile):
            file = self.folder / step.name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(step.content, encoding="utf-8")
        elif step.command == DEMO:
            shutil.copytree(self.demo / "demo", self.folder / "demo")
            give_own_port(self.folder / "demo")
            self.stack.enter_context(port_kept(self.folder / "demo"))
            self._check(step, (self.demo / "output").read_text(encoding="utf-8"))
        elif step.command == "kill $(jobs -p)":
            self.end()
        elif step.command.endswith(" &"):
            self._start(step.command.removesuffix(" &"))
        else:
            self._run(self._at_kafka(step))

    def _at_kafka(self, step: Step) -> Step:
        """Return a step with the address of the broker that was started."""
        texts = [text.replace(KAFKA_ADDRESS, self.kafka) for text in (step.command, *step.expected)]
        return Step(texts[0], texts[1:])

    def _run(self, step: Step) -> None:
        self._wait_until_ready()
        deadline = time.monotonic() + SECONDS_MAX
        while True:
            code, output = self._outcome(step.command)
            output += self._ended()
            assert code == 0, f"$ {step.command}\n{output}"
            again = self.running and step.command.startswith(LOOKS_ONLY) and not self._ended()
            if not missing(step.expected, output) or not again or time.monotonic() > deadline:
                self._check(step, output)
                return
            time.sleep(1)

    def _outcome(self, command: str) -> tuple[int, str]:
        """Return exit code and output; what needs no shell is run here, as starts are slow."""
        plain = PLAIN.fullmatch(command)
        if plain:
            return self._run_here(**plain.groupdict())
        done = subprocess.run(
            ["bash", "-c", command],
            cwd=self.folder,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=SECONDS_MAX,
            check=False,
        )
        return done.returncode, done.stdout.decode()

    def _run_here(self, arguments: str, file: str | None, otherwise: str | None) -> tuple[int, str]:
        out, error = io.StringIO(), io.StringIO()
        with chdir(self.folder), redirect_stdout(out), redirect_stderr(error):
            code = main(shlex.split(arguments))
        shown = out.getvalue()
        if file is not None:
            (self.folder / file).write_text(shown, encoding="utf-8")
            shown = ""
        shown += error.getvalue()
        if code and otherwise is not None:
            code, shown = 0, f"{shown}{otherwise}\n"
        return code, shown

    def _ended(self) -> str:
        """Return the logs of background processes that have ended by themselves."""
        ended = [log for process, log in self.running if process.poll() is not None]
        return "".join(log.read_text(encoding="utf-8") for log in ended)

    @staticmethod
    def _check(step: Step, output: str) -> None:
        absent = missing(step.expected, output)
        assert not absent, f"$ {step.command}\nlacks {absent}\n{output}"

    def _start(self, command: str) -> None:
        program, *arguments = shlex.split(command)
        if arguments[0] == LOCAL_KAFKA:
            self._start_kafka()
            return
        assert program == "xref"
        log = self.folder / f".{len(self.running)}.log"
        with log.open("wb") as stream:
            process = subprocess.Popen(
                [sys.executable, "-m", "xref", *arguments],
                cwd=self.folder,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=stream,
                stderr=stream,
            )
        self.running.append((process, log))

    def _start_kafka(self) -> None:
        """Start a broker; it outlives the offices, which a guide ends with all its jobs."""
        broker = self.stack.enter_context(LocalKafka(self.folder / "kafka"))
        (self.kafka,) = broker.servers

    def _wait_until_ready(self) -> None:
        deadline = time.monotonic() + SECONDS_MAX
        for process, log in self.running:
            while '"event": "ready"' not in (said := log.read_text(encoding="utf-8")):
                assert process.poll() is None, said
                assert time.monotonic() < deadline, said
                time.sleep(0.05)

    def end(self) -> None:
        for process, _ in self.running:
            process.terminate()
        for process, _ in self.running:
            try:
                process.wait(SECONDS_MAX)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        self.running.clear()


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with the demonstration's `demo` and `output`, played once for all workers."""
    base = tmp_path_factory.getbasetemp()
    shared = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "played"
    try:
        shared.mkdir()
    except FileExistsError:
        deadline = time.monotonic() + 2 * SECONDS_MAX
        while not (shared / "output").exists():
            assert time.monotonic() < deadline, "the demonstration did not end"
            time.sleep(0.1)
        return shared
    part = shared / "output.part"
    with part.open("wb") as stream:
        done = subprocess.run(
            [sys.executable, "-m", "xref", *shlex.split(DEMO)[1:]],
            cwd=shared,
            env={**os.environ, "COLUMNS": "80", "PYTHONUTF8": "1"},
            stdout=stream,
            stderr=subprocess.STDOUT,
            timeout=2 * SECONDS_MAX,
            check=False,
        )
    part.rename(shared / "output")
    assert done.returncode == 0, (shared / "output").read_text(encoding="utf-8")
    return shared


def needing(guide: Path) -> ParameterSet:
    """Return a guide as a parameter, with the marker of what it needs."""
    needs_kafka = LOCAL_KAFKA in guide.read_text(encoding="utf-8")
    marks = [pytest.mark.needs_kafka_nodes] if needs_kafka else []
    return pytest.param(guide, marks=marks, id=guide.stem)


@pytest.mark.slow
@pytest.mark.parametrize("guide", [needing(guide) for guide in RUNNING])
def test_every_command_of_a_guide_does_what_it_says(
    guide: Path, tmp_path: Path, demo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    (tmp_path / "adapters").symlink_to(ROOT / "adapters")
    with ExitStack() as stack:
        terminal = Terminal(tmp_path, demo, stack)
        stack.callback(terminal.end)
        for step in steps_of(guide.read_text(encoding="utf-8")):
            terminal.take(step)


def test_guides_with_commands_are_run() -> None:
    assert {guide.stem for guide in RUNNING} >= {
        *("first-crossing", "set-up-an-office", "rotate-keys"),
        *("correct-a-held-record", "audit-offline", "add-a-shard", "move-to-kafka"),
    }


def markdown_files() -> list[Path]:
    folders = ("adapters", "bench", "deploy", "docs", "tests")
    return [*ROOT.glob("*.md"), *(f for name in folders for f in (ROOT / name).rglob("*.md"))]


def anchors(text: str) -> set[str]:
    """Return the anchors that a page's headings have."""
    headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", each.lower()).replace(" ", "-") for each in headings}


def test_every_relative_link_leads_somewhere() -> None:
    dead = []
    for file in markdown_files():
        text = re.sub(r"```.*?```", "", file.read_text(encoding="utf-8"), flags=re.DOTALL)
        for target in re.findall(r"\]\(([^)\s]+)\)", text):
            if re.match(r"[a-z]+:", target):
                continue
            path, _, anchor = target.partition("#")
            found = (file.parent / path) if path else file
            if not found.exists() or (
                anchor and anchor not in anchors(found.read_text(encoding="utf-8"))
            ):
                dead.append(f"{file.relative_to(ROOT)}: {target}")
    assert not dead


def test_every_page_can_be_found_from_the_index() -> None:
    index = (DOCS / "README.md").read_text(encoding="utf-8")
    pages = [p for p in DOCS.glob("*/*.md") if p.parent.name not in ("adr", "spec")]
    assert not [p.name for p in pages if f"({p.relative_to(DOCS).as_posix()})" not in index]


def test_the_commands_page_is_what_the_parser_says() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(), "run tests/docs/make_commands.py"


def test_every_rule_has_a_source_a_proof_and_a_test() -> None:
    assert make_rules.PAGE.read_text(encoding="utf-8") == make_rules.page(), "run `make pages`"


def test_the_agreements_page_is_what_the_profiles_say() -> None:
    written = make_agreements.PAGE.read_text(encoding="utf-8")
    assert written == make_agreements.page(), "run `make pages`"


def test_the_flows_page_is_what_the_bundle_says() -> None:
    written = make_flows.PAGE.read_text(encoding="utf-8")
    assert written == make_flows.page(), "run `make pages`"


def test_every_record_has_the_page_that_the_bundle_says() -> None:
    assert make_messages.written() == make_messages.pages(), "run `make pages`"


def test_the_page_of_value_kinds_is_what_the_code_says() -> None:
    written = make_kinds.PAGE.read_text(encoding="utf-8")
    assert written == make_kinds.page(), "run `make pages`"


def test_the_page_of_schema_rules_is_what_the_code_says() -> None:
    written = make_schema_rules.PAGE.read_text(encoding="utf-8")
    assert written == make_schema_rules.page(), "run `make pages`"


def rows_of(text: str) -> dict[str, dict[str, str]]:
    """Return (first cell: second cell) of the tables under each heading that is in backticks."""
    found: dict[str, dict[str, str]] = {}
    for section in re.split(r"^## ", text, flags=re.MULTILINE)[1:]:
        title = re.match(r"`([^`]+)`", section)
        if title:
            found[title[1]] = dict(
                re.findall(r"^\| `([^`]+)` \| `?([^`|]+?)`? \|", section, re.MULTILINE)
            )
    return found


def shown_default(member: FieldInfo) -> str:
    if member.is_required():
        return "needed"
    if member.default is None:
        return "none"
    return f'"{member.default}"' if isinstance(member.default, str) else repr(member.default)


def test_the_configuration_page_lists_every_member_and_its_default() -> None:
    models: dict[str, type[BaseModel]] = {
        "hop.toml": HopConfig,
        "desk.toml": DeskConfig,
        "witness.toml": WitnessConfig,
        '[transport] driver = "sqlite"': SqliteConfig,
        '[transport] driver = "kafka"': KafkaConfig,
        "[transport.tls]": TlsConfig,
        "[transport.sasl]": SaslConfig,
        "[[transport.peers]]": PeerClusterConfig,
        "[[witnesses]]": WitnessAddress,
    }
    documented = rows_of((DOCS / "reference" / "configuration.md").read_text(encoding="utf-8"))
    assert documented == {
        title: {name: shown_default(member) for name, member in model.model_fields.items()}
        for title, model in models.items()
    }


def fault_codes() -> tuple[set[str], set[str]]:
    """Return the fault codes in the program, and patterns of those that it puts together."""
    literal: set[str] = set(STOPS)  # named, as three modules have them
    patterns: set[str] = set()
    for file in (ROOT / "src" / "xref").rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_bytes())):
            for value in _codes_in(node):
                if isinstance(value, ast.Constant) and isinstance(value.value, str):
                    literal.add(value.value)
                elif isinstance(value, ast.JoinedStr):
                    pieces = [
                        each.value if isinstance(each, ast.Constant) else None
                        for each in value.values
                    ]
                    patterns.add("".join(".+" if p is None else re.escape(str(p)) for p in pieces))
    # The default of the class, which no error of that class itself is raised with.
    return literal - {"", "faulty"}, patterns


def _codes_in(node: ast.AST) -> Iterator[ast.expr]:
    """Yield the expressions that give a fault code in a node: an argument, or what `fault` is."""
    if isinstance(node, ast.Call):
        yield from (each.value for each in node.keywords if each.arg == "fault")
        if isinstance(node.func, ast.Name) and node.func.id == "fault":
            yield from node.args
    elif isinstance(node, ast.Assign):
        named = [each.id for each in node.targets if isinstance(each, ast.Name)]
        if named == ["fault"]:
            value = node.value
            yield from (value.body, value.orelse) if isinstance(value, ast.IfExp) else (value,)


def test_the_fault_codes_page_lists_exactly_the_codes_in_the_program() -> None:
    text = (DOCS / "reference" / "fault-codes.md").read_text(encoding="utf-8")
    documented = set(re.findall(r"^\| `([a-z-]+)` \|", text, re.MULTILINE))
    literal, patterns = fault_codes()
    assert not literal - documented, "not documented"
    put_together = documented - literal
    assert not {c for c in put_together if not any(re.fullmatch(p, c) for p in patterns)}
    assert all(any(re.fullmatch(p, code) for code in put_together) for p in patterns)


def test_receipt_page_and_fault_codes_page_name_the_same_codes() -> None:
    reference = (DOCS / "reference" / "fault-codes.md").read_text(encoding="utf-8")
    receipt = (DOCS / "spec" / "receipt.md").read_text(encoding="utf-8")
    section = receipt.partition("## Fault codes")[2].partition("\n## ")[0]
    listed = {
        code
        for row in re.findall(r"^\| (`.+?) \|", section, re.MULTILINE)
        for code in re.findall(r"`([a-z-]+)`", row)
    }
    assert listed == set(re.findall(r"^\| `([a-z-]+)` \|", reference, re.MULTILINE))
