"""From the version of a schema that a message names to the receiver's own, field by field. Pure.

A message is decoded by exactly the schema that it names. What it says is then placed by `xref.id`
into the version that the office works by: a field that the message's version does not have is
absent, and what the own version has no place for is kept apart, never guessed at and never lost.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from xref.errors import MalformedError
from xref.wire.schema import Schema, SchemaField


@dataclass(frozen=True, slots=True)
class Resolved:
    """Values by the own version's names, and by the message's names what has no place there."""

    values: Mapping[str, object]
    beyond: Mapping[str, object]


def resolve(values: Mapping[str, object], written: Schema, own: Schema) -> Resolved:
    """Return values that were decoded by `written` as the version `own` has them."""
    if written.digest32 == own.digest32:
        return Resolved(values, {})
    own_fields = {field.id: field for field in own.fields}
    placed: dict[str, object] = {}
    beyond: dict[str, object] = {}
    for name, value in values.items():
        field = own_fields.get(written.by_name[name].id)
        if field is not None and _fits(value, field):
            placed[field.name] = value
        else:
            beyond[name] = value
    return Resolved(placed, beyond)


def _fits(value: object, field: SchemaField) -> bool:
    """Return whether the own version can say this value: of its type, within its bounds."""
    try:
        field.encode(value)
    except MalformedError:
        return False
    return True
