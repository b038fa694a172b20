"""`xref overlay`: what a Party tightens alone, and whom it suspends."""

import sys
from argparse import ArgumentParser, Namespace
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Final

from xref import bundle as bundles
from xref.arguments import add_command, add_group, add_json, add_next_version, add_signer
from xref.as_json import write_json
from xref.desk.approval import check_name, official_digest
from xref.errors import ConfigError, cause_of
from xref.operations import party_signer
from xref.overlay import (
    Overlay,
    Suspension,
    check_offices,
    draft_overlay,
    parse_overlay,
    sign_overlay,
    suspend,
    tightened,
)
from xref.policy.compare import CellChange, compare
from xref.terminal import console, print_paragraph
from xref.tlog.note import NoteError, split
from xref.wiring import write_whole

if TYPE_CHECKING:
    from xref.arguments import Commands

_SUFFIX: Final = ".overlay"


def add_overlay(top: "Commands") -> None:
    """Add the commands about overlays."""
    group = add_group(top, "overlay", "What one Party tightens alone, and whom it suspends.")
    parser = add_command(
        group,
        "suspend",
        "Write the suspension of an office, or of an official of one, into an overlay's text.",
        'xref overlay suspend LANRM001 --official "NAME" --file la-overlay.toml',
    )
    parser.add_argument("office", metavar="OFFICE", help="for example LANRM001")
    parser.add_argument(
        "--official",
        default="",
        metavar="NAME",
        help="this official alone, by the name given with --by; only a digest is written",
    )
    parser.add_argument(
        "--file", type=Path, required=True, metavar="FILE", help="the text, new or to be added to"
    )
    parser.set_defaults(run=suspend_one)
    parser = add_command(
        group,
        "sign",
        "Prove that an overlay only narrows, tell what it closes, and sign it.",
        "xref overlay sign la-overlay.toml --party LA --key party.key --version 3 "
        "--bundle ../bundle --out ../la-hop/keyrings",
    )
    parser.add_argument("file", type=Path, metavar="FILE", help="the overlay's text (TOML)")
    add_signer(parser)
    add_next_version(parser)
    _add_bundles(parser)
    parser.add_argument(
        "--out", type=Path, required=True, metavar="DIR", help="folder for PARTY.overlay"
    )
    parser.set_defaults(run=sign)
    parser = add_command(
        group,
        "show",
        "Tell whom an overlay suspends, and what its rules close.",
        "xref overlay show LA.overlay --bundle ../bundle",
    )
    parser.add_argument("file", type=Path, metavar="FILE", help="PARTY.overlay, or a text (TOML)")
    _add_bundles(parser)
    add_json(parser)
    parser.set_defaults(run=show)


def _add_bundles(parser: ArgumentParser) -> None:
    parser.add_argument(
        "--bundle",
        type=Path,
        required=True,
        action="append",
        metavar="DIR",
        help="a bundle in force; repeat it where several are",
    )


def suspend_one(options: Namespace) -> int:
    """Add a suspension to an overlay's text."""
    name = check_name(options.official) if options.official else ""
    official = official_digest(options.office, name) if name else ""
    source = _read(options.file) if options.file.exists() else ""
    changed = suspend(source, [Suspension(options.office, official)])
    draft_overlay(options.office[:2], 1, changed)
    write_whole(options.file, changed.encode(), private=False)
    sys.stdout.write(f"{options.file}: to be signed with `xref overlay sign`\n")
    return 0


def _read(file: Path) -> str:
    try:
        return file.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        message = f"{file}: cannot be read: {cause_of(error)}; check the path"
        raise ConfigError(message) from error


def sign(options: Namespace) -> int:
    """Prove, tell and sign."""
    overlay = draft_overlay(options.party, options.version, _read(options.file))
    target = options.out / f"{options.party}{_SUFFIX}"
    if target.exists():
        known = _overlay(_read(target))
        if known.version >= overlay.version:
            message = f"{target}: has version {known.version}; give a higher --version"
            raise ConfigError(message)
    closed = _closed(overlay, options.bundle)
    note = sign_overlay(overlay, party_signer(options.party, options.key))
    write_whole(target, note.encode(), private=False)
    _say(overlay, closed)
    sys.stdout.write(f"{target}\n")
    return 0


def _overlay(note: str) -> Overlay:
    try:
        return parse_overlay(split(note)[0])
    except NoteError as error:
        raise ConfigError(f"overlay: {error}; fetch it anew") from None


def _closed(overlay: Overlay, folders: list[Path]) -> list[CellChange]:
    """Return what an overlay closes under each bundle, once; `ConfigError` if it opens anything."""
    found: list[CellChange] = []
    for folder in folders:
        files, _ = bundles.read_files(folder)
        draft = bundles.build(files)
        check_offices(overlay, draft.directory)
        book = draft.policy.rulebook
        tighter = tightened(book, overlay)
        if tighter != book:
            found += [each for each in compare(book, tighter) if each not in found]
    return found


def show(options: Namespace) -> int:
    """Tell what an overlay says."""
    text = _read(options.file)
    signed = options.file.suffix == _SUFFIX
    overlay = _overlay(text) if signed else draft_overlay("LA", 1, text)
    closed = _closed(overlay, options.bundle)
    if options.json:
        write_json(
            {
                "party": overlay.party if signed else "",
                "version": overlay.version if signed else 0,
                "digest": overlay.digest if signed else "",
                "suspended": [asdict(each) for each in overlay.suspended],
                "rules": sorted(overlay.rule_ids),
                "closes": [asdict(each) for each in closed],
            }
        )
    else:
        _say(overlay, closed)
    return 0


def _say(overlay: Overlay, closed: list[CellChange]) -> None:
    out = console()
    for each in overlay.suspended:
        who = f"an official of {each.office}" if each.official else each.office
        print_paragraph(out, f"SUSPENDS {who}")
    for change in closed:
        print_paragraph(out, f"CLOSES: {change.words}")
    if not closed:
        print_paragraph(out, "Its rules close nothing." if overlay.rule_ids else "It has no rules.")
    print_paragraph(out, "Proved on all facts: it opens nothing.")
