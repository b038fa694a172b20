"""Opening a message at the office it is addressed to, checking everything it commits to.

The reverse of `xref.compose`: what does not open, match its commitment or follow its schema to the
byte is a `MalformedError` that names the field.
"""

from xref.errors import MalformedError
from xref.wire.body import Body, field_cipher, open_field, open_key_box
from xref.wire.envelope import Envelope
from xref.wire.key import OpeningKey
from xref.wire.schema import Schema
from xref.wire.statement import commitment_prefix, field_commitment


def open_message(
    envelope: Envelope, body: Body, statement: bytes, schema: Schema, opening: OpeningKey
) -> dict[str, object]:
    """Return the values of the fields that are carried, by name.

    The caller has checked statement, release, author and schema.
    """
    cipher = field_cipher(open_key_box(opening, statement, body.key_box))
    begin = commitment_prefix(envelope.header.message, schema.digest32)
    values: dict[str, object] = {}
    for field_id, sealed in body.sealed:
        field = schema.by_id[field_id]
        salt, avro = open_field(cipher, statement, field_id, sealed)
        if field_commitment(begin, field_id, salt, avro) != envelope.commitment(field.bit):
            message = f"{field.name}: does not match its commitment"
            raise MalformedError(message, fault="wrong-commitment")
        value = field.decode(avro)
        if value is None:
            message = f"{field.name}: carried, yet null"
            raise MalformedError(message)
        values[field.name] = value
    return values
