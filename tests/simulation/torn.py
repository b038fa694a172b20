"""SQLite files as a power cut leaves them: any of a write's sectors, in any order, or cut short."""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from simulation.crossing import BeforeEach, Struck
from xref.drivers.sqlite_store import SqliteStore
from xref.ports import Write

SECTOR = 512
STAGES = ("append", "overwrite", "fold")
Contents = dict[str, list[tuple[bytes, bytes]]]


@dataclass(frozen=True, slots=True)
class Image:
    """The bytes of a database and of its journal; what is only in memory is lost."""

    database: bytes
    journal: bytes

    @classmethod
    def of(cls, file: Path) -> "Image":
        return cls(_bytes(file), _bytes(_journal(file)))

    def put(self, file: Path) -> Path:
        """Write these bytes as a state; returns the file."""
        file.parent.mkdir(parents=True, exist_ok=True)
        for each in file.parent.glob(f"{file.name}*"):
            each.unlink()
        file.write_bytes(self.database)
        if self.journal:
            _journal(file).write_bytes(self.journal)
        return file


def _journal(file: Path) -> Path:
    return file.with_name(file.name + "-wal")


def _bytes(file: Path) -> bytes:
    return file.read_bytes() if file.exists() else b""


def contents(image: Image, file: Path) -> Contents:
    """What a process finds that starts from an image."""
    store = SqliteStore(image.put(file))
    try:
        return all_of(store)
    finally:
        store.close()


def all_of(store: SqliteStore) -> Contents:
    assert store._database.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    spaces = sorted(name for (name,) in store._database.execute("SELECT name FROM sqlite_master"))
    found = {
        name: store.scan(name, b"", b"\xff" * 64, 1_000_000)
        for name in spaces
        if not name.startswith("sqlite_")
    }
    return {name: pairs for name, pairs in found.items() if pairs}


def torn(before: bytes, after: bytes, chance: random.Random) -> bytes:
    """A file of which some sectors were written and others not, or that was cut at any byte."""
    if chance.random() < 0.5:
        same = next(
            (n for n, (a, b) in enumerate(zip(before, after, strict=False)) if a != b),
            min(len(before), len(after)),
        )
        cut = chance.randint(same, len(after))
        return after[:cut] + before[cut:]
    size = chance.choice([len(before), len(after)])
    share = chance.random()
    data = bytearray(before[:size].ljust(size, b"\0"))
    for start in range(0, size, SECTOR):
        if chance.random() < share:
            data[start : start + SECTOR] = after[start : start + SECTOR][: size - start]
    return bytes(data)


@dataclass(frozen=True, slots=True)
class Cut:
    """What a commit makes of a file: before it, recorded, folded; and a power cut's remains."""

    before: Image
    recorded: Image
    folded: Image

    def remains(self, stage: str, chance: random.Random) -> Image:
        if stage == "fold":
            database = torn(self.recorded.database, self.folded.database, chance)
            return Image(database, self.recorded.journal)
        journal = torn(self.before.journal, self.recorded.journal, chance)
        return Image(self.before.database, journal)


def cut_at(file: Path, before: Image, writes: Sequence[Write]) -> Cut:
    """Commit `writes` to a copy, fold its journal, and keep the bytes of each moment."""
    store = SqliteStore(before.put(file), fold_seconds=1e9)
    store.commit(writes)
    recorded = Image.of(file)
    store._database.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()
    folded = Image.of(file)
    store.close()
    return Cut(before, recorded, folded)


class TearEach(BeforeEach):
    """Tears every commit of every store once, and restarts the office from what is left."""

    def __init__(self, folder: Path, seed: str, cuts: int) -> None:
        super().__init__()
        self.folder, self.cuts = folder, cuts
        self.chance = random.Random(seed)
        self.came_back = {"before": 0, "after": 0}
        self._files = 0

    def open(self, name: str) -> SqliteStore:
        return SqliteStore(self.folder / name.replace(" ", "-") / "0.sqlite", fold_seconds=1e9)

    def strikes(self, at: Struck) -> bool:
        return not self.only_moves and super().strikes(at)

    def hit(self, at: Struck, writes: Sequence[Write]) -> None:
        store = at.store
        assert isinstance(store, SqliteStore)
        stage = self.chance.choice(STAGES)
        if stage == "overwrite":  # the journal begins anew, over its old bytes
            store._database.execute("PRAGMA wal_checkpoint(RESTART)").fetchall()
        before = Image.of(store._file)
        store.close()
        cut = cut_at(self.folder / "copy.sqlite", before, writes)
        tried = [cut.remains(stage, self.chance) for _ in range(self.cuts)]
        was, will_be = (
            contents(image, self.folder / "copy.sqlite") for image in (cut.before, cut.recorded)
        )
        for image in tried:
            found = contents(image, self.folder / "copy.sqlite")
            assert found == will_be or (found == was and stage != "fold"), "neither is what it was"
        self._files += 1
        file = store._file.with_name(f"{self._files}.sqlite")
        at.store = again = SqliteStore(tried[-1].put(file), fold_seconds=1e9)
        durable = all_of(again) == will_be
        self.came_back["after" if durable else "before"] += 1
        if durable and not at.starting:
            self._spared.discard((at.name, False))  # it is durable: the next commit is another
