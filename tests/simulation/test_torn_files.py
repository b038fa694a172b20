"""The offices on SQLite files whose every commit is torn: they come back to before or after it."""

from pathlib import Path

import pytest

from simulation.crossing import LONG, Crossing
from simulation.torn import TearEach

SEEDS = range(12 if LONG else 3)
CUTS = 5 if LONG else 3


@pytest.mark.parametrize("seed", SEEDS)
def test_every_commit_is_torn(seed: int, tmp_path: Path) -> None:
    strike = TearEach(tmp_path / "disks", f"torn {seed}", CUTS)
    world = Crossing(tmp_path / "folders", strike, store=strike.open)
    try:
        world.cross()
        world.check()
    finally:
        for each in world.struck.values():
            each.close()
    assert strike.struck > 20
    assert min(strike.came_back.values()) > 0
