"""What a link's sender has appended and its receiver has not acknowledged, in space `outbox`.

A row holds the slots that fit one parcel, under the index of the first, so that a parcel is one or
more whole rows and what is acknowledged goes by whole rows. Buckets double: what would fill less
than three quarters of a large one rather fills the one below, and the rest goes in the next parcel.
"""

from bisect import bisect_left
from collections.abc import Callable, Iterator, Sequence
from itertools import accumulate
from typing import Final

from xref.errors import EvidenceError
from xref.limits import BATCH_MESSAGES_MAX, CHECKPOINT_BYTES_MAX, PARCEL_BUCKETS
from xref.state import State
from xref.value import value
from xref.wire.envelope import Slot, peek_header, read_slots
from xref.wire.header import Header
from xref.wire.parcel import PAYLOAD_BYTES_MAX

_SPLIT_BYTES: Final = 128 * 1024  # a smaller parcel costs more in signatures than it saves in bytes
_HEAD_BYTES_MAX: Final = 8 + 2 + CHECKPOINT_BYTES_MAX + 2
_ROOM_BYTES: Final = PAYLOAD_BYTES_MAX - _HEAD_BYTES_MAX
_TIME_BYTES: Final = 8
_ITEM_HEAD_BYTES: Final = _TIME_BYTES + 32 + 4
_ROWS_KNOWN_MAX: Final = 64


def indexed(name: str, index: int) -> bytes:
    """Return the key of a link's item by its index."""
    return name.encode() + b"\0" + index.to_bytes(8)


@value(frozen=True, slots=True)
class Queued:
    """A slot to append, with the time after which its content may no longer go out (Unix ms)."""

    slot: Slot
    expires_ms: int


class Backlog:
    """The unacknowledged slots of one link."""

    def __init__(self, state: State, link: str) -> None:
        """Use the rows of the link of that name.

        `_fresh` holds slots that this batch is going to send, `_whole` the sizes of rows without
        a stub, so that neither needs to be read for being sent or acknowledged.
        """
        self._state = state
        self._link = link
        self._fresh: dict[int, tuple[int, list[Slot]]] = {}
        self._whole: dict[int, int] = {}

    def append(self, first: int, queued: Sequence[Queued]) -> None:
        """Keep slots, the first of which is number `first` of the link's log."""
        start = 0
        while start < len(queued):
            stop = start + _that_fit(queued[start : start + BATCH_MESSAGES_MAX])
            row = queued[start:stop]
            self._put(first + start, row)
            self._keep_fresh(first + start, row)
            start = stop

    def _keep_fresh(self, first: int, row: Sequence[Queued]) -> None:
        """Hold what will be sent with this batch; what has to wait for long is read again."""
        if len(self._fresh) >= _ROWS_KNOWN_MAX:
            self._fresh.clear()
        if len(self._whole) >= _ROWS_KNOWN_MAX:
            self._whole.clear()
        if not any(each.slot.is_stub for each in row):
            self._whole[first] = len(row)
        earliest_ms = min([each.expires_ms for each in row])
        self._fresh[first] = earliest_ms, [each.slot for each in row]

    def parcel(self, first: int, size: int, now_ms: int) -> tuple[Slot, ...]:
        """Return the slots from number `first` that one parcel takes, of a log of `size` slots.

        Content past its time goes out as a stub.
        """
        slots = self._slots(first, now_ms)
        while (stop := first + len(slots)) < size:
            more = slots + self._slots(stop, now_ms)
            if len(more) > BATCH_MESSAGES_MAX or _filled([slot.size for slot in more]) < len(more):
                break
            slots = more
        for index in [index for index in self._fresh if index < stop]:
            del self._fresh[index]
        return tuple(slots)

    def _slots(self, index: int, now_ms: int) -> list[Slot]:
        """Return the slots of the row that holds number `index`, from there on."""
        earliest_ms, fresh = self._fresh.get(index, (0, []))
        if now_ms < earliest_ms:
            return fresh
        first, row = index, self._state.get("outbox", indexed(self._link, index))
        if row is None:
            first, row = self._row_around(index)
        queued = parse_row(row)
        if any(each.expires_ms <= now_ms and not each.slot.is_stub for each in queued):
            queued = [_emptied(each) if each.expires_ms <= now_ms else each for each in queued]
            self._put(first, queued)
        return [each.slot for each in queued[index - first :]]

    def _row_around(self, index: int) -> tuple[int, bytes]:
        """Return the row with number `index` in its middle, where a receiver acknowledged so."""
        low = indexed(self._link, max(0, index - BATCH_MESSAGES_MAX))
        for key, row in reversed(
            self._state.scan("outbox", start=low, stop=indexed(self._link, index))
        ):
            first = int.from_bytes(key[-8:])
            if index < first + len(parse_row(row)):
                return first, row
        message = f"{self._link}: the outbox lacks unacknowledged slot {index}"
        raise EvidenceError(message)

    def _put(self, first: int, queued: Sequence[Queued]) -> None:
        row = b"".join(
            [part for each in queued for part in (each.expires_ms.to_bytes(8), *each.slot.parts())]
        )
        self._state.put("outbox", indexed(self._link, first), row)
        self._forget(first)

    def _forget(self, first: int) -> None:
        self._fresh.pop(first, None)
        self._whole.pop(first, None)

    def _rows(self, first: int, stop: int) -> Iterator[tuple[int, bytes]]:
        """Yield the rows from the one that holds number `first`, each with its first index.

        A receiver that is away for long leaves more than fits into memory: a few are read at once.
        """
        low = max(0, first - BATCH_MESSAGES_MAX + 1)
        start, end = indexed(self._link, low), indexed(self._link, stop)
        while found := self._state.scan("outbox", start=start, stop=end, limit=_ROWS_KNOWN_MAX):
            yield from [(int.from_bytes(key[-8:]), row) for key, row in found]
            start = found[-1][0] + b"\0"

    def acknowledge(self, first: int, stop: int) -> dict[int, bool]:
        """Return which slots from `first` up to `stop` went out as stubs, by index.

        The rows that end by then are removed.
        """
        done: dict[int, bool] = {}
        for start, stubs in self._known(first, stop) or (
            (start, _stubs(row)) for start, row in self._rows(first, stop)
        ):
            if start + len(stubs) <= stop:
                self._state.delete("outbox", indexed(self._link, start))
                self._forget(start)
            done.update(enumerate(stubs, start))
        return {index: is_stub for index, is_stub in done.items() if first <= index < stop}

    def _known(self, first: int, stop: int) -> list[tuple[int, list[bool]]]:
        """Return all the rows from `first` up to `stop`, if none of them needs to be read."""
        rows = []
        while first < stop and first in self._whole:
            rows.append((first, [False] * self._whole[first]))
            first += self._whole[first]
        return rows if first == stop else []

    def empty(
        self, first: int, stop: int, matches: Callable[[Header], bool]
    ) -> list[tuple[int, Header]]:
        """Empty the slots whose headers match; return their indexes and headers."""
        emptied: list[tuple[int, Header]] = []
        for start, row in self._rows(first, stop):
            queued = parse_row(row)
            headers = {
                place: peek_header(each.slot.envelope)
                for place, each in enumerate(queued)
                if start + place >= first and not each.slot.is_stub
            }
            matching = {place: header for place, header in headers.items() if matches(header)}
            if matching:
                kept = [_emptied(e) if place in matching else e for place, e in enumerate(queued)]
                self._put(start, kept)
                emptied += [(start + place, header) for place, header in matching.items()]
        return emptied


