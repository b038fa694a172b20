"""Values of fields: one form each, and nothing else is read."""

import json
import unicodedata
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from unit.bundle.signed_bundle import signed_bundle
from unit.schema.plain_avro import varint, write
from xref.errors import MalformedError
from xref.limits import FIELD_VALUE_BYTES_MAX
from xref.wire.schema import Schema, SchemaField

LONG = 2**63

TYPES: dict[str, Any] = {
    "text": "string",
    "blob": "bytes",
    "small": "int",
    "large": "long",
    "flag": "boolean",
    "code": {"type": "enum", "name": "code", "symbols": ["A", "B", "C"]},
    "token": {"type": "fixed", "name": "token", "size": 4},
    "texts": {"type": "array", "items": "string", "xref.max_items": 5},
    "flags": {"type": "array", "items": "boolean", "xref.max_items": 4096},
    "rows": {
        "type": "array",
        "xref.max_items": 4,
        "items": {
            "type": "record",
            "name": "row",
            "fields": [
                {"name": "left", "type": "string"},
                {"name": "right", "type": {"type": "array", "items": "int", "xref.max_items": 3}},
            ],
        },
    },
}


def schema_of(types: dict[str, Any]) -> Schema:
    fields = [
        {
            "name": name,
            "type": ["null", kind],
            "default": None,
            "xref.id": place,
            "xref.category": "reference",
            "xref.sensitivity": "operational",
        }
        for place, (name, kind) in enumerate(types.items(), 1)
    ]
    document = {"type": "record", "name": "sample", "namespace": "test", "fields": fields}
    return Schema.parse(json.dumps(document).encode())


SCHEMA = schema_of(TYPES)


def field(name: str) -> SchemaField:
    return SCHEMA.by_name[name]


def texts() -> st.SearchStrategy[str]:
    letters = st.characters(exclude_categories=("Cs", "Cc"))
    return st.text(letters, max_size=12).map(lambda text: unicodedata.normalize("NFC", text))


def values(kind: Any) -> st.SearchStrategy[Any]:
    simple: dict[str, st.SearchStrategy[Any]] = {
        "string": texts(),
        "bytes": st.binary(max_size=12),
        "int": st.integers(-(2**31), 2**31 - 1),
        "long": st.integers(-LONG, LONG - 1),
        "boolean": st.booleans(),
    }
    if isinstance(kind, str):
        return simple[kind]
    if kind["type"] == "enum":
        return st.sampled_from(kind["symbols"])
    if kind["type"] == "fixed":
        return st.binary(min_size=kind["size"], max_size=kind["size"])
    if kind["type"] == "array":
        return st.lists(values(kind["items"]), max_size=min(5, kind["xref.max_items"]))
    return st.fixed_dictionaries({each["name"]: values(each["type"]) for each in kind["fields"]})


@pytest.mark.parametrize("name", TYPES)
@given(data=st.data())
def test_the_codec_writes_what_the_specification_says(name: str, data: st.DataObject) -> None:
    value = data.draw(values(TYPES[name]))
    encoded = field(name).encode(value)
    assert encoded == b"\x02" + write(TYPES[name], value)
    assert field(name).decode(encoded) == value


@pytest.mark.parametrize("name", TYPES)
@given(data=st.binary(max_size=40))
def test_whatever_is_read_is_written_the_same(name: str, data: bytes) -> None:
    for candidate in (data, b"\x02" + data):
        try:
            value = field(name).decode(candidate)
        except MalformedError:
            continue
        assert field(name).encode(value) == candidate


@pytest.mark.parametrize("name", TYPES)
@given(data=st.data())
def test_no_two_encodings_of_a_value_are_read(name: str, data: st.DataObject) -> None:
    good = field(name).encode(data.draw(values(TYPES[name])))
    place = data.draw(st.integers(0, len(good) - 1))
    bad = bytearray(good)
    bad[place] ^= data.draw(st.integers(1, 255))
    try:
        value = field(name).decode(bytes(bad))
    except MalformedError:
        return
    assert field(name).encode(value) == bytes(bad)


@pytest.mark.parametrize("name", TYPES)
def test_absent_is_one_byte(name: str) -> None:
    assert field(name).encode(None) == b"\x00"
    assert field(name).decode(b"\x00") is None


@pytest.mark.parametrize("name", TYPES)
@given(data=st.data())
def test_trailing_byte_is_refused(name: str, data: st.DataObject) -> None:
    encoded = field(name).encode(data.draw(values(TYPES[name])))
    with pytest.raises(MalformedError):
        field(name).decode(encoded + b"\x00")
    with pytest.raises(MalformedError):
        field(name).decode(encoded[:-1])


