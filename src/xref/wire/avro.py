"""Avro values of one field, in exactly one form each. See docs/spec/schema.md.

Plain types, which nearly all fields have, are read and written here, in the one form there is. The
rest fastavro reads and writes; this module holds it to the canonical form. Before a read, a scan
walks the bytes and refuses what would make a lenient reader allocate or guess (block counts beyond
the bytes that are left, several blocks, overlong varints); after it, the value is checked and
written again, and the bytes must be the same. Faults say what is wrong, never which value it was.
"""

import io
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import fastavro

from xref.errors import ConfigError, MalformedError
from xref.limits import FIELD_VALUE_BYTES_MAX

NULL: Final = b"\x00"
_VALUE: Final = b"\x02"
_INT_MAX: Final = 2**31 - 1
_LONG_MAX: Final = 2**63 - 1
_VARINT_BYTES_MAX: Final = 10
_SCALARS: Final = frozenset({"string", "bytes", "int", "long", "boolean"})

Check = Callable[[Any], str | None]
"""Returns what is wrong with a value, or None."""
Scan = Callable[[bytes, int], int]
"""Returns the offset behind a value, or raises `_ScanError`."""


class _ScanError(Exception):
    """Bytes that are not one canonical value; the text says why."""


class AvroCodec:
    """Encodes and decodes `["null", T]` for one T; strict in both directions."""

    __slots__ = ("_check", "_lane", "_scan", "_schema", "_where")

    def __init__(self, type_document: object, named: Mapping[str, Any], where: str) -> None:
        """Compile T. `named` holds all named types by full name; `where` names the field."""
        self._where = where
        self._check = _check_of(type_document, named)
        self._scan = _scan_of(type_document, named)
        self._lane = _lane_of(type_document, named)
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
        except (_ScanError, UnicodeDecodeError):
            return None
        if stop != len(data) or self._check(value) is not None or self._write(value) != data:
            return None
        return value

    def _scan_whole(self, data: bytes) -> None:
        try:
            stop = self._scan(data, 1)
        except _ScanError as error:
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


def varint(number: int) -> bytes:
    """Return a whole number of 64 bits in Avro's zigzag form, the shortest."""
    rest = (number << 1) ^ (number >> 63)
    encoded = bytearray()
    while rest > 0x7F:  # noqa: PLR2004 - seven bits a byte
        encoded.append(rest & 0x7F | 0x80)
        rest >>= 7
    encoded.append(rest)
    return bytes(encoded)


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


# Lanes: the plain types, which nearly all fields have, read and written without fastavro.


@dataclass(frozen=True, slots=True)
class _Lane:
    """Reads a value at an offset, strictly, or raises `_ScanError`; writes a checked value."""

    read: Callable[[bytes, int], tuple[Any, int]]
    write: Callable[[Any], bytes]


def _lane_of(document: Any, named: Mapping[str, Any]) -> _Lane | None:
    """Return the lane of text, an enum, a number, or a list of these; None for other types."""
    if isinstance(document, str):
        return _PLAIN_LANES.get(document) or (
            None if document in _SCALARS else _lane_of(named[document], named)
        )
    if document["type"] == "enum":
        return _enum_lane(document["symbols"])
    if document["type"] != "array":
        return None
    item = _lane_of(document["items"], named)
    return None if item is None else _array_lane(item, document["xref.max_items"])


def _read_text(data: bytes, offset: int) -> tuple[str, int]:
    length, start = _varint(data, offset)
    if not 0 <= length <= len(data) - start:
        raise _ScanError("a length is beyond the bytes that are left")
    return data[start : start + length].decode(), start + length


def _write_text(value: str) -> bytes:
    encoded = value.encode()
    return varint(len(encoded)) + encoded


def _read_boolean(data: bytes, offset: int) -> tuple[bool, int]:
    byte = data[offset : offset + 1]
    if byte not in (b"\0", b"\1"):
        raise _ScanError("not a boolean")
    return byte == b"\1", offset + 1


def _write_boolean(value: bool) -> bytes:  # noqa: FBT001 - it is the value
    return b"\1" if value else b"\0"


def _enum_lane(symbols: Sequence[str]) -> _Lane:
    written = {symbol: varint(place) for place, symbol in enumerate(symbols)}

    def read(data: bytes, offset: int) -> tuple[str, int]:
        place, stop = _varint(data, offset)
        if not 0 <= place < len(symbols):
            raise _ScanError("no such symbol")
        return symbols[place], stop

    return _Lane(read, written.__getitem__)


def _array_lane(item: _Lane, items_max: int) -> _Lane:
    def read(data: bytes, offset: int) -> tuple[list[Any], int]:
        count, offset = _varint(data, offset)
        if not 0 <= count <= min(items_max, len(data) - offset):
            raise _ScanError("a list's count is negative or beyond what is allowed or left")
        items: list[Any] = []
        for _ in range(count):
            each, offset = item.read(data, offset)
            items.append(each)
        if count and data[offset : offset + 1] != b"\0":
            raise _ScanError("a list must be one block")
        return items, offset + (count > 0)

    def write(value: list[Any]) -> bytes:
        if not value:
            return b"\0"
        return b"".join((varint(len(value)), *map(item.write, value), b"\0"))

    return _Lane(read, write)


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
    if any(unicodedata.category(char) == "Cc" and char != "\n" for char in value):
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


def _varint(data: bytes, offset: int) -> tuple[int, int]:
    """Return the zigzag number at `offset` and the offset behind it; shortest form only."""
    number = shift = 0
    if offset < len(data) and data[offset] < 0x80:  # noqa: PLR2004 - one byte, as nearly always
        return (data[offset] >> 1) ^ -(data[offset] & 1), offset + 1
    for index in range(offset, min(offset + _VARINT_BYTES_MAX, len(data))):
        byte = data[index]
        number |= (byte & 0x7F) << shift
        if byte < 0x80:  # noqa: PLR2004 - the continuation bit
            if (byte == 0 and index > offset) or number >= 2**64:
                raise _ScanError("a number is not in its shortest form")
            return (number >> 1) ^ -(number & 1), index + 1
        shift += 7
    raise _ScanError("ends inside a number or holds one that is too long")


_PLAIN_LANES: Final[Mapping[str, _Lane]] = {
    "boolean": _Lane(_read_boolean, _write_boolean),
    "string": _Lane(_read_text, _write_text),
    "int": _Lane(_varint, varint),
    "long": _Lane(_varint, varint),
}


def _scan_varint(data: bytes, offset: int) -> int:
    return _varint(data, offset)[1]


def _scan_sized(data: bytes, offset: int) -> int:
    length, start = _varint(data, offset)
    if not 0 <= length <= len(data) - start:
        raise _ScanError("a length is beyond the bytes that are left")
    return start + length


def _fixed_scan(size: int) -> Scan:
    def scan(data: bytes, offset: int) -> int:
        if offset + size > len(data):
            raise _ScanError("ends too early")
        return offset + size

    return scan


def _array_scan(item: Scan, items_max: int) -> Scan:
    def scan(data: bytes, offset: int) -> int:
        count, offset = _varint(data, offset)
        if count == 0:
            return offset
        # Every item costs a byte at least, so a count beyond the bytes left is a lie; checked
        # before anything is allocated.
        if not 0 < count <= min(items_max, len(data) - offset):
            raise _ScanError("a list's count is negative or beyond what is allowed or left")
        for _ in range(count):
            offset = item(data, offset)
        if data[offset : offset + 1] != b"\x00":
            raise _ScanError("a list must be one block")
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
