"""A receiver that is away for long: what waits for it is looked through a few rows at a time."""

import pytest

from xref.backlog import Backlog, Queued
from xref.drivers.memory import MemoryStore
from xref.state import State
from xref.wire.envelope import Slot

LINK, ROWS = "xref/link/v1/LAHOP001/VNHOP001/0", 300
AT_ONCE = 64


class ReadStore(MemoryStore):
    """Notes how many rows it was asked for at once."""

    def __init__(self) -> None:
        super().__init__()
        self.most = 0

    def scan(self, space: str, start: bytes, stop: bytes, limit: int) -> list[tuple[bytes, bytes]]:
        found = super().scan(space, start, stop, limit)
        self.most = max(self.most, len(found))
        return found


@pytest.fixture
def waiting() -> tuple[ReadStore, Backlog]:
    store = ReadStore()
    state = State(store)
    backlog = Backlog(state, LINK)
    for first in range(ROWS):
        backlog.append(first, [Queued(Slot(bytes(32), b""), 0)])
    state.commit()
    return store, Backlog(State(store), LINK)


def test_what_waits_is_looked_through_a_few_rows_at_a_time(
    waiting: tuple[ReadStore, Backlog],
) -> None:
    store, backlog = waiting
    assert backlog.empty(0, ROWS, lambda _: True) == []
    assert store.most <= AT_ONCE


def test_all_that_waited_is_acknowledged_a_few_rows_at_a_time(
    waiting: tuple[ReadStore, Backlog],
) -> None:
    store, backlog = waiting
    assert backlog.acknowledge(0, ROWS) == dict.fromkeys(range(ROWS), True)
    assert store.most <= AT_ONCE
    assert backlog.acknowledge(0, ROWS) == {}
