"""Canaries in what offices do about messages, and in what is written for people beside the path.

Each surface is named where a name is planted in it: acts (a court's order, what is owed, a claim of
asylum, approvals), notices of differing definitions, case keys and spool as files, exports of
accesses, overlays, sharing-consent documents, and every cell of every shipped form.
"""

import copy
import csv
import io
import json
from argparse import Namespace
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import structlog

from attacks.hostile import LA_DESK, LA_HOP, VN_DESK, VN_HOP, entries
from attacks.test_canaries import canary_record, holds, needles, stored
from shipped import shipped
from unit.desk.test_sharing_consent_document import KEY, POLICY, document, keys
from unit.drivers.test_keyed_store import opened
from world import OFFICES, SeededEntropy, World
from xref.accesses import accesses_of
from xref.desk.read_form import read_form
from xref.desk.sharing_consent_document import check, signed
from xref.desk.spool import Act, AsylumAnswer, Done, Kept, Spool, Withdrawal
from xref.drivers.memory import MemoryStore
from xref.drivers.sqlite_store import SqliteStore
from xref.errors import ConfigError, MalformedError, UnauthenticError
from xref.operations import to_approve
from xref.overlay_commands import suspend_one
from xref.resources import data_folder
from xref.story import held_records

AUTHORITY = "LAASY001"
PEOPLE = tuple(f"ນາງ ຈັນ {place} 90817263" for place in range(6))
OFFICIAL, COURT, ORDER, OWES, ASYLUM, SECOND = PEOPLE


class Watched(World):
    """A world in which all that participants report of their turns is kept."""

    def __init__(self, folder: Path) -> None:
        self.said: list[str] = []
        self.folder = folder
        stores: dict[str, Any] = {each: opened(folder / each) for each in (LA_DESK, VN_DESK)}
        super().__init__(offices=(*OFFICES, AUTHORITY), stores=stores)
        self.settle()

    def settle(self, rounds: int = 40) -> None:
        for _ in range(rounds):
            moved = False
            for each in self.everyone:
                arrivals = self.transport.read(each.positions(), 64, 0)
                if arrivals:
                    self.said.append(repr(each.handle(arrivals, self.now_ms)))
                    moved = True
            self.now_ms += 10
            if not moved:
                return

    def act(self, office: str, row: Act) -> None:
        """Hand an act over as a command does, through the spool's file."""
        self.now_ms += 1000
        store = SqliteStore(self.folder / office / "spool.sqlite", shared=True)
        spool = Spool(store, bytes(32), SeededEntropy(repr(row)))
        spool.put([row], self.now_ms)
        self.publish(office, [found for _, found in spool.take(9)][-1:])
        self.settle()
        store.close()


@pytest.fixture(scope="module")
def acted(tmp_path_factory: pytest.TempPathFactory) -> tuple[Watched, str]:
    """Every act on one case with a canary in every text, and all that was said meanwhile."""
    record, canaries = canary_record()
    with structlog.testing.capture_logs() as logged:
        world = Watched(tmp_path_factory.mktemp("acted"))
        world.publish(LA_DESK, [replace(record, prepared_by=(OFFICIAL,))])
        world.settle()
        [message] = [m for m, c in world.inbox(VN_DESK).items() if c["type"] == "victim-referral"]
        assert canaries[0] in repr(world.inbox(VN_DESK)), "they travel"
        world.desks[VN_DESK].handed({message: ["victim_status"]}, world.now_ms)
        world.settle()
        until_ms = world.now_ms + 86_400_000
        world.act(VN_DESK, Done(message, "review-need", OWES))
        world.act(VN_DESK, Kept(message, COURT, ORDER, until_ms, SECOND))
        world.act(LA_DESK, AsylumAnswer(record.case, "intends", ASYLUM))
        world.act(LA_DESK, Withdrawal(record.case))
        for each in (LA_DESK, VN_DESK, AUTHORITY):
            codes = [alert.code() for alert in world.desks[each].alerts(until_ms - 1)]
            world.said += codes
    assert world.inbox(AUTHORITY), "the authority was told"
    assert "no equal term for victim_status" in repr(world.said)
    assert any("kept-by-order" in each for each in world.said)
    return world, "\n".join([*world.said, repr(logged)])


def wanted() -> list[bytes]:
    return needles([*canary_record()[1], *PEOPLE])


def test_nothing_is_said_of_anybody_in_logs_alarms_and_alerts(acted: tuple[Watched, str]) -> None:
    _, said = acted
    assert not holds(said.encode(), wanted())


def test_names_stay_sealed_in_every_file_and_out_of_every_file_name(
    acted: tuple[Watched, str],
) -> None:
    """State, journal, case keys and spool, while the case is kept by a court's order."""
    world, _ = acted
    files = [file for file in world.folder.rglob("*") if file.is_file()]
    names = {file.name for file in files}
    assert {"state.sqlite", "case-keys.sqlite", "spool.sqlite"} <= names
    for file in files:
        assert not holds(file.read_bytes() + str(file).encode(), wanted()), file.name
    for office, store in world.stores.items():
        if isinstance(store, MemoryStore):
            assert not holds(b"\0".join(stored(store)), wanted()), office


