"""An office's state in one SQLite file: WAL, synchronous=FULL, removed content overwritten."""

import fcntl
import os
import sqlite3
import time
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Final
from urllib.parse import quote

from xref.drivers.files import make_private
from xref.errors import UnavailableError, cause_of
from xref.ports import Write

_BUSY_MS: Final = 30_000
_FOLD_SECONDS: Final = 10.0
_FIND_KEYS: Final = 64
_CACHE_KIB: Final = 16_384  # the index of some hundred thousand messages, of which any may be next
_SPACE_CHARACTERS: Final = frozenset("abcdefghijklmnopqrstuvwxyz_")


class SqliteStore:
    """A `Store` in `file`; a table a space. Locks `file` + `.lock` unless it is `shared`.

    `shared` is for a mailbox that two commands of one office use; a hop's or desk's state is not.
    A `snapshot` is for readers beside the owner: it shows one moment, whatever is committed since,
    and cannot be written.
    """

    def __init__(
        self,
        file: Path,
        *,
        shared: bool = False,
        snapshot: bool = False,
        fold_seconds: float = _FOLD_SECONDS,
    ) -> None:
        """Open or make the file; `UnavailableError` if another process has it.

        What was removed or replaced stays in the journal for `fold_seconds` at most, while there
        are commits.
        """
        shared = shared or snapshot
        try:
            file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise _unavailable(file, error) from error
        self._lock = None if shared else _lock(file)
        try:
            if not snapshot:
                make_private(file)
            self._database = sqlite3.connect(
                _name(file, snapshot=snapshot),
                isolation_level=None,
                timeout=_BUSY_MS / 1000,
                uri=True,
            )
        except (sqlite3.Error, OSError) as error:
            self._unlock()
            raise _unavailable(file, error) from error
        try:
            for pragma in (
                "journal_mode=WAL",
                "synchronous=FULL",
                "secure_delete=ON",
                f"cache_size=-{_CACHE_KIB}",
                "temp_store=MEMORY",
            ):
                self._database.execute(f"PRAGMA {pragma}")
            if snapshot:
                self._database.execute("PRAGMA query_only=ON")
                self._database.execute("BEGIN")
            self._spaces = {
                str(name)
                for (name,) in self._database.execute(
                    "SELECT name FROM sqlite_master WHERE type = 'table'"
                )
            }
            self._absent: set[str] = set()
        except sqlite3.Error as error:
            self.close()
            raise _unavailable(file, error) from error
        self._file = file
        self._folded_at, self._fold_seconds = time.monotonic(), fold_seconds

    def get(self, space: str, key: bytes) -> bytes | None:
        """Return the value of a key."""
        if not self._has(space):
            return None
        try:
            sql = f'SELECT value FROM "{space}" WHERE key = ?'  # noqa: S608 - the space is checked
            row = self._database.execute(sql, (key,)).fetchone()
        except sqlite3.Error as error:
            raise _unavailable(self._file, error) from error
        return None if row is None else row[0]

    def find(self, space: str, keys: Collection[bytes]) -> dict[bytes, bytes]:
        """Return the values of those of `keys` that are there."""
        if not self._has(space):
            return {}
        found: dict[bytes, bytes] = {}
        marks = ", ".join("?" * _FIND_KEYS)  # always as many, so that it is prepared once
        sql = f'SELECT key, value FROM "{space}" WHERE key IN ({marks})'  # noqa: S608 - the space is checked
        asked = list(keys)
        try:
            for start in range(0, len(asked), _FIND_KEYS):
                some = asked[start : start + _FIND_KEYS]
                some += some[-1:] * (_FIND_KEYS - len(some))
                found.update(self._database.execute(sql, some))
        except sqlite3.Error as error:
            raise _unavailable(self._file, error) from error
        return found

    def scan(self, space: str, start: bytes, stop: bytes, limit: int) -> list[tuple[bytes, bytes]]:
        """Return up to `limit` (key, value) pairs with start <= key < stop, ascending."""
        if not self._has(space):
            return []
        sql = f'SELECT key, value FROM "{space}" WHERE key >= ? AND key < ? ORDER BY key LIMIT ?'  # noqa: S608 - the space is checked
        try:
            return self._database.execute(sql, (start, stop, limit)).fetchall()
        except sqlite3.Error as error:
            raise _unavailable(self._file, error) from error

    def commit(self, writes: Sequence[Write]) -> None:
        """Make all the writes durable, or none."""
        by_space: dict[str, tuple[list[tuple[bytes, bytes]], list[tuple[bytes]]]] = {}
        for write in writes:
            puts, deletes = by_space.setdefault(write.space, ([], []))
            if write.value is None:
                deletes.append((write.key,))
            else:
                puts.append((write.key, write.value))
        try:
            self._database.execute("BEGIN IMMEDIATE")
            try:
                for space, (puts, deletes) in by_space.items():
                    self._apply(space, puts, deletes)
                self._database.execute("COMMIT")
                self._spaces.update(by_space)  # not before: a rolled back table is not there
                self._absent.difference_update(by_space)
                self._fold_journal()
            except BaseException:
                if self._database.in_transaction:
                    self._database.execute("ROLLBACK")
                raise
        except sqlite3.Error as error:
            raise _unavailable(self._file, error) from error

    def _fold_journal(self) -> None:
        """Fold the journal into the file now and then: what was removed must not wait in it.

        Readers are not waited for; the next time will do.
        """
        now = time.monotonic()
        if now - self._folded_at < self._fold_seconds:
            return
        self._folded_at = now
        self._database.execute("PRAGMA busy_timeout = 0")
        try:
            self._database.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        finally:
            self._database.execute(f"PRAGMA busy_timeout = {_BUSY_MS}")

    def _apply(
        self, space: str, puts: list[tuple[bytes, bytes]], deletes: list[tuple[bytes]]
    ) -> None:
        if space not in self._spaces:
            _check_space(space)
            self._database.execute(
                f'CREATE TABLE IF NOT EXISTS "{space}" (key BLOB PRIMARY KEY, value BLOB NOT NULL)'
            )
        if puts:
            self._database.executemany(
                f'INSERT INTO "{space}" VALUES (?, ?)'  # noqa: S608 - the space is checked
                " ON CONFLICT (key) DO UPDATE SET value = excluded.value",
                puts,
            )
        if deletes:
            self._database.executemany(f'DELETE FROM "{space}" WHERE key = ?', deletes)  # noqa: S608 - the space is checked

    def _has(self, space: str) -> bool:
        """Return whether the space has a table; of a shared file another process may make one."""
        if space in self._spaces:
            return True
        if space in self._absent:
            return False
        _check_space(space)
        sql = "SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = ?"
        try:
            found = self._database.execute(sql, (space,)).fetchone() is not None
        except sqlite3.Error as error:
            raise _unavailable(self._file, error) from error
        if found:
            self._spaces.add(space)
        elif self._lock is not None:
            self._absent.add(space)
        return found

    def close(self) -> None:
        """Fold the journal into the file and release it."""
        self._database.close()
        self._unlock()

    def _unlock(self) -> None:
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None


