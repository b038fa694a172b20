"""Opening a message at the office it is addressed to, checking everything it commits to.

The reverse of `xref.compose`: what does not open, match its commitment or follow its schema to the
byte is a `MalformedError` that names the field.
"""

from xref.errors import MalformedError
from xref.wire.body import Body, open_field, open_key_box
from xref.wire.envelope import Envelope
from xref.wire.key import OpeningKey
from xref.wire.schema import Schema
from xref.wire.statement import field_commitment


def open_message(
    envelope: Envelope, body: Body, statement: bytes, schema: Schema, opening: OpeningKey
) -> dict[str, object]:
    """Return the values of the fields that are carried, by name.

    The caller has checked statement, release, author and schema.
    """
    key = open_key_box(opening, statement, body.key_box)
    places = {field.id: place for place, field in enumerate(schema.fields)}
    values: dict[str, object] = {}
    for field_id, sealed in body.sealed:
        field = schema.fields[places[field_id]]
        salt, avro = open_field(key, statement, field_id, sealed)
        commitment = field_commitment(
            envelope.header.message, schema.digest32, field_id, salt, avro
        )
        if commitment != envelope.commitment(places[field_id]):
            message = f"{field.name}: does not match its commitment"
            raise MalformedError(message, fault="wrong-commitment")
        value = field.decode(avro)
        if value is None:
            message = f"{field.name}: carried, yet null"
            raise MalformedError(message)
        values[field.name] = value
    return values