def _emptied(queued: Queued) -> Queued:
    return Queued(Slot(queued.slot.release, b""), queued.expires_ms)


def parse_row(row: bytes) -> list[Queued]:
    """Return the slots of a row in space `outbox`."""
    queued: list[Queued] = []
    start = 0
    while start < len(row):
        expires_ms = int.from_bytes(row[start : start + _TIME_BYTES])
        (slot,), start = read_slots(row, start + _TIME_BYTES, 1)
        queued.append(Queued(slot, expires_ms))
    return queued


def _stubs(row: bytes) -> list[bool]:
    """Return for each slot of a row whether its content is gone."""
    stubs: list[bool] = []
    stop = 0
    while stop < len(row):
        start = stop + _ITEM_HEAD_BYTES
        length = int.from_bytes(row[start - 4 : start])
        stubs.append(length == 0)
        stop = start + length
    return stubs


def _that_fit(queued: Sequence[Queued]) -> int:
    """Return how many of the first slots make one parcel."""
    return _filled([each.slot.size for each in queued])


def _filled(sizes: Sequence[int]) -> int:
    """Return how many of the first slots make a parcel that is little padding, one at least."""
    ends = list(accumulate(sizes))
    fitting = max(1, bisect_left(ends, _ROOM_BYTES + 1))
    needed = ends[fitting - 1] + _HEAD_BYTES_MAX
    place = bisect_left(PARCEL_BUCKETS, needed)
    if needed <= _SPLIT_BYTES or place == len(PARCEL_BUCKETS):
        return fitting
    if 4 * needed > 3 * PARCEL_BUCKETS[place]:
        return fitting
    below = bisect_left(ends, PARCEL_BUCKETS[place - 1] - _HEAD_BYTES_MAX + 1)
    return below or fitting
