"""A small world of real desks and hops in one process, on memory store and transport."""

import hashlib
import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

from xref import bundle as bundles
from xref.bundle import Bundle
from xref.desk.adapter import Adapter
from xref.desk.desk import Desk, DeskSetup
from xref.desk.read_form import Reading, read_form
from xref.desk.spool import Row
from xref.drivers.memory import MemoryStore, MemoryTransport
from xref.hop import Hop, HopSetup
from xref.issue_keys import key_lines, make_keyring, new_keys, peers_of, sign_keyring
from xref.keychain import Keychain
from xref.ports import Store, Transport
from xref.tlog.note import Signer
from xref.wire.key import KeyUse, SigningKey
from xref.wire.keyring import SubscribeLine
from xref.wire.office import party_name

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


@cache
def draft_bundle() -> bundles.Draft:
    """The shipped schemas and policies with the demonstration's directory, unsigned."""
    return bundles.build(bundles.read_sources(REPOSITORY / "policies", REPOSITORY / "schemas"))


@cache
def party_signer(party: str) -> Signer:
    key = SigningKey(hashlib.sha256(party.encode()).digest())
    return Signer(party_name(party), key.private)


def party_keys() -> dict[str, bytes]:
    return {party: party_signer(party).verifier.public for party in ("LA", "VN")}


@cache
def signed_bundle() -> Bundle:
    """The bundle, signed by both Parties, valid for a year around `NOW_MS`."""
    draft, note = draft_bundle(), None
    window = (NOW_MS - 30 * DAY_MS, NOW_MS + YEAR_MS)
    for party in ("LA", "VN"):
        note = bundles.sign(note, draft, window, party_signer(party))
    assert note is not None
    return bundles.open_bundle(draft.files, note, party_keys())


@cache
def keychain(office: str) -> Keychain:
    entropy = SeededEntropy(f"keys {office}")
    return Keychain(office, new_keys(KeyUse, NOW_MS - 30 * DAY_MS, NOW_MS + YEAR_MS, entropy))


@cache
def keyring_notes() -> tuple[str, ...]:
    directory = draft_bundle().directory
    notes = []
    for party in ("LA", "VN"):
        lines = [
            line
            for office in draft_bundle().directory.offices
            if office.startswith(party)
            for line in key_lines(keychain(office))
        ]
        subscribed = SUBSCRIPTIONS if party == "VN" else ()
        keyring = make_keyring(party, 1, lines, directory, subscribed)
        notes.append(sign_keyring(keyring, party_signer(party)))
    return tuple(notes)


@dataclass
class World:
    """Desks LANRM001, VNNRM001, VNSVC001 and hops LAHOP001, VNHOP001."""

    transport: Transport = field(default_factory=MemoryTransport)
    stores: dict[str, Store] = field(default_factory=dict)
    now_ms: int = NOW_MS
    offices: tuple[str, ...] = OFFICES

    def __post_init__(self) -> None:
        self._spooled = itertools.count(1)
        self.hops: dict[str, Hop] = {}
        self.desks: dict[str, Desk] = {}
        for office in self.offices:
            self.stores.setdefault(office, MemoryStore())
            self.start(office)

    def start(self, office: str) -> None:
        """Start, or restart, one office from its store."""
        entropy = SeededEntropy(f"{office} {next(self._spooled)}")
        store, directory = self.stores[office], draft_bundle().directory
        bundle = signed_bundle()
        if "HOP" in office:
            setup = HopSetup(
                keychain(office),
                {bundle.digest32: bundle},
                party_keys(),
                peers_of(office, directory),
            )
            self.hops[office] = Hop(setup, store, self.transport, entropy)
            self.hops[office].start(keyring_notes(), self.now_ms)
        else:
            desk_setup = DeskSetup(
                keychain(office),
                {bundle.digest32: bundle},
                party_keys(),
                directory.office(office).hop,
            )
            self.desks[office] = Desk(desk_setup, store, self.transport, entropy)
            self.desks[office].start(keyring_notes(), self.now_ms)

    @property
    def everyone(self) -> Iterator[Hop | Desk]:
        yield from self.hops.values()
        yield from self.desks.values()

    def read(self, country: str, name: str, data: bytes | None = None) -> Reading:
        """Read a form by a country's shipped adapter."""
        folder = REPOSITORY / "adapters" / country
        adapter = Adapter.load(folder)
        content = (folder / "samples" / name).read_bytes() if data is None else data
        return read_form(adapter, name, content, today=datetime.now(UTC).date())

    def publish(self, office: str, rows: Sequence[Row]) -> None:
        at = self.now_ms.to_bytes(8)
        keyed = [(at + next(self._spooled).to_bytes(8), row) for row in rows]
        self.desks[office].publish(keyed, self.now_ms)

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
