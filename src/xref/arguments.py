"""The pieces that every command's parser is put together from."""

import argparse
import sys
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

_DAYS_MAX = 3650
# Named here, as `xref.demo_cases` holds what no hop's process should: words of a person's forms.
DEMO_CASES = (
    *("journey", "first-crossing", "ordinary-check", "asylum", "child", "own-choice"),
    *("no-consular-contact", "consular-contact-revoked", "missing-receipt", "withdrawal"),
)
DEMO_CORRIDORS = (
    *("la-vn-2010", "la-th-2005", "kh-th-2003", "kh-vn-2005"),
    *("cn-vn-2010", "mm-th-2009", "th-vn-2008", "police-ngo"),
)

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


# Loaded when they are asked for, so that a help or a mistyped word is answered at once.
LATER = {
    "bundle": ("bundle_commands", "Schemas, rules and directory, signed by every Party."),
    "overlay": ("overlay_commands", "What one Party tightens alone, and whom it suspends."),
    "policy": ("policy_commands", "What the rules allow, and the proof that they keep to it."),
    "schema": ("schema_commands", "The fields of messages, and how they may change."),
    "adapter": ("adapter_commands", "An office's own forms, as data."),
    "accesses": ("accesses_commands", "An office's past accesses, for an independent reader."),
    "kafka": ("kafka_commands", "What the links of an office need on a Kafka cluster."),
}


def add_later(top: "Commands", name: str, *, load: bool) -> None:
    """Add a word of `LATER`: with its commands, or named alone."""
    module, says = LATER[name]
    if load:
        getattr(import_module(f"xref.{module}"), f"add_{name}")(top)
    else:
        add_group(top, name, says)


def add_group(top: "Commands", name: str, says: str) -> "Commands":
    """Add a word under which commands stand; alone it lists them, as wrong use."""
    parser = top.add_parser(name, help=says, description=says)
    parser.epilog = f"`{parser.prog} COMMAND --help` shows an example."

    def listed(_: argparse.Namespace) -> int:
        parser.print_help(sys.stderr)
        return 2

    parser.set_defaults(run=listed)
    return parser.add_subparsers(title="commands", metavar="COMMAND")


class Later:
    """A module's functions, each of which loads the module when it is called."""

    def __init__(self, module: str) -> None:
        """Load nothing yet."""
        self._module = module

    def __getattr__(self, name: str) -> Callable[[argparse.Namespace], int]:
        """Return a function of that name; `AttributeError` only once it is called."""

        def run(options: argparse.Namespace) -> int:
            return int(getattr(import_module(self._module), name)(options))

        run.__name__ = name
        return run


def add_case(parser: argparse.ArgumentParser) -> None:
    """Add `CASE`."""
    parser.add_argument(
        "case", type=case_number, metavar="CASE", help="the office's own case number"
    )


def case_number(text: str) -> str:
    """Return a case number as forms are read: in any digits, without odd spaces."""
    from xref.desk.cell import ascii_digits, clean  # noqa: PLC0415 - only these commands read one

    return ascii_digits(clean(text))


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


def add_party_key(parser: argparse.ArgumentParser) -> None:
    """Add `--key`, with which a Party signs."""
    parser.add_argument(
        "--key", type=Path, required=True, metavar="FILE", help="the Party's key file"
    )


def add_signer(parser: argparse.ArgumentParser) -> None:
    """Add `--party` and its `--key`."""
    parser.add_argument("--party", required=True, metavar="PARTY", help="for example LA")
    add_party_key(parser)


def add_next_version(parser: argparse.ArgumentParser) -> None:
    """Add `--version`, of what replaces an older one."""
    parser.add_argument(
        "--version", type=whole_number, required=True, metavar="N", help="higher than the last one"
    )


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
