"""Definitions that differ: nobody's status is lowered, and the sender and both oversights see it.

Real desks and hops, and the rim by which a running desk writes its office's forms.
"""

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from attacks.hostile import entries
from unit.journey.played import Played
from world import SeededEntropy, party_keys, signed_bundle
from xref.audit import audit_hop
from xref.desk.adapter import FILE_NAME, Adapter
from xref.desk.spool import Spool
from xref.drivers.memory import MemoryStore
from xref.resources import data_folder
from xref.story import SentMessage, sent_messages
from xref.submitting import FormReader, take_form
from xref.wiring import Rim

NRM, RECEIVER, PROVIDER = "LANRM001", "VNNRM001", "VNSVC001"
TEXTS = {
    name: (data_folder("adapters") / name / FILE_NAME).read_text("utf-8") for name in ("la", "vn")
}
IDENTIFIED = '"đã được xác định là nạn nhân" = "IDENTIFIED"\n'
FORCED_LABOUR = '"cưỡng bức lao động" = "FORCED_LABOUR"\n'
NO_COMMUNITY = '= "NO_COMMUNITY"\n'
NARROWER = """
[[definition]]
field = "exploitation_types"
narrower = ["FORCED_LABOUR"]
cite = "invented for this test"
"""


def without_column(text: str, form: str, end: str) -> str:
    """An adapter whose form lost its column for a field."""
    group = "received" if f"[received.{form}]" in text else "publication"
    head, mark, rest = text.partition(f"[{group}.{form}]")
    columns, close, tail = rest.partition("\n]")
    kept, count = re.subn(rf'{{ like = "{end}"[^}}]*}},|"{end}",', "", columns)
    assert count == 1
    return head + mark + kept + close + tail


def without_line(text: str, end: str) -> str:
    """An adapter without a word of its lists."""
    lines = text.splitlines(keepends=True)
    kept = [line for line in lines if not line.endswith(end)]
    assert len(kept) == len(lines) - 1
    return "".join(kept)


def handed_over(text: str, folder: Path, *, again: bool = False) -> tuple[Played, dict[str, Any]]:
    """A referral that VNNRM001 received by this adapter, as the file in its folder says it."""
    world = Played()
    [record] = world.records("la", "referrals.csv")
    assert record.sharing_consent is not None
    categories = tuple(sorted({*record.sharing_consent.categories, "exploitation"}))
    wider = replace(record.sharing_consent, categories=categories)
    world.publish(NRM, [replace(record, sharing_consent=wider)])
    world.settle()
    spool = Spool(MemoryStore(), bytes(32), SeededEntropy("spool"))
    rim = Rim(spool, Adapter.parse(text.encode(), "vn"), folder, clock=lambda: world.now_ms)
    assert rim.hand_over(world.desks[RECEIVER]) == 1
    if again:
        world.desks[RECEIVER].state.put("handoff", world.received(RECEIVER, "victim-referral"), b"")
        rim.hand_over(world.desks[RECEIVER])
    world.settle()
    [file] = folder.iterdir()
    return world, json.loads(file.read_text("utf-8"))


def referral(world: Played) -> SentMessage:
    sent = sent_messages(world.stores[NRM], NRM, signed_bundle())
    return next(each for each in sent if each.type == "victim-referral")


def mismatches(world: Played, hop: str) -> dict[str, int]:
    bundle = signed_bundle()
    report = audit_hop(world.stores[hop], hop, {bundle.digest32: bundle}, party_keys())
    assert report.problems == ()
    return dict(report.trail.mismatches)


def test_a_form_with_a_word_for_everything_tells_nobody_anything(tmp_path: Path) -> None:
    world, form = handed_over(TEXTS["vn"], tmp_path)
    assert "xref_form" not in form
    assert referral(world).mismatch == ()
    assert mismatches(world, "LAHOP001") == {}


@pytest.mark.parametrize(
    ("text", "field", "value"),
    [
        (without_line(TEXTS["vn"], IDENTIFIED), "victim_status", "IDENTIFIED"),
        (
            without_column(TEXTS["vn"], "victim-referral", "field/victim_status"),
            "victim_status",
            "IDENTIFIED",
        ),
        (
            without_line(TEXTS["vn"], NO_COMMUNITY),
            "contact_restrictions",
            ["NO_COMMUNITY"],
        ),
        (
            without_column(TEXTS["vn"], "victim-referral", "field/contact_restrictions"),
            "contact_restrictions",
            ["NO_COMMUNITY"],
        ),
        (
            without_column(TEXTS["vn"], "victim-referral", "field/age_status"),
            "age_status",
            "VERIFIED_ADULT",
        ),
    ],
)
def test_form_too_narrow_to_protect_gets_the_message_whole(
    tmp_path: Path, text: str, field: str, value: object
) -> None:
    world, form = handed_over(text, tmp_path)
    assert form["xref_form"] == 1
    assert form["fields"][field] == value
    assert form["fields"]["given_names_native"]
    assert referral(world).mismatch == (field,)
    assert (
        mismatches(world, "LAHOP001") == mismatches(world, "VNHOP001") == {f"{RECEIVER} {NRM}": 1}
    )


