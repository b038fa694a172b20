"""Primero's and HTCDS' documents through their adapters: what is read, and what holds a record."""

import copy
import json
import tomllib
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from xref.desk.adapter import Adapter
from xref.desk.read_form import Reading, read_form
from xref.errors import ConfigError
from xref.resources import data_folder

TODAY = date(2026, 11, 26)
PRIMERO = data_folder("adapters") / "primero"
HTCDS = data_folder("adapters") / "htcds"
CASES = json.loads((PRIMERO / "samples/cases.json").read_text("utf-8"))


def read(document: Any, name: str = "cases.json") -> Reading:
    data = json.dumps(document, ensure_ascii=False, indent=1).encode()
    return read_form(Adapter.load(PRIMERO), name, data, today=TODAY)


def changed(**members: Any) -> dict[str, Any]:
    """The first case alone, changed."""
    return {"data": [copy.deepcopy(CASES["data"][0]) | members]}


def values(document: Any) -> dict[str, Any]:
    reading = read(document)
    assert reading.problems == []
    return dict(reading.records[0].values)


def said(document: Any) -> list[str]:
    reading = read(document)
    assert reading.records == []
    return [f"{each.field}: {each.problem}; {each.cure}" for each in reading.problems]


def test_a_day_of_birth_that_primero_made_from_an_age_is_only_its_year() -> None:
    assert values(changed(estimated=True))["birth_date"] == "2010"
    assert values(changed(estimated=False))["birth_date"] == "2010-01-01"
    assert values(changed(estimated=None))["birth_date"] == "2010-01-01"


def test_an_estimate_that_is_no_yes_or_no_holds_the_record() -> None:
    assert any("estimated" in each for each in said(changed(estimated="perhaps")))


def test_middle_and_first_name_are_one_field_and_concerns_are_one_list() -> None:
    found = values(changed())
    assert found["given_names_native"] == "Thị Ví Dụ"
    assert found["exploitation_types"] == ["SEXUAL_EXPLOITATION", "FORCED_MARRIAGE"]
    assert values(changed(name_middle=None))["given_names_native"] == "Ví Dụ"
    assert "exploitation_types" not in values(
        changed(protection_concerns=["migrant"], xref_exploitation_types=None)
    )


def test_a_concern_of_no_list_holds_the_record() -> None:
    [problem] = said(changed(protection_concerns=["invented_concern"]))
    assert problem.startswith("protection_concerns")
    assert "invented_concern" not in problem


def test_a_contact_restriction_in_free_text_alone_holds_the_record() -> None:
    [problem] = said(changed(xref_contact_restrictions=None))
    assert "xref_contact_restrictions" in problem
    assert "no free text crosses" in problem
    assert values(changed(xref_contact_restrictions=None, disclosure_deny_details=""))


@pytest.mark.parametrize("member", ["consent_for_services", "disclosure_other_orgs"])
@pytest.mark.parametrize("value", [False, None, "true-ish"])
def test_no_referral_without_the_agreement_that_primero_asks_for(member: str, value: Any) -> None:
    assert any(each.startswith(member) for each in said(changed(**{member: value})))


def test_services_of_several_referrals_are_the_needs_each_once() -> None:
    one = CASES["data"][0]["referrals"][0]
    twice = [one, one | {"id": "other"}, one | {"service": "police_other_service"}]
    assert values(changed(referrals=twice))["needs"] == ["ACCOMMODATION"]


@pytest.mark.parametrize(
    "change", [{"remote": False}, {"status": "rejected"}, {"service": "unheard_of"}]
)
def test_a_referral_that_is_not_for_xref_holds_the_record(change: dict[str, Any]) -> None:
    one = CASES["data"][0]["referrals"][0]
    assert said(changed(referrals=[one, one | change]))
    assert said(changed(referrals=[]))


