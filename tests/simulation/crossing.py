"""A referral and its answer, among offices that can be struck at any write and then restart.

Each office does what its process does: publish what waits, take what was submitted, read, handle,
hand over. Whatever raises ends the process; it starts again from what its disk holds.
"""

import itertools
import os
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from attacks.hostile import LA_DESK, VN_DESK, VN_SERVICE, entries, records
from shipped import shipped
from world import OFFICES, REPOSITORY, SeededEntropy, World, draft_bundle, party_keys, signed_bundle
from xref.audit import audit_desk, audit_hop, reconcile
from xref.desk.spool import Row, Spool
from xref.drivers.memory import MemoryStore, MemoryTransport
from xref.errors import UnavailableError
from xref.limits import RESEND_AFTER_MS_MAX
from xref.ports import Arrival, Outbound, Store, Write
from xref.wire.office import Link
from xref.wiring import Rim

LONG = os.environ.get("XREF_LONG") == "1"
DESKS = (LA_DESK, VN_DESK, VN_SERVICE)
SPOOLS = tuple(f"{desk} spool" for desk in DESKS)
STORES = (*OFFICES, *SPOOLS)
MOVES = {"position", "in", "out"}
# Parts of the samples long enough never to stand in gigabytes of sealed bytes by chance.
NAMES = ("ຕົວຢ່າງ", "VAN VI DU", "THI VI DU", "NGUYEN", "ຄມ-2026-")
RESTARTS_MAX = 30
ROUNDS_MAX = 300


class CrashError(UnavailableError):
    """The office's process is gone."""


@dataclass
class Struck:
    """A store that a strike may hit at any commit; `store` is what its disk holds."""

    name: str
    store: Store
    strike: "Strike"
    starting: bool = False

    def get(self, space: str, key: bytes) -> bytes | None:
        return self.store.get(space, key)

    def find(self, space: str, keys: Collection[bytes]) -> dict[bytes, bytes]:
        return self.store.find(space, keys)

    def scan(self, space: str, start: bytes, stop: bytes, limit: int) -> list[tuple[bytes, bytes]]:
        return self.store.scan(space, start, stop, limit)

    def commit(self, writes: Sequence[Write]) -> None:
        self.strike.commit(self, writes)

    def close(self) -> None:
        self.store.close()


class Strike:
    """Where it strikes; this one strikes nowhere and counts."""

    def __init__(self) -> None:
        self.commits: Counter[str] = Counter()
        self.struck = 0
        self.only_moves = False

    def commit(self, at: Struck, writes: Sequence[Write]) -> None:
        self.commits[at.name] += 1
        self.only_moves = {write.space for write in writes} <= MOVES
        if self.strikes(at):
            self.struck += 1
            self.hit(at, writes)
            raise CrashError("the process is gone")
        at.store.commit(writes)

    def strikes(self, at: Struck) -> bool:
        del at
        return False

    def hit(self, at: Struck, writes: Sequence[Write]) -> None:
        """Leave the disk as the crash leaves it."""


class BeforeAt(Strike):
    """Once, before the n-th commit of one store is durable."""

    def __init__(self, name: str, number: int) -> None:
        super().__init__()
        self.place = name, number

    def strikes(self, at: Struck) -> bool:
        return self.struck == 0 and (at.name, self.commits[at.name]) == self.place


class AfterAt(BeforeAt):
    """Once, after the n-th commit of one store is durable."""

    def hit(self, at: Struck, writes: Sequence[Write]) -> None:
        at.store.commit(writes)


class BeforeEach(Strike):
    """Before every commit of every store, once each: the repetition goes through."""

    def __init__(self) -> None:
        super().__init__()
        self._spared: set[tuple[str, bool]] = set()

    def strikes(self, at: Struck) -> bool:
        # Starting is counted apart: else the start after a crash would spare what comes next.
        place = at.name, at.starting
        if place in self._spared:
            self._spared.remove(place)
            return False
        self._spared.add(place)
        return True


