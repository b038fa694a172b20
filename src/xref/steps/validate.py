"""Validate: the only way from what was received to a `Message`.

Everything that can be checked without opening a field is checked here, in one pass; the first
fault found is the one that the rejection names (docs/spec/receipt.md lists them).
"""

import hashlib
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache

from xref.answers import RECEIPT
from xref.bundle import Bundle
from xref.errors import MalformedError, MessageError, UnauthenticError
from xref.keychain import KeyDirectory
from xref.knowledge import Released
from xref.limits import (
    BACKDATE_MS_MAX,
    CLOCK_SKEW_MS,
    DAY_MS,
    DECISIONS_CACHED_MAX,
    ENVELOPE_BYTES_MAX,
    ENVELOPE_GROWTH_BYTES_MAX,
    VERIFIED_BATCHES_MAX,
)
from xref.message import Checked, Message, Received, Rejected, Route, Stubbed
from xref.policy import FactTable, Flow
from xref.wire.author import batch_claim
from xref.wire.body import Body, ids_of, mask_of, parse_body
from xref.wire.envelope import Envelope, OpenFacts, parse_envelope, peek_header, shape_between
from xref.wire.facts import NO_FACTS, Facts, parse_facts
from xref.wire.header import NO_ID, Header
from xref.wire.key import KeyUse, PublicKey, verify
from xref.wire.office import Link, party_of
from xref.wire.schema import Schema

_check_codes = lru_cache(maxsize=DECISIONS_CACHED_MAX)(FactTable.decode)


@dataclass(slots=True)
class Rules:
    """What a hop holds messages against; `is_duplicate` asks by message id."""

    office: str
    bundles: Mapping[bytes, Bundle]
    directory: KeyDirectory
    peers: Collection[str]
    """The offices that this hop has links with."""
    is_duplicate: Callable[[bytes], bool]
    question: Callable[[bytes], Released | None]
    """What passed here under a message id, so that an answer answers something."""
    routes: dict[tuple[Link, str, str, bytes], Route] = field(default_factory=dict)
    """What was found of links, offices and bundles in this batch."""
    verified: dict[tuple[bytes, bytes], None] = field(default_factory=dict)
    """Batch claims and signatures already verified: one signature covers up to 32 messages."""


def validate(received: Received, rules: Rules, now_ms: int) -> Checked:
    """Return the message in a slot, or why it is none; raises nothing."""
    if received.slot.is_stub:
        return Stubbed(received)
    header: Header | None = None
    try:
        header = peek_header(received.slot.envelope)
        return _message(received, header, rules, now_ms)
    except MessageError as error:
        return Rejected(received, error.fault, header)


def headers_of(received: Iterable[Received]) -> list[Header]:
    """Return the headers that can be read, so that what they name is looked up at once."""
    headers = []
    for each in received:
        try:
            headers.append(peek_header(each.slot.envelope))
        except MessageError:
            continue  # it is rejected when its turn comes
    return headers


def _message(received: Received, header: Header, rules: Rules, now_ms: int) -> Message:
    bundle = bundle_for(header, rules.bundles, now_ms)
    route = _route(received.link, header, bundle, rules)
    if len(received.slot.envelope) > ENVELOPE_BYTES_MAX - ENVELOPE_GROWTH_BYTES_MAX:
        raise fault("oversized")  # the next hop's proof would no longer fit a slot
    envelope = parse_envelope(received.slot.envelope, route.shape)
    facts_c = envelope.facts_c
    statement = envelope.statement(facts_c)
    body_hash = hashlib.sha256(envelope.body).digest()
    if envelope.release(statement, body_hash) != received.slot.release:
        raise fault("release-mismatch")
    flow, schema = flow_of(header, envelope, bundle)
    if route.recipient.role == "hop" and flow.name != RECEIPT:
        raise fault("addressed-to-a-hop")
    _check_reply(header, flow, rules, bundle)
    check_times(envelope, now_ms, flow.life_days, from_desk=route.from_desk)
    body = parse_body(envelope.body)
    check_mask(envelope, body, schema.field_ids)
    check_author(envelope, statement, rules.directory, rules.verified)
    facts = _facts(envelope, bundle.policy.facts, is_receipt=flow.nature == "receipt")
    if route.from_desk and rules.is_duplicate(header.message):
        raise fault("duplicate")
    return Message(
        received,
        route,
        header,
        envelope,
        facts_c,
        statement,
        body,
        body_hash,
        bundle,
        flow,
        schema,
        facts,
    )


def flow_of(header: Header, envelope: Envelope, bundle: Bundle) -> tuple[Flow, Schema]:
    """Return a message's flow and the schema of its fields; `MessageError`: it has others."""
    flow = bundle.policy.flows.get(header.flow)
    if flow is None:
        raise fault("unknown-flow")
    schema = bundle.policy.schema_for(flow)
    if header.schema != schema.digest32 or envelope.count != len(schema.field_ids):
        raise fault("unknown-schema")
    return flow, schema


def _route(link: Link, header: Header, bundle: Bundle, rules: Rules) -> Route:
    """Return the route of a message whose link, offices and bundle fit together here."""
    ends = (link, header.sender, header.recipient, bundle.digest32)
    known = rules.routes.get(ends)
    if known is not None:
        return known
    sender = bundle.directory.find(header.sender)
    recipient = bundle.directory.find(header.recipient)
    if sender is None or recipient is None:
        raise fault("unknown-office")
    from_desk = _role(bundle, link.sender) != "hop"
    _check_path(link, header, bundle, rules.office, from_desk=from_desk)
    _check_route(header, bundle, rules)
    shape = shape_between(
        sender_is_hop=not from_desk,
        receiver_is_hop=True,
        two_parties=party_of(header.sender) != party_of(header.recipient),
    )
    route = rules.routes[ends] = Route(link, sender, recipient, from_desk, shape)
    return route


