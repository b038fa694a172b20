"""From the bytes of an office's file to its rows: CSV and JSON, strict and bounded. Pure.

One bad row does not hold up the others: what cannot be read becomes a `Problem` with its line.
"""

import csv
import io
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from xref import limits
from xref.desk.cell import PATH, clean

_SAVE_AS: Final = "save the file as UTF-8"


@dataclass(frozen=True, slots=True)
class Problem:
    """Why a row cannot be sent: where it stands and what to do, never what it holds.

    `field` has the form's own header and the canonical meaning; it is empty where the whole row
    or file is meant.
    """

    file: str
    line: int
    field: str
    problem: str
    cure: str

    def __str__(self) -> str:
        """One line for the operator."""
        where = f"{self.field}: " if self.field else ""
        return f"{self.file}, line {self.line}: {where}{self.problem}; {self.cure}"


@dataclass(frozen=True, slots=True)
class Row:
    """One row as it stands in the file: cells by header, and the line where it begins."""

    line: int
    cells: Mapping[str, object]


class RowFault(Exception):  # noqa: N818 - it is what the office has to put right
    """Why a row or a whole file cannot be read, the line, and the cure."""

    def __init__(self, line: int, problem: str, cure: str) -> None:
        super().__init__(problem)
        self.line = line
        self.problem = problem
        self.cure = cure


def csv_rows(data: bytes, headers: frozenset[str], delimiter: str) -> Iterator[Row | RowFault]:
    """Yield the rows of a CSV file with exactly these headers, in any order.

    Bytes that are not UTF-8 spoil their own row alone. Rows without any content are left out.
    """
    text = data.removeprefix(b"\xef\xbb\xbf").decode("utf-8", "surrogateescape")
    lines = _csv_lines(text, delimiter)
    first = next(lines, None)
    if first is None or isinstance(first, RowFault):
        yield first or RowFault(1, "the file is empty", "write the header row and the records")
        return
    if len(first[1]) > limits.FORM_COLUMNS_MAX:
        yield RowFault(1, "it has too many columns", f"write at most {limits.FORM_COLUMNS_MAX}")
        return
    names = [clean(cell) for cell in first[1]]
    faults = list(_header_faults(names, headers, delimiter))
    if faults:
        yield from faults
        return
    for item in lines:
        if isinstance(item, RowFault):
            yield item
        elif any(cell.strip() for cell in item[1]):
            yield _csv_row(item[0], item[1], names)


def _csv_lines(text: str, delimiter: str) -> Iterator[tuple[int, list[str]] | RowFault]:
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    while True:
        line = reader.line_num + 1
        try:
            yield line, next(reader)
        except StopIteration:
            return
        except csv.Error:
            yield RowFault(line, "its quotes do not match", 'write a quote inside a cell as ""')


def _header_faults(names: list[str], headers: frozenset[str], delimiter: str) -> Iterator[RowFault]:
    if any("\ud800" <= character <= "\udfff" for name in names for character in name):
        yield RowFault(1, "the header row is not UTF-8", _SAVE_AS)
        return
    missing = sorted(headers - set(names))
    for name in missing:
        yield RowFault(
            1,
            f"the column {name} is missing",
            f"add it (its cells may be empty); columns are separated by {delimiter!r}",
        )
    if len(set(names)) != len(names):
        yield RowFault(1, "a column stands twice", "remove one of the two")
    for place, name in enumerate(names, 1):
        if name not in headers:
            # The header itself is not repeated: it may be a row of content.
            yield RowFault(
                1,
                f"column {place} is not in the form",
                "correct its header, or declare the column in the adapter",
            )


def _csv_row(line: int, cells: list[str], names: list[str]) -> Row | RowFault:
    if len(cells) != len(names):
        return RowFault(
            line,
            f"it has {len(cells)} cells where the form has {len(names)} columns",
            "put quotes around a cell that holds the separator",
        )
    if any("\udc80" <= character <= "\udcff" for cell in cells for character in cell):
        return RowFault(line, "it holds bytes that are not UTF-8", _SAVE_AS)
    return Row(line, dict(zip(names, cells, strict=True)))


