"""A file of an office: which form it is, and its rows, read as often as wanted. Pure.

Opening and reading are functions that the caller gives; nothing here names a path.
"""

import io
from collections.abc import Callable, Container, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import PurePath
from typing import BinaryIO, Final, Self

from xref import limits
from xref.desk.adapter import Adapter, Publication
from xref.desk.encodings import decoder
from xref.desk.form_file import Line, Row, RowFault, csv_lines, find_header, table_rows
from xref.desk.json_file import json_rows, ndjson_rows
from xref.desk.sheet_file import sheet_lines

_MARK: Final = b"\xef\xbb\xbf"
_NO_ZERO: Final = "save the file as UTF-8 text"


@dataclass(frozen=True, slots=True)
class FormSource:
    """A file by its name without folders, its size in bytes, and how to open it."""

    name: str
    size: int
    open: Callable[[], BinaryIO]

    @classmethod
    def of(cls, name: str, data: bytes) -> Self:
        """Return the source of bytes in memory."""
        return cls(PurePath(name).name, len(data), lambda: io.BytesIO(data))

    @property
    def format(self) -> str:
        """The ending of the name, which tells the format."""
        return PurePath(self.name).suffix.lower().removeprefix(".")


@dataclass(frozen=True, slots=True)
class Opened:
    """A file whose form is known, as far as its format has one for the whole file."""

    form: str | None
    """Its name."""
    rows: Callable[[BinaryIO], Iterator[Row | RowFault]]


def open_form(adapter: Adapter, source: FormSource) -> Opened | RowFault:
    """Return how to read a file, or why it is no form of the adapter's."""
    forms = [item for item in adapter.file.publications.items() if item[1].format == source.format]
    fault = _unreadable(adapter, source, is_known=bool(forms))
    if fault is not None:
        return fault
    if source.format == "json":
        under = {form.records for _, form in forms if form.records}
        return Opened(None, lambda stream: _json_rows(stream, under))
    if source.format == "ndjson":
        return Opened(None, ndjson_rows)
    if source.format == "xlsx":
        return _sheet(source, forms)
    return _table(source, forms)


def _unreadable(adapter: Adapter, source: FormSource, *, is_known: bool) -> RowFault | None:
    """Return why a file is not even opened: by its ending or its size."""
    if not is_known:
        endings = sorted({f".{form.format}" for form in adapter.file.publications.values()})
        cure = f"name a file that ends in {' or '.join(endings) or '.nothing'}"
        return RowFault(1, "no form of the adapter is such a file", cure)
    if not source.size:
        return RowFault(1, "the file is empty", "save the form anew; it has no bytes")
    most = limits.FORM_WHOLE_BYTES_MAX if source.format == "json" else limits.FORM_BYTES_MAX
    if source.size > most:
        return RowFault(1, "the file is too large", f"split it; a file has at most {most} bytes")
    return None


def fit(form: Publication, headers: Container[str]) -> tuple[int, int]:
    """Return how well a form fits: most of its headers there, then fewest missing."""
    return sum(column.header in headers for column in form.columns), -len(form.columns)


def _json_rows(stream: BinaryIO, under: Container[str]) -> Iterator[Row | RowFault]:
    data = stream.read(limits.FORM_WHOLE_BYTES_MAX + 1)
    if b"\0" in data:
        line = data.count(b"\n", 0, data.index(b"\0")) + 1
        return iter([RowFault(line, "it holds a zero byte", _NO_ZERO)])
    return json_rows(data, under)


def _headers(form: Publication) -> frozenset[str]:
    return frozenset(column.header for column in form.columns)


def _best(
    forms: list[tuple[str, Publication]], head_of: Callable[[Publication], list[Line | RowFault]]
) -> tuple[str, Publication] | RowFault:
    """Return the form whose headers stand in the head of the file, read in that form's own way.

    A file that has all headers of two forms is of neither: nobody could say which is meant.
    """

    def found(item: tuple[str, Publication]) -> tuple[int, int]:
        rows = [line[1] for line in head_of(item[1]) if not isinstance(line, RowFault)]
        return fit(item[1], find_header(rows, _headers(item[1])).names)

    fits = {item[0]: found(item) for item in forms}
    best = max(forms, key=lambda item: fits[item[0]])
    alike = [name for name, each in fits.items() if each == fits[best[0]]]
    if len(alike) > 1 and sum(fits[best[0]]) == 0:
        said = f"its columns are those of several forms: {', '.join(alike)}"
        return RowFault(1, said, "give each form of the adapter a column of its own")
    return best


def _table(source: FormSource, forms: list[tuple[str, Publication]]) -> Opened | RowFault:
    with source.open() as stream:
        start = stream.read(limits.FORM_LINE_BYTES_MAX)
    marked = start.startswith(_MARK)

    def lines(stream: BinaryIO, form: Publication) -> Iterator[Line | RowFault]:
        if marked:
            stream.read(len(_MARK))
        decode = decoder("utf-8" if marked else form.encoding)
        return csv_lines(stream, decode, form.delimiter)

    def head_of(form: Publication) -> list[Line | RowFault]:
        return list(islice(lines(io.BytesIO(start), form), limits.FORM_HEADER_ROWS_MAX))

    found = _best(forms, head_of)
    if isinstance(found, RowFault):
        return found
    name, form = found
    columns_are = f"columns are separated by {form.delimiter!r}"
    return Opened(
        name,
        lambda stream: table_rows(lines(stream, form), _headers(form), columns_are),
    )


def _sheet(source: FormSource, forms: list[tuple[str, Publication]]) -> Opened | RowFault:
    with source.open() as stream:
        head = list(islice(sheet_lines(stream), limits.FORM_HEADER_ROWS_MAX))
    found = _best(forms, lambda _: head)
    if isinstance(found, RowFault):
        return found
    name, form = found
    return Opened(
        name,
        lambda stream: table_rows(
            sheet_lines(stream), _headers(form), "each has its own column in the first sheet"
        ),
    )
