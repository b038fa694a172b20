"""One office's state: a store with the changes of the current batch laid over it.

Everything that one batch changes becomes durable in one commit, or nothing does.
"""

import json
from collections import defaultdict
from collections.abc import Collection
from typing import Any, Final

from xref.ports import Store, Write

_JSON: Final = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), sort_keys=True)
Changes = defaultdict[str, dict[bytes, bytes | None]]


class State:
    """Reads see the batch's own writes, and `commit` makes them durable."""

    __slots__ = ("_changes", "_read", "_store", "_void")

    def __init__(self, store: Store) -> None:
        """Begin with no changes over `store`."""
        self._store = store
        self._changes: Changes = defaultdict(dict)
        self._read: dict[str, dict[bytes, bytes | None]] = {}
        self._void: dict[str, bool] = {}

    def expect(self, space: str, keys: Collection[bytes]) -> None:
        """Read at once what this batch is going to ask for."""
        if keys:
            read = self._read.setdefault(space, {})
            read.update(dict.fromkeys(keys))
            read.update(self._store.find(space, keys))

    def expect_none(self, space: str, key: bytes) -> None:
        """Know without reading that the store has nothing at a key that was made just now."""
        self._read.setdefault(space, {}).setdefault(key, None)

    def has_set(self, space: str, key: bytes) -> bool:
        """Return whether this batch has set a key."""
        changed = self._changes.get(space)
        return changed is not None and changed.get(key) is not None

    def has_any(self, space: str) -> bool:
        """Return whether a space may hold something; a space emptied by this batch counts."""
        if self._changes.get(space):
            return True
        if space not in self._void:
            self._void[space] = not self._store.scan(space, b"", b"\xff" * 40, 1)
        return not self._void[space]

    def get(self, space: str, key: bytes) -> bytes | None:
        """Return the value of a key as of this batch."""
        changed = self._changes.get(space)
        if changed is not None and key in changed:
            return changed[key]
        read = self._read.get(space)
        if read is not None and key in read:
            return read[key]
        return self._store.get(space, key)

    def put(self, space: str, key: bytes, value: bytes) -> None:
        """Set a key."""
        self._changes[space][key] = value

    def delete(self, space: str, key: bytes) -> None:
        """Remove a key; removing what is not there is fine."""
        self._changes[space][key] = None

    def get_json(self, space: str, key: bytes) -> Any:
        """Return the JSON value of a key, or None."""
        value = self.get(space, key)
        return None if value is None else json.loads(value)

    def put_json(self, space: str, key: bytes, value: object) -> None:
        """Set a key to a JSON value."""
        self.put(space, key, _JSON.encode(value).encode())

    def scan(
        self,
        space: str,
        prefix: bytes = b"",
        *,
        start: bytes = b"",
        stop: bytes | None = None,
        limit: int = 2**31,
    ) -> list[tuple[bytes, bytes]]:
        """Return up to `limit` pairs with `prefix`, ascending, with start <= key < stop."""
        low, high = max(prefix, start), prefix + b"\xff" * 40
        high = high if stop is None else min(high, stop)
        changed = {
            key: value
            for key, value in self._changes.get(space, {}).items()
            if low <= key < high and key.startswith(prefix)
        }
        stored = self._store.scan(space, low, high, limit + len(changed))
        found = dict(stored)
        for key, value in changed.items():
            if value is None:
                found.pop(key, None)
            else:
                found[key] = value
        return sorted(found.items())[:limit]

    def commit(self) -> None:
        """Make the batch durable. If this raises, leave this state and build one over the store."""
        writes = [
            Write(space, key, value)
            for space, changed in self._changes.items()
            for key, value in changed.items()
        ]
        if writes:
            self._store.commit(writes)
        self._changes, self._read, self._void = defaultdict(dict), {}, {}
