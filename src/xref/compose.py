"""Composing a message: commit, seal and sign, for desks and for a hop's own receipts.

What a message says is fixed here by its author; nobody on the path can change it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from xref.errors import RecordError
from xref.limits import BATCH_PLACES, BATCH_STATEMENTS_MAX
from xref.ports import Entropy
from xref.wire.author import sign_batch
from xref.wire.avro import NULL
from xref.wire.body import KEY_BYTES, field_cipher, join_body, seal_field, seal_key_box
from xref.wire.envelope import Envelope, OpenFacts
from xref.wire.facts import Facts, facts_commitment
from xref.wire.header import Header
from xref.wire.key import PublicKey, SigningKey
from xref.wire.schema import Schema
from xref.wire.statement import commitment_prefix, field_commitment, statement_of

_SALT_BYTES: Final = 16


@dataclass(frozen=True, slots=True)
class Draft:
    """A message before its author's signature."""

    header: Header
    header_salt: bytes
    facts: OpenFacts
    commitments: bytes
    statement: bytes
    mask: int
    body: bytes


def draft_message(
    schema: Schema,
    values: Mapping[str, object],
    header: Header,
    facts: Facts,
    recipient_key: PublicKey,
    entropy: Entropy,
) -> Draft:
    """Commit to every field of `schema` and seal the present ones to the recipient's desk.

    `values` are by field name; absent or None means absent. Raises `RecordError` for a name that
    the schema does not have, `MalformedError` for a value that does not fit its field.
    """
    unknown = values.keys() - schema.by_name.keys()
    if unknown:
        message = f"{schema.name}: no such field: {', '.join(sorted(unknown))}"
        raise RecordError(message)
    encoded = {field.name: field.encode(values.get(field.name)) for field in schema.fields}
    return draft_encoded(schema, encoded, header, facts, recipient_key, entropy)


def draft_encoded(
    schema: Schema,
    values: Mapping[str, bytes],
    header: Header,
    facts: Facts,
    recipient_key: PublicKey,
    entropy: Entropy,
) -> Draft:
    """Draft a message of all fields of `schema`, by name and encoded already, null where absent."""
    salts = entropy(_SALT_BYTES * len(schema.fields))
    encoded = [
        (field.id, salts[_SALT_BYTES * place : _SALT_BYTES * (place + 1)], values[field.name])
        for place, field in enumerate(schema.fields)
    ]
    begin = commitment_prefix(header.message, schema.digest32)
    commitments = b"".join(
        [field_commitment(begin, field_id, salt, avro) for field_id, salt, avro in encoded]
    )
    open_facts = OpenFacts(entropy(_SALT_BYTES), facts.encode())
    facts_c = facts_commitment(header.message, open_facts.salt, open_facts.facts)
    header_salt = entropy(_SALT_BYTES)
    statement = statement_of(header_salt, header.encode(), facts_c, commitments)
    key = entropy(KEY_BYTES)
    present = [avro != NULL for _, _, avro in encoded]
    cipher = field_cipher(key)
    sealed = [
        (field_id, seal_field(cipher, statement, field_id, salt, avro))
        for (field_id, salt, avro), is_present in zip(encoded, present, strict=True)
        if is_present
    ]
    mask = sum(1 << place for place, is_present in enumerate(present) if is_present)
    body = join_body(seal_key_box(recipient_key.public, statement, key), sealed)
    return Draft(header, header_salt, open_facts, commitments, statement, mask, body)


def sign_drafts(
    drafts: Sequence[Draft], key: SigningKey, entropy: Entropy, recorded_ms: int
) -> list[Envelope]:
    """Sign drafts to one recipient, in batches of at most 32; return their envelopes in order."""
    envelopes: list[Envelope] = []
    for start in range(0, len(drafts), BATCH_STATEMENTS_MAX):
        batch = drafts[start : start + BATCH_STATEMENTS_MAX]
        sender, recipient = batch[0].header.sender, batch[0].header.recipient
        fillers = entropy(32 * BATCH_PLACES)
        authors = sign_batch(
            key,
            sender,
            recipient,
            [draft.statement for draft in batch],
            _places(len(batch), entropy),
            [fillers[32 * place : 32 * (place + 1)] for place in range(BATCH_PLACES)],
        )
        envelopes += [
            Envelope(
                header=draft.header,
                header_salt=draft.header_salt,
                facts=draft.facts,
                commitments=draft.commitments,
                author=author,
                mask=draft.mask,
                recorded_ms=recorded_ms,
                erase_by_ms=0,
                passed=None,
                body=draft.body,
            )
            for draft, author in zip(batch, authors, strict=True)
        ]
    return envelopes


def _places(count: int, entropy: Entropy) -> list[int]:
    """Return `count` distinct places below 64, evenly distributed: a shuffle by random keys."""
    keys = entropy(8 * BATCH_PLACES)
    order = sorted(range(BATCH_PLACES), key=lambda place: keys[8 * place : 8 * (place + 1)])
    return order[:count]
