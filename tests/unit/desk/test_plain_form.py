"""xref's own form: what it reads, what it refuses by name, and what it never repeats."""

import json
import re
from dataclasses import replace
from datetime import date
from typing import Any, Final

import pytest

from shipped import shipped
from unit.bundle.signed_bundle import ROOT, draft
from xref.desk.plain_form import is_plain_form, read_plain_form
from xref.desk.read_form import Reading
from xref.desk.write_form import Received, write_form
from xref.record_check import check_record, doubtful_values

POLICY: Final = draft().policy
TODAY: Final = date(2026, 11, 23)
CANARY: Final = "CANARY7"
CONSENT: Final = {
    "categories": ["identity", "status"],
    "explained_by": "nrm",
    "given_on_ms": 2,
    "guardian": False,
    "language": "lo",
    "notice_version": "1",
    "purposes": ["identification"],
    "recipients": ["nrm"],
    "valid_until_ms": 3,
    "version": 1,
    "warned_on_ms": 1,
}
GOOD: Final[dict[str, Any]] = {
    "xref_form": 1,
    "publication": "status-consultation",
    "case": "7",
    "fields": {"full_name_native": "Nguyễn Thị An", "consultation_questions": ["EARLIER_REPORT"]},
    "facts": {"asylum": "no", "origin_fear": "unknown"},
    "sharing_consent": CONSENT,
    "named": {},
    "reply_to": None,
}


def read(*records: Any) -> Reading:
    data = json.dumps(list(records), ensure_ascii=False).encode()
    return read_plain_form(POLICY, "folder/record.json", data, today=TODAY)


def test_a_record_is_read_by_the_schemas_names() -> None:
    (record,) = read(GOOD).records
    assert record.publication == "status-consultation"
    assert record.values == {
        "full_name_native": "Nguyễn Thị An",
        "consultation_questions": ["EARLIER_REPORT"],
    }
    assert record.facts == {"asylum": "no"}
    assert record.sharing_consent is not None
    assert record.sharing_consent.members() == CONSENT
    assert (record.case, record.source, record.reply_to) == ("7", "record.json", None)
    assert check_record(record, POLICY, TODAY) == []


def test_the_records_of_the_page_are_read_and_written() -> None:
    page = (ROOT / "docs" / "reference" / "plain-form.md").read_text(encoding="utf-8")
    submitted, received = re.findall(r"```json\n(.*?)```", page, re.DOTALL)
    assert is_plain_form("page.json", submitted.encode())
    (record,) = read_plain_form(POLICY, "page.json", submitted.encode(), today=TODAY).records
    assert check_record(record, POLICY, TODAY) == []
    said = json.loads(received)
    schema = POLICY.schema_for(POLICY.flow_named(said["type"]))
    assert set(said["fields"]) <= set(schema.by_name)
    form = Received(
        message=bytes.fromhex(said["message"]),
        type=said["type"],
        values=said["fields"],
        from_office=said["from"],
        received_at_ms=1_797_638_400_000,
        reply_to=bytes.fromhex(said["reply_to"]),
    )
    nothing = shipped("template")
    assert json.loads(write_form(nothing, form)) == said


def test_a_coarser_sibling_is_derived_for_who_may_know_no_more() -> None:
    fields = {"birth_date": "2011-05-02", "full_name_native": "An", "check_by": "2026-12-01"}
    (record,) = read({**GOOD, "publication": "welfare-check", "fields": fields}).records
    assert record.values["birth_year"] == "2011"


def test_bytes_are_hexadecimal() -> None:
    for written, problems in (
        ("ffd8ffe0ffd9", []),
        ("0x", ["photograph"]),
        ("ffd", ["photograph"]),
    ):
        fields = {"full_name_native": "An", "photograph": written}
        (record,) = read({**GOOD, "publication": "travel-document", "fields": fields}).records
        assert [each.field for each in check_record(record, POLICY, TODAY)] == problems


def test_a_former_province_goes_and_is_doubted_only_where_the_person_is_to_go() -> None:
    for publication, field, doubted in (
        ("referral", "service_province", ["service_province"]),
        ("family-tracing-answer", "relative_province", []),
    ):
        record = replace(read(GOOD).records[0], publication=publication, values={field: "VN-24"})
        assert check_record(record, POLICY, TODAY) == []
        told = list(doubtful_values(record, POLICY))
        assert [name for name, _ in told] == doubted
        assert "VN-24" not in repr(told)


FAULTS: Final[dict[str, tuple[dict[str, Any], str]]] = {
    "another-version": ({"xref_form": 2}, "xref_form"),
    "a-member-too-many": ({"remark": CANARY}, ""),
    "no-publication": ({"publication": None}, "publication"),
    "case-as-number": ({"case": 7}, "case"),
    "field-misspelt": ({"fields": {"contact_restriction": [CANARY]}}, ""),
    "field-of-another-record": ({"fields": {"arrival_date": CANARY}}, ""),
    "field-of-the-desk": ({"fields": {"case_ref": CANARY}}, "case_ref"),
    "fact-of-the-desk": ({"facts": {"sharing_consent": "granted"}}, "facts / sharing_consent"),
    "scope-by-form": ({"facts": {"personal_scope": "within"}}, "facts / personal_scope"),
    "approval-by-form": ({"facts": {"second_approval": "given"}}, "facts / second_approval"),
    "fact-as-flag": ({"facts": {"asylum": True}}, "facts / asylum"),
    "office-as-list": ({"named": {"nrm": [CANARY]}}, "named / nrm"),
    "reply-to-nothing": ({"reply_to": CANARY}, "reply_to"),
    "consent-without-recipients": (
        {"sharing_consent": {**CONSENT, "recipients": []}},
        "sharing_consent",
    ),
    "consent-of-a-later-version": (
        {"sharing_consent": {**CONSENT, "version": 2}},
        "sharing_consent",
    ),
    "consent-as-text": ({"sharing_consent": CANARY}, ""),
}


@pytest.mark.parametrize("name", FAULTS)
def test_each_fault_names_the_field_and_the_cure_and_repeats_nothing(name: str) -> None:
    change, field = FAULTS[name]
    reading = read(GOOD, {**GOOD, **change})
    assert len(reading.records) == 1
    (problem,) = reading.problems
    assert problem.field == field
    assert problem.cure
    assert CANARY not in str(problem)


def test_a_form_of_the_adapter_is_not_taken_for_one() -> None:
    assert is_plain_form("a.json", json.dumps(GOOD).encode())
    assert is_plain_form("a.JSON", json.dumps([GOOD]).encode())
    for name, data in (
        ("a.csv", json.dumps(GOOD).encode()),
        ("a.json", b"{}"),
        ("a.json", b'{"fields": {"xref_form": 1}}'),
        ("a.json", b"["),
        ("a.json", b""),
        ("a.json", b"\xff"),
    ):
        assert not is_plain_form(name, data), data
