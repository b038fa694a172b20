"""`xref policy agreements`: whom each agreement binds and covers, its source, and its silences."""

import sys
from argparse import Namespace
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.text import Text

from xref.arguments import add_command, add_json
from xref.as_json import write_json
from xref.errors import ConfigError
from xref.policy import Agreement
from xref.policy.agreement import read_agreement
from xref.policy.reading import read_toml
from xref.resources import data_folder
from xref.sources import profiles_in
from xref.terminal import console, pairs

if TYPE_CHECKING:
    from xref.arguments import Commands


def add_agreements(group: "Commands") -> None:
    """Add the command."""
    parser = add_command(
        group,
        "agreements",
        "List the agreements that xref ships: Parties, whom they cover, what no source says.",
        "xref policy agreements",
    )
    parser.add_argument(
        "--copy",
        nargs=2,
        metavar=("ID", "DIR"),
        help="write an agreement's files into a new folder, to make one's own of them",
    )
    add_json(parser)
    parser.set_defaults(run=agreements)


def shipped_agreements() -> list[Agreement]:
    """Return the heads of all agreements that xref ships."""
    found = []
    for profile in profiles_in(data_folder("policies")):
        (path,) = (each for each in profile.files if each.endswith("/agreement.toml"))
        found.append(read_agreement(read_toml(profile.files[path], path), profile.id))
    return found


def agreements(options: Namespace) -> int:
    """Print them, or copy one."""
    if options.copy:
        return _copy(*options.copy)
    found = shipped_agreements()
    if options.json:
        listed = [asdict(each) for each in found]
        write_json(listed)
        return 0
    out = console()
    for each in found:
        out.print(Text(each.id, style="bold"))
        out.print(pairs(_rows(each)))
    return 0


def _copy(name: str, target: str) -> int:
    found = {each.id: each for each in profiles_in(data_folder("policies"))}
    if name not in found:
        raise ConfigError(f"{name}: no such agreement; use one of {', '.join(found)}")
    folder = Path(target)
    if folder.exists():
        raise ConfigError(f"{folder}: is there already; name a new folder")
    folder.mkdir(parents=True)
    for path, data in found[name].files.items():
        (folder / Path(path).name).write_bytes(data)
    sys.stdout.write(f"{folder} is there; next: give it an id and Parties of your own\n")
    return 0


def _rows(agreement: Agreement) -> list[tuple[str, Any]]:
    scope = agreement.personal_scope
    fallback = f"the others: {scope.fallback.explain}" if scope.fallback else ""
    languages = agreement.languages or {}
    rows = [
        ("title", agreement.title),
        ("source", ", ".join(agreement.cite)),
        (
            "parties",
            ", ".join(
                f"{each} ({', '.join(languages.get(each, ()))})" for each in agreement.parties
            ),
        ),
        ("covers", f"{scope.persons.replace('-', ' ')}: {scope.says}"),
        ("", fallback),
        ("bases", "its own" if agreement.identification_bases else "the shared ones, not agreed"),
        ("terms", "; ".join(f"{each.flow}: {each.explain}" for each in agreement.terms)),
        ("silent on", "; ".join(agreement.silent)),
    ]
    return [row for row in rows if row[1]]
