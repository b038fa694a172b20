"""A hop's trail: a private append-only log of everything the hop did. See docs/spec/trail.md.

A leaf commits to (nonce, entry); the entry itself, its opening, is kept apart and can be erased
without breaking the log. Entries hold codes, rule ids, field names and digests, never a value.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

from xref.errors import MalformedError
from xref.link import open_tree, store_tiles
from xref.state import State
from xref.tlog import checkpoint as checkpoints
from xref.tlog.checkpoint import Checkpoint
from xref.tlog.note import Signer

NONCE_BYTES: Final = 32
_JSON: Final = json.JSONEncoder(
    ensure_ascii=False, allow_nan=False, separators=(",", ":"), sort_keys=True
)

Entry = Mapping[str, Any]

_COMMON: Final = frozenset({"kind", "at_ms"})
MEMBERS: Final[Mapping[str, frozenset[str]]] = {
    kind: _COMMON | frozenset(members.split())
    for kind, members in {
        "started": "bundles generation version",
        "keyring": "party version",
        "released": "message flow from to bundle link index out_link out_index release facts"
        " facts_c disclosed withheld rules obligations erase_by_ms",
        "ground": "message flow ground",
        "refused": "message flow from to bundle link index facts facts_c reasons",
        "rejected": "link index fault",
        "stubbed": "link index",
        "emptied": "message out_link out_index",
        "read": "message from link index items",
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


def entry_leaf(nonce: bytes, entry: bytes) -> bytes:
    """Return the trail's leaf for an entry in its RFC 8785 bytes."""
    inner = hashlib.sha256(b"xref/entry/v1\0" + nonce + entry).digest()
    return hashlib.sha256(b"\0" + inner).digest()


def check_members(entry: Any) -> Entry:
    """Return a parsed entry if its members are exactly its kind's, or raise `MalformedError`."""
    if not isinstance(entry, dict) or MEMBERS.get(str(entry.get("kind"))) != frozenset(entry):
        raise MalformedError("trail entry: a kind or members that are not known")
    return entry


class Trail:
    """The log of one hop's shard: tiles in space `tile`, openings in `opening`, head in `trail`."""

    def __init__(self, state: State, origin: str) -> None:
        """Load the trail, or begin a new one."""
        self.origin = origin
        self._state = state
        record: dict[str, Any] = state.get_json("trail", b"head") or {}
        self.size: int = record.get("size", 0)
        self.checkpoint: str = record.get("checkpoint", "")
        self.tree = open_tree(state, origin, self.size)

    def append(self, entries: Sequence[Entry], nonces: Sequence[bytes], signer: Signer) -> str:
        """Append entries, sign the head and return its note; nonces are 32 random bytes each."""
        leaves: list[bytes] = []
        for place, (entry, nonce) in enumerate(zip(entries, nonces, strict=True)):
            encoded = encode_entry(entry)
            leaves.append(entry_leaf(nonce, encoded))
            self._state.put("opening", (self.size + place).to_bytes(8), nonce + encoded)
        store_tiles(self._state, self.origin, self.tree.append(leaves))
        self.size = self.tree.size
        head = Checkpoint(self.origin, self.size, self.tree.root())
        self.checkpoint = checkpoints.sign(head, signer)
        record = {"size": self.size, "checkpoint": self.checkpoint}
        self._state.put_json("trail", b"head", record)
        return self.checkpoint
