"""What the samples of each adapter say; that they become it, `xref adapter check` tests."""

import json
from datetime import date

import pytest

from shipped import shipped
from xref.desk.read_form import read_form
from xref.desk.write_form import Received, write_form
from xref.resources import data_folder

TODAY = date(2026, 11, 23)
NOW_MS = 1_795_392_000_000
ADAPTERS = data_folder("adapters")
FOLDERS = sorted(folder.parent.name for folder in ADAPTERS.glob("*/samples"))


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
    values = {"met": True, "escorted": None}
    message = Received(bytes(16), "travel-asked", values, "VNNRM001", NOW_MS, bytes(15) + b"1")
    assert json.loads(write_form(adapter, message)) == {
        "xref_form": 1,
        "type": "travel-asked",
        "message": "00" * 16,
        "from": "VNNRM001",
        "received_on": "2026-11-23",
        "reply_to": "00" * 15 + "31",
        "fields": {"met": True},
        "beyond": [],
        "look": [],
    }


@pytest.mark.parametrize("folder", FOLDERS)
def test_every_shipped_form_says_how_its_sharing_consent_was_explained(folder: str) -> None:
    versions = {
        each["sharing_consent"]["version"]
        for expected in (ADAPTERS / folder / "samples").glob("*.records.json")
        for each in json.loads(expected.read_text("utf-8"))
        if each["sharing_consent"]
    }
    assert versions == {2}
