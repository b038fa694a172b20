"""Writes docs/reference/commands.md from the parser: `python tests/docs/make_commands.py`."""

import argparse
from collections.abc import Iterator
from pathlib import Path

from xref.cli import _parser

PAGE = Path(__file__).resolve().parents[2] / "docs" / "reference" / "commands.md"
_HEAD = """# Commands

Made from the program's own help by `python tests/docs/make_commands.py`; a test compares them.

Exit codes: 0 done; 1 refused or faulty, with a sentence on standard error that names the cure;
2 wrong use; 3 evidence: something signed does not add up, so call a person and do not restart.
"""


def commands() -> Iterator[tuple[str, argparse.ArgumentParser]]:
    """Yield every command that can be run, with its parser."""
    yield from _below("xref", _parser())


def _below(
    name: str, parser: argparse.ArgumentParser
) -> Iterator[tuple[str, argparse.ArgumentParser]]:
    groups = [each for each in parser._actions if isinstance(each, argparse._SubParsersAction)]
    if not groups:
        yield name, parser
    for group in groups:
        for word, below in group.choices.items():
            yield from _below(f"{name} {word}", below)


def _row(action: argparse.Action) -> str:
    placeholder = action.metavar if isinstance(action.metavar, str) else action.dest.upper()
    if not action.option_strings:
        shown = f"{placeholder} ..." if action.nargs == "+" else placeholder
    else:
        value = "" if action.nargs == 0 else f" {placeholder}"
        shown = action.option_strings[-1] + value
    needed = "" if not action.option_strings or not action.required else "needed; "
    return f"| `{shown}` | {needed}{action.help or ''} |"


def page() -> str:
    """Return the whole page."""
    parts = [_HEAD]
    for name, parser in commands():
        example = (parser.epilog or "").removeprefix("example:\n").strip()
        rows = [_row(action) for action in parser._actions if action.dest != "help"]
        table = ["| argument | what it is |", "| --- | --- |", *rows] if rows else []
        parts.append(
            "\n".join([f"## `{name}`", "", parser.description or "", "", *table]).rstrip()
            + f"\n\nExample: `{example}`\n"
        )
    return "\n".join(parts)


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
