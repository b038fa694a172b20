"""What a hop's trail has on one office, for an independent reader, and sealed to it.

What is exported holds codes and digests like the trail, and proves itself: each entry against the
trail's signed head, and, by the heads of the links between office and hop, that none was left out.
See docs/spec/accesses.md. The reader needs neither the hop's state nor its Party, but for the
Party's public key.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import count
from typing import Any, Final

from xref.audit_entry import read_entry, read_opening
from xref.audit_link import keyring_of
from xref.audit_log import Records
from xref.errors import ConfigError, MalformedError
from xref.keychain import KeyDirectory
from xref.limits import ACCESSES_BYTES_MAX
from xref.ports import Store
from xref.state import State
from xref.tlog import checkpoint as checkpoints
from xref.tlog.checkpoint import Checkpoint
from xref.tlog.note import NoteError, Verifier
from xref.tlog.proof import decode_hashes, encode_hashes
from xref.tlog.tree import ProofError, Tree, verify_inclusion
from xref.trail import Entry, Trail, entry_leaf, read_openings
from xref.wire.key import HPKE_OVERHEAD_BYTES, KeyUse, OpeningKey, PublicKey, seal
from xref.wire.office import Link, check_office, parse_link, party_of, trail_name
from xref.wire.release import release_leaf

_FORMAT: Final = "xref/accesses/v1"
_MAGIC: Final = _FORMAT.encode() + b"\0"
_HEADER_BYTES: Final = len(_MAGIC) + 8 + 8
_ALWAYS: Final = ("overlay", "bundle")
"""Entries that are exported whatever office they are about."""
_RECEIVED: Final = ("released", "refused", "rejected", "stubbed", "read")
_SENT: Final = ("released", "answered")


@dataclass(frozen=True, slots=True)
class Accesses:
    """What an export proves of an office; no `problems`, which are sentences: all of it."""

    office: str
    hop: str
    made_ms: int
    head: int
    entries: tuple[tuple[int, Entry], ...]
    """Entries with their indexes on the trail, of which the first `head` were signed for."""
    links: Mapping[str, int]
    """The links between office and hop, each with its size at a signed head."""
    problems: tuple[str, ...]


# Taking.


def accesses_of(store: Store, office: str, hop: str, shard: int, made_ms: int) -> bytes:
    """Return all that a hop's trail has on an office, as JSON. The store is only read.

    Raises `ConfigError` where the trail is empty, or has more than an export may hold.
    """
    state, records = State(store), Records(store)
    trail = Trail(state, trail_name(hop, shard))
    if not trail.size:
        raise ConfigError(f"nothing of {hop} is stored here; give the folder of a started hop")
    keyring = state.get("keyring", party_of(hop).encode())
    links = {
        each.name: (state.get_json(space, each.name.encode()) or {}).get("checkpoint", "")
        for space, each in (("in", Link(office, hop, shard)), ("out", Link(hop, office, shard)))
    }
    entries = [
        {
            "index": index,
            "nonce": nonce.hex(),
            "entry": encoded.decode(),
            "path": encode_hashes(trail.tree.inclusion(index)),
        }
        for index, nonce, encoded in _concerning(records, office)
        if index < trail.size
    ]
    document = {
        "format": _FORMAT,
        "office": office,
        "hop": hop,
        "shard": shard,
        "made_ms": made_ms,
        "keyring": (keyring or b"").decode(),
        "head": trail.checkpoint,
        "links": {name: note for name, note in links.items() if note},
        "entries": entries,
    }
    data = json.dumps(document, ensure_ascii=False, separators=(",", ":"), sort_keys=True).encode()
    if len(data) > ACCESSES_BYTES_MAX:
        message = f"{office}: over {ACCESSES_BYTES_MAX >> 20} MiB; give a copy of the hop's folder"
        raise ConfigError(message)
    return data


def _concerning(records: Records, office: str) -> Iterator[tuple[int, bytes, bytes]]:
    """Yield index, nonce and entry of all that concerns an office, its messages' events too."""
    messages: set[str] = set()
    for index, nonce, encoded in _openings(records):
        entry = json.loads(encoded)
        if entry["kind"] in _ALWAYS or entry.get("message") in messages or _names(entry, office):
            if "message" in entry:
                messages.add(entry["message"])
            yield index, nonce, encoded


def _openings(records: Records) -> Iterator[tuple[int, bytes, bytes]]:
    for key, row in records.pages("opening"):
        for place, opening in enumerate(read_openings(row)):
            if opening:
                yield (int.from_bytes(key) + place, *read_opening(opening))


def _names(entry: Entry, office: str) -> bool:
    if office in (entry.get("from"), entry.get("to")):
        return True
    links = [parse_link(entry[name]) for name in ("link", "out_link") if name in entry]
    return any(office in (each.sender, each.receiver) for each in links)


# Sealing.


def seal_accesses(data: bytes, office: str, reader: PublicKey) -> bytes:
    """Return an export sealed to its reader's key; raises `MalformedError` for a bad key."""
    header = _MAGIC + check_office(office).encode() + reader.key_id
    return header + seal(reader.public, header, data)


