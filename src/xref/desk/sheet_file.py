"""From the bytes of a spreadsheet (XLSX) to its lines: bounded, thousands of rows at a time. Pure.

The package that reads it is optional: `pip install "xref[xlsx]"`. It has a whole sheet in memory.
So it is given slices: small workbooks with the same styles and strings, whose sheet is the next
rows alone. What a cell says stays the package's affair; here is only where a row ends.
"""

import io
import re
import zipfile
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime
from itertools import chain, islice
from typing import Any, BinaryIO, Final

from xref import limits
from xref.desk.form_file import Line, RowFault
from xref.errors import ConfigError

_COMPOUND_FILE: Final = bytes.fromhex("d0cf11e0a1b11ae1")
_CURE: Final = "save the sheet as CSV in UTF-8"
_FAR_CURE: Final = f"delete the empty rows and columns beyond the table, or {_CURE}"
_HEADER_CURE: Final = "give its column a header"
_CHUNK_BYTES: Final = 1 << 20
# A row or cell, and where it says that it stands.
_TAG: Final = re.compile(
    rb"<(?:[\w.-]+:)?(?:c|row)(?=[\s/>])"
    rb"""(?:(?:\s+[\w.:-]+="[^"<]*")*?\s+r="([A-Za-z]*)([0-9]{1,7})")?"""
)
_ANY_PLACE: Final = re.compile(rb"\br\s*=")
_CELL: Final = re.compile(rb"<(?:[\w.-]+:)?c[ />]")
_DATA: Final = re.compile(rb"<((?:[\w.-]+:)?)sheetData\s*(/?)>")
_ITEM: Final = re.compile(rb"<(?:[\w.-]+:)?(?:si|xf|numFmt|sheet|Relationship)\b")
_SHARED: Final = re.compile(
    r"\[content_types\]\.xml|_rels/\.rels|xl/workbook\.xml|xl/_rels/workbook\.xml\.rels"
    r"|xl/styles\.xml|xl/sharedstrings\.xml",
    re.IGNORECASE,
)
_SHEETS: Final = "xl/worksheets/"
_SPACE: Final = b"http://schemas.openxmlformats.org/spreadsheetml/2006/main"
# The end record of an archive, and the one before it that would overrule it.
_END, _END_BYTES, _END_64, _END_64_BYTES = b"PK\x05\x06", 22, b"PK\x06\x07", 20


def sheet_lines(stream: BinaryIO) -> Iterator[Line | RowFault]:
    """Yield the lines of a workbook's first sheet; a fault where it is none, or grows too large.

    Days come as `date`, numbers as their digits. Raises `ConfigError` without the package.
    """
    try:
        import python_calamine  # noqa: PLC0415 - it is optional
    except ImportError as error:
        raise ConfigError(
            'reading XLSX needs a package that is not here; run `pip install "xref[xlsx]"`'
        ) from error
    line = 0
    try:
        _check_start(stream)
        _check_directory(stream)
        with zipfile.ZipFile(stream) as archive:
            book = _Book(python_calamine.CalamineWorkbook.from_filelike, archive)
            for found in book.lines():
                line = found.line if isinstance(found, RowFault) else found[0]
                yield found
    except RowFault as fault:
        yield RowFault(line + 1, fault.problem, fault.cure)
    except (
        *(python_calamine.CalamineError, IndexError, zipfile.BadZipFile, zlib.error),
        *(RuntimeError, OSError, ValueError, EOFError),
    ):
        yield RowFault(line + 1, "it is no workbook that can be read", _CURE)


def _check_start(stream: BinaryIO) -> None:
    """Raise `RowFault` for what Excel wraps a locked workbook in, which was its format before."""
    start = stream.read(len(_COMPOUND_FILE))
    stream.seek(0)
    if start == _COMPOUND_FILE:
        said = "it is locked with a password, or a workbook as before 2007"
        raise RowFault(1, said, "save it as .xlsx without a password, or as CSV in UTF-8")


def _plain(cell: object) -> object:
    """Return a cell as the other formats have it."""
    if isinstance(cell, datetime):
        return cell.date()
    if isinstance(cell, float) and cell.is_integer():
        return str(int(cell))  # a sheet has a number where the office wrote digits
    return cell if isinstance(cell, str | bool | date) or cell is None else str(cell)


