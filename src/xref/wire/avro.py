"""Avro values of one field, in exactly one form each. See docs/spec/schema.md.

Plain types, which nearly all fields have, are read and written here, in the one form there is. The
rest fastavro reads and writes; this module holds it to the canonical form. Before a read, a scan
walks the bytes and refuses what would make a lenient reader allocate or guess (block counts beyond
the bytes that are left, several blocks, overlong varints); after it, the value is checked and
written again, and the bytes must be the same. Faults say what is wrong, never which value it was.
"""

import io
import re
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import fastavro

from xref.errors import ConfigError, MalformedError
from xref.limits import FIELD_VALUE_BYTES_MAX
from xref.wire.avro_lane import ScanError, lane_of, read_varint, varint

NULL: Final = b"\x00"
_VALUE: Final = b"\x02"
_CONTROL: Final = re.compile("[\0-\x09\x0b-\x1f\x7f-\x9f]")  # category Cc but the newline
_INT_MAX: Final = 2**31 - 1
_LONG_MAX: Final = 2**63 - 1
_SCALARS: Final = frozenset({"string", "bytes", "int", "long", "boolean"})

Check = Callable[[Any], str | None]
"""Returns what is wrong with a value, or None."""
Scan = Callable[[bytes, int], int]
"""Returns the offset behind a value, or raises `ScanError`."""


class AvroCodec:
    """Encodes and decodes `["null", T]` for one T; strict in both directions."""

    __slots__ = ("_check", "_lane", "_scan", "_schema", "_where")

    def __init__(self, type_document: object, named: Mapping[str, Any], where: str) -> None:
        """Compile T. `named` holds all named types by full name; `where` names the field."""
        self._where = where
        self._check = _check_of(type_document, named)
        self._scan = _scan_of(type_document, named)
        self._lane = lane_of(type_document, named)
        self._schema = fastavro.parse_schema(_inlined(type_document, named, set()), expand=False)

    def encode(self, value: object) -> bytes:
        """Return the bytes with the union branch; raise `MalformedError` for a wrong value."""
        if value is None:
            return NULL
        fault = self._check(value)
        if fault is not None:
            raise self._malformed(fault)
        data = self._write(value)
        if len(data) > FIELD_VALUE_BYTES_MAX:
            raise self._malformed(f"{len(data)} bytes, at most {FIELD_VALUE_BYTES_MAX} are allowed")
        return data

    def decode(self, data: bytes) -> object:
        """Return the value, None for an absent field; raise `MalformedError` unless canonical."""
        if data == NULL:
            return None
        if data[:1] != _VALUE:
            raise self._malformed("the union branch must be 00 or 02")
        if len(data) > FIELD_VALUE_BYTES_MAX:
            raise self._malformed(f"{len(data)} bytes, at most {FIELD_VALUE_BYTES_MAX} are allowed")
        value = self._read_in_lane(data)
        if value is not None:
            return value
        self._scan_whole(data)
        value = self._read(data)
        fault = self._check(value)
        if fault is not None:
            raise self._malformed(fault)
        if self._write(value) != data:
            raise self._malformed("not the shortest form")
        return value

    def _read_in_lane(self, data: bytes) -> Any:
        """Return a canonical value of a plain type; None for all else, which takes the long way."""
        if self._lane is None:
            return None
        try:
            value, stop = self._lane.read(data, 1)
        except (ScanError, UnicodeDecodeError):
            return None
        if stop != len(data) or self._check(value) is not None or self._write(value) != data:
            return None
        return value

    def _scan_whole(self, data: bytes) -> None:
        try:
            stop = self._scan(data, 1)
        except ScanError as error:
            raise self._malformed(str(error)) from None
        if stop != len(data):
            raise self._malformed(f"{len(data) - stop} bytes too many")

    def _read(self, data: bytes) -> object:
        try:
            return fastavro.schemaless_reader(io.BytesIO(data[1:]), self._schema, None)
        except (ValueError, LookupError, EOFError, OverflowError, TypeError):
            # From None: the cause could quote the value.
            raise self._malformed("does not follow its schema") from None

    def _write(self, value: object) -> bytes:
        if self._lane is not None:
            return _VALUE + self._lane.write(value)
        stream = io.BytesIO()
        stream.write(_VALUE)
        fastavro.schemaless_writer(stream, self._schema, value, strict=True)
        return stream.getvalue()

    def _malformed(self, fault: str) -> MalformedError:
        return MalformedError(f"field {self._where}: {fault}")


def block(items: Sequence[bytes]) -> bytes:
    """Return a present list of encoded items, as `AvroCodec.encode` would; one item at least.

    The caller answers for the items and for their number.
    """
    return b"".join((_VALUE, varint(len(items)), *items, b"\0"))


def _inlined(document: Any, named: Mapping[str, Any], seen: set[str]) -> Any:
    """Return the type with each named type defined at its first use, as fastavro wants it."""
    if isinstance(document, str):
        if document in _SCALARS or document in seen:
            return document
        return _inlined(named[document], named, seen)
    if document["type"] == "array":
        return {"type": "array", "items": _inlined(document["items"], named, seen)}
    seen.add(document["name"])
    if document["type"] != "record":
        return document
    fields = [
        {"name": field["name"], "type": _inlined(field["type"], named, seen)}
        for field in document["fields"]
    ]
    return {"type": "record", "name": document["name"], "fields": fields}


