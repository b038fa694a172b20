"""Plain Avro types, which nearly all fields have: read and written in the one form there is.

Text, enums, numbers, booleans and lists of these. Reading is strict and allocates nothing that the
bytes do not hold; whether a value is allowed is the codec's to check. See docs/spec/schema.md.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

_VARINT_BYTES_MAX: Final = 10
_SMALL: Final = tuple(bytes([2 * number]) for number in range(64))


class ScanError(Exception):
    """Bytes that are not one canonical value; the text says why."""


def varint(number: int) -> bytes:
    """Return a whole number of 64 bits in Avro's zigzag form, the shortest."""
    if 0 <= number < len(_SMALL):
        return _SMALL[number]
    rest = (number << 1) ^ (number >> 63)
    encoded = bytearray()
    while rest > 0x7F:  # noqa: PLR2004 - seven bits a byte
        encoded.append(rest & 0x7F | 0x80)
        rest >>= 7
    encoded.append(rest)
    return bytes(encoded)


def read_varint(data: bytes, offset: int) -> tuple[int, int]:
    """Return the zigzag number at `offset` and the offset behind it; shortest form only."""
    number = shift = 0
    if offset < len(data) and data[offset] < 0x80:  # noqa: PLR2004 - one byte, as nearly always
        return (data[offset] >> 1) ^ -(data[offset] & 1), offset + 1
    for index in range(offset, min(offset + _VARINT_BYTES_MAX, len(data))):
        byte = data[index]
        number |= (byte & 0x7F) << shift
        if byte < 0x80:  # noqa: PLR2004 - the continuation bit
            if (byte == 0 and index > offset) or number >= 2**64:
                raise ScanError("a number is not in its shortest form")
            return (number >> 1) ^ -(number & 1), index + 1
        shift += 7
    raise ScanError("ends inside a number or holds one that is too long")


@dataclass(frozen=True, slots=True)
class Lane:
    """Reads a value at an offset, strictly, or raises `ScanError`; writes a checked value."""

    read: Callable[[bytes, int], tuple[Any, int]]
    write: Callable[[Any], bytes]


def lane_of(document: Any, named: Mapping[str, Any]) -> Lane | None:
    """Return the lane of text, an enum, a number, or a list of these; None for other types."""
    if isinstance(document, str):
        return _PLAIN_LANES.get(document) or (
            None if document == "bytes" else lane_of(named[document], named)
        )
    if document["type"] == "enum":
        return _enum_lane(document["symbols"])
    if document["type"] != "array":
        return None
    item = lane_of(document["items"], named)
    return None if item is None else _array_lane(item, document["xref.max_items"])


def _read_text(data: bytes, offset: int) -> tuple[str, int]:
    length, start = read_varint(data, offset)
    if not 0 <= length <= len(data) - start:
        raise ScanError("a length is beyond the bytes that are left")
    return data[start : start + length].decode(), start + length


def _write_text(value: str) -> bytes:
    encoded = value.encode()
    return varint(len(encoded)) + encoded


def _read_boolean(data: bytes, offset: int) -> tuple[bool, int]:
    byte = data[offset : offset + 1]
    if byte not in (b"\0", b"\1"):
        raise ScanError("not a boolean")
    return byte == b"\1", offset + 1


def _write_boolean(value: bool) -> bytes:  # noqa: FBT001 - it is the value
    return b"\1" if value else b"\0"


def _enum_lane(symbols: Sequence[str]) -> Lane:
    written = {symbol: varint(place) for place, symbol in enumerate(symbols)}

    def read(data: bytes, offset: int) -> tuple[str, int]:
        place, stop = read_varint(data, offset)
        if not 0 <= place < len(symbols):
            raise ScanError("no such symbol")
        return symbols[place], stop

    return Lane(read, written.__getitem__)


def _array_lane(item: Lane, items_max: int) -> Lane:
    def read(data: bytes, offset: int) -> tuple[list[Any], int]:
        count, offset = read_varint(data, offset)
        if not 0 <= count <= min(items_max, len(data) - offset):
            raise ScanError("a list's count is negative or beyond what is allowed or left")
        items: list[Any] = []
        for _ in range(count):
            each, offset = item.read(data, offset)
            items.append(each)
        if count and data[offset : offset + 1] != b"\0":
            raise ScanError("a list must be one block")
        return items, offset + (count > 0)

    def write(value: list[Any]) -> bytes:
        if not value:
            return b"\0"
        return b"".join((varint(len(value)), *map(item.write, value), b"\0"))

    return Lane(read, write)


_PLAIN_LANES: Final[Mapping[str, Lane]] = {
    "boolean": Lane(_read_boolean, _write_boolean),
    "string": Lane(_read_text, _write_text),
    "int": Lane(read_varint, varint),
    "long": Lane(read_varint, varint),
}
