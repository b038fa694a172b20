"""A settled world's stores, copied for each test, and what someone who holds a store can do to it.

The worst attacker here is the hop's own operator: he has the store and the hop's private keys.
"""

import copy
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cache
from hashlib import sha256
from typing import Any

import rfc8785
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from world import NOW_MS, World, keychain, party_keys, signed_bundle
from xref.audit import DeskReport, HopReport, audit_desk, audit_hop
from xref.link import tile_key
from xref.ports import Store, Write
from xref.tlog import checkpoint as checkpoints
from xref.tlog.checkpoint import Checkpoint
from xref.tlog.cosignature import cosign
from xref.tlog.note import Signer
from xref.tlog.tree import Tree
from xref.trail import entry_leaf, openings_row, read_openings
from xref.wire.key import KeyUse
from xref.wire.office import cosigner_name

LA, VN = "LAHOP001", "VNHOP001"
LA_TRAIL = f"xref/trail/v1/{LA}/0"
LA_TO_VN = f"xref/link/v1/{LA}/{VN}/0"
VN_TO_LA = f"xref/link/v1/{VN}/{LA}/0"
DESK_TO_LA = f"xref/link/v1/LANRM001/{LA}/0"
WITNESS = "witness.example/one"
WITNESS_KEY = Ed25519PrivateKey.from_private_bytes(sha256(b"witness").digest())
WITNESS_KEYS = {WITNESS: WITNESS_KEY.public_key().public_bytes_raw()}
OTHER_KEY = Ed25519PrivateKey.from_private_bytes(sha256(b"somebody else").digest())
BEYOND = b"\xff" * 96

Entry = dict[str, Any]


@cache
def _settled() -> Mapping[str, Store]:
    world = World()
    world.settle()
    world.publish("LANRM001", list(world.read("la", "referrals.csv").records))
    world.settle()
    for office in (LA, VN):
        witnessed(world.stores[office], f"xref/trail/v1/{office}/0")
        for link in world.hops[office].endpoint.outgoing:
            witnessed(world.stores[office], link.name)
    return world.stores


def stores() -> dict[str, Store]:
    """Return a copy of every office's store, with all heads witnessed."""
    return {office: copy.deepcopy(store) for office, store in _settled().items()}


def hop(store: Store, office: str = LA, **more: Any) -> HopReport:
    bundle = signed_bundle()
    return audit_hop(store, office, {bundle.digest32: bundle}, party_keys(), WITNESS_KEYS, **more)


def desk(store: Store, office: str) -> DeskReport:
    bundle = signed_bundle()
    return audit_desk(store, office, {bundle.digest32: bundle}, party_keys())


# Reading and writing a store.


def put(store: Store, space: str, key: bytes, value: bytes | None) -> None:
    store.commit([Write(space, key, value)])


def record(store: Store, space: str, key: str) -> Entry:
    value = store.get(space, key.encode())
    assert value is not None
    found: Entry = json.loads(value)
    return found


def change(store: Store, space: str, key: str, **members: object) -> None:
    """Change members of a stored record."""
    put(store, space, key.encode(), json.dumps(record(store, space, key) | members).encode())


def openings(store: Store) -> list[tuple[bytes, Entry]]:
    """Return the trail's openings as (nonce, entry), in order."""
    rows = [read_openings(row) for _, row in store.scan("opening", b"", BEYOND, 10_000)]
    return [(each[:32], json.loads(each[32:])) for row in rows for each in row]


def opening(store: Store, index: int) -> bytes:
    """Return one opening of the trail, as it is stored."""
    return _opening_row(store, index)[1][index - _opening_row(store, index)[0]]


def put_opening(store: Store, index: int, value: bytes) -> None:
    """Store another opening; an empty one is erased."""
    first, row = _opening_row(store, index)
    row[index - first] = value
    put(store, "opening", first.to_bytes(8), openings_row(row))


def _opening_row(store: Store, index: int) -> tuple[int, list[bytes]]:
    rows = store.scan("opening", b"", (index + 1).to_bytes(8), 10_000)
    return int.from_bytes(rows[-1][0]), read_openings(rows[-1][1])


