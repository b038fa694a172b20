"""A spreadsheet is read a slice at a time, as the package would read the whole, within bounds."""

import csv
import io
import os
import random
import re
import subprocess
import sys
import zipfile
from collections.abc import Iterable, Mapping
from datetime import date
from pathlib import Path

import pytest
import python_calamine
from hypothesis import given, settings
from hypothesis import strategies as st

from unit.desk.test_form_formats import GOOD_ID, HEADERS, read, values
from unit.desk.workbook import workbook
from xref import limits
from xref.desk.form_file import Line, RowFault
from xref.desk.sheet_file import sheet_lines

SHEET = "xl/worksheets/sheet1.xml"


def test_a_sheet_has_days_numbers_and_texts() -> None:
    rows: list[list[object]] = [
        [*HEADERS],
        ["C-1", "ตัวอย่าง", date(1999, 2, 14), int(GOOD_ID), 2],
        [7, "y", "14/2/2542"],
    ]
    first, second = values(read(workbook(rows), "xlsx"))
    assert first == {
        "full_name_native": "ตัวอย่าง",
        "birth_date": "1999-02-14",
        "national_id_number": GOOD_ID,
        "dependants": 2,
    }
    assert second["birth_date"] == "1999-02-14"


def test_a_day_of_the_wrong_era_in_a_date_cell_is_refused() -> None:
    reading = read(workbook([HEADERS, ["C-1", "x", date(2542, 2, 14), "", ""]]), "xlsx")
    assert [problem.problem for problem in reading.problems] == ["its year is out of range"]


@pytest.mark.parametrize("data", [b"", b"PK", b"PK\3\4" + b"x" * 100, workbook([[]])[:-40]])
def test_what_is_no_workbook_is_a_problem(data: bytes) -> None:
    reading = read(data, "xlsx")
    assert reading.records == []
    assert len(reading.problems) == 1


@given(st.integers(0, 1500), st.binary(min_size=1, max_size=6))
def test_a_damaged_workbook_is_records_or_problems(place: int, junk: bytes) -> None:
    data = workbook([HEADERS, ["C-1", "x", "", "", ""]])
    read(data[:place] + junk + data[place + len(junk) :], "xlsx")


@pytest.mark.parametrize(
    ("bound", "part", "content"),
    [
        ("FORM_SHEET_UNPACKED_BYTES_MAX", SHEET, b"<sheetData>" + b" " * 2_000_000),
        ("FORM_SHEET_SHARED_BYTES_MAX", "xl/sharedStrings.xml", b" " * 2_000_000),
        ("FORM_SHEET_ITEMS_MAX", "xl/sharedStrings.xml", b"<si/>" * 2_000),
        ("FORM_SHEET_SLICE_BYTES", SHEET, b"<sheetData><row>" + b" " * 2_000_000),
        ("FORM_SHEET_BYTES_MAX", "xl/media/a.jpg", random.Random(1).randbytes(1_100_000)),
        ("FORM_SHEET_DIRECTORY_BYTES_MAX", "a" * 65_000, b""),
    ],
)
def test_zip_bomb_as_a_sheet(
    bound: str, part: str, content: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    most = 1_000 if bound == "FORM_SHEET_ITEMS_MAX" else 1_000_000
    monkeypatch.setattr(limits, bound, min(getattr(limits, bound), most))
    again = 3 if bound == "FORM_SHEET_DIRECTORY_BYTES_MAX" else 1
    parts = {f"{part}{'b' * number}": content for number in range(again)}
    reading = read(changed(workbook([HEADERS]), parts), "xlsx")
    [problem] = reading.problems
    assert problem.problem.startswith("the sheet is too large")


def test_what_a_workbook_carries_besides_is_not_unpacked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "FORM_SHEET_UNPACKED_BYTES_MAX", 1_000_000)
    data = workbook([HEADERS, ["C-1", "x", "", "", ""]])
    assert len(read(changed(data, {"xl/media/a.xml": b"\0" * 2_000_000}), "xlsx").records) == 1


def cells_of(lines: Iterable[Line | RowFault]) -> dict[tuple[int, int], object]:
    found: dict[tuple[int, int], object] = {}
    for line in lines:
        assert not isinstance(line, RowFault)
        found |= {(line[0], place): cell for place, cell in enumerate(line[1]) if cell != ""}
    return found