class AfterEach(BeforeEach):
    """After every commit of every store; a start after that goes through at its second try.

    Not where only places on links move: each start makes each peer move its own, which struck
    would start again, and so for ever.
    """

    def strikes(self, at: Struck) -> bool:
        return not self.only_moves and super().strikes(at)

    def hit(self, at: Struck, writes: Sequence[Write]) -> None:
        at.store.commit(writes)
        if not at.starting:
            self._spared.discard((at.name, False))  # it is durable: the next commit is another


@dataclass
class StruckTransport:
    """A transport whose publishes fail after `share` of their parcels where `fails_at` says so."""

    fails_at: Callable[[int], bool]
    share: float = 0.0
    publishes: int = 0
    failed: int = 0

    def __post_init__(self) -> None:
        self.transport = MemoryTransport()

    def publish(self, parcels: Sequence[Outbound]) -> None:
        if not parcels:
            return
        self.publishes += 1
        if self.fails_at(self.publishes):
            self.failed += 1
            self.transport.publish(parcels[: round(self.share * len(parcels))])
            raise CrashError("the process is gone")
        self.transport.publish(parcels)

    def read(self, after: Mapping[Link, int], limit: int, wait_seconds: float) -> Sequence[Arrival]:
        return self.transport.read(after, limit, wait_seconds)

    def numbering(self, link: Link) -> str:
        return self.transport.numbering(link)

    def close(self) -> None:
        self.transport.close()


