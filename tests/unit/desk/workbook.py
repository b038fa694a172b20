"""A small workbook (XLSX) for the tests, written by hand: calamine reads only."""

import io
import zipfile
from collections.abc import Iterable, Sequence
from datetime import date
from xml.sax.saxutils import escape

_EPOCH = date(1899, 12, 30)
_MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_RELATION = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_PACKAGE = "http://schemas.openxmlformats.org/package/2006"
_PARTS = {
    "[Content_Types].xml": f'<Types xmlns="{_PACKAGE}/content-types"><Default Extension="rels" '
    'ContentType="application/vnd.openxmlformats-package.relationships+xml"/><Default '
    'Extension="xml" ContentType="application/xml"/></Types>',
    "_rels/.rels": f'<Relationships xmlns="{_PACKAGE}/relationships"><Relationship Id="a" '
    f'Type="{_RELATION}/officeDocument" Target="xl/workbook.xml"/></Relationships>',
    "xl/workbook.xml": f'<workbook xmlns="{_MAIN}" xmlns:r="{_RELATION}"><sheets><sheet name="S" '
    'sheetId="1" r:id="a"/></sheets></workbook>',
    "xl/_rels/workbook.xml.rels": f'<Relationships xmlns="{_PACKAGE}/relationships"><Relationship '
    f'Id="a" Type="{_RELATION}/worksheet" Target="worksheets/sheet1.xml"/><Relationship Id="b" '
    f'Type="{_RELATION}/styles" Target="styles.xml"/></Relationships>',
    "xl/styles.xml": f'<styleSheet xmlns="{_MAIN}"><cellXfs count="2"><xf numFmtId="0"/><xf '
    'numFmtId="14"/></cellXfs></styleSheet>',
}


def _cell(value: object, place: str = "") -> str:
    if isinstance(value, date):
        return f'<c{place} s="1"><v>{(value - _EPOCH).days}</v></c>'
    if isinstance(value, bool):
        return f'<c{place} t="b"><v>{int(value)}</v></c>'
    if isinstance(value, int):
        return f"<c{place}><v>{value}</v></c>"
    text = escape(str(value))
    return f'<c{place} t="inlineStr"><is><t xml:space="preserve">{text}</t></is></c>'


def _placed(line: int, row: Sequence[object]) -> str:
    """Return a row as spreadsheets write it: it says where it stands, without empty cells."""
    cells = [(f"{column_name(place)}{line}", value) for place, value in enumerate(row)]
    told = "".join(_cell(value, f' r="{place}"') for place, value in cells if value != "")
    return f'<row r="{line}">{told}</row>' if told else f'<row r="{line}"/>'


def column_name(place: int) -> str:
    """Return a column's letters, from 0 for A."""
    return (column_name(place // 26 - 1) if place > 25 else "") + chr(ord("A") + place % 26)


def workbook(rows: Iterable[Sequence[object]], *, is_placed: bool = False) -> bytes:
    """Return a workbook with one sheet of texts, whole numbers, days and yes or no."""
    if is_placed:
        body = "".join(_placed(line, row) for line, row in enumerate(rows, 1))
    else:
        body = "".join(f"<row>{''.join(map(_cell, row))}</row>" for row in rows)
    sheet = f'<worksheet xmlns="{_MAIN}"><sheetData>{body}</sheetData></worksheet>'
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in {**_PARTS, "xl/worksheets/sheet1.xml": sheet}.items():
            archive.writestr(name, text)
    return out.getvalue()
