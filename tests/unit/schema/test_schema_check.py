"""`xref schema check`: each rule refuses its own break, and what xref ships breaks none."""

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from shipped import shipped
from unit.schema.test_schema_files import BAD, GOOD
from world import REPOSITORY, draft_bundle
from xref.cli import main
from xref.desk.derive import SIBLINGS
from xref.schema_check import CONTENT, HISTORY, RULES, Finding, check_schema
from xref.wire.schema import Schema
from xref.wire.schema_fault import STRUCTURE

Document = dict[str, Any]
CODES = {
    "type": "enum",
    "name": "code",
    "symbols": ["A", "B"],
    "xref.meanings": ["The first.", "The second."],
}
OPEN_CODES = CODES | {"default": "B"}


def field(**changes: Any) -> Document:
    return {
        "name": "remark",
        "type": ["null", "string"],
        "default": None,
        "doc": "A remark.",
        "xref.id": 1,
        "xref.value": "text",
        "xref.category": "reference",
        "xref.sensitivity": "personal",
        "xref.source": "ours",
    } | {name.replace("xref_", "xref."): value for name, value in changes.items()}


def coded(enum: Document = CODES, **changes: Any) -> Document:
    made = field(type=["null", enum], **changes)
    del made["xref.value"]
    return made


def without(name: str, **changes: Any) -> Document:
    made = field(**changes)
    del made[name]
    return made


def record(*fields: Document, name: str = "sample", **more: Any) -> bytes:
    members = {"type": "record", "name": name, "namespace": "xref", "fields": list(fields)}
    more = {name.replace("xref_", "xref."): value for name, value in more.items()}
    return json.dumps(members | more).encode()


def of_codes(*symbols: str) -> Document:
    return {**CODES, "symbols": list(symbols), "xref.meanings": ["A meaning."] * len(symbols)}


def found(data: bytes) -> list[Finding]:
    return check_schema("sample.avsc", data, {})


def test_a_plain_record_breaks_no_rule() -> None:
    other = coded(name="code", xref_id=2)
    assert found(record(field(), other)) == []
    assert found(record(coded(OPEN_CODES, xref_category="needs"))) == []


PART = {"type": "record", "name": "part", "fields": [{"name": "a", "type": "string"}]}
BREAKS: dict[str, list[bytes]] = {
    "name/consent": [
        record(field(name="consent")),
        record(field(name="consent_given")),
        record(coded(of_codes("CONSENT_REFUSED"))),
        record(field(), name="consent_record"),
    ],
    "content/disease": [
        record(field(name="hiv_status")),
        record(field(name="medical_test_result")),
        record(coded(of_codes("TEST_POSITIVE", "A"))),
        record(field(xref_category="disease-test")),
    ],
    "content/cooperation": [
        record(field(name="willing_to_testify")),
        record(coded(of_codes("COOPERATION_AGREED", "A"))),
        record(field(xref_category="cooperation")),
    ],
    "content/never": [
        record(field(xref_category=category))
        for category in ("asylum", "refusal", "shelter-location", "status-offence")
    ],
    "content/suspect": [
        record(field(xref_category="suspect"), field(name="b", xref_id=2, xref_category="identity"))
    ],
    "content/neutral": [
        record(coded(xref_category="status"), xref_neutral=True),
        record(coded(OPEN_CODES, xref_category="needs"), xref_neutral=True),
        record(field(xref_category="consent"), xref_neutral=True),
        record(field(name="victim_of"), xref_neutral=True),
        record(coded(of_codes("TRAFFICKED", "A")), xref_neutral=True),
        record(
            field(xref_category="exploitation", xref_value="code-list:exploitation"),
            xref_neutral=True,
        ),
    ],
    "content/declared-neutral": [
        record(field(), name=name)
        for name in ("nationality_request", "border_notice", "identity_check", "journey_change")
    ],
    "enum/meanings": [
        record(coded({"type": "enum", "name": "code", "symbols": ["A", "B"]})),
    ],
    "enum/presumed-adult": [
        record(coded(of_codes("PRESUMED_ADULT", "A"))),
        record(coded(of_codes("ADULT_PRESUMED"))),
    ],
    "enum/exploitation": [
        record(coded(OPEN_CODES, xref_category="exploitation")),
        record(coded(name="exploitation_form")),
        record(field(name="exploitation_types")),
    ],
    "enum/open": [
        record(coded(xref_category="needs")),
        record(coded(xref_category="language")),
        record(
            coded(
                {"type": "array", "items": CODES, "xref.max_items": 3},
                xref_category="needs",
            )
        ),
    ],
    "enum/closed": [
        record(coded(OPEN_CODES, xref_category="safeguard")),
        record(coded(OPEN_CODES, xref_category="outcome")),
    ],
    "value/stated": [
        record(without("xref.value")),
        record(
            without(
                "xref.value",
                type=["null", {"type": "array", "items": "string", "xref.max_items": 3}],
            )
        ),
    ],
    "type/bytes-bound": [record(without("xref.value", type=["null", "bytes"]))],
    "type/record-operational": [
        record(without("xref.value", type=["null", PART])),
    ],
    "derived/declared": [
        record(field(name="birth_year", xref_value="year")),
        record(
            field(
                name="birth_year",
                xref_value="year",
                xref_derived={"function": "age_band", "from": "birth_date"},
            )
        ),
        record(field(xref_derived={"function": "birth_year", "from": "birth_date"})),
    ],
    "field/documented": [record(without("doc")), record(without("xref.source"))],
}


