"""Files as offices really have them: formats, old encodings, what a spreadsheet leaves behind."""

import csv
import io
import json
import shutil
import subprocess
import unicodedata
from datetime import date
from typing import Any

import pytest

from xref import limits
from xref.desk.adapter import Adapter
from xref.desk.encodings import Encoding, decoder, undecoded
from xref.desk.form_source import FormSource
from xref.desk.read_form import Reading, Record, read_form, survey_form

TODAY = date(2026, 11, 26)
COLUMNS = """
version = 1
party = "TH"
languages = ["th"]
utc_offset_minutes = 420
[publication.referral]
title = "f"
format = "FORMAT"
[[publication.referral.column]]
header = "no"
to = "case"
[[publication.referral.column]]
header = "person / name"
to = "field/full_name_native"
[[publication.referral.column]]
header = "person / born"
to = "field/birth_date"
kind = "date"
pattern = ["dd/mm/yyyy", "dd-mm-yyyy", "yyyy-mm-dd"]
calendar = "either"
[[publication.referral.column]]
header = "id"
to = "field/national_id_number"
digits = 13
check = "mod-11"
[[publication.referral.column]]
header = "children"
to = "field/dependants"
kind = "number"
"""
HEADERS = ["no", "person / name", "person / born", "id", "children"]
GOOD_ID = "1101700230708"  # invented; its last digit fits the others


def adapter(kind: str, encoding: str = "") -> Adapter:
    said = f'{kind}"\nencoding = "{encoding}' if encoding else kind
    return Adapter.parse(COLUMNS.replace("FORMAT", said).encode(), "x.toml")


def read(data: bytes, kind: str = "csv", encoding: str = "") -> Reading:
    return read_form(adapter(kind, encoding), f"f.{kind}", data, today=TODAY)


def as_csv(*rows: list[str], encoding: str = "utf-8") -> bytes:
    out = io.StringIO(newline="")
    csv.writer(out).writerows(rows)
    return out.getvalue().encode(encoding)


def values(reading: Reading) -> list[dict[str, object]]:
    assert reading.problems == []
    return [dict(record.values) for record in reading.records]


def one(cell: str, place: int, kind: str = "csv") -> dict[str, object]:
    row = ["C-1", "x", "", "", ""]
    row[place] = cell
    (found,) = values(read(as_csv(HEADERS, row), kind))
    return found


ORACLES: list[tuple[Encoding, str]] = [
    ("viscii", "VISCII"),
    ("tcvn5712", "TCVN5712-1"),
    ("cp1133", "IBM-1133"),
    ("cp874", "CP874"),
    ("cp1258", "CP1258"),
]


@pytest.mark.skipif(shutil.which("iconv") is None, reason="no iconv here to compare with")
@pytest.mark.parametrize(("encoding", "name"), ORACLES)
def test_every_byte_of_an_old_encoding_is_what_iconv_says(encoding: Encoding, name: str) -> None:
    decode = decoder(encoding)
    for byte in range(256):
        done = subprocess.run(
            ["iconv", "-f", name, "-t", "UTF-8"],
            input=bytes([byte]),
            capture_output=True,
            check=False,
        )
        ours = decode(bytes([byte]))
        if encoding == "cp1133" and byte == 0xDF:
            assert ours == "\u20ad"  # the kip sign, for which glibc has only a "k"
        elif encoding == "cp1258" and byte == 0xD2:
            assert ours == "\u0309"
        elif done.returncode:
            assert undecoded(ours)
        else:
            assert ours == done.stdout.decode()


@pytest.mark.parametrize(
    ("encoding", "raw", "name"),
    [
        ("cp874", "สมหญิง ตัวอย่าง".encode("cp874"), "สมหญิง ตัวอย่าง"),
        ("cp1258", "Nguyê\u0303n Vi\u0301 Du\u0323".encode("cp1258"), "Nguyễn Ví Dụ"),
        ("viscii", b"Nguy\xcen", "NguyÎn"),
        ("tcvn5712", b"Nguy\xa4\xb2n", "Nguyễ\u0302n"),
        ("cp1133", bytes([0xA1, 0xD2, 0xC1]), "ກາຯ"),
    ],
)
def test_a_declared_encoding_is_read_and_kept_in_nfc(
    encoding: Encoding, raw: bytes, name: str
) -> None:
    if encoding in {"viscii", "tcvn5712", "cp1133"}:
        name = unicodedata.normalize("NFC", decoder(encoding)(raw))
    data = as_csv(HEADERS) + b"C-1," + raw + b",,,\r\n"
    (found,) = values(read(data, encoding=encoding))
    assert found["full_name_native"] == name
    assert unicodedata.is_normalized("NFC", name)


def test_a_byte_order_mark_is_believed_over_the_declared_encoding() -> None:
    data = b"\xef\xbb\xbf" + as_csv(HEADERS, ["C-1", "ตัวอย่าง", "", "", ""])
    (found,) = values(read(data, encoding="cp874"))
    assert found["full_name_native"] == "ตัวอย่าง"


def test_bytes_of_another_encoding_spoil_their_own_row_alone() -> None:
    data = as_csv(HEADERS, ["C-1", "x", "", "", ""]) + b"C-2,\xdb\xdc,,,\r\nC-3,y,,,\r\n"
    reading = read(data, encoding="cp874")
    assert [record.case for record in reading.records] == ["C-1", "C-3"]
    assert [problem.line for problem in reading.problems] == [3]
    assert "encoding" in reading.problems[0].cure


