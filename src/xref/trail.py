"""A hop's trail: a private append-only log of everything the hop did. See docs/spec/trail.md.

A leaf commits to (nonce, entry); the entry itself, its opening, is kept apart and can be erased
without breaking the log. Entries hold codes, rule ids, field names and digests, never a value.
"""

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

from xref.errors import MalformedError
from xref.limits import TIME_MS_MAX, TRAIL_ENTRY_BYTES_MAX
from xref.link import open_tree, store_tiles
from xref.state import State
from xref.tlog import checkpoint as checkpoints
from xref.tlog.checkpoint import Checkpoint
from xref.tlog.note import Signer
from xref.wire.cursor import Cursor

NONCE_BYTES: Final = 32
_JSON: Final = json.JSONEncoder(
    ensure_ascii=False, allow_nan=False, separators=(",", ":"), sort_keys=True
)

_DIGEST: Final = re.compile(r"[0-9a-f]{64}")

Entry = Mapping[str, Any]

_COMMON: Final = frozenset({"kind", "at_ms"})
MEMBERS: Final[Mapping[str, frozenset[str]]] = {
    kind: _COMMON | frozenset(members.split())
    for kind, members in {
        "started": "bundles generation version",
        "keyring": "party version",
        "bundle": "bundle change from_ms until_ms in_force",
        "overlay": "party version overlay suspended",
        "released": "message flow from to bundle link index out_link out_index release facts"
        " facts_c consent_digest disclosed withheld rules obligations erase_by_ms",
        "ground": "message flow ground",
        "refused": "message flow from to bundle link index facts facts_c reasons",
        "rejected": "link index fault",
        "stubbed": "link index",
        "emptied": "message out_link out_index",
        "read": "message from link index items",
        "noted": "message from code digest until_ms",
        "answered": "message flow from to out_link out_index release items",
        "acknowledged": "link size",
        "stopped": "link reason parcel",
    }.items()
}
"""The closed members of each kind of entry; every kind also has `kind` and `at_ms`."""


def encode_entry(entry: Entry) -> bytes:
    """Return the RFC 8785 bytes of an entry; `RuntimeError` if its members are not its kind's.

    Sorted keys without spaces are RFC 8785 for what entries hold: ASCII keys, strings and whole
    numbers below 2^53; the standard library's encoder is many times faster than a general one.
    """
    if MEMBERS.get(entry["kind"]) != frozenset(entry):
        message = f"trail entry {entry['kind']}: members {sorted(entry)} are not as specified"
        raise RuntimeError(message)
    return _JSON.encode(dict(entry)).encode()


class EntryForm:
    """Entries of one kind that differ in a few members: all the others are encoded once.

    What varies is a number or bytes, which an entry writes in hexadecimal.
    """

    __slots__ = ("_form",)

    def __init__(self, fixed: Entry, varying: Mapping[str, type[int] | type[bytes]]) -> None:
        """Encode the members in `fixed`; `varying` are the others, in the order of `fill`."""
        names = sorted((*fixed, *varying))
        if MEMBERS.get(fixed["kind"]) != frozenset(names) or list(varying) != sorted(varying):
            message = f"trail entry {fixed['kind']}: members {names} are not as specified"
            raise RuntimeError(message)
        forms = {int: "%d", bytes: '"%b"'}
        members = [
            f"{_JSON.encode(name)}:"
            + (
                forms[varying[name]]
                if name in varying
                else _JSON.encode(fixed[name]).replace("%", "%%")
            )
            for name in names
        ]
        self._form = b"{" + ",".join(members).encode() + b"}"

    def fill(self, *varying: int | bytes) -> bytes:
        """Return the RFC 8785 bytes of the entry with these members, by ascending name."""
        values = [each.hex().encode() if isinstance(each, bytes) else each for each in varying]
        return self._form % tuple(values)


def entry_leaf(nonce: bytes, entry: bytes) -> bytes:
    """Return the trail's leaf for an entry in its RFC 8785 bytes."""
    inner = hashlib.sha256(b"xref/entry/v1\0" + nonce + entry).digest()
    return hashlib.sha256(b"\0" + inner).digest()


def is_noted(digest: object, until_ms: object) -> bool:
    """Return whether these are a SHA-256 in hexadecimal and a moment, as `noted` holds them."""
    return (
        isinstance(digest, str)
        and _DIGEST.fullmatch(digest) is not None
        and type(until_ms) is int
        and 0 <= until_ms <= TIME_MS_MAX
    )


def check_members(entry: Any) -> Entry:
    """Return a parsed entry if its members are exactly its kind's, or raise `MalformedError`."""
    if not isinstance(entry, dict) or MEMBERS.get(str(entry.get("kind"))) != frozenset(entry):
        raise MalformedError("trail entry: a kind or members that are not known")
    return entry


class Trail:
    """The log of one hop's shard: tiles in space `tile`, head in `trail`.

    The openings are in space `opening`, by the index of the first in a row.
    """

    def __init__(self, state: State, origin: str) -> None:
        """Load the trail, or begin a new one."""
        self.origin = origin
        self._state = state
        record: dict[str, Any] = state.get_json("trail", b"head") or {}
        self.size: int = record.get("size", 0)
        self.checkpoint: str = record.get("checkpoint", "")
        self.tree = open_tree(state, origin, self.size)

    def append(self, entries: Sequence[bytes], nonces: bytes, signer: Signer) -> str:
        """Append encoded entries, sign the head and return its note.

        `nonces` are 32 random bytes for each. The openings of one call are one row.
        """
        openings = [
            nonces[NONCE_BYTES * place : NONCE_BYTES * (place + 1)] + entry
            for place, entry in enumerate(entries)
        ]
        leaves = [entry_leaf(each[:NONCE_BYTES], each[NONCE_BYTES:]) for each in openings]
        self._state.put("opening", self.size.to_bytes(8), openings_row(openings))
        store_tiles(self._state, self.origin, self.tree.append(leaves))
        self.size = self.tree.size
        head = Checkpoint(self.origin, self.size, self.tree.root())
        self.checkpoint = checkpoints.sign(head, signer)
        record = {"size": self.size, "checkpoint": self.checkpoint}
        self._state.put_json("trail", b"head", record)
        return self.checkpoint


def openings_row(openings: Sequence[bytes]) -> bytes:
    """Return a row of space `opening`: consecutive openings, each behind its length of 4 bytes.

    An erased one is empty; its leaf keeps the trail whole.
    """
    return b"".join([part for each in openings for part in (len(each).to_bytes(4), each)])


def read_openings(row: bytes) -> list[bytes]:
    """Return the openings of a row, or raise `MalformedError`."""
    if not row:
        raise MalformedError("openings: a row of none")
    cursor, openings = Cursor(row, "openings"), []
    while cursor.offset < len(row):
        openings.append(cursor.block(4, NONCE_BYTES + TRAIL_ENTRY_BYTES_MAX))
    return openings
