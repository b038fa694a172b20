"""One measurement: rounds of a batch through all four offices, and the floor of each."""

import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Final

from bench.floor import Floor, Recording, Turn
from bench.spent import Rounds, Spent, best, total
from bench.world import ORIGIN, RECEIVING, RECIPIENT, SENDER, World, records
from xref.wire.office import Link

SEAL: Final = "desk, sealing"
OPEN: Final = "desk, opening"
HOP_ORIGIN: Final = "origin hop"
HOP_RECEIVING: Final = "receiving hop"
RECEIPTS: Final = "desk, receipts"
WORK: Final = (SEAL, HOP_ORIGIN, HOP_RECEIVING, OPEN, RECEIPTS)
ONE_WAY: Final = {HOP_ORIGIN: "origin, one way", HOP_RECEIVING: "receiving, one way"}
"""The hops' work on the referrals alone, when what comes back is handled in turns of its own."""
LEGS: Final = (Link(SENDER, ORIGIN), Link(ORIGIN, RECEIVING), Link(RECEIVING, RECIPIENT))
_WARM_UP: Final = 2


@dataclass(slots=True)
class Measured:
    """What each work and its floor took at best, and one run's bytes, for `messages` messages.

    At best is each round's least of all runs: a round that another program disturbed counts for
    neither the work nor its floor.
    """

    batch: int
    messages: int
    spent: dict[str, Rounds] = field(default_factory=dict)
    computing: dict[str, Rounds] = field(default_factory=dict)
    writing: dict[str, Rounds] = field(default_factory=dict)
    leg_bytes: dict[str, int] = field(default_factory=dict)
    all_bytes: int = 0

    @property
    def total(self) -> Spent:
        """What all offices took together, one after the other."""
        return sum((total(self.spent[work]) for work in WORK), start=Spent())


def measure(batch: int, rounds: int, repeats: int, *, one_way: bool = False) -> Measured:
    """Run `repeats` times and keep the best time of each round of each work and of its floor.

    With `one_way` also what `ONE_WAY` names, in runs of their own.
    """
    measured = Measured(batch, batch * rounds)
    for apart in (True, False) if one_way else (False,):
        names = ONE_WAY if apart else {work: work for work in WORK}
        turns = _recorded(batch, rounds, one_way=apart)
        for _ in range(repeats):
            spent = _run(measured, batch, rounds, one_way=apart)
            for work, name in names.items():
                measured.spent[name] = best(spent[work], measured.spent.get(name))
                computing, writing = _floor(turns[work])
                measured.computing[name] = best(computing, measured.computing.get(name))
                measured.writing[name] = best(writing, measured.writing.get(name))
    return measured


def _floor(turns: list[Turn]) -> tuple[Rounds, Rounds]:
    with tempfile.TemporaryDirectory() as folder:
        floor = Floor(turns, Path(folder) / "floor.sqlite")
        try:
            return floor.run()
        finally:
            floor.close()


def _run(measured: Measured, batch: int, rounds: int, *, one_way: bool) -> dict[str, Rounds]:
    """Return what each round of each work took."""
    spent: dict[str, Rounds] = {work: [] for work in WORK}

    def timed(work: str, call: Callable[[], object]) -> None:
        spent[work].append(Spent())
        with spent[work][-1].counting():
            call()

    with tempfile.TemporaryDirectory() as folder:
        world = World(Path(folder))
        rounds_of(world, batch, _WARM_UP, 0, lambda _, call: call())
        before = _bytes(world)
        rounds_of(world, batch, rounds, _WARM_UP * batch, timed, one_way=one_way)
        after = _bytes(world)
        _check(world, batch * (rounds + _WARM_UP))
    sent = {link: after[link] - before.get(link, 0) for link in after}
    measured.leg_bytes = {f"{leg.sender} to {leg.receiver}": sent[leg] for leg in LEGS}
    measured.all_bytes = sum(sent.values())
    return spent


def _recorded(batch: int, rounds: int, *, one_way: bool) -> dict[str, list[Turn]]:
    """Return what each work did in each round of a run of its own."""
    recording = Recording()
    turns: dict[str, list[Turn]] = {work: [] for work in WORK}

    def noted(work: str, call: Callable[[], object]) -> None:
        recording.turn = Turn()
        call()
        turns[work].append(recording.turn)
        recording.turn = None

    with tempfile.TemporaryDirectory() as folder, recording.listening():
        world = World(Path(folder), recording.store)
        rounds_of(world, batch, _WARM_UP, 0, lambda _, call: call())
        rounds_of(world, batch, rounds, _WARM_UP * batch, noted, one_way=one_way)
        _check(world, batch * (rounds + _WARM_UP))
    return turns


def rounds_of(
    world: World,
    batch: int,
    rounds: int,
    first: int,
    each: Callable[[str, Callable[[], object]], object],
    *,
    one_way: bool = False,
) -> None:
    """Refer `batch` persons a round; everybody takes one turn, receipts come back meanwhile.

    With `one_way`, hops take what came back in a turn of its own, which is not passed to `each`.
    """
    for number in range(rounds):
        rows = records(batch, first + number * batch)
        world.now_ms += 10
        each(SEAL, partial(world.desk.publish, rows, world.now_ms))
        for work, leg in zip((HOP_ORIGIN, HOP_RECEIVING), LEGS[:2], strict=True):
            each(work, world.take(leg.receiver, leg.sender if one_way else ""))
            if one_way:
                world.take(leg.receiver)()
        each(OPEN, world.take(RECIPIENT))
        each(RECEIPTS, world.take(SENDER))


def _bytes(world: World) -> dict[Link, int]:
    """Return the bytes published so far, by link."""
    links = [link for leg in LEGS for link in (leg, leg.back)]
    return {
        link: sum(len(each.parcel) for each in world.transport.read({link: 0}, 2**31, 0))
        for link in links
    }


def _check(world: World, expected: int) -> None:
    """Refuse a measurement of something that did not arrive."""
    opened = world.opened()
    world.close()
    if opened != expected:
        raise RuntimeError(f"{opened} messages of {expected} were opened")
