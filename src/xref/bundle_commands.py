"""`xref bundle`: building, comparing, signing and showing what every Party signs."""

import sys
from argparse import Namespace
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.text import Text

from xref import bundle as bundles
from xref import operations, terminal
from xref.arguments import (
    add_agreement,
    add_command,
    add_days,
    add_group,
    add_json,
    add_signer,
)
from xref.as_json import write_json
from xref.bundle import Draft
from xref.bundle_check import check_proof
from xref.consultation import consultation_of, none_held
from xref.errors import ConfigError
from xref.policy import ROLES
from xref.policy.compare import compare
from xref.policy.rulebook import CONSULTATION_PATH
from xref.policy_commands import proving, show_changes

if TYPE_CHECKING:
    from xref.arguments import Commands


def add_bundle(top: "Commands") -> None:
    """Add the commands about bundles."""
    group = add_group(top, "bundle", "Schemas, rules and directory, signed by every Party.")
    _add_build(group)
    _add_sign(group)
    parser = add_command(
        group,
        "diff",
        "Tell what a bundle changes: each field that opens or closes, offices, schemas, and who "
        "was consulted.",
        "xref bundle diff bundle-2026 bundle-2027",
    )
    for name in ("old", "new"):
        parser.add_argument(name, type=Path, metavar=name.upper(), help="a bundle's folder")
    add_json(parser)
    parser.set_defaults(run=diff)
    parser = add_command(group, "show", "Show what a bundle holds.", "xref bundle show bundle")
    parser.add_argument("bundle", type=Path, metavar="DIR", help="the bundle's folder")
    add_json(parser)
    parser.set_defaults(run=show)


def _add_build(group: "Commands") -> None:
    parser = add_command(
        group,
        "build",
        "Write an unsigned bundle from what xref ships, agreements and a directory; refused if a "
        "schema breaks a rule of `xref schema check`, a purpose or ground names no legal basis, "
        "or an invariant is not proved.",
        "xref bundle build --out bundle --agreement la-th-2005 --directory directory.toml "
        "--consultation consultation.toml",
    )
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="a new folder")
    parser.add_argument(
        "--directory",
        type=Path,
        metavar="FILE",
        help="the offices of all Parties (default: the demonstration's)",
    )
    for name in ("schemas", "policies"):
        parser.add_argument(
            f"--{name}", type=Path, metavar="DIR", help=f"a folder of {name} in place of xref's own"
        )
    record = parser.add_mutually_exclusive_group()
    record.add_argument(
        "--consultation", type=Path, metavar="FILE", help="who was consulted, with what effect"
    )
    record.add_argument(
        "--no-consultation", default="", metavar="REASON", help="nobody was consulted, and why"
    )
    add_agreement(parser)
    parser.set_defaults(run=build)


def _add_sign(group: "Commands") -> None:
    parser = add_command(
        group,
        "sign",
        "Prove a bundle, tell who was consulted and what it changes, and add a Party's signature.",
        "xref bundle sign bundle --party LA --key party.key --days 365 --instead-of bundle-2026",
    )
    parser.add_argument("bundle", type=Path, metavar="DIR", help="the bundle's folder")
    add_signer(parser)
    parser.add_argument(
        "--instead-of", type=Path, metavar="OLD", help="the bundle before, to see what changes"
    )
    add_days(parser, "days of validity, which the first signature sets (default: 365)")
    parser.set_defaults(run=sign)


def build(options: Namespace) -> int:
    """Write an unsigned bundle."""
    bundles.check_new(options.out)  # before a proof that takes its time
    record = none_held(options.no_consultation) if options.no_consultation else b""
    if options.consultation is not None:
        try:
            record = options.consultation.read_bytes()
        except OSError:
            raise ConfigError(f"{options.consultation}: cannot be read; check the path") from None
    draft = operations.draft_bundle(
        options.directory,
        options.agreement,
        schemas=options.schemas,
        policies=options.policies,
        consultation=record,
    )
    with proving() as progress:
        check_proof(draft, progress)
    bundles.write_bundle(options.out, draft)
    sys.stdout.write(draft.digest32.hex() + "\n")
    return 0


def sign(options: Namespace) -> int:
    """Sign a bundle; a later signature takes the validity of the first."""
    files, note = bundles.read_files(options.bundle)
    draft = bundles.build(files)
    record = consultation_of(files)
    with proving() as progress:
        check_proof(draft, progress)
    out = terminal.console()
    if options.instead_of is not None:
        _show_differences(_draft_in(options.instead_of), draft)
    for paragraph in record.words:
        terminal.print_paragraph(out, paragraph)
    window = operations.validity(note, options.days)
    signer = operations.party_signer(options.party, options.key)
    sys.stdout.write(operations.sign_bundle(options.bundle, signer, window).hex() + "\n")
    return 0


