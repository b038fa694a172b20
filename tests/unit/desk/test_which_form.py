"""Which form a file's rows are of; what may be of two is of none, and the check tells it before."""

import json
from datetime import date

import pytest

from shipped import shipped
from unit.bundle.signed_bundle import draft
from unit.desk.workbook import workbook
from xref.desk.adapter import Adapter
from xref.desk.adapter_check import check_adapter
from xref.desk.read_form import Reading, read_form

TODAY = date(2026, 11, 26)
NUMBER = "00112233445566778899aabbccddeeff"
TWO = """
version = 1
party = "LA"
languages = ["lo"]
utc_offset_minutes = 420

[column]
case = { header = "case" }
reply-to = { header = "reply to" }
title = { header = "form" }
"field/welfare_outcome" = { header = "outcome", kind = "code", codes = "outcome" }
"field/checked_on" = { header = "on", kind = "date" }
"field/check_by" = { header = "by", kind = "date", future = true }
"field/full_name_native" = { header = "name" }

[publication.welfare-check]
title = "Question"
format = "FORMAT"
required = ["full_name_native"]
column = ["case", FIRST]

[publication.welfare-report]
title = "Answer"
format = "FORMAT"
column = ["case", SECOND]

[codes.outcome]
"well" = "WELL"
"""


def adapter(kind: str, first: str, second: str) -> Adapter:
    text = TWO.replace("FORMAT", kind).replace("FIRST", first).replace("SECOND", second)
    return Adapter.parse(text.encode(), "x.toml")


def alike(read: Adapter) -> list[str]:
    findings = check_adapter(read, draft().policy, {}, today=TODAY).findings
    return [str(each) for each in findings if "is then read as neither" in each.problem]


def read(read_by: Adapter, kind: str, *rows: dict[str, object]) -> Reading:
    if kind == "json":
        data = json.dumps(rows).encode()
    elif kind == "xlsx":
        data = workbook([list(rows[0]), *(list(row.values()) for row in rows)])
    else:
        data = "\n".join(
            ",".join(map(str, cells)) for cells in (rows[0], *(row.values() for row in rows))
        ).encode()
    return read_form(read_by, f"f.{kind}", data, today=TODAY)


@pytest.mark.parametrize("kind", ["csv", "xlsx"])
def test_a_table_that_is_two_forms_is_neither(kind: str) -> None:
    both = adapter(kind, '"field/full_name_native"', '"field/full_name_native"')
    [finding] = alike(both)
    assert finding.startswith("x.toml, line 22: a row of it may be of welfare-check too")
    assert finding.endswith("; give one of them a column that the other has not")
    reading = read(both, kind, {"case": "C-1", "name": "x"})
    assert reading.records == []
    [problem] = reading.problems
    assert problem.problem == (
        "its columns are those of several forms: welfare-check, welfare-report"
    )


@pytest.mark.parametrize("kind", ["csv", "xlsx"])
def test_one_column_more_tells_two_tables_apart(kind: str) -> None:
    apart = adapter(kind, '"field/full_name_native"', '"field/full_name_native", "field/check_by"')
    assert alike(apart) == []
    less = read(apart, kind, {"case": "C-1", "name": "x"})
    more = read(apart, kind, {"case": "C-1", "name": "x", "by": "01/12/2026"})
    assert [each.publication for each in (*less.records, *more.records)] == [
        "welfare-check",
        "welfare-report",
    ]


def test_objects_with_the_same_keys_are_told_apart_by_their_title() -> None:
    titled = adapter(
        "json", '"title", "field/full_name_native"', '"title", "field/full_name_native"'
    )
    assert alike(titled) == []
    row = {"case": "C-1", "name": "x"}
    other = {"case": "C-2", "name": "y"}
    reading = read(titled, "json", {**row, "form": "Answer"}, {**other, "form": "Question"})
    assert [each.publication for each in reading.records] == ["welfare-report", "welfare-check"]
    [problem] = read(titled, "json", {**row, "form": "question"}).problems
    assert problem.field == "form (title)"


@pytest.mark.parametrize(
    "row",
    [
        {"case": "C-1", "name": "x"},
        {"case": "C-1", "name": "x", "by": None},
        {"case": "C-1", "name": "x", "by": "01/12/2026"},
    ],
)
def test_an_object_whose_keys_are_in_two_forms_is_of_neither(row: dict[str, object]) -> None:
    """The form with the fewer keys would take it, and say something else."""
    both = adapter(
        "json",
        '"field/full_name_native", "field/check_by"',
        '"field/full_name_native", "field/check_by", "field/checked_on"',
    )
    [finding] = alike(both)
    assert finding.endswith('give both a column with to = "title"')
    reading = read(both, "json", row)
    assert reading.records == []
    [problem] = reading.problems
    assert problem.problem == "it may be of several forms: welfare-check, welfare-report"


def test_what_one_form_needs_and_the_other_has_not_tells_them_apart() -> None:
    apart = adapter("json", '"field/full_name_native"', '"reply-to", "field/welfare_outcome"')
    assert alike(apart) == []
    reading = read(
        apart,
        "json",
        {"case": "C-1", "reply to": NUMBER, "outcome": "well"},
        {"case": "C-2", "name": "x"},
    )
    assert [each.publication for each in reading.records] == ["welfare-report", "welfare-check"]


@pytest.mark.parametrize("country", ["la", "vn", "th", "kh", "template", "primero", "htcds"])
def test_all_shipped_forms_are_told_apart(country: str) -> None:
    assert alike(shipped(country)) == []
