"""Erasure is real: in the state, in its journal, in the key file, and in a backup from before."""

import shutil
from collections.abc import Sequence
from pathlib import Path

import pytest

from attacks.hostile import LA_DESK, VN_DESK, referral
from world import World
from xref.desk.cabinet import Cabinet
from xref.desk.spool import Withdrawal
from xref.drivers.keyed_store import KeyedStore
from xref.drivers.memory import MemoryStore
from xref.drivers.sqlite_store import SqliteStore
from xref.errors import ConfigError, UnavailableError
from xref.ports import Write
from xref.state import State


class Failing(MemoryStore):
    """A store whose commits fail from some number on."""

    def __init__(self, good: int) -> None:
        super().__init__()
        self.good = good

    def commit(self, writes: Sequence[Write]) -> None:
        if self.good == 0:
            raise UnavailableError("the disk is gone")
        self.good -= 1
        super().commit(writes)


def rows(store: KeyedStore, space: str) -> list[tuple[bytes, bytes]]:
    return store.scan(space, b"", b"\xff" * 40, 100)


BEGUN = [Write("case", b"c", b"key"), Write("inbox", b"m", b"sealed")]
ENDED = [Write("case", b"c", None), Write("inbox", b"m", None)]


@pytest.mark.parametrize("state_good", range(4))
@pytest.mark.parametrize("keys_good", range(3))
def test_a_crash_at_any_write_ends_after_a_restart_in_the_same(
    state_good: int, keys_good: int
) -> None:
    """Nothing is sealed under a key that is not there, and no key outlives what it sealed."""
    state, keys = Failing(state_good), Failing(keys_good)
    store = KeyedStore(state, keys)
    for writes in (BEGUN, ENDED):
        try:
            store.commit(writes)
        except UnavailableError:
            break
    state.good = keys.good = -1
    again = KeyedStore(state, keys)
    assert rows(again, "case_ended") == []
    if rows(again, "inbox"):
        assert again.get("case", b"c") == b"key"
    again.commit(BEGUN)
    again.commit(ENDED)
    assert rows(again, "case") == rows(again, "inbox") == rows(again, "case_ended") == []


def test_a_state_without_its_keys_does_not_start() -> None:
    state = MemoryStore()
    KeyedStore(state, MemoryStore()).commit(BEGUN)
    with pytest.raises(ConfigError, match=r"case-keys\.sqlite"):
        KeyedStore(state, MemoryStore())


def opened(folder: Path) -> KeyedStore:
    folder.mkdir(exist_ok=True)
    state = SqliteStore(folder / "state.sqlite", fold_seconds=0)
    return KeyedStore(state, SqliteStore(folder / "case-keys.sqlite", fold_seconds=0))


def test_withdrawn_then_the_files_and_a_backup_are_searched(tmp_path: Path) -> None:
    """The receiving desk's files, journals too: no word of the person, and no key of hers."""
    world = World(stores={VN_DESK: opened(tmp_path / "vn")})
    world.settle()
    world.publish(LA_DESK, [referral()])
    world.settle()
    desk = world.desks[VN_DESK]
    [(case, value)] = desk.state.scan("case")
    [message] = world.inbox(VN_DESK)
    backup = tmp_path / "backup"
    backup.mkdir()
    for file in (tmp_path / "vn").glob("state.sqlite*"):
        shutil.copy(file, backup / file.name)
    world.publish(LA_DESK, [Withdrawal("case-1")])
    world.settle()
    world.now_ms += 1000
    desk.tick(world.now_ms)
    assert world.inbox(VN_DESK) == {}
    said = [str(each) for name, each in referral().values.items() if "name" in name and each]
    needles = [value[:32], *(text.encode() for text in said if len(text) > 4)]
    assert len(needles) > 2
    files = [file for file in tmp_path.rglob("*") if file.is_file()]
    assert len(files) >= 4
    for file in files:
        data = file.read_bytes()
        assert not [needle for needle in needles if needle in data], file.name
    desk._store.close()
    # The sealed row is in the backup still, and nothing opens it.
    keys = SqliteStore(tmp_path / "vn" / "case-keys.sqlite")
    old = KeyedStore(SqliteStore(backup / "state.sqlite"), keys, owner=False)
    cabinet = Cabinet(State(old), bytes)
    assert cabinet.case_id("inbox", message) == case
    assert cabinet.get("inbox", message) is None
    old.close()
