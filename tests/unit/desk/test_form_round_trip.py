"""Generated records of every shipped form: what goes in comes out, whatever the script and kind."""

import csv
import io
import json
from datetime import date
from typing import Any, cast

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from xref.desk.adapter import FILE_NAME, Adapter, Publication, fact_value
from xref.desk.adapter_samples import survives
from xref.desk.cell import Column, clean, write_cell
from xref.desk.read_form import read_form
from xref.desk.write_form import Received, write_form
from xref.resources import data_folder

TODAY = date(2026, 11, 26)
ADAPTERS = {
    path.parent.name: Adapter.load(path.parent)
    for path in sorted(data_folder("adapters").glob(f"*/{FILE_NAME}"))
}
READ = [(name, form) for name, each in ADAPTERS.items() for form in each.file.publications]
FEW = settings(
    max_examples=3, phases=[Phase.generate], suppress_health_check=list(HealthCheck), deadline=None
)
LETTERS = "ABn ễụກຂາກສມคมกขา\u0e31្ខមរក១"
# A sharing consent is good as a whole or not at all.
WHOLE = {
    "given_on": "2026-11-01",
    "valid_until": "2027-11-01",
    "warned_on": "2026-10-31",
    "guardian": False,
}


def texts(most: int) -> st.SearchStrategy[str]:
    return st.text(LETTERS, min_size=1, max_size=min(most, 20)).map(clean).filter(bool)


def days(column: Column) -> st.SearchStrategy[str]:
    whole = st.dates(date(1930, 1, 1), date(2040, 1, 1) if column.future else TODAY)
    return whole.map(date.isoformat)


def values_of(adapter: Adapter, column: Column) -> st.SearchStrategy[Any]:
    """Return canonical values that a column can hold."""
    codes = sorted(adapter.by_code.get(column.codes or "", {}))
    most = column.items_max
    if column.kind == "code":
        return st.sampled_from(codes)
    if column.kind == "codes":
        return st.lists(st.sampled_from(codes), min_size=1, max_size=most, unique=True)
    if column.kind == "texts":
        return st.lists(texts(20), min_size=1, max_size=min(most, 3), unique=True)
    if column.kind == "yes-no":
        return st.booleans()
    if column.kind == "number":
        return st.integers(column.least, column.most)
    return days(column) if column.kind == "date" else texts(column.characters_max)


def sheet(adapter: Adapter, form: Publication, cells: dict[str, Any]) -> bytes:
    """Return a file of one row; `cells` by header, canonical."""
    row: dict[str, Any] = {}
    for column in form.columns:
        cell, said = write_cell(
            column, adapter.by_code.get(column.codes or "", {}), cells.get(column.header)
        )
        assert said
        row[column.header] = cell
    if form.format == "csv":
        out = io.StringIO(newline="")
        lists = {
            c.header: c.separator.join(row[c.header])
            for c in form.columns
            if isinstance(row[c.header], list)
        }
        writer = csv.DictWriter(out, list(row), delimiter=form.delimiter)
        writer.writeheader()
        writer.writerow(row | lists)
        return out.getvalue().encode()
    nested: dict[str, Any] = {}
    for header, cell in row.items():
        *parents, key = header.split(" / ")
        place = nested
        if parents and parents[-1].endswith("[]"):
            array = nested.setdefault(parents[-1].removesuffix("[]"), [])
            for at, each in enumerate(cell or []):
                array.extend({} for _ in range(at + 1 - len(array)))
                array[at][key] = each
            continue
        for parent in parents:
            place = place.setdefault(parent, {})
        place[key] = cell
    whole = {form.records: [nested], "metadata": {"page": 1}} if form.records else nested
    return json.dumps(whole, ensure_ascii=False).encode()


def fixed(column: Column, form: Publication) -> Any:
    """Return what a column holds in every record, None where it may be anything."""
    for end in column.ends:
        kind, _, name = end.partition("/")
        if kind == "sharing-consent" and name in WHOLE:
            return WHOLE[name]
        if end == "title":
            return form.title
        if end == "reply-to":
            return "e0" * 16
    return None


@pytest.mark.parametrize(("name", "kind"), READ)
@FEW
@given(data=st.data())
def test_a_record_of_every_form_survives(name: str, kind: str, data: st.DataObject) -> None:
    adapter = ADAPTERS[name]
    form = adapter.file.publications[kind]
    cells: dict[str, Any] = {}
    for column in form.columns:
        if column.ends == ("stays",) or column.joins:
            continue
        always = fixed(column, form)
        made = values_of(adapter, column) if always is None else st.just(always)
        needed = any(
            end in {"case", "field/given_names_native"}
            or end.startswith(("sharing-consent/", "must"))
            or end.removeprefix("field/") in form.required
            for end in column.ends
        )
        cells[column.header] = data.draw(made if needed or always else st.none() | made)
    reading = read_form(adapter, f"f.{form.format}", sheet(adapter, form, cells), today=TODAY)
    assert reading.problems == []
    assert len(reading.records) == 1
    for record in reading.records:
        for column in (column for column in form.columns if not column.joins):
            for end in column.ends:
                group, _, meant = end.partition("/")
                cell = cells.get(column.header)
                if group == "field" and (cell is not None or meant not in form.derive):
                    assert record.values.get(meant) == cell
                elif group == "fact" and cell is not None and cell != "unknown":
                    assert record.facts[meant] == fact_value(cell)
                elif group == "named":
                    assert record.named.get(meant) == cell


@pytest.mark.parametrize("name", ADAPTERS)
@FEW
@given(data=st.data())
def test_a_message_in_every_form_can_be_read_back(name: str, data: st.DataObject) -> None:
    """Forms share columns: one value for each column that there is serves all of them."""
    adapter, drawn = ADAPTERS[name], dict[Column, object]()
    for kind, form in adapter.file.received.items():
        values: dict[str, object] = {}
        for column in form.columns:
            field = column.ends[0].removeprefix("field/")
            if field != column.ends[0]:
                if column not in drawn:
                    drawn[column] = data.draw(st.none() | values_of(adapter, column))
                    assert survives(adapter, column, drawn[column])
                values[field] = drawn[column]
        message = Received(bytes(16), kind, values, "LANRM001", 1_795_392_000_000)
        written = cast("dict[str, object]", json.loads(write_form(adapter, message)))
        (unlisted,) = [c.header for c in form.columns if c.ends == ("unlisted",)] or [""]
        # A number of another form, or whose check digit fails, stands as it came and is named.
        numbers = {c.header for c in form.columns if c.digits or c.check}
        assert set(cast("list[str]", written.get(unlisted, []))) <= numbers
