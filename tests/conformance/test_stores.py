"""What every store owes. A new driver is added to `STORES` and must pass all of it."""

import os
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from xref.drivers.memory import MemoryStore
from xref.drivers.sqlite_store import SqliteStore
from xref.errors import UnavailableError
from xref.ports import Store, Write

CANARY = b"canary-that-must-be-overwritten-0123456789"
Opener = Callable[[], Store]

KILLED = """
import os, sys
from pathlib import Path
from xref.drivers.sqlite_store import SqliteStore
from xref.ports import Write
store = SqliteStore(Path(sys.argv[1]))
store.commit([Write("space", b"key", b"durable")])
print("committed", flush=True)
os.kill(os.getpid(), 9)
"""


def memory_store(folder: Path) -> Opener:
    """A memory store is kept by whoever holds it: opening again gives the same."""
    store = MemoryStore()
    return lambda: store


def sqlite_store(folder: Path) -> Opener:
    return lambda: SqliteStore(folder / "state.sqlite")


STORES = [memory_store, sqlite_store]


@pytest.fixture(params=STORES, ids=lambda opener: str(opener.__name__))
def opener(request: pytest.FixtureRequest, tmp_path: Path) -> Opener:
    make: Callable[[Path], Opener] = request.param
    return make(tmp_path)


def test_many_keys_are_found_at_once(opener: Opener) -> None:
    """However many; those that are not there are missing from the answer."""
    store = opener()
    there = {number.to_bytes(2): bytes([number % 251]) for number in range(0, 400, 2)}
    store.commit([Write("space", key, value) for key, value in there.items()])
    asked = [number.to_bytes(2) for number in range(400)]
    assert store.find("space", asked) == there
    assert store.find("space", asked[:3]) == {key: there[key] for key in asked[:3:2]}
    assert store.find("space", []) == {}
    store.close()


def test_nothing_is_there_at_first(opener: Opener) -> None:
    store = opener()
    assert store.get("space", b"key") is None
    assert store.find("space", [b"key", b"other"]) == {}
    assert store.scan("space", b"", b"\xff" * 40, 10) == []
    store.close()


def test_committed_values_are_read(opener: Opener) -> None:
    store = opener()
    store.commit([Write("one", b"key", b"1"), Write("two", b"key", b"2"), Write("one", b"", b"")])
    assert [store.get("one", b"key"), store.get("two", b"key")] == [b"1", b"2"]
    assert store.get("one", b"") == b""
    store.close()


def test_committed_values_last_when_it_is_opened_again(opener: Opener) -> None:
    store = opener()
    store.commit([Write("space", b"key", b"value")])
    store.close()
    again = opener()
    assert again.get("space", b"key") == b"value"
    again.close()


def test_later_writes_of_one_commit_win(opener: Opener) -> None:
    store = opener()
    store.commit([Write("space", b"key", b"old")])
    store.commit([Write("space", b"key", b"newer"), Write("space", b"other", None)])
    store.commit([Write("space", b"key", None)])
    assert store.get("space", b"key") is None
    store.close()


def test_scan_is_ascending_and_half_open(opener: Opener) -> None:
    store = opener()
    keys = [b"", b"\0", b"a", b"aa", b"b", b"\xff"]
    store.commit([Write("space", key, b"v" + key) for key in reversed(keys)])
    assert [key for key, _ in store.scan("space", b"", b"\xff", 10)] == keys[:-1]
    assert store.scan("space", b"a", b"b", 10) == [(b"a", b"va"), (b"aa", b"vaa")]
    assert store.scan("space", b"a", b"b", 1) == [(b"a", b"va")]
    assert store.scan("space", b"b", b"a", 10) == []
    store.close()


def test_empty_commit_is_fine(opener: Opener) -> None:
    store = opener()
    store.commit([])
    store.close()


def test_large_value(opener: Opener) -> None:
    store = opener()
    value = bytes(range(256)) * 8192
    store.commit([Write("space", b"key", value)])
    assert store.get("space", b"key") == value
    store.close()


Change = tuple[str, bytes, bytes | None]
CHANGES = st.lists(
    st.lists(
        st.tuples(
            st.sampled_from(["one", "two"]),
            st.binary(max_size=3),
            st.none() | st.binary(max_size=5),
        ),
        max_size=6,
        unique_by=lambda change: (change[0], change[1]),
    ),
    max_size=6,
)


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(batches=CHANGES)
def test_every_store_is_a_sorted_dictionary(tmp_path: Path, batches: list[list[Change]]) -> None:
    stores: list[Store] = [MemoryStore(), SqliteStore(tmp_path / f"{os.urandom(8).hex()}.sqlite")]
    expected: dict[tuple[str, bytes], bytes] = {}
    for batch in batches:
        for store in stores:
            store.commit([Write(*change) for change in batch])
        for space, key, value in batch:
            expected.pop((space, key), None)
            if value is not None:
                expected[space, key] = value
    for store in stores:
        for space in ("one", "two"):
            found = store.scan(space, b"", b"\xff" * 40, 1000)
            assert found == sorted((k, v) for (s, k), v in expected.items() if s == space)
        store.close()


def test_second_process_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "state.sqlite"
    store = SqliteStore(file)
    code = (
        "import sys; from pathlib import Path; from xref.drivers.sqlite_store import SqliteStore\n"
        "from xref.errors import UnavailableError\n"
        "try: SqliteStore(Path(sys.argv[1]))\n"
        "except UnavailableError as error: print(error)"
    )
    command = [sys.executable, "-c", code, str(file)]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert "another process is using this state" in said
    with pytest.raises(UnavailableError):
        SqliteStore(file)
    store.close()
    SqliteStore(file).close()


