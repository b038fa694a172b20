"""From the bytes of a JSON or NDJSON file to its rows: strict and bounded. Pure."""

import json
import re
from collections.abc import Container, Iterator, Mapping
from typing import BinaryIO, Final

from xref import limits
from xref.desk.cell import MANY, PATH, clean
from xref.desk.form_file import SAVE_AS_UTF8, Row, RowFault

_MARK: Final = b"\xef\xbb\xbf"
_HALF: Final = re.compile(r"\\u[dD][89a-fA-F]")


def json_rows(data: bytes, under: Container[str] = ()) -> Iterator[Row | RowFault]:
    """Yield the objects of a JSON file: one object, or an array of them.

    They may stand `under` a member of the whole file's object, whose other members are not read.
    Refuses keys that stand twice, numbers that are not whole, and depth beyond the limit. Nested
    keys are joined by ` / `, those in the objects of an array by `[] / `.
    """
    try:
        text = data.removeprefix(_MARK).decode("utf-8")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        yield RowFault(line, "it holds bytes that are not UTF-8", SAVE_AS_UTF8)
        return
    deep = _first_too_deep(text)
    if deep is not None:
        yield RowFault(_line(text, deep), "it is nested too deeply", "write the form's own keys")
        return
    for line, value in _json_values(_only_under(text, under)):
        if isinstance(value, RowFault):
            yield value
        elif not isinstance(value, dict):
            yield RowFault(line, "it is not a JSON object", "write one object for each record")
        else:
            yield _json_row(line, value)


def ndjson_rows(stream: BinaryIO) -> Iterator[Row | RowFault]:
    """Yield the objects of an NDJSON file, one a line; a faulty line spoils itself alone.

    Nothing but the line at hand is in memory. Lines without content are left out.
    """
    line, most = 0, limits.FORM_LINE_BYTES_MAX
    while data := stream.readline(most + 1):
        line += 1
        if len(data) > most:
            yield RowFault(
                line, "it is too long", "write one object in a line; nothing after it was read"
            )
            return
        data = data.removeprefix(_MARK) if line == 1 else data
        if data.strip():
            for found in json_rows(data.replace(b"\r", b"").rstrip(b"\n")):
                if isinstance(found, RowFault):
                    yield RowFault(line, found.problem, found.cure)
                    break
                yield Row(line, found.cells)


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


def _only_under(text: str, names: Container[str]) -> str:
    """Return the text with blanks for all but the value of one of the members; else as it is.

    So lines stay what they are. What is no object, or no JSON, is left for `_json_values` to tell.
    """
    place = _skip(text, 0)
    if text[place : place + 1] != "{":
        return text
    following = "{"
    while following in {"{", ","}:
        try:
            key, place = _DECODER.raw_decode(text, _skip(text, place + 1))
            if text[place := _skip(text, place)] != ":":
                return text
            start = _skip(text, place + 1)
            _, place = _DECODER.raw_decode(text, start)
        except (ValueError, IndexError):
            return text
        if key in names:
            return _blank(text[:start]) + text[start:place] + _blank(text[place:])
        place = _skip(text, place)
        following = text[place : place + 1]
    return text


def _blank(text: str) -> str:
    return re.sub(r"[^\n]", " ", text)


def _json_value(text: str, place: int, line: int) -> tuple[object, int]:
    try:
        value, end = _DECODER.raw_decode(text, place)
        if _HALF.search(text, place, end):
            json.dumps(value, ensure_ascii=False).encode()
    except json.JSONDecodeError as error:
        if not text.strip():
            return RowFault(1, "the file is empty", "write the records"), place
        return RowFault(_line(text, error.pos), "it is not JSON", "correct that line"), place
    except UnicodeEncodeError:
        problem = "it holds half a character (a lone surrogate)"
        return RowFault(line, problem, "correct the record; those after it were not read"), place
    except ValueError as error:
        return RowFault(line, str(error), "correct the record; those after it were not read"), place
    return value, end


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
        elif isinstance(cell, list) and cell and all(isinstance(each, dict) for each in cell):
            yield from _many(cell, f"{prefix}{key}{MANY}{PATH}")
        else:
            yield f"{prefix}{key}", cell


def _many(objects: list[Mapping[str, object]], prefix: str) -> Iterator[tuple[str, object]]:
    """Yield each key of some objects once, with what all of them have there; the same once."""
    found: dict[str, list[object]] = {}
    for each in objects:
        for key, cell in _flat(each, prefix):
            several = found.setdefault(key, [])
            # One more than a cell may hold is enough to refuse it: what follows is not compared.
            if cell is not None and len(several) <= limits.CELL_ITEMS_MAX and cell not in several:
                several.append(cell)
    yield from found.items()
