"""Erasing what was kept long enough: all that is due at once, in one look at what a desk holds."""

from collections import Counter
from dataclasses import replace

from unit.journey.played import CASE
from world import DAY_MS, World
from xref.desk.read_form import Record
from xref.drivers.memory import MemoryStore
from xref.limits import ERASED_AT_ONCE_MAX

NRM, THERE = "LANRM001", "VNSVC001"
KEPT_DAYS = 200  # longer than this office keeps a referral


class CountedStore(MemoryStore):
    """A store that counts how often each space is looked through from its beginning."""

    def __init__(self) -> None:
        super().__init__()
        self.scans: Counter[str] = Counter()

    def scan(self, space: str, start: bytes, stop: bytes, limit: int) -> list[tuple[bytes, bytes]]:
        self.scans[space] += not start
        return super().scan(space, start, stop, limit)


def referred(people: int) -> tuple[World, CountedStore]:
    """A world in which so many people were referred, each in a case of its own."""
    store = CountedStore()
    world = World(stores={THERE: store})
    [sample] = [each for each in world.read("la", "referrals.csv").records if each.case == CASE]
    rows: list[Record] = [replace(sample, case=f"{CASE}-{number}") for number in range(people)]
    world.publish(NRM, rows)
    world.settle()
    assert len(world.inbox(THERE)) == people
    store.scans.clear()
    return world, store


def erase(world: World) -> None:
    world.now_ms += KEPT_DAYS * DAY_MS
    world.desks[THERE].tick(world.now_ms)


def test_many_due_are_erased_in_one_look_at_what_is_held() -> None:
    """Each with its case and its key, and as many looks as for one."""
    one, many = referred(1), referred(12)
    for world, store in (one, many):
        erase(world)
        assert world.inbox(THERE) == {}
        assert not any(store.scan(space, b"", b"\xff" * 40, 9) for space in ("case", "thread_case"))
    assert one[1].scans == many[1].scans


def test_more_due_than_go_at_once_go_with_the_next_turn() -> None:
    world, _ = referred(ERASED_AT_ONCE_MAX + 2)
    erase(world)
    assert len(world.inbox(THERE)) == 2
    world.desks[THERE].tick(world.now_ms)
    assert world.inbox(THERE) == {}


def test_nothing_due_looks_at_nothing_that_is_held() -> None:
    world, store = referred(1)
    world.desks[THERE].tick(world.now_ms)
    assert not store.scans.keys() & {"sent", "inbox", "case_index", "thread_case"}
