"""The samples of each adapter: what they must become, both ways."""

import json
from datetime import date
from pathlib import Path

import pytest

from shipped import shipped, told
from xref.desk.adapter_samples import sample_record
from xref.desk.read_form import read_form
from xref.desk.write_form import Received, write_form
from xref.resources import data_folder

TODAY = date(2026, 11, 23)
NOW_MS = 1_795_392_000_000
ADAPTERS = data_folder("adapters")
FORMS = sorted(ADAPTERS.glob("*/samples/*.form.json"))
RECORDS = sorted(ADAPTERS.glob("*/samples/*.records.json"))


def sample_of(expected: Path) -> Path:
    """Return the form that becomes the expected records."""
    stem = expected.name.removesuffix(".records.json")
    return expected.with_name(stem if stem.endswith(".csv") else f"{stem}.json")


@pytest.mark.parametrize("expected", RECORDS, ids=lambda path: f"{path.parts[-3]}-{path.name}")
def test_a_sample_form_becomes_the_expected_records(expected: Path) -> None:
    sample = sample_of(expected)
    adapter = shipped(expected.parents[1].name)
    reading = read_form(adapter, sample.name, sample.read_bytes(), today=TODAY)
    reading = told(expected.parents[1].name, reading)
    assert reading.problems == []
    assert [sample_record(record) for record in reading.records] == json.loads(
        expected.read_text("utf-8")
    )


def test_there_is_a_sample_for_every_form_that_is_read() -> None:
    for folder in (ADAPTERS / "la", ADAPTERS / "vn"):
        read = [json.loads(path.read_text("utf-8")) for path in RECORDS if folder in path.parents]
        kinds = {record["publication"] for records in read for record in records}
        assert kinds == set(shipped(folder.name).file.publications)


@pytest.mark.parametrize("path", FORMS, ids=lambda path: f"{path.parts[-3]}-{path.name}")
def test_a_sample_message_becomes_the_expected_form(path: Path) -> None:
    values = path.with_name(path.name.replace(".form.", ".values."))
    message = json.loads(values.read_text("utf-8"))
    message["message"] = bytes.fromhex(message["message"])
    adapter = shipped(path.parents[1].name)
    assert write_form(adapter, Received(**message)) == path.read_bytes()


def test_there_is_a_sample_for_every_received_form() -> None:
    for folder in (ADAPTERS / "la", ADAPTERS / "vn"):
        names = {path.name.removesuffix(".form.json") for path in FORMS if folder in path.parents}
        assert names == set(shipped(folder.name).file.received)


def test_the_second_sample_person_differs_in_the_asylum_fact_as_far_as_facts_go() -> None:
    folder = ADAPTERS / "la"
    data = (folder / "samples" / "referrals.csv").read_bytes()
    first, second = read_form(shipped(folder.name), "referrals.csv", data, today=TODAY).records
    assert first.facts_at(NOW_MS)["sharing_consent"] == "granted"
    assert first.facts_at(NOW_MS) == second.facts_at(NOW_MS) | {"asylum": "no"}
    assert "asylum" not in second.facts
    assert first.values.keys() == second.values.keys()


def test_case_numbers_and_remarks_are_in_no_value_that_leaves() -> None:
    folder = ADAPTERS / "la"
    data = (folder / "samples" / "referrals.csv").read_bytes()
    for record in read_form(shipped(folder.name), "referrals.csv", data, today=TODAY).records:
        leaving = json.dumps([record.values, record.facts, record.named], ensure_ascii=False)
        assert record.case not in leaving
        assert "ຂໍ້ມູນສົມມຸດ" not in leaving


def test_a_type_without_a_form_is_written_in_xrefs_own() -> None:
    adapter = shipped("vn")
    values = {"child_heard": "HEARD", "valid_until": None}
    message = Received(
        bytes(16), "best-interests-answer", values, "LANRM001", NOW_MS, bytes(15) + b"1"
    )
    assert json.loads(write_form(adapter, message)) == {
        "xref_form": 1,
        "type": "best-interests-answer",
        "message": "00" * 16,
        "from": "LANRM001",
        "received_on": "2026-11-23",
        "reply_to": "00" * 15 + "31",
        "fields": {"child_heard": "HEARD"},
        "beyond": [],
        "look": [],
    }


@pytest.mark.parametrize("expected", RECORDS, ids=lambda path: f"{path.parts[-3]}-{path.name}")
def test_every_shipped_form_says_how_its_sharing_consent_was_explained(expected: Path) -> None:
    given = [each["sharing_consent"] for each in json.loads(expected.read_text("utf-8"))]
    assert {each["version"] for each in given if each} <= {2}
