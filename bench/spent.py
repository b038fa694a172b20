"""Time spent, by the clock on the wall and by the processor."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass


@dataclass(slots=True)
class Spent:
    """Seconds; what the processor worked is less disturbed by a busy machine than the wall's."""

    wall: float = 0.0
    processor: float = 0.0

    @contextmanager
    def counting(self) -> Iterator[None]:
        """Add what the block takes."""
        wall, processor = time.perf_counter(), time.process_time()
        yield
        self.processor += time.process_time() - processor
        self.wall += time.perf_counter() - wall

    def __add__(self, other: "Spent") -> "Spent":
        return Spent(self.wall + other.wall, self.processor + other.processor)

    def best(self, other: "Spent") -> "Spent":
        """Return the least of two runs, each clock for itself."""
        return Spent(min(self.wall, other.wall), min(self.processor, other.processor))


Rounds = list[Spent]
"""What each round of a run took."""


def total(rounds: Rounds) -> Spent:
    """Return what all rounds took together."""
    return sum(rounds, start=Spent())


def best(rounds: Rounds, others: Rounds | None) -> Rounds:
    """Return the least of each round of two runs."""
    if others is None:
        return rounds
    return [one.best(other) for one, other in zip(rounds, others, strict=True)]