def leaves(store: Store, origin: str) -> list[bytes]:
    found = store.scan("tile", tile_key(origin, 0, 0), tile_key(origin, 1, 0), 10_000)
    data = b"".join(value for _, value in found)
    return [data[at : at + 32] for at in range(0, len(data), 32)]


# Tampering.


def signed(origin: str, tiles: Sequence[bytes], key: Ed25519PrivateKey | None = None) -> str:
    """Sign a head over leaves, as the log's own office unless another key is given."""
    tree = Tree(lambda *_: None, 0)
    tree.append(tiles)
    own = keychain(origin.split("/")[3]).signing(KeyUse.LOG, NOW_MS).private
    return checkpoints.sign(Checkpoint(origin, len(tiles), tree.root()), Signer(origin, key or own))


def acknowledged(origin: str, tiles: Sequence[bytes], seconds: int = NOW_MS // 1000) -> str:
    """Countersign a link's head as its receiver."""
    receiver = origin.split("/")[4]
    key = keychain(receiver).signing(KeyUse.COSIGN, NOW_MS).private
    return cosign(signed(origin, tiles), cosigner_name(receiver), key, seconds)


def witnessed(store: Store, origin: str, key: Ed25519PrivateKey = WITNESS_KEY) -> str:
    """Have a log's present head witnessed and keep it."""
    note = cosign(signed(origin, leaves(store, origin)), WITNESS, key, NOW_MS // 1000)
    put(store, "witnessed", origin.encode(), note.encode())
    return note


def store_leaves(store: Store, origin: str, tiles: Sequence[bytes]) -> None:
    """Replace a log's tiles by those of other leaves."""
    start = origin.encode() + b"\0"
    for key, _ in store.scan("tile", start, start + BEYOND, 10_000):
        put(store, "tile", key, None)
    for (level, index), data in Tree(lambda *_: None, 0).append(tiles).items():
        put(store, "tile", tile_key(origin, level, index), data)


def rewrite_trail(store: Store, entries: Iterable[tuple[bytes, Entry]], office: str = LA) -> None:
    """Write another history and sign it, as only the hop's own operator can."""
    for key, _ in store.scan("opening", b"", BEYOND, 10_000):
        put(store, "opening", key, None)
    tiles = []
    for index, (nonce, entry) in enumerate(entries):
        encoded = rfc8785.dumps(entry)
        tiles.append(entry_leaf(nonce, encoded))
        put(store, "opening", index.to_bytes(8), openings_row([nonce + encoded]))
    origin = f"xref/trail/v1/{office}/0"
    store_leaves(store, origin, tiles)
    change(store, "trail", "head", size=len(tiles), checkpoint=signed(origin, tiles))


def rewrite_entry(
    store: Store,
    chosen: Callable[[Entry], bool],
    changed: Callable[[Entry], Entry | None],
    office: str = LA,
) -> None:
    """Rewrite the trail with the first chosen entry changed, or left out for None; sign it."""
    history = openings(store)
    at = next(place for place, (_, entry) in enumerate(history) if chosen(entry))
    nonce, entry = history[at]
    replacement = changed(entry)
    history[at : at + 1] = [] if replacement is None else [(nonce, replacement)]
    rewrite_trail(store, history, office)


def rewrite_outgoing(store: Store, origin: str, tiles: Sequence[bytes]) -> None:
    """Replace an own link's log, sign it, and have the receiver countersign it."""
    store_leaves(store, origin, tiles)
    note, cosigned = signed(origin, tiles), acknowledged(origin, tiles)
    size = len(tiles)
    change(store, "out", origin, size=size, acknowledged=size, checkpoint=note, cosigned=cosigned)


def rewrite_mirror(store: Store, origin: str, tiles: Sequence[bytes]) -> None:
    """Replace a mirror with what the sender signs."""
    store_leaves(store, origin, tiles)
    change(store, "in", origin, size=len(tiles), checkpoint=signed(origin, tiles))


def unwitness(store: Store) -> None:
    """Remove every countersigned head that the store keeps."""
    for key, _ in store.scan("witnessed", b"", BEYOND, 10_000):
        put(store, "witnessed", key, None)