def test_ndjson_is_read_line_by_line() -> None:
    good = json.dumps({"no": "C-1", "person": {"name": "x", "born": "1/2/1999"}})
    other = good.replace("C-1", "C-2").replace('"x"', '"y"')
    reading = read(f"{good}\n\n{{\n{other}\r\n[1]\n".encode(), "ndjson")
    assert [(record.line, record.case) for record in reading.records] == [(1, "C-1"), (4, "C-2")]
    assert [problem.line for problem in reading.problems] == [3, 5]


def test_a_line_that_no_form_can_have_ends_the_reading() -> None:
    good = json.dumps({"no": "C-1"})
    reading = read(f"{good}\n".encode() + b'"' + b"x" * limits.FORM_LINE_BYTES_MAX, "ndjson")
    assert [record.case for record in reading.records] == ["C-1"]
    assert "nothing after it" in reading.problems[0].cure


def test_titles_and_merged_headers_stand_above_the_records() -> None:
    data = as_csv(
        ["Register of the office", "", "", "", "", ""],
        ["", "", "", "", "", ""],
        ["no", "person", "", "id", "children", ""],
        ["", "name", "born", "", "", ""],
        ["C-1", "x", "1/2/1999", "", "", ""],
        ["", "", "", "", "", ""],
    )
    reading = read(data)
    assert values(reading) == [{"full_name_native": "x", "birth_date": "1999-02-01"}]
    assert reading.records[0].line == 5


def test_a_cell_under_no_header_is_not_dropped_in_silence() -> None:
    data = as_csv([*HEADERS, ""], ["C-1", "x", "", "", "", "do not call the family"])
    reading = read(data)
    assert reading.records == []
    assert "under no header" in reading.problems[0].problem


@pytest.mark.parametrize(
    ("place", "cell", "field", "wanted"),
    [
        (1, " Ví\u00a0\u00a0Dụ ", "full_name_native", "Ví Dụ"),
        (1, "Ví\u200b D\ufeffụ", "full_name_native", "Ví Dụ"),
        (1, unicodedata.normalize("NFD", "Nguyễn"), "full_name_native", "Nguyễn"),
        (2, "14/02/1999", "birth_date", "1999-02-14"),
        (2, "14-2-1999", "birth_date", "1999-02-14"),
        (2, "1999-02-14", "birth_date", "1999-02-14"),
        (2, "14/02/2542", "birth_date", "1999-02-14"),
        (2, "๑๔/๐๒/๒๕๔๒", "birth_date", "1999-02-14"),
        (2, "໑໔/໐໒/໑໙໙໙", "birth_date", "1999-02-14"),
        (2, "១៤/០២/១៩៩៩", "birth_date", "1999-02-14"),
        (2, "１４／０２／１９９９", "birth_date", "1999-02-14"),
        (2, "14 / 02 / 1999", "birth_date", "1999-02-14"),
        (3, "1-1017-00230-70-8", "national_id_number", GOOD_ID),
        (3, "๑๑๐๑๗๐๐๒๓๐๗๐๘", "national_id_number", GOOD_ID),
        (4, "២", "dependants", 2),
    ],
)
def test_dirt_of_real_cells_is_cleaned(place: int, cell: str, field: str, wanted: Any) -> None:
    assert one(cell, place)[field] == wanted


@pytest.mark.parametrize(
    ("place", "cell", "said"),
    [
        (2, "02/14/1999", "no such day"),
        (2, "14/02/2200", "out of range"),
        (2, "14/02/2600", "out of range"),
        (2, "14.02.1999", "not a date"),
        (3, "1101700230709", "check digit"),
        (3, "1011700230708", "check digit"),
        (3, "110170023070", "not a number"),
        (3, "110170023070X", "not a number"),
    ],
)
def test_what_cannot_be_meant_is_refused_not_guessed(place: int, cell: str, said: str) -> None:
    row = ["C-1", "x", "", "", ""]
    row[place] = cell
    reading = read(as_csv(HEADERS, row))
    assert reading.records == []
    assert said in reading.problems[0].problem
    assert cell not in str(reading.problems[0])


def test_two_rows_of_one_case_far_apart_both_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    """Beyond what is kept in memory the file is read again: what stands twice is still known."""
    monkeypatch.setattr(limits, "FORM_RECORDS_KEPT_MAX", 10)
    rows = [[f"C-{number % 49}", f"x{number}", "", "", ""] for number in range(50)]
    reading = read(as_csv(HEADERS, *rows))
    assert len(reading.records) == 48
    assert [problem.line for problem in reading.problems] == [2, 51]


def test_reading_twice_gives_what_reading_once_gives(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [
        [f"C-{number}", f"x{number}", "40/1/1999" if number % 7 == 0 else "", "", ""]
        for number in range(60)
    ]
    data = as_csv(HEADERS, *rows)
    once = read(data)
    monkeypatch.setattr("xref.desk.read_form._TICK_ROWS", 20)
    monkeypatch.setattr(limits, "FORM_RECORDS_KEPT_MAX", 10)
    assert read(data) == once
    ticks: list[int] = []
    survey = survey_form(
        adapter("csv"), FormSource.of("f.csv", data), today=TODAY, tick=ticks.append
    )
    assert sum(isinstance(item, Record) for item in survey.items()) == len(once.records)
    assert ticks
