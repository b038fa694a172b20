"""Schema files: one normal form, and only what can be bounded and minimised."""

import copy
import hashlib
import json
from collections.abc import Callable
from typing import Any

import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from unit.bundle.signed_bundle import draft, sources
from xref.errors import ConfigError, MalformedError
from xref.wire.schema import Schema, normalise

SHIPPED = sorted(path for path in sources() if path.endswith(".avsc"))

GOOD: dict[str, Any] = {
    "type": "record",
    "name": "sample",
    "namespace": "test",
    "xref.retired_ids": [3],
    "fields": [
        {
            "name": "later",
            "type": ["null", {"type": "enum", "name": "code", "symbols": ["A", "B"]}],
            "default": None,
            "xref.id": 9,
            "xref.category": "status",
            "xref.sensitivity": "sensitive",
        },
        {
            "name": "earlier",
            "type": ["null", {"type": "array", "items": "code", "xref.max_items": 2}],
            "default": None,
            "xref.id": 2,
            "xref.category": "needs",
            "xref.sensitivity": "personal",
            "xref.required": True,
            "xref.source": "001:933, 003:684-687",
            "xref.derived": {"function": "initials", "from": "given_names_romanised"},
        },
    ],
}


def parse(document: Any) -> Schema:
    return Schema.parse(json.dumps(document).encode(), "sample.avsc")


def test_fields_are_in_the_order_of_their_ids() -> None:
    schema = parse(GOOD)
    assert [(each.name, each.id, each.bit) for each in schema.fields] == [
        ("earlier", 2, 0),
        ("later", 9, 1),
    ]
    assert schema.by_name["earlier"].symbols == ("A", "B")
    assert schema.by_name["earlier"].kind == "array"
    assert schema.by_name["earlier"].required
    assert schema.by_name["earlier"].derived is not None


def test_the_digest_is_of_the_resolved_form() -> None:
    normal = normalise(GOOD)
    assert "namespace" not in normal
    assert normal["name"] == "test.sample"
    assert normal["fields"][1]["type"][1]["items"] == "test.code"
    assert parse(GOOD).digest32 == hashlib.sha256(rfc8785.dumps(normal)).digest()
    assert Schema.parse(parse(GOOD).canonical) == parse(GOOD)


def test_normalising_twice_changes_nothing() -> None:
    for path in SHIPPED:
        once = normalise(json.loads(sources()[path]))
        assert normalise(copy.deepcopy(once)) == once


def test_every_attribute_is_in_the_digest() -> None:
    for attribute, value in (("doc", "x"), ("xref.source", "001:1"), ("xref.required", False)):
        other = copy.deepcopy(GOOD)
        other["fields"][1][attribute] = value
        assert parse(other).digest32 != parse(GOOD).digest32


@pytest.mark.parametrize("path", SHIPPED)
def test_shipped_schemas_parse_and_cite(path: str) -> None:
    schema = Schema.parse(sources()[path], path)
    assert all(each.source and each.doc for each in schema.fields)


def _set(place: str, value: Any) -> Callable[[dict[str, Any]], None]:
    def edit(document: dict[str, Any]) -> None:
        document["fields"][0][place] = value

    return edit


def _type(kind: Any) -> Callable[[dict[str, Any]], None]:
    return _set("type", ["null", kind])


def _array(items: Any, most: Any = 3) -> dict[str, Any]:
    return {"type": "array", "items": items, "xref.max_items": most}


EMPTY_RECORD = {"type": "record", "name": "empty", "fields": []}


def enum_of(document: dict[str, Any]) -> dict[str, Any]:
    """Return the enum of the first field."""
    found: dict[str, Any] = document["fields"][0]["type"][1]
    return found