def test_form_of_exploitation_that_the_law_abroad_does_not_know(tmp_path: Path) -> None:
    world, form = handed_over(TEXTS["vn"] + NARROWER, tmp_path)
    assert "xref_form" not in form
    assert "cưỡng bức lao động" in json.dumps(form, ensure_ascii=False)
    message = referral(world)
    assert message.mismatch == ("exploitation_types",)
    assert message.outcome == "opened"
    assert message.as_json(signed_bundle())["definition_mismatch"] == ["exploitation_types"]


def test_code_without_a_word_stands_as_it_came_and_the_sender_knows(tmp_path: Path) -> None:
    world, form = handed_over(without_line(TEXTS["vn"], FORCED_LABOUR), tmp_path)
    assert '"FORCED_LABOUR"' in json.dumps(form)
    assert referral(world).mismatch == ("exploitation_types",)


def test_crash_between_form_and_notice_tells_the_sender_once_more_and_changes_nothing(
    tmp_path: Path,
) -> None:
    text = without_line(TEXTS["vn"], IDENTIFIED)
    world, _ = handed_over(text, tmp_path, again=True)
    assert referral(world).mismatch == ("victim_status",)
    assert mismatches(world, "LAHOP001") == {f"{RECEIVER} {NRM}": 2}


def test_notice_says_nothing_of_the_person_to_the_hops(tmp_path: Path) -> None:
    world, _ = handed_over(without_line(TEXTS["vn"], IDENTIFIED), tmp_path)
    for hop in ("LAHOP001", "VNHOP001"):
        notices = [e for e in entries(world, hop, "released") if e["from"] == RECEIVER]
        assert {e["flow"] for e in notices} <= {1, 66}
        [notice] = [e for e in notices if e["flow"] == 66]
        assert notice["facts"] == {}
        assert notice["disclosed"] == ["items"]
        assert "status" not in json.dumps(notice)
        assert referral(world).id not in json.dumps(notice)


def test_office_that_says_a_message_of_others_differs(tmp_path: Path) -> None:
    """A notice counts from the office to which the message went, and from nobody else."""
    world, _ = handed_over(TEXTS["vn"], tmp_path)
    message = bytes.fromhex(referral(world).id)
    desk = world.desks[PROVIDER]
    case = desk.cabinet.case_of("invented", 1)
    desk.cabinet.put("inbox", message, case, {"from": NRM, "shard": 0, "type": "x"})
    desk.handed({message: ("victim_status",)}, world.now_ms)
    world.settle()
    assert referral(world).mismatch == ()
    assert mismatches(world, "LAHOP001") == {f"{PROVIDER} {NRM}": 1}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            without_column(TEXTS["la"], "referral", "field/contact_restrictions"),
            "the form has no place for contact_restrictions",
        ),
        (
            without_line(TEXTS["la"], '= "NO_POLICE"\n'),
            "the form has no word for contact_restrictions NO_POLICE",
        ),
    ],
)
def test_record_of_a_form_that_cannot_say_whom_nobody_may_contact(
    tmp_path: Path, text: str, said: str
) -> None:
    adapter = Adapter.parse(text.encode(), "la")
    file = tmp_path / "referrals.csv"
    data = (data_folder("adapters") / "la/samples/referrals.csv").read_text("utf-8")
    if "place" in said:
        header = data.splitlines()[0].split(",")
        gone = next(
            c.header
            for c in Adapter.parse(TEXTS["la"].encode(), "la").file.publications["referral"].columns
            if "field/contact_restrictions" in c.ends
        )
        place = header.index(gone)
        rows = [line.split(",") for line in data.splitlines()]
        data = "\n".join(",".join(row[:place] + row[place + 1 :]) for row in rows) + "\n"
    file.write_text(data, "utf-8")
    spool = Spool(MemoryStore(), bytes(32), SeededEntropy("spool"))
    reader = FormReader(adapter, NRM, signed_bundle(), signed_bundle().policy.rulebook.notices)
    done = take_form(reader, file, spool)
    assert done.accepted == 0
    assert {each.problem for each in done.problems} == {said}
    assert spool.take(10) == []
