"""`xref accesses`: what an office has sent and received, sealed to an independent reader."""

import base64
import json
import sys
from argparse import Namespace
from collections import Counter
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from xref.accesses import accesses_of, open_accesses, read_accesses, seal_accesses
from xref.arguments import add_command, add_group, add_json
from xref.as_json import write_json
from xref.audit_folders import day_of
from xref.config import HopConfig, load_config
from xref.errors import ConfigError, MalformedError
from xref.operations import new_seed
from xref.running import now_ms
from xref.terminal import console, print_paragraph
from xref.wire.key import OpeningKey, PublicKey, check_public
from xref.wire.office import check_office
from xref.wiring import open_state, read_seed, write_whole

if TYPE_CHECKING:
    from xref.arguments import Commands


def add_accesses(top: "Commands") -> None:
    """Add the commands about an office's accesses."""
    group = add_group(top, "accesses", "An office's past accesses, for an independent reader.")
    parser = add_command(
        group,
        "key",
        "Make a reader's key; prints its public half, which exports are sealed to.",
        "xref accesses key reader.key > reader.pub",
    )
    parser.add_argument("key", type=Path, metavar="FILE", help="the new key file")
    parser.set_defaults(run=make_key)
    parser = add_command(
        group,
        "export",
        "Take all that a hop's trail has on an office, with its proofs, sealed to a reader.",
        "xref accesses export VNSVC001 --hop vn-hop --to reader.pub --out VNSVC001.accesses",
    )
    parser.add_argument("office", metavar="OFFICE", help="for example VNSVC001")
    parser.add_argument(
        "--hop",
        type=Path,
        required=True,
        metavar="DIR",
        help="the folder of its hop",
    )
    parser.add_argument(
        "--to", type=Path, required=True, metavar="FILE", help="the reader's public key"
    )
    parser.add_argument("--out", type=Path, required=True, metavar="FILE", help="the sealed export")
    parser.set_defaults(run=export)
    parser = add_command(
        group,
        "read",
        "Open an export and verify it offline; exit code 1 if it does not prove what it says.",
        "xref accesses read VNSVC001.accesses --key reader.key --party-key BASE64",
    )
    parser.add_argument("file", type=Path, metavar="FILE", help="the sealed export")
    parser.add_argument(
        "--key", type=Path, required=True, metavar="FILE", help="the reader's key file"
    )
    parser.add_argument(
        "--party-key",
        required=True,
        metavar="BASE64",
        help="the public key of the hop's Party, as in every office's configuration",
    )
    add_json(parser)
    parser.set_defaults(run=read)


def make_key(options: Namespace) -> int:
    """Make a reader's key."""
    new_seed(options.key)
    public = OpeningKey(read_seed(options.key)).public
    text = base64.b64encode(bytes([public.algorithm]) + public.public).decode()
    sys.stdout.write(text + "\n")
    return 0


def _reader(file: Path) -> PublicKey:
    try:
        data = base64.b64decode(file.read_text("ascii").strip(), validate=True)
        key = PublicKey(data[0], data[1:])
        check_public(key)
    except (OSError, ValueError, IndexError, MalformedError):
        message = f"{file}: no reader's public key; make it with `xref accesses key`"
        raise ConfigError(message) from None
    return key


def export(options: Namespace) -> int:
    """Take and seal."""
    folder: Path = options.hop
    config = load_config(folder / "hop.toml", HopConfig)
    reader = _reader(options.to)
    try:
        office = check_office(options.office)
    except MalformedError as error:
        raise ConfigError(f"{options.office}: {error}") from None
    store = open_state(folder / config.state, config.office)
    try:
        data = accesses_of(store, office, config.office, config.shard, now_ms())
    finally:
        store.close()
    write_whole(options.out, seal_accesses(data, office, reader))
    count = len(json.loads(data)["entries"])
    sys.stdout.write(f"{options.out}: {count} entries, sealed to {reader.key_id.hex()}\n")
    return 0


def read(options: Namespace) -> int:
    """Open, verify and tell."""
    try:
        sealed = options.file.read_bytes()
        party_key = base64.b64decode(options.party_key, validate=True)
    except (OSError, ValueError) as error:
        message = f"{options.file}: cannot be read ({type(error).__name__}); check file and key"
        raise ConfigError(message) from error
    found = read_accesses(open_accesses(sealed, OpeningKey(read_seed(options.key))), party_key)
    if options.json:
        entries = [{"index": index, **entry} for index, entry in found.entries]
        write_json({"verified": not found.problems, **asdict(found), "entries": entries})
        return int(bool(found.problems))
    out = console()
    print_paragraph(out, f"{found.office} at {found.hop}, taken on {day_of(found.made_ms)}")
    kinds = Counter(entry["kind"] for _, entry in found.entries)
    said = ", ".join(f"{count} {kind}" for kind, count in sorted(kinds.items()))
    print_paragraph(out, f"{said}; of {found.head} entries of the trail", 4)
    for name, size in found.links.items():
        print_paragraph(out, f"{name}: {size} leaves", 4)
    for problem in found.problems:
        print_paragraph(out, problem, 4)
    print_paragraph(
        out,
        "NOT VERIFIED" if found.problems else "VERIFIED: nothing was left out up to these heads",
    )
    return int(bool(found.problems))