BAD: dict[str, Callable[[dict[str, Any]], object]] = {
    "map": _type({"type": "map", "values": "string"}),
    "float": _type("float"),
    "double": _type("double"),
    "null-alone": _set("type", "null"),
    "not-nullable": _set("type", "string"),
    "null-last": _set("type", ["string", "null"]),
    "wide-union": _set("type", ["null", "string", "int"]),
    "null-twice": _type("null"),
    "union-inside": _type(_array(["null", "string"])),
    "array-of-nulls": _type(_array("null")),
    "array-of-empty-records": _type(_array(EMPTY_RECORD)),
    "empty-fixed": _type({"type": "fixed", "name": "none", "size": 0}),
    "array-without-a-bound": _type({"type": "array", "items": "string"}),
    "array-of-any-size": _type(_array("string", 2**31)),
    "array-bound-of-zero": _type(_array("string", 0)),
    "unknown-type": _type("uuid"),
    "logical-type": _type({"type": "int", "logicalType": "date"}),
    "logical-type-on-the-field": _set("logicalType", "date"),
    "recursive": _type(
        {"type": "record", "name": "loop", "fields": [{"name": "next", "type": _array("loop")}]}
    ),
    "defined-twice": _type(
        {
            "type": "record",
            "name": "pair",
            "fields": [
                {"name": "one", "type": {"type": "enum", "name": "twice", "symbols": ["A"]}},
                {"name": "two", "type": {"type": "enum", "name": "twice", "symbols": ["B"]}},
            ],
        }
    ),
    "symbol-twice": _type({"type": "enum", "name": "code", "symbols": ["A", "A"]}),
    "symbol-with-a-hyphen": _type({"type": "enum", "name": "code", "symbols": ["A-B"]}),
    "enum-default-that-is-no-symbol": _type(
        {"type": "enum", "name": "code", "symbols": ["A"], "default": "B"}
    ),
    "value-of-an-unknown-kind": _set("xref.value", "passport"),
    "value-of-a-list-without-a-name": _set("xref.value", "code-list:"),
    "value-as-a-list": _set("xref.value", ["date"]),
    "text-kind-on-an-enum": _set("xref.value", "date"),
    "bytes-kind-on-text": lambda document: document["fields"][0].update(
        {"type": ["null", "string"], "xref.value": "jpeg"}
    ),
    "bound-of-bytes-on-an-enum": _set("xref.max_bytes", 5),
    "bound-of-no-bytes": lambda document: document["fields"][0].update(
        {"type": ["null", "bytes"], "xref.max_bytes": 0}
    ),
    "no-symbols": _type({"type": "enum", "name": "code", "symbols": []}),
    "default-text": _set("default", ""),
    "no-id": lambda document: document["fields"][0].pop("xref.id"),
    "id-zero": _set("xref.id", 0),
    "id-too-large": _set("xref.id", 2**16),
    "id-true": _set("xref.id", True),
    "id-twice": _set("xref.id", 2),
    "retired-id": _set("xref.id", 3),
    "retired-ids-as-text": lambda document: document.update({"xref.retired_ids": "3"}),
    "name-twice": _set("name", "earlier"),
    "name-in-capitals": _set("name", "Later"),
    "unknown-category": _set("xref.category", "gossip"),
    "category-as-list": _set("xref.category", ["status"]),
    "unknown-sensitivity": _set("xref.sensitivity", "none"),
    "required-as-text": _set("xref.required", "yes"),
    "source-from-nowhere": _set("xref.source", "somewhere"),
    "derived-without-a-source": _set("xref.derived", {"function": "initials"}),
    "unknown-attribute": _set("xref.optional", True),
    "alias": _set("aliases", ["old"]),
    "unknown-record-attribute": lambda document: document.update({"xref.mode": 1}),
    "no-namespace": lambda document: document.pop("namespace"),
    "no-fields": lambda document: document.update({"fields": []}),
    "fields-as-object": lambda document: document.update({"fields": {}}),
    "not-a-record": lambda document: document.update({"type": "enum"}),
    "too-many-fields": lambda document: document.update(
        {
            "fields": [
                {
                    **document["fields"][1],
                    "type": ["null", "int"],
                    "name": f"f{i}",
                    "xref.id": i + 9,
                }
                for i in range(129)
            ]
        }
    ),
    "meanings-too-few": lambda d: enum_of(d).update({"xref.meanings": ["The first."]}),
    "meanings-that-are-no-texts": lambda d: enum_of(d).update({"xref.meanings": ["One.", ""]}),
    "meanings-as-a-map": lambda d: enum_of(d).update({"xref.meanings": {"A": "One.", "B": "Two."}}),
    "neutral-as-text": lambda d: d.update({"xref.neutral": "true"}),
    "neutral-denied": lambda d: d.update({"xref.neutral": False}),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_schema_is_refused(name: str) -> None:
    document = copy.deepcopy(GOOD)
    BAD[name](document)
    with pytest.raises(ConfigError, match=r"sample\.avsc"):
        parse(document)


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"[]",
        b"null",
        b'{"type":"record","type":"record"}',
        b'{"type":"record","name":"a.b","fields":[1]}',
        b'{"a":NaN}',
        b'{"a":1.5}',
        b"\xff",
        b"[" * 100_000,
        b" " * 300_000,
    ],
    ids=range(10),
)
def test_what_is_no_schema_is_refused(text: bytes) -> None:
    with pytest.raises(ConfigError):
        Schema.parse(text)


@given(mask=st.integers(0, 2**31 - 1))
def test_masks_and_names_agree(mask: int) -> None:
    schema = draft().policy.schemas["xref.victim_referral"]
    assert schema.mask_of(schema.names_of(mask)) == mask


def test_a_mask_beyond_the_fields_is_malformed() -> None:
    schema = parse(GOOD)
    for mask in (4, 2**127, -1):
        with pytest.raises(MalformedError):
            schema.names_of(mask)


def test_an_unknown_field_has_no_mask() -> None:
    with pytest.raises(ConfigError, match="gossip"):
        parse(GOOD).mask_of(["gossip"])
