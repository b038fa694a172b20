"""Offices move from one transport to another, one by one and at any moment, and back again."""

import random
from pathlib import Path

import pytest

from simulation.carried import Carried
from world import OFFICES
from xref.drivers.memory import MemoryTransport
from xref.drivers.sqlite_transport import SqliteTransport
from xref.ports import Transport

TURNS = 60


class Moving(Carried):
    """Every office is stopped at some turn and started on the other transport; later it returns."""

    def __init__(self, folder: Path, seed: int) -> None:
        chance = random.Random(seed)
        self.ways: tuple[Transport, ...] = (SqliteTransport(folder / "way"), MemoryTransport())
        self.turns, self.moved = 0, 0
        there = [(chance.randrange(TURNS), office, 1) for office in OFFICES]
        back = [(TURNS + chance.randrange(TURNS), office, 0) for office in OFFICES]
        self.moves = sorted(there + back)
        super().__init__(folder, dict.fromkeys(OFFICES, self.ways[0]))

    def move(self, office: str, way: int) -> None:
        self.carriers[office] = self.ways[way]
        self.start(office)
        self.moved += 1

    def turn(self, office: str) -> bool:
        self.turns += 1
        while self.moves and self.moves[0][0] <= self.turns:
            _, mover, way = self.moves.pop(0)
            self.move(mover, way)
        return super().turn(office) or bool(self.moves)


@pytest.mark.parametrize("seed", range(4))
def test_nothing_is_lost_or_doubled_when_offices_move(seed: int, tmp_path: Path) -> None:
    """To a new transport, and back to the old one with all that it still holds."""
    world = Moving(tmp_path, seed)
    world.cross()
    assert world.moved == 2 * len(OFFICES)
    world.check()
    world.ways[0].close()


def test_a_position_of_another_transport_is_not_used(tmp_path: Path) -> None:
    world = Moving(tmp_path, 0)
    world.moves = []
    world.cross()
    assert any(world.hops["LAHOP001"].positions().values())
    world.move("LAHOP001", 1)
    assert not any(world.hops["LAHOP001"].positions().values())
    world.ways[0].close()
