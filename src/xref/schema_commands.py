"""`xref schema diff`: what a change of schemas means, before anybody signs it."""

import json
import sys
from argparse import Namespace
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from xref.arguments import add_command, add_group, add_json
from xref.errors import ConfigError
from xref.evolution import Change, compare_all
from xref.wire.schema import Schema

if TYPE_CHECKING:
    from xref.arguments import Commands


def add_schema(top: "Commands") -> None:
    """Add the commands about schemas."""
    group = add_group(top, "schema", "The fields of messages, and how they may change.")
    parser = add_command(
        group,
        "diff",
        "Tell what changed between two versions of schemas; exit code 1 if old and new cannot be "
        "in use together.",
        "xref schema diff bundle-2026 bundle-2027",
    )
    for name in ("old", "new"):
        parser.add_argument(
            name,
            type=Path,
            metavar=name.upper(),
            help="an .avsc file, or a folder or bundle of them",
        )
    add_json(parser)
    parser.set_defaults(run=diff)


def read_schemas(path: Path) -> dict[str, Schema]:
    """Return the schemas in a file, in a folder or in a bundle's folder, by full name."""
    inside = path / "schemas"
    files = (
        [path] if path.is_file() else sorted((inside if inside.is_dir() else path).glob("*.avsc"))
    )
    if not files:
        raise ConfigError(
            f"{path}: no .avsc file there; name a schema, or a folder or bundle of them"
        )
    schemas = [Schema.parse(file.read_bytes(), file.name) for file in files]
    return {schema.name: schema for schema in schemas}


def diff(options: Namespace) -> int:
    """Print what changed; exit code 1 if something breaks a rule."""
    changes = compare_all(read_schemas(options.old), read_schemas(options.new))
    breaks = any(change.breaks for change in changes)
    if options.json:
        shown = {"compatible": not breaks, "changes": [asdict(change) for change in changes]}
        sys.stdout.write(json.dumps(shown, indent=2) + "\n")
        return int(breaks)
    for name in dict.fromkeys(change.schema for change in changes):
        sys.stdout.write(f"{name}\n")
        for change in changes:
            if change.schema == name:
                sys.stdout.write(f"  {_line(change)}\n")
    sys.stdout.write(_VERDICTS[breaks if changes else None] + "\n")
    return int(breaks)


_VERDICTS = {
    None: "Nothing changed.",
    False: "Old and new can be in use together.",
    True: "Old and new CANNOT be in use together: see the lines marked BREAKS.",
}


def _line(change: Change) -> str:
    field = f"{change.field}: " if change.field else ""
    return f"{'BREAKS ' if change.breaks else ''}{field}{change.says}"
