"""From the bytes of a spreadsheet (XLSX) to its lines: bounded. Pure.

The package that reads it is optional: `pip install "xref[xlsx]"`.
"""

import io
import re
import zipfile
import zlib
from collections.abc import Iterator
from datetime import date, datetime
from typing import Any, BinaryIO, Final

from xref import limits
from xref.desk.form_file import Line, RowFault
from xref.errors import ConfigError

_CURE: Final = "save the sheet as CSV in UTF-8"
_CHUNK_BYTES: Final = 1 << 20
_FAR_CURE: Final = f"delete the empty rows and columns beyond the table, or {_CURE}"
_PLACE: Final = re.compile(rb'\br="([A-Z]{0,3})([0-9]{1,7})"')
_PLACE_BYTES_MAX: Final = 16


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
    data = stream.read(limits.FORM_SHEET_BYTES_MAX + 1)
    if fault := _fault_of(data):
        yield fault
        return
    try:
        workbook: Any = python_calamine.CalamineWorkbook.from_filelike(io.BytesIO(data))
        sheet = workbook.get_sheet_by_index(0)
        for line, cells in enumerate(sheet.iter_rows(), 1):
            yield line, [_plain(cell) for cell in cells]
    except (python_calamine.CalamineError, IndexError):
        yield RowFault(1, "it is no workbook that can be read", _CURE)


def _plain(cell: object) -> object:
    """Return a cell as the other formats have it."""
    if isinstance(cell, datetime):
        return cell.date()
    if isinstance(cell, float) and cell.is_integer():
        return str(int(cell))  # a sheet has a number where the office wrote digits
    return cell if isinstance(cell, str | bool | date) or cell is None else str(cell)


class _Area:
    """How far the cells of the sheets lie apart, by the places that they name.

    The package has room for each cell up to the farthest, so that two cells can fill the memory.
    """

    def __init__(self) -> None:
        self._columns, self._rows, self._rest = 1, 1, b""

    def holds(self, piece: bytes) -> bool:
        """Take in a piece of an archive's member; say whether the bound still holds."""
        places = _PLACE.findall(self._rest + piece)
        if places:
            columns, rows = map(set, zip(*places, strict=True))
            self._columns = max(self._columns, *map(_number, columns))
            self._rows = max(self._rows, *map(int, rows))
        self._rest = piece[-_PLACE_BYTES_MAX:]
        return self._columns * self._rows <= limits.FORM_SHEET_CELLS_MAX


def _number(letters: bytes) -> int:
    """Return a column's number: `A` is 1, `AA` is 27, none is 0."""
    number = 0
    for letter in letters:
        number = number * 26 + letter - ord("A") + 1
    return number


def _fault_of(data: bytes) -> RowFault | None:
    """Return why bytes are no sheet: too large once unpacked, which is tried piece by piece.

    What an archive says of its own sizes is not believed.
    """
    unpacked = limits.FORM_SHEET_UNPACKED_BYTES_MAX
    mib = f"{limits.FORM_SHEET_BYTES_MAX >> 20} MiB, or {unpacked >> 20} MiB unpacked"
    cure = f"{_CURE}, which may have {limits.FORM_RECORDS_MAX} records, or split it"
    large = RowFault(1, f"the sheet is too large: over {mib}", cure)
    if len(data) > limits.FORM_SHEET_BYTES_MAX:
        return large
    left, area = unpacked, _Area()
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            for member in archive.infolist():
                with archive.open(member) as stream:
                    while piece := stream.read(_CHUNK_BYTES):
                        left -= len(piece)
                        if left < 0:
                            return large
                        if not area.holds(piece):
                            return RowFault(1, "its cells lie too far apart", _FAR_CURE)
    except (zipfile.BadZipFile, zlib.error, RuntimeError, OSError, ValueError, EOFError):
        return RowFault(1, "it is no workbook that can be read", _CURE)
    return None