@settings(max_examples=40)
@given(
    st.lists(st.lists(st.sampled_from(["", "x", 7, True, date(1999, 2, 14)]), max_size=4)),
    st.integers(1, 4),
    st.booleans(),
)
def test_slices_of_a_sheet_are_what_the_package_reads_of_the_whole(
    rows: list[list[object]], slice_rows: int, is_placed: bool
) -> None:
    data = workbook([["a", "b", "c", "d"], *rows], is_placed=is_placed)
    sheet = python_calamine.CalamineWorkbook.from_filelike(io.BytesIO(data)).get_sheet_by_index(0)
    whole = cells_of((line, row) for line, row in enumerate(sheet.to_python(), 1))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(limits, "FORM_SHEET_SLICE_ROWS", slice_rows)
        found = cells_of(sheet_lines(io.BytesIO(data)))
    assert {place: str(cell) for place, cell in found.items()} == {
        place: str(int(cell) if isinstance(cell, float) else cell) for place, cell in whole.items()
    }


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ("<row><c><v>8</v></c></row>", {(1, 0): "1", (2, 0): "8", (3, 0): "2"}),
        ("<row/><row><c><v>8</v></c></row >", {(1, 0): "1", (3, 0): "8", (4, 0): "2"}),
        ("<!-- </row><row><c><v>8</v></c> -->", None),
        ("<row><c><v><![CDATA[</row>]]>8</v></c></row>", None),
        ("<row><c><v>8</c></row>", None),
        ("<row><c><v>8</v></c>", None),
    ],
)
def test_where_a_row_ends(
    said: str, meant: dict[tuple[int, int], object] | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What could end a row elsewhere than the package sees is no workbook, in every dress."""
    monkeypatch.setattr(limits, "FORM_SHEET_SLICE_ROWS", 1)
    data = workbook([["1"], ["2"]])
    for dress in (r"<\1\2", r"<\1x:\2"):
        sheet = part_of(data).replace(b"</row>", b"</row>" + said.encode(), 1).decode()
        worn = re.sub("<(/?)([a-z])", dress, sheet, flags=re.IGNORECASE).replace(
            "xmlns=", "xmlns:x="
        )
        lines = sheet_lines(io.BytesIO(changed(data, {SHEET: worn.encode()})))
        if meant is None:
            assert any(isinstance(line, RowFault) for line in lines)
        else:
            assert cells_of(lines) == meant


def test_a_stray_cell_beyond_the_columns_holds_its_row_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(limits, "FORM_SHEET_SLICE_ROWS", 2)
    rows = [HEADERS, ["C-1", "x"], ["C-2", "y"], ["C-3", "z", "", "", "", "stray"], ["C-4", "w"]]
    reading = read(workbook(rows), "xlsx")
    assert [record.case for record in reading.records] == ["C-1", "C-2", "C-4"]
    assert [(each.line, each.problem) for each in reading.problems] == [
        (4, "a cell stands under no header")
    ]


FAR = '<row r="1048576"><c r="XFD1048576"><v>1</v></c></row>'
FAR_APART = "its cells lie too far apart"
HIDDEN = "it is no workbook that can be read"


@pytest.mark.parametrize(
    ("far", "problem"),
    [
        (FAR, FAR_APART),
        (FAR.replace('r="XFD', 's="1" r="xfd'), FAR_APART),
        (FAR.replace('"', "'"), HIDDEN),
        (FAR.replace(' r="XFD', ' s=" r=&#34;A1&#34;" r = "XFD'), HIDDEN),
        (FAR.replace("<v>", '<v r="A1">').replace(' r="XFD1048576"', ""), HIDDEN),
        (FAR.replace("XFD1048576", "A99999999"), HIDDEN),
        (f"<row>{'<c><v>1</v></c>' * 16_000}</row>{'<row/><row></row>' * 60}", FAR_APART),
        (f"<row>{'<y:c><v>1</v></y:c>' * 16_000}</row>{'<row></row>' * 60}", FAR_APART),
    ],
)
def test_two_cells_far_apart_as_a_memory_bomb(far: str, problem: str) -> None:
    """The package has room for every cell between them: 17 thousand million of 24 bytes."""
    data = workbook([HEADERS, ["C-1", "x", "", "", ""]])
    sheet = part_of(data).replace(b"</sheetData>", far.encode() + b"</sheetData>")
    reading = read(changed(data, {SHEET: sheet}), "xlsx")
    assert reading.records == []
    assert [each.problem for each in reading.problems] == [problem]


def part_of(data: bytes) -> bytes:
    return zipfile.ZipFile(io.BytesIO(data)).read(SHEET)


def changed(data: bytes, parts: Mapping[str, bytes]) -> bytes:
    """Return a workbook with these parts instead of its own of the same names, or besides."""
    old, out = zipfile.ZipFile(io.BytesIO(data)), io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in dict.fromkeys([*old.namelist(), *parts]):
            archive.writestr(name, parts[name] if name in parts else old.read(name))
    return out.getvalue()


def test_a_sheet_that_is_too_large_names_the_bound_and_the_way_out(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(limits, "FORM_SHEET_UNPACKED_BYTES_MAX", 500)
    reading = read(workbook([HEADERS, ["C-1", "x", "", "", ""]]), "xlsx")
    assert "unpacked" in reading.problems[0].problem
    assert "save the sheet as CSV in UTF-8" in reading.problems[0].cure


MEASURE = """
import resource, sys
from pathlib import Path
from datetime import date
from xref.desk.adapter import Adapter
from xref.desk.form_file import RowFault
from xref.desk.form_source import FormSource
from xref.desk.read_form import Record, survey_form
from xref import limits
from xref.desk.sheet_file import sheet_lines
if sys.argv[2] == "small":  # a file is small: its pieces are too
    limits.FORM_SHEET_SLICE_ROWS = 500
    limits.FORM_RECORDS_KEPT_MAX = 200
found = []
for name in sys.argv[3:]:
    file = Path(name)
    if sys.argv[1] == "lines":
        with file.open("rb") as stream:
            count = sum(not isinstance(line, RowFault) for line in sheet_lines(stream)) - 1
    else:
        adapter = Adapter.parse(Path(sys.argv[1]).read_bytes(), "x.toml")
        source = FormSource(file.name, file.stat().st_size, lambda: file.open("rb"))
        survey = survey_form(adapter, source, today=date(2026, 11, 26))
        assert survey.kept is None, "too few rows for a second reading"
        count = sum(isinstance(item, Record) for item in survey.items())
    found += [count, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss]
print(*found)
"""
LA = Path(__file__).parents[3] / "adapters" / "la"


def referrals(rows: int, file: Path) -> Path:
    """Write a sheet of referrals, 46 columns wide, each of a person of her own."""
    lines = (LA / "samples" / "referrals.csv").read_text("utf-8-sig").splitlines()
    header, person = next(iter(csv.reader(lines[:1]))), next(iter(csv.reader(lines[1:2])))
    case, given = header.index("ເລກຄະດີ"), header.index("ຊື່")
    person[case], person[given] = "C-NUMBER", "NUMBER"
    data = workbook([header, person], is_placed=True)
    before, row, after = re.split(rb'(<row r="2">.*?</row>)', part_of(data))
    row = re.sub(rb'(r="[A-Z]*)2"', rb'\1LINE"', row)
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED, compresslevel=3) as archive:
        for name in zipfile.ZipFile(io.BytesIO(data)).namelist():
            if name != SHEET:
                archive.writestr(name, zipfile.ZipFile(io.BytesIO(data)).read(name))
        with archive.open(SHEET, "w") as sheet:
            sheet.write(before)
            for line in range(2, rows + 2):
                own = row.replace(b"LINE", b"%d" % line)
                sheet.write(own.replace(b"NUMBER", b"%d" % line))
            sheet.write(after)
    return file


def measured(how: str, *files: Path, pieces: str = "small") -> list[int]:
    """Return the records of each file and the most memory until its end, in KiB."""
    command = [sys.executable, "-c", MEASURE, how, pieces, *map(str, files)]
    said = subprocess.run(command, check=True, capture_output=True, text=True)
    return list(map(int, said.stdout.split()))


def test_a_larger_sheet_takes_no_more_memory(tmp_path: Path) -> None:
    """Whole in memory, the 4,000 further rows took 22 MiB."""
    small, large = referrals(2_000, tmp_path / "2.xlsx"), referrals(6_000, tmp_path / "6.xlsx")
    first, before, second, after = measured("lines", small, large)
    assert (first, second) == (2_000, 6_000)
    assert after - before < 8 * limits.KIB


def lao(ending: str, folder: Path) -> str:
    """Write the adapter whose tables have this ending, and return its path."""
    file = folder / f"{ending}.toml"
    text = (LA / "adapter.toml").read_text("utf-8")
    file.write_text(text.replace('format = "csv"', f'format = "{ending}"'), "utf-8")
    return str(file)


def as_csv(rows: int, file: Path) -> Path:
    """Write a table of referrals as `referrals` does a sheet."""
    lines = (LA / "samples" / "referrals.csv").read_text("utf-8-sig").splitlines()
    person = lines[1].replace("ຄມ-2026-0001", "C-NUMBER").replace("ທິ ຕົວຢ່າງ", "NUMBER")
    with file.open("w", encoding="utf-8") as out:
        out.write(f"{lines[0]}\n")
        out.writelines(f"{person}\n".replace("NUMBER", str(row)) for row in range(rows))
    return file


@pytest.mark.parametrize("ending", ["csv", "xlsx"])
def test_a_larger_file_takes_no_more_memory_in_either_reading(ending: str, tmp_path: Path) -> None:
    """What stands twice is known by digests of 16 bytes; the rows themselves are read again."""
    write = as_csv if ending == "csv" else referrals
    small, large = write(1_000, tmp_path / f"s.{ending}"), write(3_000, tmp_path / f"l.{ending}")
    first, before, second, after = measured(lao(ending, tmp_path), small, large)
    assert (first, second) == (1_000, 3_000)
    assert after - before < 8 * limits.KIB


@pytest.mark.skipif("XREF_LONG" not in os.environ, reason="it takes minutes")
@pytest.mark.parametrize("ending", ["csv", "xlsx"])
def test_a_hundred_thousand_wide_rows_take_at_most_256_mib(ending: str, tmp_path: Path) -> None:
    """Both of a form's two readings: what stands twice, and then the records themselves."""
    write = as_csv if ending == "csv" else referrals
    many = write(limits.FORM_RECORDS_MAX, tmp_path / f"f.{ending}")
    count, peak = measured(lao(ending, tmp_path), many, pieces="whole")
    assert count == limits.FORM_RECORDS_MAX
    assert peak < 256 * limits.KIB
