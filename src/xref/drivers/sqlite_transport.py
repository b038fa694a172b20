"""The embedded transport: a folder with one SQLite file a link, for processes on one machine.

A link has one writer, so files never wait for each other. A reader looks at each file's change
counter, which costs microseconds, and sleeps in between.
"""

import secrets
import sqlite3
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from xref.drivers.files import make_private
from xref.errors import UnavailableError, cause_of
from xref.ports import Arrival, Outbound
from xref.wire.office import Link

_POLL_SECONDS: Final = 0.02
_NUMBER_MAX: Final = 2**31 - 1
_TABLE: Final = (
    "CREATE TABLE IF NOT EXISTS parcel"
    " (position INTEGER PRIMARY KEY AUTOINCREMENT, at_ms INTEGER NOT NULL, bytes BLOB NOT NULL)"
)


class SqliteTransport:
    """A `Transport` in `folder`; parcels older than `retention_days` are removed by publishers."""

    def __init__(self, folder: Path, retention_days: int = 30) -> None:
        """Open or make the folder."""
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise _unavailable(error) from error
        self._folder = folder
        self._retention_ms = retention_days * 24 * 3600 * 1000
        self._writers: dict[Link, sqlite3.Connection] = {}
        self._readers: dict[Link, sqlite3.Connection] = {}
        self._seen: dict[Link, tuple[int, int]] = {}
        self._numberings: dict[Link, str] = {}
        self._turns = 0
        self._closed = False

    def publish(self, parcels: Sequence[Outbound]) -> None:
        """Append the parcels to their links, in order; they are durable on return."""
        by_link: dict[Link, list[bytes]] = {}
        for parcel in parcels:
            by_link.setdefault(parcel.link, []).append(parcel.parcel)
        for link, items in by_link.items():
            self._append(link, items)

    def _append(self, link: Link, items: list[bytes]) -> None:
        now_ms = time.time_ns() // 1_000_000
        self._check_open()
        try:
            database = self._writer(link)
            with database:
                database.execute("BEGIN IMMEDIATE")
                database.executemany(
                    "INSERT INTO parcel (at_ms, bytes) VALUES (?, ?)",
                    [(now_ms, item) for item in items],
                )
                database.execute(
                    "DELETE FROM parcel WHERE at_ms < ?", (now_ms - self._retention_ms,)
                )
        except (sqlite3.Error, OSError) as error:
            raise _unavailable(error) from error

    def _check_open(self) -> None:
        if self._closed:
            raise UnavailableError("the transport is closed")

    def read(self, after: Mapping[Link, int], limit: int, wait_seconds: float) -> Sequence[Arrival]:
        """Return up to `limit` parcels behind the given positions."""
        deadline = time.monotonic() + wait_seconds
        while True:
            self._check_open()
            try:
                found = self._behind(after, limit)
            except (sqlite3.Error, OSError) as error:
                raise _unavailable(error) from error
            left = deadline - time.monotonic()
            if found or left <= 0:
                return found
            time.sleep(min(_POLL_SECONDS, left))

    def _behind(self, after: Mapping[Link, int], limit: int) -> list[Arrival]:
        found: list[Arrival] = []
        # Each read begins with another link, so that a busy one keeps no other waiting for ever.
        self._turns += 1
        first = self._turns % max(1, len(after))
        places = list(after.items())
        for link, position in [*places[first:], *places[:first]]:
            database = self._reader(link)
            if database is None or len(found) >= limit:
                continue
            version = database.execute("PRAGMA data_version").fetchone()[0]
            if self._seen.get(link) == (version, position):
                continue
            rows = database.execute(
                "SELECT position, bytes FROM parcel WHERE position > ? ORDER BY position LIMIT ?",
                (position, limit - len(found)),
            ).fetchall()
            found += [Arrival(link, place, parcel) for place, parcel in rows]
            if not rows:
                self._seen[link] = (version, position)
        return found

    def numbering(self, link: Link) -> str:
        """Name what positions count in: the very file, which another in its place is not."""
        if link not in self._numberings:
            self._check_open()
            try:
                database = self._reader(link)
                if database is None:
                    return "sqlite"  # nothing was read yet
                (number,) = database.execute("PRAGMA user_version").fetchone()
            except (sqlite3.Error, OSError) as error:
                raise _unavailable(error) from error
            self._numberings[link] = f"sqlite/{number:08x}"
        return self._numberings[link]

    def _file(self, link: Link) -> Path:
        return self._folder / f"{link.sender}-{link.receiver}-{link.shard}.sqlite"

    def _writer(self, link: Link) -> sqlite3.Connection:
        if link not in self._writers:
            file = self._file(link)
            make_private(file)
            database = sqlite3.connect(
                file, isolation_level=None, timeout=30, check_same_thread=False
            )
            for pragma in ("journal_mode=WAL", "synchronous=FULL", "secure_delete=ON"):
                database.execute(f"PRAGMA {pragma}")
            if database.execute("PRAGMA user_version").fetchone() == (0,):
                number = secrets.randbelow(_NUMBER_MAX) + 1
                database.execute(f"PRAGMA user_version = {number}")
            database.execute(_TABLE)
            self._writers[link] = database
        return self._writers[link]

    def _reader(self, link: Link) -> sqlite3.Connection | None:
        if link not in self._readers:
            file = self._file(link)
            if not file.exists():
                return None
            database = sqlite3.connect(
                file, isolation_level=None, timeout=30, check_same_thread=False
            )
            has_table = database.execute(
                "SELECT 1 FROM sqlite_master WHERE name = 'parcel'"
            ).fetchone()
            if not has_table:
                database.close()
                return None
            self._readers[link] = database
        return self._readers[link]

    def close(self) -> None:
        """Close all files."""
        for database in (*self._writers.values(), *self._readers.values()):
            database.close()
        self._writers, self._readers, self._seen = {}, {}, {}
        self._closed = True


def _unavailable(error: Exception) -> UnavailableError:
    return UnavailableError(f"transport: {cause_of(error)}; see to its folder")
