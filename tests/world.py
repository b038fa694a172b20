"""A small world of real desks and hops in one process, on memory store and transport."""

import hashlib
import itertools
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

from shipped import shipped, told
from xref import bundle as bundles
from xref.bundle import Bundle
from xref.desk.desk import Desk, DeskSetup
from xref.desk.read_form import Reading, read_form
from xref.desk.spool import Row
from xref.drivers.memory import MemoryStore, MemoryTransport
from xref.hop import Hop, HopSetup
from xref.issue_keys import key_lines, make_keyring, new_keys, peers_of, sign_keyring
from xref.keychain import Keychain
from xref.ports import Store, Transport
from xref.sources import SHIPPED, read_sources
from xref.tlog.note import Signer
from xref.wire.key import KeyUse, SigningKey
from xref.wire.keyring import SubscribeLine
from xref.wire.office import Link, party_name

REPOSITORY = Path(__file__).resolve().parent.parent
NOW_MS = int(datetime(2026, 11, 20, 8, tzinfo=UTC).timestamp() * 1000)
DAY_MS = 86_400_000
YEAR_MS = 365 * DAY_MS
SUBSCRIPTIONS = (SubscribeLine("VNCON001", 51),)
OFFICES = ("LANRM001", "LAHOP001", "VNHOP001", "VNNRM001", "VNSVC001")


class SeededEntropy:
    """Deterministic bytes for tests."""

    def __init__(self, seed: str) -> None:
        self._seed = seed.encode()
        self._count = itertools.count()

    def __call__(self, size: int) -> bytes:
        label = self._seed + next(self._count).to_bytes(8)
        return hashlib.shake_256(label).digest(size)


def draft_bundle(shards: int = 1, agreement: str = SHIPPED) -> bundles.Draft:
    """The shipped schemas and policies with the demonstration's directory, unsigned."""
    return _draft(shards, agreement)


@cache
def _draft(shards: int, agreement: str) -> bundles.Draft:
    sources = read_sources(REPOSITORY / "policies", REPOSITORY / "schemas", None, (agreement,))
    if shards > 1:
        sources[bundles.DIRECTORY_PATH] = (
            f"shards = {shards}\n".encode() + sources[bundles.DIRECTORY_PATH]
        )
    return bundles.build(sources)


@cache
def party_signer(party: str) -> Signer:
    key = SigningKey(hashlib.sha256(party.encode()).digest())
    return Signer(party_name(party), key.private)


def party_keys(parties: Iterable[str] = ("LA", "VN")) -> dict[str, bytes]:
    return {party: party_signer(party).verifier.public for party in parties}


def signed_bundle(shards: int = 1, agreement: str = SHIPPED) -> Bundle:
    """The bundle, signed by all Parties, valid for a year around `NOW_MS`.

    The more shards, the later it begins, as one with more follows one with fewer.
    """
    return _signed(shards, agreement)


@cache
def _signed(shards: int, agreement: str) -> Bundle:
    window = (NOW_MS - 30 * DAY_MS + shards, NOW_MS + YEAR_MS)
    return sign_bundle(draft_bundle(shards, agreement), window)


def sign_bundle(draft: bundles.Draft, window: tuple[int, int]) -> Bundle:
    """Return a draft as a bundle that all Parties have signed, in force within `window` (ms)."""
    note = None
    for party in draft.directory.parties:
        note = bundles.sign(note, draft, window, party_signer(party))
    assert note is not None
    return bundles.open_bundle(draft.files, note, party_keys(draft.directory.parties))


@cache
def keychain(office: str) -> Keychain:
    entropy = SeededEntropy(f"keys {office}")
    return Keychain(office, new_keys(KeyUse, NOW_MS - 30 * DAY_MS, NOW_MS + YEAR_MS, entropy))


@cache
def keyring_notes(shards: int = 1, agreement: str = SHIPPED) -> tuple[str, ...]:
    """All Parties' keyrings; their version is the number of shards."""
    directory = draft_bundle(shards, agreement).directory
    notes = []
    for party in directory.parties:
        lines = [
            line
            for office in draft_bundle(1, agreement).directory.offices
            if office.startswith(party)
            for line in key_lines(keychain(office))
        ]
        subscribed = SUBSCRIPTIONS if party == "VN" else ()
        keyring = make_keyring(party, shards, lines, directory, subscribed)
        notes.append(sign_keyring(keyring, party_signer(party)))
    return tuple(notes)


def new_transport() -> Transport:
    """Return what a world goes over that names no transport; other tests have others."""
    return MemoryTransport()


