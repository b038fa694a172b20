"""A store and a transport in memory, for trying things out and for simulations."""

import time
from bisect import bisect_left, insort
from collections.abc import Collection, Mapping, Sequence
from threading import Condition

from xref.errors import UnavailableError
from xref.ports import Arrival, Outbound, Write
from xref.wire.office import Link


class MemoryStore:
    """A `Store` that lasts as long as the object."""

    def __init__(self) -> None:
        """Begin empty."""
        self._values: dict[str, dict[bytes, bytes]] = {}
        self._keys: dict[str, list[bytes]] = {}

    def get(self, space: str, key: bytes) -> bytes | None:
        """Return the value of a key."""
        return self._values.get(space, {}).get(key)

    def find(self, space: str, keys: Collection[bytes]) -> dict[bytes, bytes]:
        """Return the values of those of `keys` that are there."""
        found = {key: self.get(space, key) for key in keys}
        return {key: value for key, value in found.items() if value is not None}

    def scan(self, space: str, start: bytes, stop: bytes, limit: int) -> list[tuple[bytes, bytes]]:
        """Return up to `limit` (key, value) pairs with start <= key < stop, ascending."""
        keys, values = self._keys.get(space, []), self._values.get(space, {})
        first = bisect_left(keys, start)
        last = min(bisect_left(keys, stop), first + limit)
        return [(key, values[key]) for key in keys[first:last]]

    def commit(self, writes: Sequence[Write]) -> None:
        """Apply all the writes."""
        for write in writes:
            values = self._values.setdefault(write.space, {})
            keys = self._keys.setdefault(write.space, [])
            if write.value is None:
                if values.pop(write.key, None) is not None:
                    del keys[bisect_left(keys, write.key)]
                continue
            if write.key not in values:
                insort(keys, write.key)
            values[write.key] = write.value

    def close(self) -> None:
        """Keep everything: the object may be opened again."""


class MemoryTransport:
    """A `Transport` between threads of one process."""

    def __init__(self) -> None:
        """Begin empty."""
        self._parcels: dict[Link, list[bytes]] = {}
        self._changed = Condition()
        self._closed = False

    def publish(self, parcels: Sequence[Outbound]) -> None:
        """Append the parcels to their links."""
        with self._changed:
            if self._closed:
                raise UnavailableError("the transport is closed")
            for parcel in parcels:
                self._parcels.setdefault(parcel.link, []).append(parcel.parcel)
            self._changed.notify_all()

    def read(self, after: Mapping[Link, int], limit: int, wait_seconds: float) -> Sequence[Arrival]:
        """Return up to `limit` parcels behind the given positions."""
        deadline = time.monotonic() + wait_seconds
        with self._changed:
            while True:
                if self._closed:
                    raise UnavailableError("the transport is closed")
                found = self._behind(after, limit)
                left = deadline - time.monotonic()
                if found or left <= 0:
                    return found
                self._changed.wait(left)

    def _behind(self, after: Mapping[Link, int], limit: int) -> list[Arrival]:
        return [
            Arrival(link, position + 1, parcel)
            for link, start in after.items()
            for position, parcel in enumerate(self._parcels.get(link, ()))
            if position >= start
        ][:limit]

    def numbering(self, link: Link) -> str:
        """Name what positions count in."""
        del link
        return "memory"

    def close(self) -> None:
        """End publishing and reading."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
