"""From the version of a schema that a message names to the receiver's own, field by field. Pure.

A message is decoded by exactly the schema that it names. What it says is then placed by `xref.id`
into the version that the office works by: a field that the message's version does not have is
absent, and what the own version has no place for is kept apart, never guessed at and never lost.

A code that is new to the own version stays in its place, as it came, where the enum is open (needs,
urgency): the person is not lost for a word. In a closed one (a safeguard, an outcome) it is
refused: nobody acts on a protection that he cannot read, and a closed enum never gets new codes.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from xref.errors import MalformedError, MessageError
from xref.wire.schema import Schema, SchemaField


@dataclass(frozen=True, slots=True)
class Resolved:
    """Values by the own version's names, and by the message's names what has no place there."""

    values: Mapping[str, object]
    beyond: Mapping[str, object]


def resolve(values: Mapping[str, object], written: Schema, own: Schema) -> Resolved:
    """Return values that were decoded by `written` as the version `own` has them.

    Raises `MessageError` for a code that a closed enum of `own` does not have.
    """
    if written.digest32 == own.digest32:
        return Resolved(values, {})
    own_fields = {field.id: field for field in own.fields}
    placed: dict[str, object] = {}
    beyond: dict[str, object] = {}
    for name, value in values.items():
        field = own_fields.get(written.by_name[name].id)
        if field is not None and _fits(_known(value, field), field):
            placed[field.name] = value
        else:
            beyond[name] = value
    return Resolved(placed, beyond)


def _known(value: object, field: SchemaField) -> object:
    """Return the value with a code of the own version in place of each that is new to it.

    Raises `MessageError` where the own version's enum is closed.
    """
    codes = value if isinstance(value, list) else [value]
    if not field.symbols or all(code in field.symbols for code in codes):
        return value
    if not all(isinstance(code, str) for code in codes):
        return value
    if not field.open:
        message = f"field {field.name}: a code that this office's version does not have"
        raise MessageError(message, fault="unknown-code")
    stand_in = [code if code in field.symbols else field.symbols[0] for code in codes]
    return stand_in if isinstance(value, list) else stand_in[0]


def _fits(value: object, field: SchemaField) -> bool:
    """Return whether the own version can say this value: of its type, within its bounds."""
    try:
        field.encode(value)
    except MalformedError:
        return False
    return True