def test_shared_store_is_for_two(tmp_path: Path) -> None:
    file = tmp_path / "spool.sqlite"
    first, second = SqliteStore(file, shared=True), SqliteStore(file, shared=True)
    assert second.scan("spool", b"", b"\xff", 10) == []
    first.commit([Write("spool", b"1", b"one")])
    second.commit([Write("spool", b"2", b"two")])
    assert first.scan("spool", b"", b"\xff", 10) == [(b"1", b"one"), (b"2", b"two")]
    assert second.get("spool", b"1") == b"one"
    first.close()
    second.close()


@pytest.mark.parametrize("how", ["deleted", "replaced", "deleted with its space"])
def test_removed_content_is_overwritten(tmp_path: Path, how: str) -> None:
    file = tmp_path / "state.sqlite"
    store = SqliteStore(file)
    store.commit([Write("space", b"%d" % n, CANARY * 200) for n in range(20)])
    store.commit([Write("space", CANARY, b"a canary in a key")])
    value = b"short" if how == "replaced" else None
    store.commit([Write("space", b"%d" % n, value) for n in range(20)])
    store.commit([Write("space", CANARY, None)])
    if how == "deleted with its space":
        store.commit([Write("another", b"key", b"value")])
    store.close()
    for left in tmp_path.iterdir():
        assert CANARY not in left.read_bytes(), left.name


def test_removed_content_is_overwritten_while_the_store_is_open(tmp_path: Path) -> None:
    """A hop runs for months: what it forgets may not wait in the journal until it ends."""
    store = SqliteStore(tmp_path / "state.sqlite")
    store.commit([Write("space", b"key", CANARY * 200)])
    store.commit([Write("space", b"key", None)])
    store._folded_at -= 60  # a minute later
    store.commit([Write("space", b"other", b"value")])
    found = [f.name for f in tmp_path.iterdir() if CANARY in f.read_bytes()]
    assert found == []
    store.close()


def test_committed_means_durable_when_killed(tmp_path: Path) -> None:
    file = tmp_path / "state.sqlite"
    command = [sys.executable, "-c", KILLED, str(file)]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (ended.stdout, ended.returncode) == ("committed\n", -9)
    store = SqliteStore(file)
    assert store.get("space", b"key") == b"durable"
    store.close()


def test_commit_that_fails_leaves_nothing(tmp_path: Path) -> None:
    """Neither a value nor a space: a table that was rolled back is made again."""
    file = tmp_path / "state.sqlite"
    store = SqliteStore(file)
    store.commit([Write("space", b"key", b"before")])
    store._database.execute("PRAGMA max_page_count=8")
    with pytest.raises(UnavailableError):
        store.commit([Write("space", b"key", b"after"), Write("fresh", b"key", bytes(100_000))])
    assert store.get("space", b"key") == b"before"
    assert store.get("fresh", b"key") is None
    store._database.execute("PRAGMA max_page_count=100000")
    store.commit([Write("fresh", b"key", b"later")])
    assert store.get("fresh", b"key") == b"later"
    store.close()


def test_closed_store_is_unavailable(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "state.sqlite")
    store.commit([Write("space", b"key", b"value")])
    store.close()
    with pytest.raises(UnavailableError):
        store.get("space", b"key")
    with pytest.raises(UnavailableError):
        store.commit([Write("space", b"key", b"value")])
    with pytest.raises(UnavailableError):
        store.scan("space", b"", b"\xff", 1)
    store.close()


def test_file_that_is_no_database(tmp_path: Path) -> None:
    file = tmp_path / "state.sqlite"
    file.write_bytes(b"something else" * 100)
    with pytest.raises(UnavailableError):
        SqliteStore(file)
    file.unlink()
    SqliteStore(file).close()


def test_file_is_for_its_owner_alone(tmp_path: Path) -> None:
    file = tmp_path / "state.sqlite"
    SqliteStore(file).close()
    assert file.stat().st_mode & 0o077 == 0


def test_space_that_is_no_name_is_the_callers_mistake(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "state.sqlite")
    with pytest.raises(RuntimeError):
        store.commit([Write("space; DROP TABLE space", b"key", b"value")])
    with pytest.raises(RuntimeError):
        store.get("", b"key")
    store.close()


def test_journal_and_durability_are_as_promised(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "state.sqlite")
    asked = [
        store._database.execute(f"PRAGMA {name}").fetchone()[0]
        for name in ("journal_mode", "synchronous", "secure_delete")
    ]
    assert asked == ["wal", 2, 1]
    assert isinstance(store._database, sqlite3.Connection)
    store.close()


def test_reader_beside_the_owner_does_not_hold_it_up(tmp_path: Path) -> None:
    file = tmp_path / "state.sqlite"
    store = SqliteStore(file)
    store.commit([Write("space", b"key", b"before")])
    reader = SqliteStore(file, snapshot=True)
    assert reader.get("space", b"key") == b"before"
    started = time.monotonic()
    store.commit([Write("space", b"key", b"after")])
    assert time.monotonic() - started < 20  # where it is held up, it gives up after 30 s
    assert reader.get("space", b"key") == b"before"
    reader.close()
    store.close()
