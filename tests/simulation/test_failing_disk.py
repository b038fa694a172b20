"""A disk that fails at each commit and a transport that fails at each publish.

Whichever office it strikes, whether the failed write became durable or not, and whether the office
goes on or is restarted: each message is delivered once and on the record once.
"""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from functools import cache

import pytest

from attacks.hostile import LA_DESK, LA_HOP, VN_DESK, VN_HOP, entries, records, referral
from simulation.crossing import StruckTransport
from unit.shards.sharded import case_on
from world import OFFICES, World
from xref.desk.desk import Desk
from xref.drivers.memory import MemoryStore, MemoryTransport
from xref.errors import UnavailableError
from xref.hop import Hop
from xref.limits import RESEND_AFTER_MS_MAX
from xref.ports import Store, Transport, Write

ROWS = [records()[0], records()[1], referral("case-3")]
OPENED, REFUSED = 3, 2


@dataclass
class FailingStore:
    """A store whose n-th commits fail, `durable` or not."""

    store: Store
    fails_at: Callable[[int], bool]
    durable: bool
    commits: int = 0
    failed: int = 0

    def get(self, space: str, key: bytes) -> bytes | None:
        return self.store.get(space, key)

    def find(self, space: str, keys: Collection[bytes]) -> dict[bytes, bytes]:
        return self.store.find(space, keys)

    def scan(self, space: str, start: bytes, stop: bytes, limit: int) -> list[tuple[bytes, bytes]]:
        return self.store.scan(space, start, stop, limit)

    def commit(self, writes: Sequence[Write]) -> None:
        self.commits += 1
        fails = self.fails_at(self.commits)
        if not fails or self.durable:
            self.store.commit(writes)
        if fails:
            self.failed += 1
            raise UnavailableError("the disk failed")

    def close(self) -> None:
        self.store.close()


class UnreadableStore(MemoryStore):
    """A store on a disk that is gone."""

    def find(self, space: str, keys: Collection[bytes]) -> dict[bytes, bytes]:
        del space, keys
        raise UnavailableError("the disk is gone")

    def get(self, space: str, key: bytes) -> bytes | None:
        del space, key
        raise UnavailableError("the disk is gone")


class BreakingStore(FailingStore):
    """A store whose first commit is the last thing that its disk is asked."""

    def commit(self, writes: Sequence[Write]) -> None:
        del writes
        self.store = UnreadableStore()
        raise UnavailableError("the disk is gone")


def publish_what_waits(participant: Hop | Desk) -> None:
    """Do what every process does at the top of its loop."""
    if isinstance(participant, Hop):
        participant.publish()
    else:
        participant.flush()