ATTACKS = {
    "empty": ("text", ""),
    "null-with-a-tail": ("text", "0000"),
    "third-branch": ("text", "04"),
    "overlong-branch": ("text", "8200"),
    "overlong-length": ("text", "02820061"),
    "negative-length": ("text", "0201"),
    "length-beyond-the-end": ("text", "020861"),
    "length-of-the-whole-memory": ("text", "02feffffffffffffffff01"),
    "not-utf-8": ("text", "0202ff"),
    "surrogate": ("text", "0206eda080"),
    "not-nfc": ("text", "020665cc81"),
    "nul-character": ("text", "020200"),
    "escape-character": ("text", "02021b"),
    "int-beyond-32-bits": ("small", "02808080808040"),
    "overlong-int": ("small", "028000"),
    "varint-without-an-end": ("large", "02" + "80" * 20),
    "varint-of-65-bits": ("large", "02ffffffffffffffffff02"),
    "boolean-of-two": ("flag", "0202"),
    "symbol-beyond-the-last": ("code", "0206"),
    "symbol-before-the-first": ("code", "0201"),
    "short-fixed": ("token", "02010203"),
    "two-blocks": ("texts", "0202026102026200"),
    "block-with-a-size": ("texts", "020104026100"),
    "count-beyond-the-bytes": ("texts", "02feffffffffffffffff01"),
    "too-many-items": ("texts", "020c" + "0261" * 6 + "00"),
    "list-without-an-end": ("texts", "02020261"),
    "empty-block-then-items": ("texts", "02000202610000"),
    "nested-count-beyond-the-bytes": ("rows", "020202610e"),
}


@pytest.mark.parametrize("name", ATTACKS)
def test_attack_is_refused(name: str) -> None:
    target, hexadecimal = ATTACKS[name]
    with pytest.raises(MalformedError, match=f"field {target}"):
        field(target).decode(bytes.fromhex(hexadecimal))


def test_a_few_bytes_that_claim_millions_of_items_allocate_nothing() -> None:
    for count in (4097, 20_000_000, LONG - 1):
        with pytest.raises(MalformedError, match="count"):
            field("flags").decode(b"\x02" + varint(count) + b"\x01\x01\x00")


WRONG_VALUES = [
    ("text", 1),
    ("text", b"a"),
    ("text", "e\N{COMBINING ACUTE ACCENT}"),
    ("text", "\ud800"),
    ("text", "a\tb"),
    ("blob", "a"),
    ("small", 2**31),
    ("small", True),
    ("small", 1.0),
    ("large", LONG),
    ("flag", 1),
    ("code", "D"),
    ("code", 0),
    ("code", []),
    ("token", b"12345"),
    ("texts", "abc"),
    ("texts", ("a",)),
    ("texts", [None]),
    ("texts", ["a"] * 6),
    ("rows", [{"left": "a"}]),
    ("rows", [{"left": "a", "right": [], "more": 1}]),
    ("rows", [{"left": "a", "right": [2**40]}]),
]


@pytest.mark.parametrize("case", range(len(WRONG_VALUES)))
def test_a_wrong_value_is_never_written(case: int) -> None:
    name, value = WRONG_VALUES[case]
    with pytest.raises(MalformedError, match=f"field {name}"):
        field(name).encode(value)


def test_a_value_beyond_the_limit_is_neither_written_nor_read() -> None:
    data = b"x" * FIELD_VALUE_BYTES_MAX
    with pytest.raises(MalformedError, match="at most"):
        field("blob").encode(data)
    with pytest.raises(MalformedError, match="at most"):
        field("blob").decode(b"\x02" + write("bytes", data))


@given(canary=st.from_regex(r"[A-Z]{12}", fullmatch=True))
def test_no_error_holds_the_value(canary: str) -> None:
    for name in TYPES:
        faults = []
        try:
            field(name).encode([canary] if name in ("text", "flag") else canary + "\t")
        except MalformedError as error:
            faults.append(error)
        try:
            field(name).decode(b"\x02" + write("string", canary) + b"\x07")
        except MalformedError as error:
            faults.append(error)
        assert len(faults) == 2
        assert not any(canary in str(fault) for fault in faults)
        assert not any(fault.__cause__ for fault in faults)


def test_scripts_of_both_parties_pass() -> None:
    name = signed_bundle().policy.schemas["xref.victim_referral"].by_name["full_name_native"]
    for text in ("ທ້າວ ສົມພອນ ວົງສາ", "Nguyễn Thị Ánh", "مریم", "क्षि"):
        normal = unicodedata.normalize("NFC", text)
        assert name.decode(name.encode(normal)) == normal
