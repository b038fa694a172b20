"""Very many messages through the four offices, to see whether memory and cost stay the same.

The rounds are those of `bench.measure`; the transport forgets what everybody has read, as nothing
else would keep a million messages out of this process's memory.
"""

import resource
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from bench.measure import WORK, rounds_of
from bench.spent import Spent
from bench.world import OFFICES, World
from xref.drivers.memory import MemoryTransport
from xref.ports import Arrival, Outbound
from xref.wire.key import SigningKey, verify
from xref.wire.office import Link

_BATCH: Final = 64
_STEPS: Final = 10
_KIB: Final = 1024
_VERIFICATIONS: Final = 2000


class ForgettingTransport(MemoryTransport):
    """Parcels that have one reader each: what was read once is read no more."""

    def __init__(self) -> None:
        """Begin empty."""
        super().__init__()
        self._waiting: dict[Link, list[Arrival]] = {}
        self._published: dict[Link, int] = {}

    def publish(self, parcels: Sequence[Outbound]) -> None:
        """Append the parcels to their links."""
        for each in parcels:
            position = self._published[each.link] = self._published.get(each.link, 0) + 1
            arrival = Arrival(each.link, position, each.parcel)
            self._waiting.setdefault(each.link, []).append(arrival)

    def read(self, after: Mapping[Link, int], limit: int, wait_seconds: float) -> Sequence[Arrival]:
        """Return what is behind the given positions and forget what is not."""
        del wait_seconds
        for link, position in after.items():
            kept = [each for each in self._waiting.get(link, ()) if each.position > position]
            self._waiting[link] = kept
        return [each for link in after for each in self._waiting[link]][:limit]


@dataclass(frozen=True, slots=True)
class Step:
    """A tenth of the run: what each work took, and how large process and stores are by then."""

    messages: int
    spent: dict[str, Spent]
    resident_kib: int
    store_bytes: dict[str, int]
    verification_us: float
    """What one signature took meanwhile: how fast this machine was, with all else it had to do."""


def run(messages: int) -> list[Step]:
    """Send about that many; return what each tenth of them took, and tell of each on stderr."""
    steps: list[Step] = []
    with tempfile.TemporaryDirectory() as folder:
        world = World(Path(folder), transport=ForgettingTransport())
        first = 0
        for number in range(_STEPS):
            spent = {work: Spent() for work in WORK}

            def timed(
                work: str, call: Callable[[], object], spent: dict[str, Spent] = spent
            ) -> None:
                with spent[work].counting():
                    call()

            began, until = first, messages * (number + 1) // _STEPS
            while first < until:
                rounds_of(world, _BATCH, 1, first, timed)
                first += _BATCH
            sizes = {o: (Path(folder) / f"{o}.sqlite").stat().st_size for o in OFFICES}
            steps.append(Step(first - began, spent, _resident_kib(), sizes, _verification_us()))
            sys.stderr.write(lines(steps)[-1] + "\n")
        opened = world.opened()
        world.close()
    if opened != first:
        raise RuntimeError(f"{opened} messages of {first} were opened")
    return steps


def _verification_us() -> float:
    """Return the processor time of one signature verification, the mean of many."""
    key = SigningKey(bytes(32))
    signature = key.sign(b"as fast as this machine is now")
    spent = Spent()
    with spent.counting():
        for _ in range(_VERIFICATIONS):
            verify(key.public.public, signature, b"as fast as this machine is now")
    return 1e6 * spent.processor / _VERIFICATIONS


def _resident_kib() -> int:
    """Return the memory that the process holds now, or the most it held where that is not told."""
    try:
        pages = int(Path("/proc/self/statm").read_text("ascii").split()[1])
    except OSError:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return pages * resource.getpagesize() // _KIB


def lines(steps: Sequence[Step]) -> list[str]:
    """Return a table: a row a tenth, processor time a message by office."""
    head = f"{'messages so far':>16}" + "".join(f"{work.split(', ')[-1]:>15}" for work in WORK)
    rows, total = [head + f"{'verify':>10}{'memory MiB':>12}{'stores MiB':>12}"], 0
    for step in steps:
        total += step.messages
        spent = "".join(
            f"{1e6 * step.spent[work].processor / step.messages:>12,.0f} us" for work in WORK
        )
        stores = sum(step.store_bytes.values()) / _KIB / _KIB
        spent += f"{step.verification_us:>7,.0f} us"
        rows.append(f"{total:>16,}{spent}{step.resident_kib / _KIB:>12,.0f}{stores:>12,.0f}")
    return rows