class Trial:
    """A world in which a failure may come at any write from now on."""

    def __init__(
        self, transport: Transport | None = None, *, restarts: bool = False, shards: int = 1
    ) -> None:
        self.world = World(transport or MemoryTransport(), shards=shards)
        self.world.settle()
        self.names = [name for office in OFFICES for name in self._names(office)]
        self.restarts = restarts
        self.rows = ROWS
        if shards > 1:
            self._spread(shards)

    def _spread(self, shards: int) -> None:
        """Have the rows' cases begin on all shards, durably, before anything fails."""
        places = [case_on(self.world, LA_DESK, place % shards) for place, _ in enumerate(ROWS)]
        self.rows = [replace(row, case=case) for row, case in zip(ROWS, places, strict=True)]
        self.world.desks[LA_DESK].state.commit()

    def strike(
        self, office: str, fails_at: Callable[[int], bool], *, durable: bool
    ) -> FailingStore:
        """Give an office a disk that fails; it knows nothing of it."""
        failing = FailingStore(self.world.stores[office], fails_at, durable)
        self.world.stores[office] = failing
        participant = self.world.hops.get(office) or self.world.desks[office]
        participant._store = failing
        participant._load()
        return failing

    def _names(self, office: str) -> list[str]:
        """The names of an office in the world: a hop's has the shard, after the first."""
        return [n for n in self.world.stores if n.partition("/")[0] == office]

    def attempt(self, office: str, act: Callable[[], object]) -> None:
        """Do something until it works, as an office's process does."""
        for _ in range(20):
            try:
                act()
            except UnavailableError:
                if self.restarts:
                    self._restart(office)
            else:
                return
        raise AssertionError("it never works")

    def _restart(self, office: str) -> None:
        for _ in range(20):
            try:
                self.world.start(office)
            except UnavailableError:
                continue
            return
        raise AssertionError("it never starts")

    def run(self) -> None:
        """Publish the rows, and let everybody read until nothing is under way."""
        world = self.world
        keyed = [(b"row %d" % n, row) for n, row in enumerate(self.rows)]
        self.attempt(LA_DESK, lambda: world.desks[LA_DESK].publish(keyed, world.now_ms))
        for _ in range(8):
            self._settle()
            world.now_ms += RESEND_AFTER_MS_MAX + 1
            for office in self.names:
                self.attempt(office, lambda o=office: self._of(o).tick(world.now_ms))  # type: ignore[misc] # bound now
        self._settle()

    def _of(self, office: str) -> Hop | Desk:
        return self.world.hops.get(office) or self.world.desks[office]

    def _settle(self) -> None:
        for _ in range(60):
            moved = [self._turn(office) for office in self.names]
            if not any(moved):
                return
            self.world.now_ms += 10
        raise AssertionError("the world does not come to rest")

    def _turn(self, office: str) -> bool:
        moved = False

        def read() -> None:
            nonlocal moved
            participant = self.world.hops.get(office) or self.world.desks[office]
            publish_what_waits(participant)
            arrivals = self.world.transport.read(participant.positions(), 64, 0)
            if arrivals:
                moved = True
                participant.handle(arrivals, self.world.now_ms)

        self.attempt(office, read)
        return moved

    def check(self) -> None:
        """Each message once: at the desks abroad, on both trails, and answered."""
        world = self.world
        stories = world.sent(LA_DESK).values()
        found = sorted(str(story["outcome"]) for story in stories)
        assert found == ["opened"] * OPENED + ["refused"] * REFUSED
        received = [*world.inbox(VN_DESK), *world.inbox("VNSVC001")]
        assert len(received) == OPENED
        for hop, refused in ((LA_HOP, REFUSED), (VN_HOP, 0)):
            kept = [entry for name in self._names(hop) for entry in entries(world, name)]
            messages = [
                e["message"]
                for e in kept
                if e["kind"] == "released" and e["from"] == LA_DESK and "VN" in e["to"]
            ]
            assert sorted(messages) == sorted(message.hex() for message in received)
            kinds = [entry["kind"] for entry in kept]
            assert kinds.count("refused") == refused
            assert not {"rejected", "stopped"} & set(kinds)
        for each in world.everyone:
            for end in each.endpoint.outgoing.values():
                assert end.acknowledged == end.size == end.tree.size
            assert len(each.outbox) == 0
            assert each.state.scan("outbox") == []


@cache
def undisturbed() -> tuple[dict[str, int], int]:
    """How often each office commits, and how often all publish, when nothing fails."""
    transport = StruckTransport(lambda _: False, 0)
    trial = Trial(transport)
    before = transport.publishes
    counted = {office: trial.strike(office, lambda _: False, durable=True) for office in OFFICES}
    trial.run()
    trial.check()
    return {o: store.commits for o, store in counted.items()}, transport.publishes - before


def test_undisturbed() -> None:
    commits, publishes = undisturbed()
    assert min(commits.values()) >= 2
    assert publishes > 10


@pytest.mark.parametrize("durable", [False, True], ids=["before it was durable", "after"])
@pytest.mark.parametrize("office", [LA_DESK, LA_HOP, VN_HOP, VN_DESK])
def test_restart_at_each_commit(office: str, durable: bool) -> None:
    commits, _ = undisturbed()
    for number in range(1, min(commits[office], 6) + 1):
        trial = Trial(restarts=True)
        failing = trial.strike(office, lambda n, at=number: n == at, durable=durable)  # type: ignore[misc] # bound now
        trial.run()
        assert failing.failed == 1
        trial.check()


