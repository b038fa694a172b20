"""Another account of the machine looks at an office's files: it finds none that it may read."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from attacks.hostile import BORDER
from xref.drivers.files import write_whole
from xref.drivers.sqlite_store import SqliteStore
from xref.drivers.sqlite_transport import SqliteTransport
from xref.drivers.witness_http import WitnessStore
from xref.ports import Outbound, Write


@pytest.fixture(autouse=True)
def _usual_umask() -> Iterator[None]:
    """What most machines have: everybody may read what is made."""
    before = os.umask(0o022)
    yield
    os.umask(before)


def readable(folder: Path) -> list[str]:
    return sorted(f.name for f in folder.rglob("*") if f.is_file() and f.stat().st_mode & 0o077)


def test_reads_the_journal_beside_a_state(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "state.sqlite")
    store.commit([Write("inbox", b"key", b"value")])
    assert (tmp_path / "state.sqlite-wal").exists()
    assert readable(tmp_path) == []
    store.close()


def test_reads_the_journal_beside_a_link(tmp_path: Path) -> None:
    transport = SqliteTransport(tmp_path)
    transport.publish([Outbound(BORDER, b"parcel")])
    assert len(list(tmp_path.glob("*-wal"))) == 1
    assert readable(tmp_path) == []
    transport.close()


def test_reads_the_journal_beside_a_witness_state(tmp_path: Path) -> None:
    store = WitnessStore(tmp_path / "witness.sqlite")
    assert readable(tmp_path) == []
    store.close()


def test_lays_a_link_where_a_key_file_is_going_to_be_written(tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.write_bytes(b"as it was")
    (tmp_path / ".keys.json.part").symlink_to(elsewhere)
    write_whole(tmp_path / "keys.json", b"secret")
    assert elsewhere.read_bytes() == b"as it was"
    assert (tmp_path / "keys.json").read_bytes() == b"secret"


def test_leaves_a_readable_file_where_a_key_file_is_going_to_be_written(tmp_path: Path) -> None:
    part = tmp_path / ".keys.json.part"
    part.write_bytes(b"")
    part.chmod(0o666)
    write_whole(tmp_path / "keys.json", b"secret")
    assert readable(tmp_path) == []
