"""A disk that goes away within a batch and comes back before the next: nothing of it is believed.

What was decided in memory and never recorded must be shown to nobody: not to the links, not to the
transport as what was read, and not to a witness, to whom another trail would be a fork later.
"""

from typing import Any

import pytest

from attacks.hostile import LA_DESK, LA_HOP, VN_DESK, VN_HOP
from simulation.test_failing_disk import BreakingStore, Trial
from world import World
from xref.errors import UnavailableError
from xref.tlog.tree import Tree
from xref.witnessing import witness_heads


class Shown:
    """A witness that notes what it is shown and is then away."""

    name = "witness"
    public = bytes(32)

    def __init__(self) -> None:
        self.notes: list[str] = []

    def cosign(self, note: str, tree: Tree) -> str:
        del tree
        self.notes.append(note)
        raise UnavailableError("away")


def gone_within_a_batch(office: str) -> tuple[Trial, Any]:
    """An office at the moment after the disk came back; it has read and decided, in memory."""
    trial = Trial()
    world = trial.world
    world.publish(LA_DESK, trial.rows)
    if office == VN_DESK:
        for hop in (LA_HOP, VN_HOP):
            turn(world, hop)
    participant = world.hops.get(office) or world.desks[office]
    kept = world.stores[office]
    arrivals = world.transport.read(participant.positions(), 100, 0)
    assert arrivals
    breaking = BreakingStore(kept, lambda _: True, durable=False)
    participant._store = breaking
    participant._load()
    with pytest.raises(UnavailableError):
        participant.handle(arrivals, world.now_ms)
    breaking.store = participant._store = kept
    return trial, participant


def turn(world: World, hop: str) -> None:
    arrivals = world.transport.read(world.hops[hop].positions(), 100, 0)
    world.hops[hop].handle(arrivals, world.now_ms)


@pytest.mark.parametrize("office", [LA_HOP, VN_DESK])
def test_disk_returns_and_nothing_that_was_not_recorded_counts_as_read(office: str) -> None:
    trial, participant = gone_within_a_batch(office)
    assert trial.world.transport.read(participant.positions(), 100, 0)
    trial.world.settle()
    assert len(trial.world.inbox(VN_DESK)) == 2


def test_disk_returns_and_a_start_records_nothing_of_before() -> None:
    trial, hop = gone_within_a_batch(LA_HOP)
    hop.start((), trial.world.now_ms)
    trial.world.settle()
    trial.check()


def test_disk_returns_and_a_witness_sees_only_what_was_recorded() -> None:
    _, hop = gone_within_a_batch(LA_HOP)
    shown = Shown()
    with pytest.raises(UnavailableError):
        witness_heads(hop, [shown])
    hop._load()
    assert shown.notes == [hop.trail.checkpoint]
