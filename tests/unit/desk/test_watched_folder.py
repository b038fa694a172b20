"""The watched folder: every file once, whole, with its problems beside it."""

import os
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from shipped import shipped
from unit.bundle.signed_bundle import signed_bundle
from xref.desk.read_form import Record
from xref.desk.spool import Mark, Spool
from xref.drivers.memory import MemoryStore
from xref.drivers.watched_folder import WatchedFolder
from xref.errors import UnavailableError
from xref.ports import Write
from xref.resources import data_folder
from xref.submitting import FormReader, digest_of, take_form
from xref.watching import Watch

LA = shipped("la")
SAMPLE = (data_folder("adapters") / "la" / "samples" / "referrals.csv").read_bytes()
DAY_MS = 86_400_000


class Clock:
    def __init__(self) -> None:
        self.now = 1_795_700_000_000

    def __call__(self) -> int:
        return self.now


class Office:
    """An office's folder, spool and clock; the desk itself does not run."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.clock, self.store = folder, Clock(), MemoryStore()
        self.reader = FormReader(
            LA, "LANRM001", signed_bundle(), signed_bundle().policy.rulebook.notices
        )
        self.start()

    def start(self) -> None:
        self.spool = Spool(self.store, bytes(32), os.urandom)
        self.watch = Watch(
            WatchedFolder(self.folder, self.clock), self.reader, self.spool, 7, self.clock
        )

    def put(self, name: str, data: bytes) -> Path:
        path = self.folder / name
        path.write_bytes(data)
        return path

    def look(self, seconds: float = 3) -> None:
        self.watch.turn()
        self.clock.now += int(seconds * 1000)
        self.watch.turn()

    def look_often(self) -> None:
        for _ in range(20):
            self.look()

    def cases(self) -> list[str]:
        return [row.case for _, row in self.spool.take(1000) if isinstance(row, Record)]

    def files(self, name: str) -> list[str]:
        return sorted(path.name for path in (self.folder / name).iterdir())


@pytest.fixture
def office(tmp_path: Path) -> Office:
    return Office(tmp_path / "incoming")


def test_a_finished_file_is_taken_once_and_archived(office: Office) -> None:
    office.put("referrals.csv", SAMPLE)
    office.look()
    assert office.cases() == ["ຄມ-2026-0001", "ຄມ-2026-0002"]
    assert office.files("archive") == ["referrals.csv"]
    office.look()
    assert len(office.cases()) == 2


def test_a_file_that_still_grows_is_left_alone(office: Office) -> None:
    path = office.put("referrals.csv", SAMPLE[:200])
    for size in (300, 400, 500):
        office.look(seconds=1)
        path.write_bytes(SAMPLE[:size])
    office.look(seconds=1)
    assert office.cases() == []
    assert path.exists()
    path.write_bytes(SAMPLE)
    office.look()
    assert len(office.cases()) == 2


@pytest.mark.parametrize("name", [".referrals.csv", "~$referrals.csv", "referrals.csv.part"])
def test_what_a_program_is_still_writing_is_left_alone(office: Office, name: str) -> None:
    office.put(name, SAMPLE)
    office.look()
    assert (office.folder / name).exists()
    assert office.cases() == []


def test_a_link_to_a_file_of_the_desk(office: Office, tmp_path: Path) -> None:
    """Who may write into the folder must not make the desk read or move what lies elsewhere."""
    secret = tmp_path / "keys.csv"
    secret.write_bytes(SAMPLE)
    (office.folder / "referrals.csv").symlink_to(secret)
    office.look()
    assert office.cases() == []
    assert secret.exists()
    assert office.files("archive") == office.files("errors") == []


def test_why_a_file_is_wrong_stands_beside_it_without_a_value(office: Office) -> None:
    office.put("referrals.csv", SAMPLE.replace(b"14/02/1999", b"31/02/1999"))
    office.look()
    assert office.cases() == ["ຄມ-2026-0002"]
    assert office.files("errors") == ["referrals.csv", "referrals.csv.problems.txt"]
    report = (office.folder / "errors" / "referrals.csv.problems.txt").read_text("utf-8")
    assert "referrals.csv, line 2: " in report
    assert "birth_date" in report
    assert "THEM ALONE" in report
    assert "31/02/1999" not in report
    assert "ຄມ-2026-0001" not in report
    assert office.files("archive") == []


def test_the_same_file_dropped_twice_goes_once(office: Office) -> None:
    office.put("referrals.csv", SAMPLE)
    office.look()
    office.put("referrals again.csv", SAMPLE)
    office.look()
    assert len(office.cases()) == 2
    (report,) = [name for name in office.files("errors") if name.endswith(".txt")]
    assert "not sent again" in (office.folder / "errors" / report).read_text("utf-8")


def test_two_files_of_one_name_are_both_kept(office: Office) -> None:
    for changed in (b"VI DU A", b"VI DU B"):
        office.put("referrals.csv", SAMPLE.replace(b"VI DU", changed))
        office.look()
    assert office.files("archive") == ["referrals-2.csv", "referrals.csv"]
    assert len(office.cases()) == 4


def test_the_archive_is_emptied_on_schedule(office: Office) -> None:
    office.put("referrals.csv", SAMPLE)
    office.look()
    archived = office.folder / "archive" / "referrals.csv"
    os.utime(archived, (office.clock.now // 1000, office.clock.now // 1000))
    office.clock.now += 6 * DAY_MS
    office.look()
    assert archived.exists()
    office.clock.now += 2 * DAY_MS
    office.look()
    assert not archived.exists()


class FailingStore(MemoryStore):
    """A store whose disk is full from the `good`-th commit on."""

    def __init__(self, good: int) -> None:
        super().__init__()
        self.good = good

    def commit(self, writes: Sequence[Write]) -> None:
        self.good -= 1
        if self.good < 0:
            raise UnavailableError("the disk is full")
        super().commit(writes)


def letters(number: int) -> str:
    """Write a number in capitals: a romanised name has no digits."""
    return "".join("ABCDEFGHIJ"[int(digit)] for digit in str(number))


def many_rows(count: int) -> bytes:
    head, first, *_ = SAMPLE.decode("utf-8-sig").splitlines(keepends=True)
    rows = [
        first.replace("ຄມ-2026-0001", f"C-{number}").replace("THI VI DU", f"THI {letters(number)}")
        for number in range(count)
    ]
    return "".join([head, *rows]).encode()


@pytest.mark.parametrize("good", range(6))
def test_power_fails_at_each_write_and_no_record_goes_twice_or_never(
    office: Office, good: int
) -> None:
    office.store = FailingStore(good)
    office.start()
    office.put("referrals.csv", many_rows(600))
    with pytest.raises(UnavailableError):
        office.look_often()
    office.store.good = 10_000
    office.start()
    office.look()
    assert sorted(office.cases()) == sorted(f"C-{number}" for number in range(600))
    assert office.files("archive") == ["referrals.csv"]
    assert office.files("taking") == []


def test_power_fails_between_the_spool_and_the_archive(office: Office) -> None:
    data = SAMPLE.replace(b"14/02/1999", b"31/02/1999")
    path = office.put("taking/referrals.csv", data)
    take_form(office.reader, path, office.spool)
    office.start()
    office.look()
    assert office.cases() == ["ຄມ-2026-0002"]
    assert office.files("errors") == ["referrals.csv", "referrals.csv.problems.txt"]


def test_a_mark_goes_on_in_the_middle_of_a_line() -> None:
    def records(lines: list[int]) -> Iterator[Record]:
        for line in lines:
            yield Record("f", line, "referral", str(line), {}, {}, None, {}, None)

    lines = [1, 1, 1, 2, 5]
    mark = Mark(b"")
    for taken in range(len(lines) + 1):
        assert [record.line for record in mark.left_of(records(lines))] == lines[taken:]
        if taken < len(lines):
            mark = mark.after(tuple(records(lines[taken : taken + 1])))


def test_marks_are_forgotten(office: Office, tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    path.write_bytes(SAMPLE)
    take_form(office.reader, path, office.spool)
    assert office.spool.mark_of(digest_of(path)).whole
    office.spool.forget(2**52)
    assert not office.spool.mark_of(digest_of(path)).whole