def _check_space(space: str) -> None:
    if not space or not set(space) <= _SPACE_CHARACTERS:
        message = f"not a space: {space!r}"
        raise RuntimeError(message)


def _name(file: Path, *, snapshot: bool) -> str:
    """Return the name by which SQLite opens a file; a reader may have it on a disk for reading.

    There SQLite finds no room for what it writes beside a journal, and needs none where all of the
    state is in the file; `UnavailableError` where it is not.
    """
    name = f"file:{quote(str(file))}"
    if not snapshot or os.access(file.parent, os.W_OK):
        return name
    journal = file.with_name(f"{file.name}-wal")
    if journal.exists() and journal.stat().st_size:
        message = (
            f"{file.name}: its newest part is in {journal.name}; copy both where you may write"
        )
        raise UnavailableError(message)
    return f"{name}?immutable=1"


def _lock(file: Path) -> int:
    try:
        descriptor = os.open(file.with_name(file.name + ".lock"), os.O_CREAT | os.O_RDWR, 0o600)
    except OSError as error:
        raise _unavailable(file, error) from error
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(descriptor)
        message = f"{file.name}: another process is using this state; end it first"
        raise UnavailableError(message) from error
    return descriptor


def _unavailable(file: Path, error: sqlite3.Error | OSError) -> UnavailableError:
    return UnavailableError(f"{file.name}: {cause_of(error)}; see to the file and its folder")
