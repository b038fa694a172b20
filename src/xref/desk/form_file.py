"""From the bytes of an office's table to its rows: strict, bounded, a line at a time. Pure.

One bad row does not hold up the others: what cannot be read becomes a `Problem` with its line.
"""

import csv
import io
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, islice
from typing import BinaryIO, Final

from xref import limits
from xref.desk.cell import PATH, clean
from xref.desk.encodings import undecoded

SAVE_AS_UTF8: Final = "save the file as UTF-8"
_SAVE_AS: Final = "save the file as UTF-8, or declare its encoding in the adapter"
_COLUMNS_TOLD_MAX: Final = 10
_NO_ZERO: Final = "save the file as UTF-8 text"

Cells = Sequence[object]
Line = tuple[int, Cells]


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


@dataclass(frozen=True, slots=True)
class _Header:
    """The names of the columns, empty for none, and how many rows there are above the records."""

    names: tuple[str, ...]
    rows: int


def csv_lines(
    stream: BinaryIO, decode: Callable[[bytes], str], delimiter: str
) -> Iterator[Line | RowFault]:
    """Yield the lines of a CSV file as their cells; a fault ends its own row alone."""
    reader = csv.reader(_text_lines(stream, decode), delimiter=delimiter, strict=True)
    while True:
        line = reader.line_num + 1
        try:
            yield line, next(reader)
        except StopIteration:
            return
        except RowFault as fault:
            yield fault
            return
        except csv.Error:
            yield RowFault(line, "its quotes do not match", 'write a quote inside a cell as ""')


def _text_lines(stream: BinaryIO, decode: Callable[[bytes], str]) -> Iterator[str]:
    """Yield decoded lines; raises `RowFault` at one that no form can have."""
    line, most = 0, limits.FORM_LINE_BYTES_MAX
    while data := stream.readline(most + 1):
        line += 1
        if len(data) > most:
            raise RowFault(
                line, "it is too long", "write a row in a line; nothing after it was read"
            )
        text = decode(data)
        if "\r" in text[:-2]:
            yield from io.StringIO(text, newline="")
        else:
            yield text


def table_rows(
    lines: Iterable[Line | RowFault], headers: frozenset[str], columns_are: str
) -> Iterator[Row | RowFault]:
    """Yield the rows of a table with exactly these headers, in any order.

    Titles may stand above the header row, and a merged header above it: `group / name` is then the
    name of a column. Columns and rows without any content are left out. Cells that could not be
    decoded spoil their own row alone. `columns_are` says how columns are told apart, for the cure.
    """
    lines = iter(lines)
    head = list(islice(lines, limits.FORM_HEADER_ROWS_MAX))
    whole = [item for item in head if not isinstance(item, RowFault)]
    if not head:
        yield RowFault(1, "the file is empty", "write the header row and the records")
        return
    if isinstance(head[0], RowFault):
        yield head[0]
        return
    if max(len(cells) for _, cells in whole) > limits.FORM_COLUMNS_MAX:
        yield RowFault(1, "it has too many columns", f"write at most {limits.FORM_COLUMNS_MAX}")
        return
    header = find_header([cells for _, cells in whole], headers)
    line = whole[header.rows - 1][0]
    faults = list(_header_faults(line, header.names, headers, columns_are))
    if faults:
        yield from faults
        return
    for item in chain(head[header.rows :], lines):
        if isinstance(item, RowFault):
            yield item
        elif any(cell is not None and str(cell).strip() for cell in item[1]):
            yield _row(item[0], item[1], header.names)


def find_header(rows: Sequence[Cells], headers: frozenset[str]) -> _Header:
    """Return the first header that has all of `headers`, or else the one that has most of them."""
    best, best_fit = _Header((), 1), (-1, 0)
    for place, cells in enumerate(rows):
        alone = tuple(_name(cell) for cell in cells)
        candidates = [alone]
        if place:
            candidates.append(_merged(rows[place - 1], alone, headers))
        for names in candidates:
            fit = (len(headers.intersection(names)), -place)
            if fit > best_fit:
                best, best_fit = _Header(names, place + 1), fit
    return best


def _name(cell: object) -> str:
    return "" if cell is None else clean(str(cell))


def _merged(above: Cells, names: Sequence[str], headers: frozenset[str]) -> tuple[str, ...]:
    """Return the names under a row of merged headers, whose text stands in its first cell alone."""
    found, group = [], ""
    for place, name in enumerate(names):
        own = _name(above[place]) if place < len(above) else ""
        group = own or group
        joined = f"{group}{PATH}{name}" if group and name else name or own
        found.append(joined if joined in headers else name or own)
    return tuple(found)


def _header_faults(
    line: int,
    names: Sequence[str],
    headers: frozenset[str],
    columns_are: str,
) -> Iterator[RowFault]:
    if any(undecoded(name) for name in names) and not headers.issubset(names):
        yield RowFault(line, "the header row is not UTF-8", _SAVE_AS)
        return
    missing = sorted(headers - set(names))
    if len(missing) > _COLUMNS_TOLD_MAX:
        found = len(headers) - len(missing)
        yield RowFault(
            line,
            f"{found} of the form's {len(headers)} columns are there",
            f"write its header row as the adapter has it, in UTF-8; {columns_are}",
        )
        return
    for name in missing:
        yield RowFault(
            line,
            f"the column {name} is missing",
            f"add it (its cells may be empty); {columns_are}",
        )
    named = [name for name in names if name]
    if len(set(named)) != len(named):
        yield RowFault(line, "a column stands twice", "remove one of the two")
    for place, name in enumerate(names, 1):
        if name and name not in headers:
            # The header itself is not repeated: it may be a row of content.
            yield RowFault(
                line,
                f"column {place} is not in the form",
                "correct its header, or declare the column in the adapter",
            )


def _row(line: int, cells: Cells, names: Sequence[str]) -> Row | RowFault:
    if len(cells) != len(names):
        return RowFault(
            line,
            f"it has {len(cells)} cells, the form has {len(names)} columns",
            "put quotes around a cell that holds the separator",
        )
    if any(isinstance(cell, str) and undecoded(cell) for cell in cells):
        return RowFault(line, "it holds bytes that are not UTF-8", _SAVE_AS)
    if any(isinstance(cell, str) and "\0" in cell for cell in cells):
        return RowFault(line, "it holds a zero byte", _NO_ZERO)
    if "" not in names:
        return Row(line, dict(zip(names, cells, strict=True)))
    found: dict[str, object] = {}
    for name, cell in zip(names, cells, strict=True):
        if name:
            found[name] = cell
        elif cell is not None and str(cell).strip():
            return RowFault(line, "a cell stands under no header", "give its column a header")
    return Row(line, found)