def json_rows(data: bytes) -> Iterator[Row | RowFault]:
    """Yield the objects of a JSON file: one object, or an array of them.

    Refuses keys that stand twice, numbers that are not whole, and depth beyond the limit. Nested
    keys are joined by ` / `.
    """
    try:
        text = data.removeprefix(b"\xef\xbb\xbf").decode("utf-8")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        yield RowFault(line, "it holds bytes that are not UTF-8", _SAVE_AS)
        return
    deep = _first_too_deep(text)
    if deep is not None:
        yield RowFault(_line(text, deep), "it is nested too deeply", "write the form's own keys")
        return
    for line, value in _json_values(text):
        if isinstance(value, RowFault):
            yield value
        elif not isinstance(value, dict):
            yield RowFault(line, "it is not a JSON object", "write one object for each record")
        else:
            yield _json_row(line, value)


def _json_values(text: str) -> Iterator[tuple[int, object]]:
    """Yield each record's line and value, or a `RowFault` in its place; the first fault ends it."""
    place = _skip(text, 0)
    is_array = text[place : place + 1] == "["
    place = _skip(text, place + 1) if is_array else place
    going_on = not (is_array and text[place : place + 1] == "]")
    place = place if going_on else place + 1
    line, counted = 1, 0
    while going_on:
        line, counted = line + text.count("\n", counted, place), place
        value, place = _json_value(text, place, line)
        yield line, value
        if isinstance(value, RowFault):
            return
        place = _skip(text, place)
        following = text[place : place + 1]
        going_on = is_array and following == ","
        if is_array and following not in {",", "]"}:
            fault = RowFault(_line(text, place), "the array does not end", "end it with ]")
            yield fault.line, fault
            return
        place = _skip(text, place + 1) if is_array else place
    if _skip(text, place) != len(text):
        fault = RowFault(_line(text, place), "something follows the records", "remove it")
        yield fault.line, fault


def _json_value(text: str, place: int, line: int) -> tuple[object, int]:
    try:
        return _DECODER.raw_decode(text, place)
    except json.JSONDecodeError as error:
        return RowFault(_line(text, error.pos), "it is not JSON", "correct that line"), place
    except ValueError as error:
        return RowFault(line, str(error), "correct the record; those after it were not read"), place


def _skip(text: str, place: int) -> int:
    while text[place : place + 1] in {" ", "\t", "\r", "\n"}:
        place += 1
    return place


def _line(text: str, place: int) -> int:
    return text.count("\n", 0, place) + 1


def _first_too_deep(text: str) -> int | None:
    """Return where nesting goes beyond the limit; counted before a recursive parser sees it."""
    depth, inside_string, escaped = 0, False, False
    for place, character in enumerate(text):
        if inside_string:
            inside_string = escaped or character != '"'
            escaped = character == "\\" and not escaped
        elif character == '"':
            inside_string = True
        elif character in "[{":
            depth += 1
            if depth > limits.FORM_DEPTH_MAX:
                return place
        elif character in "]}":
            depth -= 1
    return None


def _no_key_twice(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = {clean(key): value for key, value in pairs}
    if len(found) != len(pairs):
        raise ValueError("a key stands twice in one object")
    return found


def _no_fraction(_: str) -> object:
    raise ValueError("it has a number that is not whole")


def _bounded_integer(digits: str) -> int:
    if len(digits) > len(str(limits.TIME_MS_MAX)):
        raise ValueError("it has a number that is too large")
    return int(digits)


_DECODER: Final = json.JSONDecoder(
    object_pairs_hook=_no_key_twice,
    parse_float=_no_fraction,
    parse_constant=_no_fraction,
    parse_int=_bounded_integer,
)


def _json_row(line: int, value: dict[str, object]) -> Row | RowFault:
    cells: dict[str, object] = {}
    for key, cell in _flat(value, ""):
        if key in cells or len(cells) > limits.FORM_COLUMNS_MAX:
            return RowFault(line, "a key stands twice, or there are too many", "remove it")
        cells[key] = cell
    return Row(line, cells)


def _flat(value: Mapping[str, object], prefix: str) -> Iterator[tuple[str, object]]:
    for key, cell in value.items():
        if isinstance(cell, dict):
            yield from _flat(cell, f"{prefix}{key}{PATH}")
        else:
            yield f"{prefix}{key}", cell