def test_a_referral_that_was_done_was_accepted_and_has_what_a_server_adds() -> None:
    """The API leaves no choice of a referral's members: all that it can have must be known."""
    document = json.loads((PRIMERO / "samples/referral.json").read_text("utf-8"))
    document["data"] |= {
        "status": "done",
        "rejection_note": "stays here",
        "data": {"success_status": "successful", "service_implemented": "implemented"},
    }
    assert values(document)["answer"] == "ACCEPTED"
    one = CASES["data"][0]["referrals"][0] | {"rejection_note": "stays", "responded_at": "2026"}
    assert values(changed(referrals=[one | {"data": {"success_status": "successful"}}]))


def test_a_key_that_nobody_declared_holds_the_record() -> None:
    assert any("not in the form" in each for each in said(changed(contact_restrictionz=["x"])))


def test_problems_name_the_line_in_the_whole_document() -> None:
    document = changed(sex="unheard_of")
    text = json.dumps({"metadata": {"page": 1}} | document, indent=1)
    reading = read_form(Adapter.load(PRIMERO), "cases.json", text.encode(), today=TODAY)
    line = text.splitlines().index("  {") + 1
    assert [each.line for each in reading.problems] == [line]


@pytest.mark.parametrize("text", ['{"data": [', '{"data" [1]}', '{"data": [1]} x', '{"data"', "{,"])
def test_a_broken_document_is_a_problem_and_no_error(text: str) -> None:
    reading = read_form(Adapter.load(PRIMERO), "cases.json", text.encode(), today=TODAY)
    assert reading.records == []
    assert reading.problems


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('year_only_if = "estimated"', 'year_only_if = "sex"', "no yes-no column before"),
        ('requires = "xref_contact_restrictions"', 'requires = "other"', "requires no column"),
        ("joins = true", "joins = true\ndigits = 3", "joins goes with"),
        ('to = "field/exploitation_types"', 'to = "field/needs"', "two columns|joins no column"),
        ('records = "data"', 'records = ""', "at least 1 character"),
        ('format = "json"\nrecords = "data"', 'format = "csv"\nrecords = "data"', "records goes"),
        ('"data / services_section[] / service_type"', '"data / a[] / b"\n#', "kind"),
    ],
)
def test_what_the_new_members_may_not_say(old: str, new: str, message: str) -> None:
    text = (PRIMERO / "adapter.toml").read_text("utf-8")
    assert old in text
    broken = text.replace(old, new, 1)
    if message == "kind":
        broken = text.replace('"data / xref_look_again"', '"data / services_section[] / x"', 1)
        message = "objects of one array"
    with pytest.raises(ConfigError, match=message):
        Adapter.parse(broken.encode(), "primero")


def test_htcds_has_no_word_for_nobody_s_status() -> None:
    adapter = Adapter.load(HTCDS)
    data = (HTCDS / "samples/cases.csv").read_bytes()
    data = data.replace(b"ActualVictimOfTrafficking", b"NotAVictimOfTrafficking")
    reading = read_form(adapter, "cases.csv", data, today=TODAY)
    assert [each.line for each in reading.problems] == [2]
    assert len(reading.records) == 1


def test_htcds_columns_go_where_the_mapping_says() -> None:
    mapping = tomllib.loads((data_folder("schemas") / "mappings/htcds.toml").read_text("utf-8"))[
        "field"
    ]
    adapter = Adapter.load(HTCDS)
    forms = [*adapter.file.publications.values(), *adapter.file.received.values()]
    for column in (column for form in forms for column in form.columns):
        entry = mapping.get(column.header)
        fields = {end.removeprefix("field/") for end in column.ends if end.startswith("field/")}
        if entry is None or column.ends == ("stays",) or column.header == "cas_CaseOwner":
            continue
        assert "left_out" not in entry or not fields, column.header
        assert fields <= set(entry.get("fields", ())), column.header


def test_both_are_named_where_adapters_are_listed() -> None:
    listed = (Path(data_folder("adapters")) / "README.md").read_text("utf-8")
    assert all(f"`{name}`" in listed for name in ("primero", "htcds"))
