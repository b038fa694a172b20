"""One office's state: a store with the changes of the current batch laid over it.

Everything that one batch changes becomes durable in one commit, or nothing does.
"""

import json
from typing import Any

from xref.ports import Store, Write


class State:
    """Reads see the batch's own writes; `commit` makes them durable, `rollback` forgets them."""

    __slots__ = ("_changes", "_store")

    def __init__(self, store: Store) -> None:
        """Begin with no changes over `store`."""
        self._store = store
        self._changes: dict[str, dict[bytes, bytes | None]] = {}

    def get(self, space: str, key: bytes) -> bytes | None:
        """Return the value of a key as of this batch."""
        changed = self._changes.get(space)
        if changed is not None and key in changed:
            return changed[key]
        return self._store.get(space, key)

    def put(self, space: str, key: bytes, value: bytes) -> None:
        """Set a key."""
        self._changes.setdefault(space, {})[key] = value

    def delete(self, space: str, key: bytes) -> None:
        """Remove a key; removing what is not there is fine."""
        self._changes.setdefault(space, {})[key] = None

    def get_json(self, space: str, key: bytes) -> Any:
        """Return the JSON value of a key, or None."""
        value = self.get(space, key)
        return None if value is None else json.loads(value)

    def put_json(self, space: str, key: bytes, value: object) -> None:
        """Set a key to a JSON value."""
        text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), sort_keys=True)
        self.put(space, key, text.encode())

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
        """Make the batch durable. If this raises, call `rollback` and rebuild from the store."""
        writes = [
            Write(space, key, value)
            for space, changed in self._changes.items()
            for key, value in changed.items()
        ]
        if writes:
            self._store.commit(writes)
        self._changes = {}

    def rollback(self) -> None:
        """Forget the batch's changes."""
        self._changes = {}