# Checks of values.


def _check_of(document: Any, named: Mapping[str, Any]) -> Check:
    if isinstance(document, str):
        return _SCALAR_CHECKS.get(document) or _check_of(named[document], named)
    kind = document["type"]
    if kind == "array":
        return _array_check(_check_of(document["items"], named), document["xref.max_items"])
    if kind == "enum":
        return _enum_check(frozenset(document["symbols"]))
    if kind == "fixed":
        return _fixed_check(document["size"])
    if kind == "record":
        return _record_check(
            {field["name"]: _check_of(field["type"], named) for field in document["fields"]}
        )
    raise ConfigError(f"type {kind!r} is not allowed; use the types in docs/spec/schema.md")


def _check_string(value: object) -> str | None:
    if type(value) is not str:
        return "must be text"
    if value.isascii() and value.isprintable():
        return None
    try:
        value.encode()
    except UnicodeEncodeError:
        return "holds half a character (a lone surrogate)"
    if not unicodedata.is_normalized("NFC", value):
        return "must be in Unicode normalisation form C"
    if _CONTROL.search(value):
        return "holds a control character"
    return None


def _check_bytes(value: object) -> str | None:
    return None if type(value) is bytes else "must be bytes"


def _check_boolean(value: object) -> str | None:
    return None if type(value) is bool else "must be true or false"


def _check_int(value: object) -> str | None:
    if type(value) is not int:
        return "must be a whole number"
    return None if -_INT_MAX - 1 <= value <= _INT_MAX else "is beyond 32 bits"


def _check_long(value: object) -> str | None:
    if type(value) is not int:
        return "must be a whole number"
    return None if -_LONG_MAX - 1 <= value <= _LONG_MAX else "is beyond 64 bits"


_SCALAR_CHECKS: Final[Mapping[str, Check]] = {
    "string": _check_string,
    "bytes": _check_bytes,
    "boolean": _check_boolean,
    "int": _check_int,
    "long": _check_long,
}


def _enum_check(symbols: frozenset[str]) -> Check:
    def check(value: object) -> str | None:
        known = type(value) is str and value in symbols
        return None if known else f"must be one of {', '.join(sorted(symbols))}"

    return check


def _fixed_check(size: int) -> Check:
    def check(value: object) -> str | None:
        right = type(value) is bytes and len(value) == size
        return None if right else f"must be {size} bytes"

    return check


def _array_check(item: Check, items_max: int) -> Check:
    def check(value: object) -> str | None:
        if type(value) is not list:
            return "must be a list"
        if len(value) > items_max:
            return f"{len(value)} items, at most {items_max} are allowed"
        for index, each in enumerate(value):
            fault = item(each)
            if fault is not None:
                return f"item {index} {fault}"
        return None

    return check


def _record_check(members: Mapping[str, Check]) -> Check:
    def check(value: object) -> str | None:
        if type(value) is not dict or value.keys() != members.keys():
            return f"must have exactly the members {', '.join(members)}"
        for name, member in members.items():
            fault = member(value[name])
            if fault is not None:
                return f"{name}: {fault}"
        return None

    return check


# Scans of bytes.


def _scan_of(document: Any, named: Mapping[str, Any]) -> Scan:
    if isinstance(document, str):
        return _SCALAR_SCANS.get(document) or _scan_of(named[document], named)
    kind = document["type"]
    if kind == "array":
        return _array_scan(_scan_of(document["items"], named), document["xref.max_items"])
    if kind == "fixed":
        return _fixed_scan(document["size"])
    if kind == "record":
        return _record_scan([_scan_of(field["type"], named) for field in document["fields"]])
    return _scan_varint


def _scan_varint(data: bytes, offset: int) -> int:
    return read_varint(data, offset)[1]


def _scan_sized(data: bytes, offset: int) -> int:
    length, start = read_varint(data, offset)
    if not 0 <= length <= len(data) - start:
        raise ScanError("a length is beyond the bytes that are left")
    return start + length


def _fixed_scan(size: int) -> Scan:
    def scan(data: bytes, offset: int) -> int:
        if offset + size > len(data):
            raise ScanError("ends too early")
        return offset + size

    return scan


def _array_scan(item: Scan, items_max: int) -> Scan:
    def scan(data: bytes, offset: int) -> int:
        count, offset = read_varint(data, offset)
        if count == 0:
            return offset
        # Every item costs a byte at least, so a count beyond the bytes left is a lie; checked
        # before anything is allocated.
        if not 0 < count <= min(items_max, len(data) - offset):
            raise ScanError("a list's count is negative or beyond what is allowed or left")
        for _ in range(count):
            offset = item(data, offset)
        if data[offset : offset + 1] != b"\x00":
            raise ScanError("a list must be one block")
        return offset + 1

    return scan


def _record_scan(members: list[Scan]) -> Scan:
    def scan(data: bytes, offset: int) -> int:
        for member in members:
            offset = member(data, offset)
        return offset

    return scan


_SCALAR_SCANS: Final[Mapping[str, Scan]] = {
    "string": _scan_sized,
    "bytes": _scan_sized,
    "boolean": _fixed_scan(1),
    "int": _scan_varint,
    "long": _scan_varint,
}
