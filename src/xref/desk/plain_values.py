"""Values as JSON can hold them, in spool, cabinet and xref's own form: bytes as hexadecimal."""

from collections.abc import Mapping
from typing import Final

from xref.errors import MalformedError
from xref.wire.schema import SchemaField

_BYTES: Final = ("bytes", "fixed")


def as_plain(values: Mapping[str, object]) -> dict[str, object]:
    """Return values by field name as JSON can hold them."""
    return {name: _as_plain(value) for name, value in values.items()}


def _as_plain(value: object) -> object:
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, list | tuple):
        return [_as_plain(each) for each in value]
    return as_plain(value) if isinstance(value, Mapping) else value


def of_plain(field: SchemaField, value: object) -> object:
    """Return a field's value as its schema wants it, or raise `MalformedError` for a wrong hex."""
    if field.kind not in _BYTES or not isinstance(value, str):
        return value
    try:
        return bytes.fromhex(value)
    except ValueError as error:
        raise MalformedError(f"{field.name}: not bytes in hexadecimal") from error
