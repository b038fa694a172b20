"""What a hop remembers of messages that have passed: rows and bytes for each thousand."""

import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from bench.measure import rounds_of
from bench.world import ORIGIN, RECEIVING, World

SPACES: Final = ("message", "scope", "released", "expiry")
_BATCH: Final = 64


@dataclass(frozen=True, slots=True)
class Remembered:
    """What one hop has in one space after `messages` messages; bytes of keys and values."""

    hop: str
    space: str
    messages: int
    rows: int
    size: int

    @property
    def rows_each_thousand(self) -> float:
        """Rows for each thousand messages."""
        return 1_000 * self.rows / self.messages

    @property
    def bytes_each_thousand(self) -> float:
        """Bytes for each thousand messages."""
        return 1_000 * self.size / self.messages


def run(messages: int) -> list[Remembered]:
    """Send about so many referrals, each on a sharing consent of its own; look at both hops."""
    rounds = max(1, messages // _BATCH)
    found = []
    with tempfile.TemporaryDirectory() as folder:
        world = World(Path(folder))
        rounds_of(world, _BATCH, rounds, 0, _call)
        world.settle()
        for name, office in (("origin", ORIGIN), ("receiving", RECEIVING)):
            for space in SPACES:
                rows = world.offices[office].state.scan(space)
                size = sum(len(key) + len(value) for key, value in rows)
                found.append(Remembered(name, space, rounds * _BATCH, len(rows), size))
        world.close()
    return found


def _call(_work: str, call: Callable[[], object]) -> None:
    call()


def lines(found: list[Remembered]) -> list[str]:
    """Return a table."""
    return [
        "what a hop remembers, for each 1,000 messages:",
        f"{'hop':<11}{'space':<10}{'rows':>9}{'bytes':>11}",
        *(
            f"{each.hop:<11}{each.space:<10}"
            f"{each.rows_each_thousand:>9,.0f}{each.bytes_each_thousand:>11,.0f}"
            for each in found
        ),
    ]