def _too_large() -> RowFault:
    packed, unpacked = limits.FORM_SHEET_BYTES_MAX, limits.FORM_SHEET_UNPACKED_BYTES_MAX
    mib = f"{packed >> 20} MiB, or {unpacked >> 20} MiB unpacked"
    cure = f"{_CURE}, which may have {limits.FORM_RECORDS_MAX} records, or split it"
    return RowFault(1, f"the sheet is too large: over {mib}; nothing after it was read", cure)


def _check_directory(stream: BinaryIO) -> None:
    """Refuse an archive that is large, or whose list of members is: it is read at once."""
    size = stream.seek(0, io.SEEK_END)
    if size > limits.FORM_SHEET_BYTES_MAX:
        raise _too_large()
    stream.seek(max(0, size - limits.FORM_SHEET_DIRECTORY_BYTES_MAX))
    tail = stream.read()
    place = tail.rfind(_END)
    before = tail[max(0, place - _END_64_BYTES) : max(0, place)]
    if place < 0 or len(tail) - place < _END_BYTES or before.startswith(_END_64):
        raise zipfile.BadZipFile
    if int.from_bytes(tail[place + 12 : place + 16], "little") > len(tail):
        raise _too_large()


class _Book:
    """A workbook's shared parts, packed once, and the rows of its first sheet, slice by slice.

    What an archive says of its own sizes is not believed. `RowFault` beyond a bound.
    """

    def __init__(self, reader: Any, archive: zipfile.ZipFile) -> None:  # noqa: ANN401 - optional
        self._read, self._archive = reader, archive
        self._shared = self._packed()
        self._sheets = [name for name in archive.namelist() if name.startswith(_SHEETS)]

    def _pieces(self, name: str, bytes_max: int) -> Iterator[bytes]:
        info = self._archive.getinfo(name)
        if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise zipfile.BadZipFile  # another method's window may be as large as it says
        with self._archive.open(info) as member:
            while piece := member.read(_CHUNK_BYTES):
                bytes_max -= len(piece)
                if bytes_max < 0:
                    raise _too_large()
                yield piece

    def _packed(self) -> bytes:
        """Return an archive of what every slice needs: styles, strings, which sheet is first."""
        out, left, items = io.BytesIO(), limits.FORM_SHEET_SHARED_BYTES_MAX, 0
        with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as packed:
            for name in filter(_SHARED.fullmatch, dict.fromkeys(self._archive.namelist())):
                with packed.open(name, "w") as member:
                    for piece in self._pieces(name, left):
                        member.write(piece)
                        left -= len(piece)
                        items += sum(1 for _ in _ITEM.finditer(piece))
                        if items > limits.FORM_SHEET_ITEMS_MAX:
                            raise _too_large()
        return out.getvalue()

    def _sheet(self, parts: Mapping[str, Iterable[bytes]]) -> Any:  # noqa: ANN401 - optional
        """Return the first sheet of the workbook that has these sheets instead of its own."""
        out = io.BytesIO(self._shared)
        with zipfile.ZipFile(out, "a") as packed:
            for name, part in parts.items():
                with packed.open(name, "w") as member:
                    member.writelines(part)
        out.seek(0)
        return self._read(out).get_sheet_by_index(0)

    def _first(self) -> str:
        """Return the name of the first sheet's part: the package is asked which one it reads."""
        probes = {
            name: _worksheet(b"", [b"<row><c><v>%d</v></c></row>" % number])
            for number, name in enumerate(self._sheets)
        }
        return self._sheets[int(self._sheet(probes).to_python()[0][0])]

    def lines(self) -> Iterator[Line | RowFault]:
        """Yield the sheet's lines, each as wide as those of the first slice; a fault beyond."""
        name, width = self._first(), 0
        for prefix, rows, above in self._slices(name):
            offset = 0 if _say_where(rows) else above
            sheet = self._sheet({name: _worksheet(prefix, rows)})
            if sheet.start is None:
                continue
            top, left = sheet.start
            width = width or left + sheet.width
            for line, row in enumerate(islice(sheet.iter_rows(), top, None), offset + top + 1):
                if any(cell != "" for cell in row[width - left :]):
                    yield RowFault(line, "a cell stands under no header", _HEADER_CURE)
                else:
                    cells = [_plain(cell) for cell in row[: width - left]]
                    yield line, [""] * left + cells + [""] * (width - left - len(cells))

    def _slices(self, name: str) -> Iterator[tuple[bytes, list[bytes], int]]:
        """Yield the prefix of the sheet's names, its next rows, and how many stand above them."""
        rows: list[bytes] = []
        prefix, size, above = b"", 0, 0
        for prefix, row in self._rows(name):
            rows.append(row)
            size += len(row)
            if len(rows) == limits.FORM_SHEET_SLICE_ROWS or size > limits.FORM_SHEET_SLICE_BYTES:
                yield prefix, rows, above
                above += len(rows)
                rows, size = [], 0
        if rows:
            yield prefix, rows, above

    def _rows(self, name: str) -> Iterator[tuple[bytes, bytes]]:
        """Yield the prefix of the sheet's names, and each row as it stands in the part."""
        pieces = self._pieces(name, limits.FORM_SHEET_UNPACKED_BYTES_MAX)
        rest = b""
        while (start := _DATA.search(rest)) is None:
            if len(rest) > limits.FORM_SHEET_SLICE_BYTES:
                raise zipfile.BadZipFile
            piece = next(pieces, b"")
            if not piece:
                raise zipfile.BadZipFile
            rest += piece
        if b"<!" in rest[: start.start()]:
            raise zipfile.BadZipFile
        if start[2]:
            return
        prefix, end, rest = start[1], b"</%brow>" % start[1], rest[start.end() :]
        for piece in chain([b""], pieces):
            *rows, rest = (rest + piece).split(end)
            yield from ((prefix, row + end) for row in rows)
            if len(rest) > limits.FORM_SHEET_SLICE_BYTES:
                raise _too_large()
        last = rest.split(b"</%bsheetData" % prefix)[0]
        if _CELL.search(last):
            yield prefix, last  # a row's end is written in an odd way: the package knows


