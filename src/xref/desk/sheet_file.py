"""From the bytes of a spreadsheet (XLSX) to its lines: bounded. Pure.

The package that reads it is optional: `pip install "xref[xlsx]"`.
"""

import io
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


def _fault_of(data: bytes) -> RowFault | None:
    """Return why bytes are no sheet: too large once unpacked, which is tried piece by piece.

    What an archive says of its own sizes is not believed.
    """
    large = RowFault(1, "the sheet is too large", f"split it, or {_CURE}")
    if len(data) > limits.FORM_SHEET_BYTES_MAX:
        return large
    left = limits.FORM_SHEET_UNPACKED_BYTES_MAX
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            for member in archive.infolist():
                with archive.open(member) as stream:
                    while piece := stream.read(_CHUNK_BYTES):
                        left -= len(piece)
                        if left < 0:
                            return large
    except (zipfile.BadZipFile, zlib.error, RuntimeError, OSError, ValueError, EOFError):
        return RowFault(1, "it is no workbook that can be read", _CURE)
    return None