def _check_reply(header: Header, flow: Flow, rules: Rules, bundle: Bundle) -> None:
    """Refuse an answer to nothing: answers are exempt from gates that a question has passed."""
    if flow.nature != "answer":
        if header.reply_to != NO_ID:
            raise fault("wrong-reply")
        return
    question = rules.question(header.reply_to)
    asked = bundle.policy.flows.get(question.flow) if question else None
    if question is None or asked is None or asked.name not in flow.answers:
        raise fault("wrong-reply")
    if (question.sender, question.recipient) != (header.recipient, header.sender):
        raise fault("wrong-reply")


def fault(code: str) -> MessageError:
    """Return the error for a stable fault code."""
    return MessageError(code, fault=code)


def _role(bundle: Bundle, office: str) -> str:
    found = bundle.directory.find(office)
    if found is None:
        raise fault("unknown-office")
    return found.role


def bundle_for(header: Header, bundles: Mapping[bytes, Bundle], now_ms: int) -> Bundle:
    """Return the bundle that a message names, if it is active now and was when it was created."""
    bundle = bundles.get(header.bundle)
    if bundle is None:
        raise fault("unknown-bundle")
    if not (bundle.active_at(now_ms) and bundle.active_at(header.created_ms)):
        raise fault("inactive-bundle")
    return bundle


def _check_path(
    link: Link, header: Header, bundle: Bundle, office: str, *, from_desk: bool
) -> None:
    """Refuse what is on the wrong link: each office speaks for itself, each hop for its Party."""
    own = party_of(office)
    if from_desk and header.sender != link.sender:
        raise fault("wrong-sender")
    if not from_desk and party_of(header.sender) != party_of(link.sender):
        raise fault("wrong-sender")
    if not from_desk and party_of(header.recipient) != own:
        raise fault("wrong-recipient")
    recipient = bundle.directory.find(header.recipient)
    served = recipient is not None and (recipient.party != own or recipient.hop == office)
    if header.recipient == header.sender or not (served or header.recipient == office):
        raise fault("wrong-recipient")


def _check_route(header: Header, bundle: Bundle, rules: Rules) -> None:
    """Refuse what this hop has no link for, in either direction: answers need one too."""
    for code in (header.sender, header.recipient):
        office = bundle.directory.office(code)
        near = office.role == "hop" or party_of(code) == party_of(rules.office)
        if code != rules.office and (code if near else office.hop) not in rules.peers:
            raise fault("no-route")


def check_times(envelope: Envelope, now_ms: int, life_days: int, *, from_desk: bool) -> None:
    """Refuse what is expired, from the future, backdated, or kept longer than agreed."""
    header = envelope.header
    if header.created_ms > now_ms + CLOCK_SKEW_MS or envelope.recorded_ms > now_ms + CLOCK_SKEW_MS:
        raise fault("from-the-future")
    if not header.created_ms < header.expires_ms <= header.created_ms + life_days * DAY_MS:
        raise fault("wrong-validity")
    if header.expires_ms <= now_ms:
        raise fault("expired")
    if envelope.recorded_ms < header.created_ms - CLOCK_SKEW_MS:
        raise fault("backdated")
    if from_desk and header.created_ms < now_ms - BACKDATE_MS_MAX:
        raise fault("backdated")
    if not from_desk and envelope.erase_by_ms <= now_ms:
        raise fault("expired")


def check_mask(envelope: Envelope, body: Body, field_ids: tuple[int, ...]) -> None:
    """Refuse a mask that does not say exactly which sealed fields are carried."""
    if body.ids != ids_of(envelope.mask, field_ids):
        mask_of(body.ids, field_ids)  # names a field that the schema does not have
        raise fault("wrong-mask")


def check_author(
    envelope: Envelope,
    statement: bytes,
    directory: KeyDirectory,
    verified: dict[tuple[bytes, bytes], None],
) -> None:
    """Refuse what the sending office's desk key did not sign; each batch is verified once."""
    header = envelope.header
    signer = _key(directory, header.sender, KeyUse.DESK, header.desk_key, header.created_ms)
    _key(directory, header.recipient, KeyUse.SEAL, header.seal_key, header.created_ms)
    author = envelope.author
    claim = batch_claim(header.sender, header.recipient, author.root(statement))
    known = (signer.public + claim, author.signature)
    if known in verified:
        return
    try:
        verify(signer.public, author.signature, claim)
    except UnauthenticError as error:
        raise fault("wrong-author") from error
    if len(verified) >= VERIFIED_BATCHES_MAX:
        verified.clear()
    verified[known] = None


def _key(directory: KeyDirectory, office: str, use: KeyUse, key_id: bytes, at_ms: int) -> PublicKey:
    key = directory.find(office, use, key_id, at_ms)
    if key is None:
        raise fault(f"unknown-{use}-key")
    return key


def _facts(envelope: Envelope, table: FactTable, *, is_receipt: bool) -> Facts | None:
    if not isinstance(envelope.facts, OpenFacts):
        return None
    facts = parse_facts(envelope.facts.facts)
    if is_receipt and facts != NO_FACTS:
        raise fault("wrong-facts")
    if not is_receipt and facts.cause == NO_ID:
        _check_codes(table, facts.codes)
    if facts.consent_mask >> envelope.count:
        raise MalformedError("facts: the mask has bits beyond the schema's fields")
    return facts