class Crossing(World):
    """Desks with spools and folders, hops, and a strike that may hit any of them from the start."""

    def __init__(
        self,
        folder: Path,
        strike: Strike,
        transport: StruckTransport | None = None,
        store: Callable[[str], Store] = lambda _: MemoryStore(),
    ) -> None:
        self.strike, self.folder, self.restarts = strike, folder, 0
        self._spools = itertools.count()
        self.struck = {name: Struck(name, store(name), strike) for name in STORES}
        self.rims = {desk: self._rim(desk) for desk in DESKS}
        stores: dict[str, Store] = {office: self.struck[office] for office in OFFICES}
        super().__init__(transport or StruckTransport(lambda _: False), stores)

    def _rim(self, desk: str) -> Rim:
        adapter = shipped(desk[:2].lower())
        received = self.folder / desk
        return Rim(self._spool(desk), adapter, received, lambda: self.now_ms)

    def _spool(self, desk: str, store: Store | None = None) -> Spool:
        store = store or self.struck[f"{desk} spool"]
        seed = f"spool {desk} {next(self._spools)}"
        return Spool(store, b"\7" * 32, SeededEntropy(seed))

    def start(self, office: str) -> None:
        """Start an office, again and again until it does."""
        self.struck[office].starting = True
        for _ in range(RESTARTS_MAX):
            try:
                super().start(office)
            except UnavailableError:
                self.restarts += 1
                continue
            self.struck[office].starting = False
            return
        raise AssertionError("it never starts")

    def submit(self, desk: str, row: Row) -> None:
        """Hand a row in, by a command that is not struck."""
        self._spool(desk, self.struck[f"{desk} spool"].store).put([row], self.now_ms)

    def turn(self, office: str) -> bool:
        """Do one turn of an office's process; start it again if it ends. Whether anything moved."""
        try:
            return self._turn_of_hop(office) if "HOP" in office else self._turn_of_desk(office)
        except UnavailableError:
            self.restarts += 1
            self.start(office)
            return True

    def _turn_of_hop(self, office: str) -> bool:
        hop = self.hops[office]
        hop.publish()
        arrivals = self.transport.read(hop.positions(), 64, 0)
        hop.handle(arrivals, self.now_ms)
        return bool(arrivals)

    def _turn_of_desk(self, office: str) -> bool:
        desk, rim = self.desks[office], self.rims[office]
        desk.flush()
        sent = rim.take_spooled(desk)
        arrivals = self.transport.read(desk.positions(), 64, 0)
        desk.handle(arrivals, self.now_ms)
        return bool(rim.hand_over(desk) or sent or arrivals)

    def rest(self) -> None:
        """Let everybody work, and time pass, until nothing is under way."""
        for _ in range(ROUNDS_MAX):
            moved = [self.turn(office) for office in OFFICES]
            self.now_ms += 10
            if not any(moved):
                if self._at_rest():
                    return
                self.now_ms += RESEND_AFTER_MS_MAX + 1
        raise AssertionError("the world does not come to rest")

    def _at_rest(self) -> bool:
        ends = [end for each in self.everyone for end in each.endpoint.outgoing.values()]
        return all(end.acknowledged == end.size == end.tree.size for end in ends)

    def cross(self) -> None:
        """One person crosses, one is held, and the Vietnamese office answers."""
        self.rest()
        for row in records():
            self.submit(LA_DESK, row)
        self.rest()
        [message] = self.received(VN_DESK)
        form = (REPOSITORY / "adapters" / "vn" / "samples" / "answer.json").read_bytes()
        form = form.replace(b"00112233445566778899aabbccddeeff", message.encode())
        [answer] = self.read("vn", "answer.json", form).records
        self.submit(VN_DESK, answer)
        self.rest()

    def received(self, desk: str) -> list[str]:
        """The messages of which the office has a form; nothing else may be in its folder."""
        files = sorted((self.folder / desk).glob("*"))
        assert all(file.suffix == ".json" for file in files)
        return [file.stem for file in files]

    # -- what must be true in the end ------------------------------------------------------------

    def check(self) -> None:
        """Everything once: at its recipient and on each record; and the records agree, proved."""
        stories = [*self.sent(LA_DESK).items(), *self.sent(VN_DESK).items()]
        assert sorted(str(story["outcome"]) for _, story in stories) == [
            *["opened"] * 3,
            *["refused"] * 2,
        ]
        opened = sorted(message.hex() for message, story in stories if story["outcome"] == "opened")
        forms = {desk: self.received(desk) for desk in DESKS}
        assert {desk: len(found) for desk, found in forms.items()} == dict.fromkeys(DESKS, 1)
        for desk, found in forms.items():
            assert found == [message.hex() for message in self.inbox(desk)]
            assert self.struck[f"{desk} spool"].scan("spool", b"", b"\xff" * 32, 9) == []
        assert sorted(message for found in forms.values() for message in found) == opened
        for hop in self.hops:
            self._check_trail(hop, opened)
        for each in self.everyone:
            assert len(each.outbox) == 0
            assert each.state.scan("outbox") == each.state.scan("waiting") == []
            assert each.state.scan("evidence") == each.state.scan("handoff") == []
        self._check_names()
        self._check_audit()

    def _check_names(self) -> None:
        """Whatever was struck, no hop's disk and no parcel has a name or case number."""
        held = [parcel for parcels in self._published().values() for parcel in parcels]
        for hop in self.hops:
            store = self.struck[hop].store
            if isinstance(store, MemoryStore):
                held += [b for space in store._values.values() for kv in space.items() for b in kv]
        whole = b"\0".join(held)
        assert not [name for name in NAMES if name.encode() in whole]

    def _published(self) -> dict[Link, list[bytes]]:
        assert isinstance(self.transport, StruckTransport)
        return self.transport.transport._parcels

    def _check_trail(self, hop: str, opened: list[str]) -> None:
        ended = entries(self, hop, "released", "refused", "read", "answered")
        released = [e["message"] for e in ended if e["kind"] == "released" and e["from"] in DESKS]
        assert len(released) == len(set(released))
        assert set(opened) <= set(released)
        came = [(e["link"], e["index"]) for e in ended if "link" in e]
        went = [(e["out_link"], e["out_index"]) for e in ended if "out_link" in e]
        assert len(came) == len(set(came))
        assert len(went) == len(set(went))
        assert not entries(self, hop, "rejected", "stopped", "stubbed")

    def _check_audit(self) -> None:
        bundle, parties = signed_bundle(), party_keys()
        bundles = {bundle.digest32: bundle}
        reports = [
            (audit_hop if "HOP" in office else audit_desk)(
                self.struck[office], office, bundles, parties
            )
            for office in OFFICES
        ]
        assert [report.problems for report in reports] == [()] * len(OFFICES)
        whole = reconcile(reports)
        assert (whole.differences, whole.unsettled) == ((), ())
        # The directory lists offices that take no part here: nobody has the other end of these.
        away = draft_bundle().directory.offices.keys() - set(OFFICES)
        assert [line for line in whole.one_sided if not any(each in line for each in away)] == []
