"""Avro's binary form written by hand from its specification, to check the codec against."""

from collections.abc import Mapping
from typing import Any


def varint(number: int) -> bytes:
    """Return a zigzag number in its shortest form."""
    rest = (number << 1) ^ (number >> 63)
    rest &= 2**64 - 1
    written = bytearray()
    while rest > 0x7F:
        written.append(rest & 0x7F | 0x80)
        rest >>= 7
    written.append(rest)
    return bytes(written)


def write(kind: Any, value: Any) -> bytes:
    """Return the bytes of a value of a type whose named types are all written in place."""
    if kind == "string":
        return varint(len(value.encode())) + bytes(value.encode())
    if kind == "bytes":
        return varint(len(value)) + bytes(value)
    if kind in ("int", "long"):
        return varint(value)
    if kind == "boolean":
        return bytes([value])
    return _write_complex(kind, value)


def _write_complex(kind: Mapping[str, Any], value: Any) -> bytes:
    if kind["type"] == "enum":
        return varint(kind["symbols"].index(value))
    if kind["type"] == "fixed":
        return bytes(value)
    if kind["type"] == "array":
        items = b"".join(write(kind["items"], each) for each in value)
        return varint(len(value)) + items + b"\x00" if value else b"\x00"
    return b"".join(write(each["type"], value[each["name"]]) for each in kind["fields"])
