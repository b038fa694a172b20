"""Kinds of values: one form each on both ends, today's lists at the sender alone."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from unit.schema import value_cases
from xref.code_lists import former, read_list, shipped_lists, unlisted
from xref.errors import ConfigError, MalformedError
from xref.wire import mrz
from xref.wire.schema import Schema, SchemaField
from xref.wire.value_kind import KINDS, kind_named

VECTORS = Path(__file__).resolve().parents[2] / "vectors" / "value"
TEXT_KINDS = [*value_cases.GOOD]


def vectors(name: str) -> list[dict[str, Any]]:
    cases: list[dict[str, Any]] = json.loads((VECTORS / name).read_text(encoding="utf-8"))["cases"]
    return cases


def field_of(kind: str, type_document: Any = "string", **more: Any) -> SchemaField:
    field = {
        "name": "probe",
        "type": ["null", type_document],
        "default": None,
        "xref.id": 1,
        "xref.category": "identity",
        "xref.sensitivity": "personal",
        "xref.value": kind,
    } | more
    document = {"type": "record", "name": "sample", "namespace": "test", "fields": [field]}
    return Schema.parse(json.dumps(document).encode()).by_name["probe"]


@pytest.mark.parametrize("case", vectors("form.json"), ids=lambda case: case["name"])
def test_form(case: dict[str, Any]) -> None:
    kind = kind_named(case["kind"])
    assert kind is not None
    value = bytes.fromhex(case["value"]) if kind.type == "bytes" else case["value"]
    assert (kind.fault(value) is None) == (case["expect"] == "ok")


def test_every_kind_has_vectors_of_both_sorts() -> None:
    named = {(case["kind"].partition(":")[0], case["expect"]) for case in vectors("form.json")}
    wanted = {*KINDS, "code-list"}
    assert named == {(kind, expect) for kind in wanted for expect in ("ok", "wrong-value")}


def test_every_example_is_of_its_kind() -> None:
    texts = {name: kind for name, kind in KINDS.items() if kind.type == "string"}
    assert [name for name, kind in texts.items() if kind.fault(kind.example)] == []


@pytest.mark.parametrize("case", vectors("mrz.json"), ids=lambda case: case["name"])
def test_machine_readable_zone(case: dict[str, Any]) -> None:
    if case["expect"] != "ok":
        with pytest.raises(MalformedError):
            mrz.read(case["value"])
        return
    read = mrz.read(case["value"])
    shows = {name: getattr(read, name) for name in mrz.TravelDocument.__slots__}
    assert {**shows, "optional": list(read.optional)} == case["shows"]


@pytest.mark.parametrize("kind", TEXT_KINDS)
def test_a_value_of_another_form_is_neither_sent_nor_taken(kind: str) -> None:
    """A desk whose software does not check is caught by the one that receives."""
    field, loose = field_of(kind), field_of("text", **{"xref.value": "text"})
    for value in value_cases.GOOD[kind]:
        assert field.decode(field.encode(value)) == value
    for value in value_cases.BAD[kind]:
        with pytest.raises(MalformedError) as sent:
            field.encode(value)
        assert sent.value.fault in ("wrong-value", "malformed")
        written = loose._codec.encode(value) if "\r" not in value else None
        if written is not None:
            with pytest.raises(MalformedError) as received:
                field.decode(written)
            assert received.value.fault == "wrong-value"


def test_no_fault_quotes_the_value() -> None:
    for kind, values in value_cases.BAD.items():
        found = kind_named(kind)
        assert found is not None
        for value in values:
            assert len(value) < 5 or value not in (found.fault(value) or "")


def test_every_item_of_a_list_is_checked() -> None:
    many = field_of("language", {"type": "array", "items": "string", "xref.max_items": 3})
    assert many.decode(many.encode(["vi", "lo"])) == ["vi", "lo"]
    with pytest.raises(MalformedError, match="item 1"):
        many.encode(["vi", "Lao"])


def test_a_picture_is_bounded() -> None:
    picture = field_of("jpeg", "bytes", **{"xref.max_bytes": 8})
    assert picture.encode(b"\xff\xd8\xff..\xff\xd9")
    with pytest.raises(MalformedError, match="8 bytes"):
        picture.encode(b"\xff\xd8\xff.....\xff\xd9")


@given(text=st.text(max_size=100))
def test_no_kind_fails_on_any_text(text: str) -> None:
    for kind in KINDS.values():
        if kind.type == "string":
            assert kind.fault(text) is None or kind.fault(text)


@given(text=st.text(alphabet="AP<0123456789UTO", min_size=30, max_size=44), lines=st.integers(1, 3))
def test_a_zone_is_read_or_malformed(text: str, lines: int) -> None:
    try:
        mrz.read("\n".join([text] * lines))
    except MalformedError:
        return


def test_a_digit_changed_in_any_place_of_a_passport_is_found() -> None:
    """All but the names and codes stand under a check digit."""
    first, second = value_cases.PASSPORT.split("\n")
    for place, character in enumerate(second):
        if character.isdigit():
            other = str((int(character) + 1) % 10)
            with pytest.raises(MalformedError):
                mrz.read(f"{first}\n{second[:place]}{other}{second[place + 1 :]}")


# Today's lists.


@pytest.mark.parametrize("kind", value_cases.UNLISTED)
def test_a_code_on_no_list_of_today_is_not_sent_but_taken(kind: str) -> None:
    field, lists = field_of(kind), shipped_lists()
    for code in value_cases.UNLISTED[kind]:
        fault = unlisted(field, code, lists)
        assert fault is not None
        assert code not in fault
        assert field.decode(field.encode(code)) == code


def test_codes_of_today_are_sent() -> None:
    sent = {
        "country": ["LA", "VN", "TH", "KH", "MM", "CN"],
        "subdivision": ["LA-VT", "LA-XI", "VN-22", "TH-10", "KH-12", "MM-06", "CN-YN", "GB-ENG"],
        "language": ["lo", "vi", "kjg", "mww", "blt", "zh-Hant", "lso", "hab"],
        "script": ["Laoo", "Latn", "Thai", "Khmr", "Mymr", "Hans"],
        "locode": ["VNHAN", "LAVTE"],
        "code-list:exploitation": ["FORCED_LABOUR", "LA:PLANTATION_DEBT"],
    }
    for kind, codes in sent.items():
        found = [code for code in codes if unlisted(field_of(kind), code, shipped_lists())]
        assert not found


def test_the_lists_are_as_long_as_their_standards() -> None:
    lists = shipped_lists()
    assert len(lists["countries"].codes) == 249
    assert len(lists["scripts"].codes) > 200
    assert len(lists["languages"].codes) > 7000
    count = dict.fromkeys(("CN", "KH", "LA", "MM", "TH", "VN"), 0)
    for code in lists["subdivisions"].codes:
        count[code[:2]] += 1
    assert count == {"CN": 34, "KH": 25, "LA": 18, "MM": 15, "TH": 78, "VN": 63}
    assert lists["subdivisions"].complete == count.keys()


def test_viet_nam_has_34_provinces_today_and_the_63_of_before_stay_good() -> None:
    found = shipped_lists()["subdivisions"]
    before = {code for code in found.codes if code.startswith("VN-")}
    assert len(before) == 63
    assert len(before - found.successors.keys()) == 34
    assert set(found.successors.values()) <= before - found.successors.keys()
    for code in before:
        assert unlisted(field_of("subdivision"), code, shipped_lists()) is None
    unchanged = before - found.successors.keys() - set(found.successors.values())
    # Those that the resolution leaves as they were.
    assert unchanged == {
        *("VN-01", "VN-04", "VN-05", "VN-09", "VN-13", "VN-21"),
        *("VN-22", "VN-23", "VN-26", "VN-71", "VN-HN"),
    }


def test_a_former_province_is_told_with_what_took_over() -> None:
    field, lists = field_of("subdivision"), shipped_lists()
    assert former(field, "VN-24", lists) == ("VN-25", "2025-07-01")
    for code in ("VN-25", "VN-22", "LA-VT", None, ["VN-24"]):
        assert former(field, code, lists) is None
    assert former(field_of("token"), "VN-24", lists) is None


def test_a_list_that_is_not_shipped_is_named() -> None:
    with pytest.raises(ConfigError, match=r"lists/ships\.toml"):
        unlisted(field_of("code-list:ships"), "FERRY", shipped_lists())


_GOOD_LIST = b'standard = "a"\ntaken_from = "b"\ntaken_on = "c"\ncodes = "A B"\n'
_WITH_DAY = _GOOD_LIST + b'successors_since = "2025-07-01"\nsuccessors_from = "d"\n'
BAD_LISTS = {
    "not TOML": b"codes = ",
    "not UTF-8": b"\xff",
    "no date": b'standard = "a"\ntaken_from = "b"\ncodes = "A"',
    "codes as a list": b'standard = "a"\ntaken_from = "b"\ntaken_on = "c"\ncodes = ["A"]',
    "a member too many": b'standard = "a"\ntaken_from = "b"\ntaken_on = "c"\ncodes = "A"\nmore = 1',
    "no code": b'standard = "a"\ntaken_from = "b"\ntaken_on = "c"\ncodes = " "',
    "a code twice": b'standard = "a"\ntaken_from = "b"\ntaken_on = "c"\ncodes = "A A"',
    "a successor without its day": _GOOD_LIST + b"successors = { A = 'B' }",
    "a successor that is no code": _WITH_DAY + b"successors = { A = 'C' }",
    "a successor that is former itself": _WITH_DAY + b"successors = { A = 'B', B = 'A' }",
    "a former code that is on no list": _WITH_DAY + b"successors = { C = 'A' }",
}


@pytest.mark.parametrize("name", BAD_LISTS)
def test_a_faulty_list_is_refused(name: str) -> None:
    with pytest.raises(ConfigError, match=r"lists/probe\.toml"):
        read_list("probe", BAD_LISTS[name])
