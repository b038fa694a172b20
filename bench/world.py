"""Two hops and two desks in one process, on real SQLite stores, and the records they exchange."""

import hashlib
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Final

from xref import bundle as bundles
from xref.bundle import Bundle
from xref.desk.adapter import Adapter
from xref.desk.desk import Desk, DeskSetup
from xref.desk.read_form import Record, read_form
from xref.drivers.memory import MemoryTransport
from xref.drivers.sqlite_store import SqliteStore
from xref.hop import Hop, HopSetup
from xref.issue_keys import key_lines, make_keyring, new_keys, peers_of, sign_keyring
from xref.keychain import Keychain
from xref.ports import Store, Transport
from xref.sources import read_sources
from xref.tlog.note import Signer
from xref.wire.key import KeyUse, SigningKey
from xref.wire.office import party_name

REPOSITORY: Final = Path(__file__).resolve().parent.parent
NOW_MS: Final = int(datetime(2026, 11, 20, 8, tzinfo=UTC).timestamp() * 1000)
DAY_MS: Final = 86_400_000
SENDER: Final = "LANRM001"
ORIGIN: Final = "LAHOP001"
RECEIVING: Final = "VNHOP001"
RECIPIENT: Final = "VNNRM001"
OFFICES: Final = (SENDER, ORIGIN, RECEIVING, RECIPIENT)
_PARTIES: Final = ("LA", "VN")

Wrap = Callable[[str, Store], Store]


@cache
def draft(shards: int = 1) -> bundles.Draft:
    """Return the shipped schemas and policies, with that many shards a hop."""
    sources = read_sources(REPOSITORY / "policies", REPOSITORY / "schemas")
    if shards > 1:
        directory = sources[bundles.DIRECTORY_PATH]
        sources = {
            **sources,
            bundles.DIRECTORY_PATH: f"shards = {shards}\n".encode() + directory,
        }
    return bundles.build(sources)


def _party_signer(party: str) -> Signer:
    key = SigningKey(hashlib.sha256(party.encode()).digest())
    return Signer(party_name(party), key.private)


@cache
def party_keys() -> dict[str, bytes]:
    """Return the Parties' own public keys."""
    return {party: _party_signer(party).verifier.public for party in _PARTIES}


@cache
def bundle(window: tuple[int, int], shards: int = 1) -> Bundle:
    """Return the draft, signed by both Parties of the demonstration."""
    note = ""
    for party in _PARTIES:
        note = bundles.sign(note or None, draft(shards), window, _party_signer(party))
    return bundles.open_bundle(draft(shards).files, note, party_keys())


def year_around(now_ms: int) -> tuple[int, int]:
    """Return a window in which keys and bundle are good."""
    return now_ms - DAY_MS, now_ms + 365 * DAY_MS


def keychains(now_ms: int) -> dict[str, Keychain]:
    """Return fresh keys for the four offices."""
    window = year_around(now_ms)
    return {o: Keychain(o, new_keys(KeyUse, *window, os.urandom)) for o in OFFICES}


def made(
    keychain: Keychain,
    store: Store,
    transport: Transport,
    now_ms: int,
    *,
    shards: int = 1,
    shard: int = 0,
) -> Hop | Desk:
    """Return an office, not started; `shard` is a hop's own, `shards` is how many there are."""
    office, directory = keychain.office, draft(shards).directory
    signed = bundle(year_around(now_ms), shards)
    trusted = {signed.digest32: signed}
    if directory.office(office).role == "hop":
        peers = [peer for peer in peers_of(office, directory) if peer in OFFICES]
        hop_setup = HopSetup(keychain, trusted, party_keys(), peers, shard)
        return Hop(hop_setup, store, transport, os.urandom)
    hop = directory.office(office).hop
    desk_setup = DeskSetup(keychain, trusted, party_keys(), hop, shards)
    return Desk(desk_setup, store, transport, os.urandom)


@cache
def _shipped_record() -> Record:
    """Return the first record of the shipped sample: one person, 28 fields at the desk."""
    folder = REPOSITORY / "adapters" / "la"
    name = "referrals.csv"
    today = datetime.fromtimestamp(NOW_MS / 1000, UTC).date()
    reading = read_form(
        Adapter.load(folder), name, (folder / "samples" / name).read_bytes(), today=today
    )
    return replace(reading.records[0], named={})


def records(count: int, first: int) -> list[tuple[bytes, Record]]:
    """Return `count` records of as many persons, each with its key in the spool."""
    return [
        (number.to_bytes(8), replace(_shipped_record(), case=f"case {number}"))
        for number in range(first, first + count)
    ]


def _keep(_office: str, store: Store) -> Store:
    return store


@dataclass
class World:
    """The four offices, started and settled; `wrap` may put something around their stores."""

    folder: Path
    wrap: Wrap = _keep
    transport: MemoryTransport = field(default_factory=MemoryTransport)
    now_ms: int = NOW_MS

    def __post_init__(self) -> None:
        """Make fresh keys, start everybody and let the keyrings go round."""
        self._stores = [SqliteStore(self.folder / f"{office}.sqlite") for office in OFFICES]
        keys = keychains(NOW_MS)
        notes = keyrings(list(keys.values()))
        self.offices: dict[str, Hop | Desk] = {}
        for office, store in zip(OFFICES, self._stores, strict=True):
            wrapped = self.wrap(office, store)
            self.offices[office] = made(keys[office], wrapped, self.transport, NOW_MS)
            self.offices[office].start(notes, self.now_ms)
        self.settle()

    @property
    def desk(self) -> Desk:
        """The desk that refers."""
        desk = self.offices[SENDER]
        if not isinstance(desk, Desk):
            raise TypeError(SENDER)
        return desk

    def take(self, office: str, sender: str = "") -> Callable[[], object]:
        """Read what waits for an office, or what one sender sent it.

        Returns the call that handles it, to be measured.
        """
        taker = self.offices[office]
        places = {
            link: position
            for link, position in taker.positions().items()
            if sender in ("", link.sender)
        }
        arrivals = self.transport.read(places, 256, 0)
        self.now_ms += 10
        return lambda: taker.handle(arrivals, self.now_ms)

    def settle(self) -> None:
        """Let everybody read until nothing new comes."""
        while any(self.transport.read(each.positions(), 1, 0) for each in self.offices.values()):
            for office in OFFICES:
                self.take(office)()

    def opened(self) -> int:
        """Return how many messages the recipient has opened."""
        recipient = self.offices[RECIPIENT]
        return len(recipient.state.scan("inbox"))

    def close(self) -> None:
        """Release the stores."""
        for store in self._stores:
            store.close()


def keyrings(keychains: Sequence[Keychain], shards: int = 1) -> list[str]:
    """Return both Parties' signed keyrings."""
    notes = []
    for party in _PARTIES:
        lines = [
            line
            for keychain in keychains
            if keychain.office.startswith(party)
            for line in key_lines(keychain)
        ]
        keyring = make_keyring(party, 1, lines, draft(shards).directory)
        notes.append(sign_keyring(keyring, _party_signer(party)))
    return notes