@pytest.mark.parametrize("rule", BREAKS)
def test_a_break_of_a_rule_is_found_with_place_and_cure(rule: str) -> None:
    """Each document breaks this rule; without the rule nothing would say so."""
    for data in BREAKS[rule]:
        mine = [each for each in found(data) if each.rule == rule]
        assert mine, data
        assert all(each.file == "sample.avsc" and each.field and each.cure for each in mine)


def test_every_rule_of_content_has_a_break() -> None:
    assert BREAKS.keys() == CONTENT.keys()
    assert RULES.keys() == {*STRUCTURE, *CONTENT, HISTORY}


STRUCTURE_BREAKS = {
    "map": "type/map",
    "float": "type/float",
    "double": "type/float",
    "not-nullable": "field/nullable",
    "wide-union": "field/nullable",
    "default-text": "field/nullable",
    "union-inside": "type/union",
    "array-of-nulls": "type/union",
    "array-without-a-bound": "type/array",
    "logical-type": "type/known",
    "recursive": "type/known",
    "symbol-twice": "type/enum",
    "meanings-too-few": "type/enum",
    "neutral-denied": "file/neutral",
    "enum-default-that-is-no-symbol": "type/enum",
    "empty-fixed": "type/fixed",
    "no-id": "field/id",
    "id-twice": "field/id",
    "retired-id": "field/id",
    "name-twice": "field/name",
    "unknown-category": "field/category",
    "unknown-sensitivity": "field/sensitivity",
    "required-as-text": "field/required",
    "source-from-nowhere": "field/source",
    "derived-without-a-source": "field/derived",
    "value-of-an-unknown-kind": "value/kind",
    "bound-of-bytes-on-an-enum": "type/bytes",
    "unknown-attribute": "file/attribute",
    "not-a-record": "file/record",
    "too-many-fields": "file/record",
}


@pytest.mark.parametrize("name", STRUCTURE_BREAKS)
def test_a_break_of_structure_names_its_rule(name: str) -> None:
    document = copy.deepcopy(GOOD)
    document["fields"][1]["type"][1]["items"] = "string"  # it would miss the type edited away
    edit: Callable[[Document], object] = BAD[name]
    edit(document)
    rules = [each.rule for each in found(json.dumps(document).encode())]
    assert STRUCTURE_BREAKS[name] in rules


def test_other_breaks_of_structure_name_their_rules() -> None:
    twice = {
        "type": "record",
        "name": "part",
        "fields": [{"name": "a", "type": "string"}] * 2,
    }
    assert [each.rule for each in found(b"{")] == ["file/json"]
    assert [each.rule for each in found(record(field(type=["null", twice])))] == ["type/record"]
    named = {*STRUCTURE_BREAKS.values(), "file/json", "type/record"}
    assert named == STRUCTURE.keys(), "a rule of structure without a break"


def test_all_fields_are_told_at_once() -> None:
    data = record(field(xref_category="gossip"), field(name="b", xref_sensitivity="none"))
    assert [(each.field, each.rule) for each in found(data)] == [
        ("remark", "field/category"),
        ("b", "field/id"),
    ]


def test_an_id_that_meant_something_else_before_is_found() -> None:
    before = Schema.parse(record(field(name="former")))
    findings = check_schema("sample.avsc", record(field()), {before.name: before})
    assert [(each.field, each.rule) for each in findings] == [("remark", HISTORY)]
    assert "id 1 was former" in findings[0].problem
    assert check_schema("sample.avsc", record(field()), {"xref.other": before}) == []


def test_what_is_shipped_breaks_no_rule(capsys: pytest.CaptureFixture[str]) -> None:
    folder = str(REPOSITORY / "schemas")
    assert main(["schema", "check", folder]) == 0
    assert "All hold" in capsys.readouterr().out
    assert main(["schema", "check", folder, "--history", folder, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["findings"] == []


def test_findings_are_told_with_their_cure(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "sample.avsc").write_bytes(record(field(name="consent")))
    assert main(["schema", "check", str(tmp_path)]) == 1
    told = capsys.readouterr().out
    assert "sample.avsc consent [name/consent]" in told
    assert max(map(len, told.splitlines())) <= 80
    assert main(["schema", "check", str(tmp_path), "--json"]) == 1
    (finding,) = json.loads(capsys.readouterr().out)["findings"]
    assert finding["rule"] == "name/consent"
    assert main(["schema", "check", str(tmp_path / "none")]) == 1


def test_adapters_derive_what_the_records_declare() -> None:
    """A sibling is committed beside the finer value, whichever of the two may cross."""
    policy = draft_bundle().policy
    lacking = []
    for country in ("la", "vn"):
        adapter = shipped(country)
        for publication, form in adapter.file.publications.items():
            ends = {end for column in form.columns for end in column.ends}
            for delivery in policy.publications[publication].deliveries:
                for each in policy.schema_for(policy.flow_named(delivery.flow)).fields:
                    made = each.derived is not None and f"field/{each.derived.source}" in ends
                    if made and f"field/{each.name}" not in ends and each.name not in form.derive:
                        lacking.append((country, publication, each.name))
    assert lacking == []
    assert any(each.derived for schema in policy.schemas.values() for each in schema.fields)


def test_the_desk_knows_every_sibling_that_a_record_declares() -> None:
    declared = {
        each.name: each.derived
        for schema in draft_bundle().policy.schemas.values()
        for each in schema.fields
        if each.derived is not None
    }
    assert len(declared) >= 5
    assert {name: SIBLINGS[name] for name in declared} == declared