def _worksheet(prefix: bytes, rows: Iterable[bytes]) -> Iterator[bytes]:
    """Yield a sheet of rows whose names have this prefix, such as `x:`, or none."""
    space = b"xmlns:" + prefix[:-1] if prefix else b"xmlns"
    yield b'<%bworksheet %b="%b"><%bsheetData>' % (prefix, space, _SPACE, prefix)
    yield from rows
    yield b"</%bsheetData></%bworksheet>" % (prefix, prefix)


def _say_where(rows: Sequence[bytes]) -> bool:
    """Return whether rows say where they stand, as they mostly do.

    The package has room for each cell up to the farthest, so that two cells can fill the memory:
    `RowFault` if they lie too far apart. What would hide a place, or where a row ends, is refused.
    """
    columns, numbers, cells, silent = set[bytes](), set[bytes](), 0, False
    for row in rows:
        places = _TAG.findall(row)
        placed = [place for place in places if place[1]]
        if b"<!" in row or (len(placed) < len(places) and _ANY_PLACE.search(row)):
            raise zipfile.BadZipFile
        columns.update(letters for letters, _ in placed)
        numbers.update(number for _, number in placed)
        cells = max(cells, len(places))
        silent |= not placed
    wide = max(map(_number, columns), default=0)
    standing = set(map(int, numbers))
    top, bottom = min(standing, default=1), max(standing, default=0)
    if silent:  # it follows on what says where it stands, or stands first
        top, bottom, wide = 1, bottom + len(rows), wide + cells
    if wide * (bottom - top + 1) > limits.FORM_SHEET_CELLS_MAX:
        raise RowFault(1, "its cells lie too far apart", _FAR_CURE)
    return bool(numbers)


def _number(letters: bytes) -> int:
    """Return a column's number: `A` is 1, `AA` is 27, none is 0."""
    number = 0
    for letter in letters.upper():
        number = number * 26 + letter - ord("A") + 1
    return number
