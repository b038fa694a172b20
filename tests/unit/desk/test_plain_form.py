"""xref's own form: what it reads, what it refuses by name, and what it never repeats."""

import json
import re
from datetime import date
from typing import Any, Final

import pytest

from unit.bundle.signed_bundle import ROOT, draft
from xref.desk.adapter import Adapter
from xref.desk.bases import check_basis, doubt_on_basis
from xref.desk.plain_form import is_plain_form, read_plain_form
from xref.desk.read_form import Reading
from xref.desk.write_form import Received, write_form
from xref.errors import RecordError
from xref.record_check import check_record
from xref.resources import data_folder

POLICY: Final = draft().policy
DIRECTORY: Final = draft().directory
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
    nothing = Adapter.load(data_folder("adapters") / "vn")
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


# Identification bases.

AGREEMENT: Final = POLICY.agreements["la-vn-2010"]


def basis(code: str, source: str | None = None) -> dict[str, object]:
    return {"identification_basis": code, "source_office": source}


@pytest.mark.parametrize("office", ["LAPOL001", "VNPOL001", "VNBOR001"])
def test_screening_counts_for_the_forces_that_the_agreement_names(office: str) -> None:
    check_basis(AGREEMENT, basis("SCREENING_RESULT"), DIRECTORY, office)
    check_basis(AGREEMENT, basis("SCREENING_RESULT", office), DIRECTORY, "LANRM001")


@pytest.mark.parametrize("office", ["LAIMM001", "LASVC001", "LANRM001", "VNCON001"])
def test_screening_by_anybody_else_is_refused(office: str) -> None:
    with pytest.raises(RecordError, match="LA police, VN police, VN border-guard"):
        check_basis(AGREEMENT, basis("SCREENING_RESULT", office), DIRECTORY, "LAPOL001")


def test_material_of_an_office_that_nobody_lists_is_refused() -> None:
    with pytest.raises(RecordError, match="source_office"):
        check_basis(AGREEMENT, basis("PARTY_EVIDENCE", "LANGO999"), DIRECTORY, "LANRM001")


@pytest.mark.parametrize("code", ["VICTIM_STATEMENT", "OTHER_SOURCE", "ORGANISATION_INFORMATION"])
def test_material_of_an_organisation_goes_and_is_doubted(code: str) -> None:
    check_basis(AGREEMENT, basis(code, "LASVC001"), DIRECTORY, "LANRM001")
    assert doubt_on_basis(AGREEMENT, basis(code, "LASVC001"), DIRECTORY, "LANRM001")
    assert not doubt_on_basis(AGREEMENT, basis(code), DIRECTORY, "LANRM001")


def test_a_record_without_a_basis_is_neither_refused_nor_doubted() -> None:
    check_basis(AGREEMENT, {}, DIRECTORY, "LANRM001")
    assert not doubt_on_basis(AGREEMENT, {}, DIRECTORY, "LANRM001")
