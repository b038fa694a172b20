"""The embedded drivers beyond what every driver owes: files, locks, notices of change."""

import threading
import time
from pathlib import Path

import pytest

from xref.drivers.memory import MemoryTransport
from xref.drivers.sqlite_store import SqliteStore
from xref.drivers.sqlite_transport import SqliteTransport
from xref.errors import UnavailableError
from xref.ports import Outbound, Write
from xref.wire.office import Link

LINK = Link("LAHOP001", "VNHOP001")


def test_transport_folder_and_files_are_for_their_owner_alone(tmp_path: Path) -> None:
    transport = SqliteTransport(tmp_path / "transport")
    transport.publish([Outbound(LINK, b"parcel")])
    transport.close()
    for path in (tmp_path / "transport", *(tmp_path / "transport").iterdir()):
        assert path.stat().st_mode & 0o077 == 0, path.name


def test_reader_that_came_first_sees_a_link_that_is_made_later(tmp_path: Path) -> None:
    reader, writer = SqliteTransport(tmp_path), SqliteTransport(tmp_path)
    assert reader.read({LINK: 0}, 10, 0) == []
    writer.publish([Outbound(LINK, b"a")])
    assert [a.parcel for a in reader.read({LINK: 0}, 10, 0)] == [b"a"]
    assert reader.read({LINK: 1}, 10, 0) == []
    assert reader.read({LINK: 1}, 10, 0) == [], "nothing new costs one look at a counter"
    writer.publish([Outbound(LINK, b"b")])
    assert [a.parcel for a in reader.read({LINK: 1}, 10, 0)] == [b"b"]
    assert [a.parcel for a in reader.read({LINK: 0}, 10, 0)] == [b"a", b"b"]
    reader.close()
    writer.close()


def test_empty_file_of_a_link_is_an_empty_link(tmp_path: Path) -> None:
    (tmp_path / "LAHOP001-VNHOP001-0.sqlite").touch()
    transport = SqliteTransport(tmp_path)
    assert transport.read({LINK: 0}, 10, 0) == []
    transport.close()


def test_busy_link_keeps_no_other_waiting(tmp_path: Path) -> None:
    """However much comes on one link or shard, the others are read too."""
    transport = SqliteTransport(tmp_path)
    links = [Link("LANRM001", "LAHOP001", shard) for shard in range(3)]
    transport.publish([Outbound(link, b"parcel") for link in links for _ in range(8)])
    after = dict.fromkeys(links, 0)
    read = {arrival.link for _ in links for arrival in transport.read(after, 4, 0)}
    assert read == set(links)
    transport.close()


def test_closing_wakes_a_waiting_reader() -> None:
    transport = MemoryTransport()
    threading.Timer(0.05, transport.close).start()
    started = time.monotonic()
    with pytest.raises(UnavailableError):
        transport.read({LINK: 0}, 10, 300)
    assert time.monotonic() - started < 120


def test_lock_is_freed_when_opening_fails(tmp_path: Path) -> None:
    folder = tmp_path / "state.sqlite"
    folder.mkdir()
    with pytest.raises(UnavailableError):
        SqliteStore(folder)
    folder.rmdir()
    SqliteStore(folder).close()


def test_many_commits_leave_a_small_journal(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "state.sqlite")
    for number in range(60):
        store.commit([Write("space", b"key", bytes([number]) * 100_000)])
    assert sum(path.stat().st_size for path in tmp_path.iterdir()) < 20_000_000
    store.close()
    assert not (tmp_path / "state.sqlite-wal").exists()
