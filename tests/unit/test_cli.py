"""What the command line says to a person and to a script when something is not as it should be."""

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from xref.arguments import LATER
from xref.cli import _parser, main
from xref.errors import EvidenceError, UnavailableError

AUDIT_IS = """\
import sys, types
from xref.cli import main
sys.modules["xref.commands"] = commands = types.ModuleType("commands")
def audit(options):
    {does}
    return 0
commands.audit = audit
sys.exit(main(["audit", "folder"]))
"""


def run(does: str, stdout: int = subprocess.PIPE) -> subprocess.CompletedProcess[str]:
    """Run a command that does this alone, as a process of its own."""
    return subprocess.run(
        [sys.executable, "-c", AUDIT_IS.format(does=does)],
        stdout=stdout,
        stderr=subprocess.PIPE,
        text=True,
        check=False,
        timeout=180,
    )


def leaves(parser: argparse.ArgumentParser) -> Iterator[argparse.ArgumentParser]:
    """Yield the parsers of commands below a parser."""
    groups = [each for each in parser._actions if isinstance(each, argparse._SubParsersAction)]
    if not groups:
        yield parser
    for group in groups:
        for below in group.choices.values():
            yield from leaves(below)


@pytest.mark.parametrize("columns", ["40", "80", "140"])
def test_help_of_every_command_shows_an_example(
    columns: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It begins with the command that it is of; a word above commands says where to find one."""
    monkeypatch.setenv("COLUMNS", columns)
    commands = list(leaves(_parser()))
    assert len(commands) > len(LATER)
    for parser in commands:
        assert "example:\n" in parser.format_help(), parser.prog
        assert parser.prog in (parser.epilog or ""), parser.prog


def test_what_is_loaded_later_is_named_as_it_is() -> None:
    """The help of all commands says of each what its own says."""
    assert _parser("").format_help() == _parser().format_help()


def test_help_is_quick() -> None:
    """It loads none of the libraries that the commands need."""
    code = (
        "import sys\nfrom xref.cli import main\n"
        "try: main(['--help'])\nexcept SystemExit: pass\n"
        "print({'pydantic', 'rich', 'structlog', 'fastavro'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.endswith("set()\n")


def test_word_alone_lists_its_commands(capsys: pytest.CaptureFixture[str]) -> None:
    """It is wrong use, and says what there is."""
    assert main(["desk"]) == 2
    assert "submit" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "code"), [(["desk", "status"], 1), (["desk", "stat"], 2), (["audit"], 2)]
)
def test_script_that_asked_for_json_gets_json(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    words: list[str],
    code: int,
) -> None:
    """Where there is nothing but an error, the error is the JSON; a person's sentence stays."""
    monkeypatch.chdir(tmp_path)
    if code == 1:
        assert main([*words, "--json"]) == code
    else:
        with pytest.raises(SystemExit, match=str(code)):
            main([*words, "--json"])
    said = capsys.readouterr()
    told = json.loads(said.out)
    assert told["exit_code"] == code
    assert told["error"]
    assert said.err


@pytest.mark.parametrize(
    ("error", "code", "says"),
    [
        (EvidenceError("a log shrank"), 3, "EVIDENCE, call a person: a log shrank"),
        (UnavailableError("no disk"), 1, "xref: no disk"),
        (PermissionError(13, "", "x/1"), 1, "xref: x: the machine refuses: this user may not"),
        (PermissionError(13, "", "CANARY"), 1, "xref: the machine refuses: this user may not"),
        (KeyboardInterrupt(), 130, "xref: stopped"),
    ],
)
def test_ends_are_told_apart(
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    error: BaseException,
    code: int,
    says: str,
) -> None:
    """Each has its own exit code, and a sentence without a traceback."""

    def fail(_: argparse.Namespace) -> int:
        raise error

    monkeypatch.setattr("xref.commands.audit", fail)
    monkeypatch.setattr("xref.cli.give_up_output", lambda: None)
    assert main(["audit", "x"]) == code
    assert says in capfd.readouterr().err


def test_crash_says_where_and_not_what() -> None:
    """The text of an exception may hold a value of a field: it is never shown."""
    done = run("raise KeyError('CANARY-VALUE')")
    assert done.returncode == 1
    assert "a fault of xref itself, not of yours: KeyError" in done.stderr
    assert "<string>:5 audit" in done.stderr
    assert "CANARY" not in done.stderr


def test_reader_that_has_gone_is_no_fault() -> None:
    """As with `| head`: no complaint at the interpreter's end either."""
    reading, writing = os.pipe()
    os.close(reading)
    try:
        done = run("print('a line')", stdout=writing)
    finally:
        os.close(writing)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no device that is always full")
def test_output_without_room_is_a_failure() -> None:
    """A list that was cut off must not look like a whole one."""
    with Path("/dev/full").open("w") as full:
        done = run("print('a line')", stdout=full.fileno())
    assert (done.returncode, done.stderr) == (1, "xref: the machine refuses: the disk is full\n")