def open_accesses(sealed: bytes, key: OpeningKey) -> bytes:
    """Return the export in a file, or raise `ConfigError` for what is not sealed to this key."""
    header = sealed[:_HEADER_BYTES]
    known = header.startswith(_MAGIC) and header.endswith(key.public.key_id)
    size = len(sealed) - _HEADER_BYTES - HPKE_OVERHEAD_BYTES
    if not known or not 0 <= size <= ACCESSES_BYTES_MAX:
        raise ConfigError("no export that is sealed to this key; name the file and the key for it")
    try:
        return key.open(header, sealed[_HEADER_BYTES:])
    except MalformedError:
        raise ConfigError("the export was changed on its way; ask for it anew") from None


# Reading.


def read_accesses(data: bytes, party_key: bytes) -> Accesses:
    """Return what an export proves, by the public key of the hop's Party alone.

    Raises `ConfigError` for what is no export, or whose head or keyring nobody good signed.
    """
    try:
        document = json.loads(data)
        return _Reading(document, party_key).run()
    except NoteError as error:
        raise ConfigError(f"the export proves nothing: {error}") from None
    except (MalformedError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise ConfigError("not an export of an office's accesses; ask for it anew") from None


class _Reading:
    """One pass over an export."""

    def __init__(self, document: Mapping[str, Any], party_key: bytes) -> None:
        if document["format"] != _FORMAT:
            raise MalformedError("accesses: another format")
        self.document = document
        self.office, self.hop = check_office(document["office"]), check_office(document["hop"])
        self.shard, self.made_ms = int(document["shard"]), int(document["made_ms"])
        party = party_of(self.hop)
        keyring = keyring_of(document["keyring"], party, {party: party_key})
        self.directory = KeyDirectory({party: keyring})
        self.problems: list[str] = []

    def run(self) -> Accesses:
        head = self._head()
        entries = [self._entry(each, head) for each in self.document["entries"]]
        good = tuple(each for each in entries if each is not None)
        places = [index for index, _ in good]
        if places != sorted(set(places)):
            self.problems.append("entries are out of their order, or there twice")
        links = {
            name: self._covered(parse_link(name), note, good)
            for name, note in sorted(self.document["links"].items())
        }
        ends = (Link(self.office, self.hop, self.shard), Link(self.hop, self.office, self.shard))
        named = {entry.get(each) for _, entry in good for each in ("link", "out_link")}
        absent = {each.name for each in ends} & named - links.keys()
        self.problems += [f"{name}: its head is not here" for name in sorted(absent)]
        return Accesses(
            self.office, self.hop, self.made_ms, head.size, good, links, tuple(self.problems)
        )

    def _head(self) -> Checkpoint:
        origin = trail_name(self.hop, self.shard)
        verifiers = [
            Verifier(origin, line.key.public)
            for line in self.directory.all_of(self.hop, KeyUse.LOG)
        ]
        return _opened(self.document["head"], verifiers)

    def _entry(self, given: Mapping[str, Any], head: Checkpoint) -> tuple[int, Entry] | None:
        index, encoded = int(given["index"]), str(given["entry"]).encode()
        leaf = entry_leaf(bytes.fromhex(given["nonce"]), encoded)
        try:
            verify_inclusion(leaf, index, head.size, decode_hashes(given["path"]), head.root)
            return index, read_entry(encoded)
        except (ProofError, MalformedError):
            self.problems.append(f"entry {index} is not what the trail has there")
            return None

    def _covered(self, link: Link, note: str, entries: Sequence[tuple[int, Entry]]) -> int:
        """Check that each leaf of a link has its entry here; return the link's size."""
        outward = (link.sender, link.receiver) == (self.hop, self.office)
        if not outward and (link.sender, link.receiver) != (self.office, self.hop):
            self.problems.append(f"{link.name}: no link between {self.office} and {self.hop}")
            return 0
        size = checkpoints.split(note)[0].size
        head = _opened(note, self.directory.log_verifiers(link, size))
        names = ("out_link", "out_index", _SENT) if outward else ("link", "index", _RECEIVED)
        named, place, kinds = names
        found = [e for _, e in entries if e["kind"] in kinds and e[named] == link.name]
        found = sorted((e for e in found if e[place] < size), key=lambda e: int(e[place]))
        shown_places = {e[place] for e in found}  # the size is what somebody signed: any number
        missing = size - len(shown_places)
        if missing:
            first = next(place for place in count() if place not in shown_places)
            self.problems.append(
                f"{link.name}: {missing} of {size} leaves are without their entry, leaf "
                f"{first} first: left out, or erased"
            )
        elif outward:
            # Of what came in the trail has the decision, and not the release that its leaf is of.
            leaves = [release_leaf(bytes.fromhex(e["release"])) for e in found]
            shown = Tree(lambda *_: None, 0)
            shown.append(leaves)
            if len(leaves) != size or shown.root() != head.root:
                self.problems.append(
                    f"{link.name}: the releases of the entries do not give the root that was signed"
                )
        return size


def _opened(note: str, verifiers: Sequence[Verifier]) -> Checkpoint:
    for verifier in verifiers:
        try:
            return checkpoints.open_checkpoint(note, verifier)
        except NoteError:
            continue
    raise NoteError("a head that no key of the keyring signed")
