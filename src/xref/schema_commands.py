"""`xref schema`: what a change of schemas means, and schemas in a country's own registry."""

import sys
from argparse import Namespace
from dataclasses import asdict
from pathlib import Path
from textwrap import fill
from typing import TYPE_CHECKING

from xref.arguments import add_command, add_group, add_json
from xref.as_json import write_json
from xref.errors import ConfigError
from xref.evolution import Change, compare_all
from xref.flow_evolution import compare_flows
from xref.policy import Policy
from xref.registry import register
from xref.schema_check import RULES, check_schema
from xref.sources import read_rules
from xref.wire.schema import Schema
from xref.wiring import registry_at

if TYPE_CHECKING:
    from xref.arguments import Commands


def add_schema(top: "Commands") -> None:
    """Add the commands about schemas."""
    group = add_group(top, "schema", "The fields of messages, and how they may change.")
    parser = add_command(
        group,
        "diff",
        "Tell what changed between two versions of schemas and, of two bundles, of their flows: "
        "what opens or closes to whom; exit code 1 if old and new cannot be in use together.",
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
    parser = add_command(
        group,
        "check",
        "Tell what no schema may say, and what one must say and does not; exit code 1 if anything.",
        "xref schema check schemas",
    )
    parser.add_argument("folder", type=Path, metavar="DIR", help="a folder of .avsc files")
    parser.add_argument(
        "--history",
        type=Path,
        action="append",
        default=[],
        metavar="DIR",
        help="an earlier version's folder or bundle; may be given again",
    )
    add_json(parser)
    parser.set_defaults(run=check)
    _add_register(group)


def _add_register(group: "Commands") -> None:
    parser = add_command(
        group,
        "register",
        "Register a bundle's schemas in the country's own schema registry, which speaks the API of "
        "Confluent's; none is registered where one would break what is there.",
        "xref schema register bundle --registry https://registry.example/apis/ccompat/v7",
    )
    parser.add_argument("bundle", type=Path, metavar="DIR", help="the bundle's folder")
    parser.add_argument(
        "--registry", required=True, metavar="URL", help="the registry, up to before /subjects"
    )
    parser.add_argument("--check", action="store_true", help="ask only; register nothing")
    add_json(parser)
    parser.set_defaults(run=register_schemas)


def register_schemas(options: Namespace) -> int:
    """Register the schemas of a bundle; the registry's numbers are the country's own."""
    schemas = read_schemas(options.bundle).values()
    done = register(schemas, registry_at(options.registry), only_check=options.check)
    if options.json:
        write_json([asdict(each) for each in done])
        return 0
    for each in done:
        number = "fits" if each.id is None else str(each.id)
        sys.stdout.write(f"{number:>8}  {each.subject}\n")
    return 0


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


def read_policy(path: Path) -> Policy | None:
    """Return the rules in a bundle's or release's folder; None where there are only schemas."""
    if not (path / "policies").is_dir() or not (path / "schemas").is_dir():
        return None
    return read_rules(path).policy


def check(options: Namespace) -> int:
    """Print what breaks a rule: file, field, rule and cure; exit code 1 if anything does."""
    files = sorted(options.folder.glob("*.avsc"))
    if not files:
        raise ConfigError(f"{options.folder}: no .avsc file there; name a folder of schemas")
    histories = [read_schemas(path) for path in options.history] or [{}]
    found = dict.fromkeys(
        finding
        for file in files
        for earlier in histories
        for finding in check_schema(file.name, file.read_bytes(), earlier)
    )
    if options.json:
        shown = {"schemas": len(files), "findings": [asdict(each) for each in found]}
        write_json(shown)
        return int(bool(found))
    for each in found:
        sys.stdout.write(f"{each.file} {each.field} [{each.rule}]\n")
        said = f"{each.problem}; {each.cure}"
        sys.stdout.write(fill(said, 78, initial_indent="  ", subsequent_indent="  ") + "\n")
    outcome = f"{len(found)} faults." if found else f"All hold the {len(RULES)} rules."
    sys.stdout.write(f"{len(files)} schemas. {outcome}\n")
    return int(bool(found))


def diff(options: Namespace) -> int:
    """Print what changed; exit code 1 if something breaks a rule."""
    changes = compare_all(read_schemas(options.old), read_schemas(options.new))
    policies = [read_policy(path) for path in (options.old, options.new)]
    if policies[0] is not None and policies[1] is not None:
        changes += compare_flows(policies[0], policies[1])
    breaks = any(change.breaks for change in changes)
    if options.json:
        shown = {"compatible": not breaks, "changes": [asdict(change) for change in changes]}
        write_json(shown)
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