def _draft_in(folder: Path) -> Draft:
    return bundles.build(bundles.read_files(folder)[0])


def diff(options: Namespace) -> int:
    """Tell what a signatory should see."""
    old, new = _draft_in(options.old), _draft_in(options.new)
    if not options.json:
        _show_differences(old, new)
        return 0
    write_json(
        {
            "changes": [asdict(each) for each in compare(old.policy.rulebook, new.policy.rulebook)],
            "offices": _changed(_offices(old), _offices(new)),
            "schemas": _changed(_schemas(old), _schemas(new)),
            "consultation": asdict(consultation_of(new.files))
            if CONSULTATION_PATH in new.files
            else None,
        }
    )
    return 0


def _offices(draft: Draft) -> dict[str, object]:
    return dict(draft.directory.offices)


def _schemas(draft: Draft) -> dict[str, object]:
    return {schema.name: digest for digest, schema in draft.schemas.items()}


def _changed(old: Mapping[str, object], new: Mapping[str, object]) -> dict[str, list[str]]:
    return {
        "added": sorted(new.keys() - old.keys()),
        "removed": sorted(old.keys() - new.keys()),
        "changed": sorted(name for name in old.keys() & new.keys() if old[name] != new[name]),
    }


def _show_differences(old: Draft, new: Draft) -> None:
    out = terminal.console()
    show_changes(compare(old.policy.rulebook, new.policy.rulebook))
    for what, before, after in (
        ("offices", _offices(old), _offices(new)),
        ("schemas", _schemas(old), _schemas(new)),
    ):
        for change, names in _changed(before, after).items():
            if names:
                terminal.print_paragraph(out, f"{what} {change}: {', '.join(names)}")
    if CONSULTATION_PATH not in new.files:
        terminal.print_paragraph(out, "No record of a consultation: nobody can sign it so.")
        return
    for paragraph in consultation_of(new.files).words:
        terminal.print_paragraph(out, paragraph)


def show(options: Namespace) -> int:
    """Show what a bundle holds."""
    files, note = bundles.read_files(options.bundle)
    draft = bundles.build(files)
    record = consultation_of(files).words if CONSULTATION_PATH in files else []
    valid = operations.validity(note, 1) if note else (None, None)
    shown: dict[str, Any] = {
        "digest": draft.digest32.hex(),
        "note": note,
        "valid_from_ms": valid[0],
        "valid_until_ms": valid[1],
        "parties": dict(draft.directory.parties),
        "agreements": {each.id: each.title for each in draft.policy.agreements.values()},
        "consultation": record,
        "shards": draft.directory.shards,
        "offices": {o.code: o.role for o in draft.directory.offices.values()},
        "flows": {flow.code: flow.name for flow in draft.policy.flows.values()},
        "schemas": {schema.name: digest.hex() for digest, schema in draft.schemas.items()},
        "rules": sorted(draft.policy.rules),
        "roles": list(ROLES),
    }
    if options.json:
        write_json(shown)
    else:
        _show_bundle(shown)
    return 0


def _show_bundle(shown: Mapping[str, Any]) -> None:
    out = terminal.console()
    signed = [line.split(" ")[1] for line in shown["note"].splitlines() if line.startswith("—")]
    valid, until = (
        terminal.moment(shown[name] or 0) for name in ("valid_from_ms", "valid_until_ms")
    )
    out.print(Text(f"bundle {shown['digest']}", style="bold"))
    out.print(
        terminal.pairs(
            [
                ("signed by", ", ".join(signed) or "nobody yet"),
                ("valid", f"{valid} to {until}" if signed else "the first signature sets it"),
                ("parties", ", ".join(f"{k} {v}" for k, v in shown["parties"].items())),
                ("agreements", "; ".join(f"{k} {v}" for k, v in shown["agreements"].items())),
                ("consulted", "; ".join(shown["consultation"]) or "no record"),
                ("shards", str(shown["shards"])),
                ("offices", ", ".join(f"{k} ({v})" for k, v in shown["offices"].items())),
                ("flows", ", ".join(f"{k} {v}" for k, v in shown["flows"].items())),
                ("schemas", ", ".join(shown["schemas"])),
                ("rules", ", ".join(shown["rules"])),
            ]
        )
    )
