"""The pieces that every command's parser is put together from."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

_DAYS_MAX = 3650

if TYPE_CHECKING:
    Commands = argparse._SubParsersAction[argparse.ArgumentParser]  # noqa: SLF001 - what add_subparsers returns


def add_command(
    group: "Commands",
    name: str,
    says: str,
    example: str,
) -> argparse.ArgumentParser:
    """Add a command with a help that shows an example."""
    return group.add_parser(
        name,
        help=says,
        description=says,
        epilog=f"example:\n  {example}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )


def add_group(top: "Commands", name: str, says: str) -> "Commands":
    """Add a word under which commands stand."""
    parser = top.add_parser(name, help=says, description=says)
    return parser.add_subparsers(title="commands", required=True, metavar="COMMAND")


def add_until_stdin_ends(parser: argparse.ArgumentParser) -> None:
    """Add `--until-stdin-ends`."""
    parser.add_argument(
        "--until-stdin-ends",
        action="store_true",
        help="also end when standard input ends, as it does when a parent that holds it is gone",
    )


def add_config(parser: argparse.ArgumentParser, default: str) -> None:
    """Add `--config`."""
    parser.add_argument(
        "--config",
        type=Path,
        default=Path(default),
        metavar="FILE",
        help=f"configuration of the office (default: {default} in this folder)",
    )


def add_json(parser: argparse.ArgumentParser) -> None:
    """Add `--json`."""
    parser.add_argument("--json", action="store_true", help="print one JSON object, for scripts")


def add_agreement(parser: argparse.ArgumentParser) -> None:
    """Add `--agreement`, which can be given several times."""
    parser.add_argument(
        "--agreement",
        action="append",
        default=[],
        metavar="ID",
        help="an agreement's id, file or folder; again for another one (default: those of the "
        "directory's Parties, else la-vn-2010); `xref policy agreements` lists them",
    )


def add_by(parser: argparse.ArgumentParser, says: str, *, required: bool = False) -> None:
    """Add `--by`."""
    parser.add_argument("--by", default="", required=required, metavar="NAME", help=says)


def whole_number(text: str) -> int:
    """Return a whole number from 1."""
    if not (text.isascii() and text.isdigit() and int(text) > 0):
        raise argparse.ArgumentTypeError("give a whole number from 1")
    return int(text)


def _days(text: str) -> int:
    if (days := whole_number(text)) > _DAYS_MAX:
        message = f"give at most {_DAYS_MAX} days"
        raise argparse.ArgumentTypeError(message)
    return days


def add_days(parser: argparse.ArgumentParser, says: str) -> None:
    """Add `--days`."""
    parser.add_argument("--days", type=_days, default=365, metavar="N", help=says)
