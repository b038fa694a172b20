"""From canonical values to the Vietnamese form: every diacritic, every code, nothing lost."""

import json
import unicodedata
from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shipped import shipped
from xref.desk.adapter import Adapter
from xref.desk.cell import Column, read_cell, write_cell
from xref.desk.write_form import Received, write_form

VN = shipped("vn")
LA = shipped("la")
NOW_MS = 1_795_392_000_000
PERSON = "người được chuyển tuyến"
texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=60)


def written(values: dict[str, Any], at_ms: int = NOW_MS) -> dict[str, Any]:
    message = Received(b"\x01" * 16, "victim-referral", values, "LANRM001", at_ms)
    form: dict[str, Any] = json.loads(write_form(VN, message))
    return form


@given(texts)
def test_every_name_arrives_letter_for_letter(name: str) -> None:
    form = written({"given_names_native": name})
    assert form[PERSON]["tên đệm và tên"] == unicodedata.normalize("NFC", name)


def test_the_file_holds_letters_and_not_escapes() -> None:
    values = {"given_names_native": unicodedata.normalize("NFD", "Trần Thị Ví Dụ")}
    message = Received(bytes(16), "victim-referral", values, "LANRM001", NOW_MS)
    data = write_form(VN, message)
    assert "Trần Thị Ví Dụ".encode() in data
    assert b"\\u" not in data
    assert data == unicodedata.normalize("NFC", data.decode()).encode()


def test_the_number_of_the_message_is_there_for_the_answer() -> None:
    assert written({})["mã tin"] == "01" * 16


def test_an_absent_and_a_withheld_field_look_the_same() -> None:
    assert written({}) == written({"birth_date": None, "needs": None})


def test_the_day_of_receipt_is_the_office_s_own() -> None:
    before_midnight_utc = NOW_MS - NOW_MS % 86_400_000 + 18 * 3_600_000
    assert written({}, before_midnight_utc)["ngày nhận"] == "24/11/2026"


def test_a_code_without_a_word_keeps_the_status_and_is_shown_for_a_look() -> None:
    form = written({"needs": ["ACCOMMODATION", "HAIRDRESSING"], "sex": "F"})
    assert form["hỗ trợ"]["dịch vụ đồng ý nhận"] == ["chỗ ở", "HAIRDRESSING"]
    assert form["mục cần xem lại"] == ["hỗ trợ / dịch vụ đồng ý nhận"]


def test_a_date_that_is_none_is_written_as_it_came_and_shown() -> None:
    form = written({"birth_date": "spring 1999"})
    assert form[PERSON]["ngày sinh"] == "spring 1999"
    assert form["mục cần xem lại"] == [f"{PERSON} / ngày sinh"]


@pytest.mark.parametrize(
    ("iso", "expected"),
    [("1999-02-14", "14/02/1999"), ("1999-02", "02/1999"), ("1999", "1999")],
)
def test_partial_dates(iso: str, expected: str) -> None:
    assert written({"birth_date": iso})[PERSON]["ngày sinh"] == expected


@pytest.mark.parametrize("calendar", ["gregorian", "buddhist"])
@pytest.mark.parametrize("pattern", ["dd/mm/yyyy", "yyyy-mm-dd"])
@given(day=st.dates(date(1900, 1, 1), date(2400, 12, 31)))
def test_dates_come_back(pattern: str, calendar: str, day: date) -> None:
    column = Column.model_validate(
        {
            "header": "x",
            "to": "field/x",
            "kind": "date",
            "pattern": pattern,
            "calendar": calendar,
            "partial": True,
            "future": True,
        }
    )
    for length in (4, 7, 10):
        value = day.isoformat()[:length]
        cell, said = write_cell(column, {}, value)
        assert said
        assert read_cell(column, {}, cell, today=day) == value


@pytest.mark.parametrize("adapter", [LA, VN], ids=["la", "vn"])
def test_every_word_of_every_list_comes_back(adapter: Adapter) -> None:
    for name, words in adapter.by_code.items():
        assert {adapter.by_word[name][word.casefold()] for word in words.values()} == set(words)
