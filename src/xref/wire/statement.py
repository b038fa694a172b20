"""Field commitments and the statement that binds them to the header. See docs/spec/statement.md."""

import hashlib
from typing import Final

COMMITMENT_BYTES: Final = 32


def commitment_prefix(message: bytes, schema: bytes) -> bytes:
    """Return what the commitments of one message begin with: domain, message and schema."""
    return b"xref/field/v1\0" + message + schema


def field_commitment(prefix: bytes, field_id: int, salt: bytes, avro: bytes) -> bytes:
    """Return c_i for one field: `avro` is its value with the union branch, present or null."""
    return hashlib.sha256(prefix + field_id.to_bytes(2) + salt + avro).digest()


def statement_of(header_salt: bytes, header: bytes, facts_c: bytes, commitments: bytes) -> bytes:
    """Return the 32 bytes that the author signs (in a batch): everything a message says.

    `commitments` are c_1 to c_n, one after the other.
    """
    count = (len(commitments) // COMMITMENT_BYTES).to_bytes(2)
    return hashlib.sha256(
        b"xref/statement/v1\0" + header_salt + header + facts_c + count + commitments
    ).digest()
