"""Offices move from one transport to another, one by one and at any moment, and back again."""

import random
from pathlib import Path

import pytest

from simulation.crossing import Crossing, Strike
from world import OFFICES
from xref.drivers.memory import MemoryTransport
from xref.drivers.sqlite_transport import SqliteTransport
from xref.ports import Transport

MOVES_UNTIL_TURN = 60


class Moving(Crossing):
    """A crossing in which every office is stopped at some turn and started on another transport."""

    def __init__(self, folder: Path, seed: int) -> None:
        chance = random.Random(seed)
        ways: tuple[Transport, ...] = (SqliteTransport(folder / "transport"), MemoryTransport())
        self.ways, self.turns, self.moved = ways, 0, 0
        self.on = dict.fromkeys(OFFICES, 0)
        self.moves = sorted((chance.randrange(MOVES_UNTIL_TURN), office) for office in OFFICES)
        self.moves += [
            (turn + MOVES_UNTIL_TURN + chance.randrange(30), office) for turn, office in self.moves
        ]
        super().__init__(folder, Strike())

    def start(self, office: str) -> None:
        self.transport = self.ways[self.on[office]]
        super().start(office)

    def turn(self, office: str) -> bool:
        self.turns += 1
        for move in [move for move in self.moves if move[0] <= self.turns]:
            self.moves.remove(move)
            self.on[move[1]] = 1 - self.on[move[1]]
            self.start(move[1])
            self.moved += 1
        self.transport = self.ways[self.on[office]]
        return super().turn(office) or bool(self.moves)


@pytest.mark.parametrize("seed", range(4))
def test_nothing_is_lost_or_doubled_when_offices_move(seed: int, tmp_path: Path) -> None:
    """To a new transport, and back to the old one with all that it still holds."""
    world = Moving(tmp_path, seed)
    world.cross()
    world.rest()
    assert world.moved == 2 * len(OFFICES)
    world.check()
    world.ways[0].close()


def test_a_position_of_another_transport_is_not_used(tmp_path: Path) -> None:
    world = Moving(tmp_path, 0)
    world.moves = []
    world.cross()
    hop = world.hops["LAHOP001"]
    before = hop.positions()
    assert all(position > 0 for link, position in before.items() if link.sender in OFFICES)
    world.on["LAHOP001"] = 1
    world.start("LAHOP001")
    assert set(world.hops["LAHOP001"].positions().values()) == {0}
    world.ways[0].close()