@pytest.mark.parametrize("durable", [False, True], ids=["before it was durable", "after"])
def test_restart_at_each_commit_of_a_desk_with_two_shards(durable: bool) -> None:
    """One commit of a desk has both links' parcels: they go out, or are made again, together."""
    for number in range(1, 4):
        trial = Trial(restarts=True, shards=2)
        failing = trial.strike(LA_DESK, lambda n, at=number: n == at, durable=durable)  # type: ignore[misc] # bound now
        trial.run()
        assert failing.failed == 1
        trial.check()
        desk = trial.world.desks[LA_DESK]
        assert all(end.size for end in desk.endpoint.outgoing.values()), "both were used"


@pytest.mark.parametrize("restarts", [False, True], ids=["goes on", "restarts"])
@pytest.mark.parametrize("durable", [False, True], ids=["before it was durable", "after"])
@pytest.mark.parametrize("every", [2])
def test_every_disk_fails_again_and_again(every: int, durable: bool, restarts: bool) -> None:
    trial = Trial(restarts=restarts)
    failing = [
        trial.strike(office, lambda n: n % every == 1 and n < 9, durable=durable)
        for office in OFFICES
    ]
    trial.run()
    assert all(store.failed for store in failing)
    trial.check()


@pytest.mark.parametrize("share", [0.0, 0.5, 1.0], ids=["none", "half", "all"])
def test_restart_at_each_publish(share: float) -> None:
    _, publishes = undisturbed()
    for number in range(1, publishes + 1, 3 if share == 0.5 else 5):
        transport = StruckTransport(lambda _: False, share)
        trial = Trial(transport, restarts=True)
        already = transport.publishes
        transport.fails_at = lambda n, at=already + number: n == at  # type: ignore[misc] # bound now
        trial.run()
        assert transport.failed == 1
        trial.check()


@pytest.mark.parametrize("restarts", [False, True], ids=["goes on", "restarts"])
@pytest.mark.parametrize("share", [0.0, 0.5, 1.0], ids=["none", "half", "all"])
def test_transport_fails_again_and_again(share: float, restarts: bool) -> None:
    transport = StruckTransport(lambda _: False, share)
    trial = Trial(transport, restarts=restarts)
    already = transport.publishes
    transport.fails_at = lambda n: n % 3 != 0 and n < already + 24
    trial.run()
    assert transport.failed > 10
    trial.check()


def test_long_outage_queues_one_batch() -> None:
    """While the transport is away an office keeps one batch in memory and takes no other."""
    transport = StruckTransport(lambda _: False, 0)
    trial = Trial(transport)
    world = trial.world
    world.publish(LA_DESK, list(ROWS))
    arrivals = transport.read(world.hops[LA_HOP].positions(), 64, 0)
    transport.fails_at = lambda _: True
    hop = world.hops[LA_HOP]
    sizes = set()
    for _ in range(200):
        with pytest.raises(UnavailableError):
            hop.handle(arrivals, world.now_ms)
        sizes.add((len(hop.outbox), hop.trail.size))
        world.now_ms += 60_000
    assert len(sizes) == 1
    transport.fails_at = lambda _: False
    hop.publish()
    trial._settle()
    assert len(world.inbox(VN_DESK)) == 2


def test_state_that_cannot_be_read_again_is_not_half_used() -> None:
    """A batch failed and loading fails as well: nothing more is done until the disk is back."""
    trial = Trial()
    world = trial.world
    failing = trial.strike(LA_HOP, lambda n: n == 1, durable=False)
    world.publish(LA_DESK, list(ROWS))
    hop = world.hops[LA_HOP]
    arrivals = world.transport.read(hop.positions(), 64, 0)
    kept = failing.store

    breaking = BreakingStore(kept, lambda _: True, durable=False)
    hop._store = breaking
    hop._load()
    for _ in range(3):
        with pytest.raises(UnavailableError):
            hop.handle(arrivals, world.now_ms)
    hop._store = kept
    assert hop.handle(arrivals, world.now_ms).released == OPENED
    world.stores[LA_HOP] = kept
    trial._settle()
    trial.check()