@dataclass
class World:
    """Desks LANRM001, VNNRM001, VNSVC001 and hops LAHOP001, VNHOP001.

    The hop of another shard than the first goes by the name LAHOP001/1 here.
    """

    transport: Transport = field(default_factory=lambda: new_transport())  # noqa: PLW0108 - whichever it then is
    stores: dict[str, Store] = field(default_factory=dict)
    now_ms: int = NOW_MS
    offices: tuple[str, ...] = OFFICES
    shards: int = 1
    agreement: str = SHIPPED

    def __post_init__(self) -> None:
        self._spooled = itertools.count(1)
        self.hops: dict[str, Hop] = {}
        self.desks: dict[str, Desk] = {}
        self.start_all()

    @property
    def draft(self) -> bundles.Draft:
        """The bundle with one shard, unsigned."""
        return draft_bundle(1, self.agreement)

    def start_all(self) -> None:
        """Start, or restart, everybody."""
        for office in self.offices:
            for shard in range(self.shards if "HOP" in office else 1):
                self.start(f"{office}/{shard}" if shard else office)

    def add_shard(self) -> None:
        """Have one more shard by a new bundle and keyrings; the old bundles stay in force too."""
        self.shards += 1
        self.start_all()

    def start(self, name: str) -> None:
        """Start, or restart, one office, or one shard of a hop, from its store."""
        entropy = SeededEntropy(f"{name} {next(self._spooled)}")
        store, directory = self.stores.setdefault(name, MemoryStore()), self.draft.directory
        trusted = {bundle.digest32: bundle for bundle in self.trusted(name)}
        office, _, shard = name.partition("/")
        if "HOP" in office:
            peers = peers_of(office, directory)
            setup = HopSetup(
                keychain(office), trusted, party_keys(directory.parties), peers, int(shard or "0")
            )
            self.hops[name] = Hop(setup, store, self.transport, entropy)
            self.hops[name].start(keyring_notes(self.shards, self.agreement), self.now_ms)
        else:
            desk_setup = DeskSetup(
                keychain(office),
                trusted,
                party_keys(directory.parties),
                directory.office(office).hop,
                self.shards,
                self.works_by(office),
            )
            self.desks[office] = Desk(desk_setup, store, self.transport, entropy)
            self.desks[office].start(keyring_notes(self.shards, self.agreement), self.now_ms)

    def trusted(self, name: str) -> list[Bundle]:  # noqa: ARG002 - other worlds go by it
        """Return the bundles that an office is configured with."""
        return [signed_bundle(shards, self.agreement) for shards in range(1, self.shards + 1)]

    def works_by(self, office: str) -> bytes:  # noqa: ARG002 - as trusted
        """Return the digest of the bundle that a desk is set to work by; empty for the newest."""
        return b""

    def sender_of(self, link: Link) -> Hop | Desk:
        """Return whoever sends on a link."""
        if "HOP" not in link.sender:
            return self.desks[link.sender]
        return self.hops[f"{link.sender}/{link.shard}" if link.shard else link.sender]

    @property
    def everyone(self) -> Iterator[Hop | Desk]:
        yield from self.hops.values()
        yield from self.desks.values()

    def read(self, country: str, name: str, data: bytes | None = None) -> Reading:
        """Read a form by a country's shipped adapter."""
        adapter, samples = shipped(country), REPOSITORY / "adapters" / country / "samples"
        content = (samples / name).read_bytes() if data is None else data
        reading = read_form(adapter, name, content, today=datetime.now(UTC).date())
        return told(country, reading)

    def publish(self, office: str, rows: Sequence[Row]) -> None:
        at = self.now_ms.to_bytes(8)
        keyed = [(at + next(self._spooled).to_bytes(8), row) for row in rows]
        self.desks[office].publish(keyed, self.now_ms)

    def later(self, days: int) -> None:
        """Let time go by; everybody does what is due, and reads what comes of it."""
        self.now_ms += days * DAY_MS
        for participant in self.everyone:
            participant.tick(self.now_ms)
        self.settle()

    def settle(self, rounds: int = 40) -> None:
        """Let everybody read until nothing new comes."""
        for _ in range(rounds):
            moved = False
            for participant in self.everyone:
                arrivals = self.transport.read(participant.positions(), 64, 0)
                if arrivals:
                    participant.handle(arrivals, self.now_ms)
                    moved = True
            if not moved:
                return
            self.now_ms += 10
        raise AssertionError("the world does not come to rest")

    def sent(self, office: str) -> dict[bytes, dict[str, object]]:
        return dict(self.desks[office].cabinet.all("sent"))

    def inbox(self, office: str) -> dict[bytes, dict[str, object]]:
        return dict(self.desks[office].cabinet.all("inbox"))
