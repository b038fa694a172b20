"""Messages of every flow, made by chance, survive the whole way: XREF_MESSAGES of each.

Derive, encode, commit, seal, sign; parse at the hop; drop what some permitted mask leaves out;
parse at the desk; verify the author and every commitment; open and decode to the same values.
As from a real desk, up to 32 of them have one signature, which the receiver verifies once.
"""

import os
from collections.abc import Mapping
from dataclasses import replace
from datetime import date

import pytest

from generated import Generator
from world import DAY_MS, NOW_MS, draft_bundle, keychain
from xref.compose import Draft, draft_message, sign_drafts
from xref.desk.derive import SIBLINGS, siblings
from xref.disclose import open_message
from xref.limits import BATCH_STATEMENTS_MAX
from xref.policy import Flow
from xref.steps.validate import check_mask
from xref.wire.author import batch_claim
from xref.wire.body import parse_body
from xref.wire.envelope import Envelope, parse_envelope, shape_between
from xref.wire.facts import NO_FACTS
from xref.wire.header import NO_ID, Header
from xref.wire.key import KeyUse, verify
from xref.wire.schema import Schema

SENDER, RECIPIENT = "LANRM001", "VNNRM001"
ASKED = int(os.environ.get("XREF_MESSAGES", "0"))
COUNT = ASKED or 96
FIRST_SEED = int.from_bytes(os.urandom(6)) << 20 if ASKED else 0  # others where more are asked for
POLICY = draft_bundle().policy
FLOWS = sorted(POLICY.flows.values(), key=lambda flow: flow.code)
FROM_DESK = shape_between(sender_is_hop=False, receiver_is_hop=True, two_parties=True)
ACROSS = shape_between(sender_is_hop=True, receiver_is_hop=True, two_parties=True)
SIGNING = keychain(SENDER).signing(KeyUse.DESK, NOW_MS)
SEALING = next(key for key in keychain(RECIPIENT).keys if key.use is KeyUse.SEAL)


def header(flow: Flow, schema: Schema, made: Generator) -> Header:
    return Header(
        message=made.entropy(16),
        thread=made.entropy(16),
        reply_to=NO_ID,
        flow=flow.code,
        sender=SENDER,
        recipient=RECIPIENT,
        schema=schema.digest32,
        bundle=draft_bundle().digest32,
        consent_ref=made.entropy(16),
        created_ms=NOW_MS,
        expires_ms=NOW_MS + DAY_MS,
        desk_key=SIGNING.public.key_id,
        seal_key=SEALING.public.key_id,
    )


def some_mask(flow: Flow, made: Generator) -> int:
    """Return a part of what some pair of roles may be shown in this flow."""
    ways = [
        (flow.code, sender, recipient, same)
        for sender in flow.from_roles
        for recipient in flow.to_roles
        for same in (False, True)
    ]
    code, sender, recipient, same = made.chance.choice(ways)
    ceiling = POLICY.ceiling(code, sender, recipient, same_party=same)
    return ceiling & made.chance.getrandbits(128)


def at_the_hop(data: bytes, mask: int) -> bytes:
    """Take a message in, as a hop does, and let through what is in the mask."""
    envelope = parse_envelope(data, FROM_DESK)
    assert envelope.encode() == data
    schema = POLICY.schema_for(POLICY.flows[envelope.header.flow])
    body = parse_body(envelope.body)
    check_mask(envelope, body, schema.field_ids)
    kept = envelope.mask & mask
    return replace(
        envelope,
        facts=envelope.facts_c,
        mask=kept,
        erase_by_ms=NOW_MS + DAY_MS,
        body=body.drop(envelope.mask, envelope.mask & ~kept),
    ).encode()


def at_the_desk(data: bytes, statement: bytes, verified: set[bytes]) -> dict[str, object]:
    """Verify and open what arrived; `verified` are the claims of this batch that were signed."""
    envelope = parse_envelope(data, ACROSS)
    schema = POLICY.schema_for(POLICY.flows[envelope.header.flow])
    body = parse_body(envelope.body)
    check_mask(envelope, body, schema.field_ids)
    assert envelope.statement() == statement
    claim = batch_claim(SENDER, RECIPIENT, envelope.author.root(statement))
    if claim not in verified:
        verify(SIGNING.public.public, envelope.author.signature, claim)
        verified.add(claim)
    return open_message(envelope, body, statement, schema, SEALING.opening)


def drafted(flow: Flow, made: Generator) -> tuple[dict[str, object], Draft]:
    """Return a message's values, the derived ones too, and its draft."""
    schema = POLICY.schema_for(flow)
    names = tuple(field.name for field in schema.fields if field.name in SIBLINGS)
    values = {
        name: value
        for name, value in made.values(schema).items()
        if name not in SIBLINGS or made.chance.random() < 0.5
    }
    complete = siblings(values, names, today=date(2026, 11, 20))
    draft = draft_message(
        schema, complete, header(flow, schema, made), NO_FACTS, SEALING.public, made.entropy
    )
    return complete, draft


def survives(
    flow: Flow, made: Generator, values: Mapping[str, object], sent: Envelope, verified: set[bytes]
) -> None:
    """Take one message through hop and desk; what some permitted mask leaves is what it was."""
    schema = POLICY.schema_for(flow)
    mask = some_mask(flow, made) if made.chance.random() < 0.9 else schema.full_mask
    arrived = at_the_desk(at_the_hop(sent.encode(), mask), sent.statement(), verified)
    shown = set(schema.names_of(mask))
    assert arrived == {name: value for name, value in values.items() if name in shown}


@pytest.mark.parametrize("flow", FLOWS, ids=[flow.name for flow in FLOWS])
def test_messages_survive_the_whole_way(flow: Flow) -> None:
    for first in range(FIRST_SEED, FIRST_SEED + COUNT, BATCH_STATEMENTS_MAX):
        seed = first
        try:
            batch: list[tuple[Generator, dict[str, object], Draft]] = []
            for seed in range(first, min(first + BATCH_STATEMENTS_MAX, FIRST_SEED + COUNT)):
                made = Generator(seed)
                batch.append((made, *drafted(flow, made)))
            drafts = [draft for _, _, draft in batch]
            envelopes = sign_drafts(drafts, SIGNING, batch[0][0].entropy, NOW_MS)
            verified: set[bytes] = set()
            for seed, ((made, values, draft), sent) in enumerate(  # noqa: B007 - for the note
                zip(batch, envelopes, strict=True), first
            ):
                assert draft.statement == sent.statement()
                survives(flow, made, values, sent, verified)
            assert len(verified) == 1
        except Exception as error:
            error.add_note(f"{flow.name}: made by Generator({seed}), in the batch from {first}")
            raise


def test_generator_reaches_every_field_and_every_absence() -> None:
    made = Generator(1)
    for schema in POLICY.schemas.values():
        seen = [made.values(schema) for _ in range(60)]
        names = {field.name for field in schema.fields}
        assert set().union(*seen) == names
        assert all(any(name not in values for values in seen) for name in names)


def test_every_field_holds_what_is_at_its_bound() -> None:
    made = Generator(2)
    for schema in POLICY.schemas.values():
        for name, value in made.at_bounds(schema).items():
            field = schema.by_name[name]
            assert field.decode(field.encode(value)) == value
            if field.kind == "array":
                assert isinstance(value, list)
                assert len(value) == field.type["xref.max_items"]