def test_no_trail_parcel_or_topic_has_a_name_from_an_act(acted: tuple[Watched, str]) -> None:
    world, _ = acted
    for hop in (LA_HOP, VN_HOP):
        assert entries(world, hop, "noted")
        assert not holds(repr(entries(world, hop)).encode(), wanted())
    held = world.transport._parcels  # type: ignore[attr-defined] # the memory transport's
    carried = b"\0".join(parcel for parcels in held.values() for parcel in parcels)
    assert not holds(carried + repr([link.name for link in held]).encode(), wanted())


def test_authority_and_sender_are_told_of_an_act_and_not_by_whom(
    acted: tuple[Watched, str],
) -> None:
    world, _ = acted
    assert not holds(repr(world.inbox(AUTHORITY)).encode(), needles(canary_record()[1]))
    sent = [dict(story) for story in world.sent(LA_DESK).values()]
    assert {"kept", "erased"} & {str(story["outcome"]) for story in sent}
    assert not holds(repr(sent).encode(), needles([COURT, ORDER, OWES, SECOND]))


def test_export_of_accesses_holds_no_name(acted: tuple[Watched, str]) -> None:
    """Unsealed, as its reader has it; and the hop's own audit says none either."""
    world, _ = acted
    for hop, office in ((LA_HOP, LA_DESK), (VN_HOP, VN_DESK)):
        data = accesses_of(world.stores[hop], office, hop, 0, world.now_ms)
        assert b"noted" in data
        assert not holds(data, wanted())


def test_suspended_official_is_a_digest_in_the_file_and_on_the_screen(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "la-overlay.toml"
    suspend_one(Namespace(office=LA_DESK, official=OFFICIAL, file=file))
    for name in ("", "\n", "x" * 300 + OFFICIAL):
        with pytest.raises(Exception, match=r"--by|--official") as refused:
            suspend_one(Namespace(office=LA_DESK, official=name or " ", file=file))
        assert OFFICIAL not in str(refused.value)
    shown = capsys.readouterr()
    written = b"\0".join(each.read_bytes() for each in tmp_path.iterdir())
    assert b"suspend" in written
    assert not holds(written + (shown.out + shown.err).encode(), wanted())


def test_no_error_about_an_approval_repeats_a_case_or_a_name(acted: tuple[Watched, str]) -> None:
    world, _ = acted
    held = held_records(world.stores[LA_DESK])
    with pytest.raises(ConfigError) as refused:
        to_approve(held, OFFICIAL, ORDER)
    assert not holds(str(refused.value).encode(), wanted())


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    if isinstance(value, dict | list):
        for key in value if isinstance(value, dict) else range(len(value)):
            yield from places(value[key], (*path, key))
    else:
        yield path


def put_at(value: Any, path: tuple[Any, ...], said: str) -> Any:
    changed = inner = copy.deepcopy(value)
    for key in path[:-1]:
        inner = inner[key]
    inner[path[-1]] = said
    return changed


def test_no_error_about_a_changed_sharing_consent_document_repeats_what_is_in_it() -> None:
    good = signed(document(), KEY, POLICY)
    for path in places(good):
        with pytest.raises((MalformedError, UnauthenticError)) as refused:
            check(put_at(good, path, OFFICIAL), keys(), POLICY)
        assert OFFICIAL not in str(refused.value), path


# Every cell of every shipped form.

ADAPTERS = data_folder("adapters")
FORMS = sorted(
    path.with_name(path.name.removesuffix(".records.json").removesuffix(".csv"))
    for path in ADAPTERS.glob("*/samples/*.records.json")
)
ONE_BY_ONE = ("htcds", "primero")
TODAY = date(2026, 11, 26)


def with_canaries(file: Path) -> Iterator[bytes]:
    """A sample with a name in every cell of its first person, and in every header or key."""
    if file.suffix == ".csv":
        header, first = list(csv.reader(io.StringIO(file.read_text("utf-8"))))[:2]
        for rows in ([header, [OFFICIAL] * len(first)], [[*header[:-1], OFFICIAL], first]):
            yield "\n".join(",".join(row) for row in rows).encode()
        if file.parts[-3] in ONE_BY_ONE:
            for place in range(len(header)):
                cells = [*first[:place], OFFICIAL, *first[place + 1 :]]
                yield "\n".join(",".join(row) for row in (header, cells)).encode()
        return
    form = everywhere = json.loads(file.read_text("utf-8"))
    for path in places(form):
        everywhere = put_at(everywhere, path, OFFICIAL)
        if file.parts[-3] in ONE_BY_ONE and path[:2] != ("data", 1):
            yield json.dumps(put_at(form, path, OFFICIAL)).encode()
    yield json.dumps(everywhere).encode()
    yield json.dumps(everywhere).replace('": ', f'{json.dumps(OFFICIAL)[1:-1]}": ').encode()


@pytest.mark.parametrize(
    "file",
    [
        found
        for stem in FORMS
        for found in (stem.with_name(f"{stem.name}.csv"), stem.with_name(f"{stem.name}.json"))
        if found.exists()
    ],
    ids=lambda file: f"{file.parts[-3]}-{file.name}",
)
def test_no_problem_of_a_form_repeats_a_cell_or_a_header(file: Path) -> None:
    adapter, told = shipped(file.parents[1].name), 0
    with structlog.testing.capture_logs() as logged:
        for data in with_canaries(file):
            for problem in read_form(adapter, file.name, data, today=TODAY).problems:
                told += 1
                assert OFFICIAL not in str(problem)
    assert told > 1
    assert logged == []
