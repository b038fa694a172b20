"""A desk's state with the keys of its cases in a file of their own, which no backup takes along.

Erasing a case erases its key. Were the keys in the state itself, a backup from before would hold
them, and with them all that was erased since.
"""

from collections.abc import Collection, Sequence
from typing import Final

from xref.errors import ConfigError
from xref.ports import Store, Write

KEYS: Final = "case"
_ENDED: Final = "case_ended"
_SEALED: Final = ("inbox", "record")
_NO_KEYS: Final = (
    "the desk's state has records, and the file of case keys beside it has no key: put the "
    "office's own case-keys.sqlite back, without which nothing of its cases can be read"
)


class KeyedStore:
    """A `Store` over two: the space of case keys is in `keys`, everything else in `state`.

    A new key is durable before what it seals, and an erased one goes after what it sealed: the
    state remembers it until then, so that a crash in between ends in the same.
    """

    def __init__(self, state: Store, keys: Store, *, owner: bool = True) -> None:
        """Use both; their `owner` first erases the keys that a crash left over.

        `ConfigError` for a state with sealed records and not one key: the file of keys is another.
        """
        self._state, self._keys = state, keys
        if owner:
            self._erase_ended()
            if not self._any(keys, KEYS) and any(self._any(state, each) for each in _SEALED):
                raise ConfigError(_NO_KEYS)

    @staticmethod
    def _any(store: Store, space: str) -> bool:
        return bool(store.scan(space, b"", b"\xff" * 40, 1))

    def _erase_ended(self) -> None:
        ended = [key for key, _ in self._state.scan(_ENDED, b"", b"\xff" * 40, 2**31)]
        if ended:
            self._keys.commit([Write(KEYS, key, None) for key in ended])
            self._state.commit([Write(_ENDED, key, None) for key in ended])

    def get(self, space: str, key: bytes) -> bytes | None:
        """Return the value of a key."""
        return self._of(space).get(space, key)

    def find(self, space: str, keys: Collection[bytes]) -> dict[bytes, bytes]:
        """Return the values of those of `keys` that are there."""
        return self._of(space).find(space, keys)

    def scan(self, space: str, start: bytes, stop: bytes, limit: int) -> list[tuple[bytes, bytes]]:
        """Return up to `limit` (key, value) pairs with start <= key < stop, ascending."""
        return self._of(space).scan(space, start, stop, limit)

    def _of(self, space: str) -> Store:
        return self._keys if space == KEYS else self._state

    def commit(self, writes: Sequence[Write]) -> None:
        """Make all the writes durable, or none."""
        begun = [each for each in writes if each.space == KEYS and each.value is not None]
        ended = [each for each in writes if each.space == KEYS and each.value is None]
        if begun:
            self._keys.commit(begun)  # a key that nothing is sealed under yet harms nobody
        rest = [each for each in writes if each.space != KEYS]
        self._state.commit([*rest, *(Write(_ENDED, each.key, b"") for each in ended)])
        if ended:
            self._erase_ended()

    def close(self) -> None:
        """Release both stores."""
        self._keys.close()
        self._state.close()
