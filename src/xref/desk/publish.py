"""Publishing: one record of an office becomes one message to each office that may need it.

The desk resolves the recipients from the agreement and the subscriptions, and derives for each the
fields of that recipient's own schema. Everything is addressed, sealed and signed for one office.
"""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from xref.bundle import Bundle, Office
from xref.compose import Draft, draft_message
from xref.desk.agreed import faults_of
from xref.desk.cabinet import Cabinet
from xref.desk.contradictions import check_sealed
from xref.desk.personal_scope import SEX_FIELD, scope_of
from xref.desk.plain_values import of_plain
from xref.desk.read_form import Record
from xref.desk.scope import NO_SCOPE, Scope, scope_for
from xref.desk.sharing_consent_check import is_without_guardian
from xref.errors import MalformedError, RecordError
from xref.keychain import Keychain, KeyDirectory
from xref.limits import DAY_MS, ENVELOPE_BYTES_MAX, ENVELOPE_GROWTH_BYTES_MAX, KIB
from xref.policy import SCOPE_FACT, Delivery, Flow, is_other_ground
from xref.ports import Entropy
from xref.wire.facts import NO_FACTS, Facts
from xref.wire.header import NO_ID, Header
from xref.wire.key import KeyUse, PublicKey
from xref.wire.office import party_of
from xref.wire.schema import Schema

REFERENCES = ("referral_id", "request_id", "notice_id")
"""Fields that are fresh in each message, and repeated in its answer."""
CASE_REFERENCE = "case_ref"
"""The field by which two offices know a case: one token for a case and a recipient."""
ECHOED = (*REFERENCES, CASE_REFERENCE)
DESK_FILLS = (*ECHOED, "reply_office", "sharing_consent_ref", "answered_by", "answered_on")
"""Fields that the desk itself fills in, whatever a form says."""
_BODY_BYTES_MAX = ENVELOPE_BYTES_MAX - ENVELOPE_GROWTH_BYTES_MAX - 8 * KIB  # what is not body


@dataclass(frozen=True, slots=True)
class Asked:
    """The received message that a record answers."""

    message: bytes
    thread: bytes
    sender: str
    flow: str
    references: Mapping[str, object]
    """The ids in it by which its sender will know the answer."""
    shard: int
    """The shard that it came on, whose hop knows it."""
    bundle: bytes
    """The digest of the bundle that it came under."""


@dataclass(frozen=True, slots=True)
class Addressed:
    """A message to one office, drafted; `type` is its flow's name."""

    type: str
    recipient: str
    draft: Draft
    fields: tuple[str, ...]
    """The names of the fields that the message carries."""
    shard: int
    """That of the case at this office, or of the message that this answers, follows or ends."""
    cause: bytes = b""
    """The received message that made this office act, whose facts count; empty if none."""
    flags: tuple[str, ...] = ()
    """The ids of the rules that flag it for oversight, by the facts that this office states."""


@dataclass(frozen=True, slots=True)
class Publisher:
    """What publishing works with."""

    office: str
    bundle: Bundle
    keychain: Keychain
    directory: KeyDirectory
    cabinet: Cabinet
    entropy: Entropy
    active: Mapping[bytes, Bundle]
    """All bundles in force, by digest; `bundle` is the newest of them."""
    suspended: frozenset[str] = frozenset()
    """The digests of this office's suspended officials."""

    def following(self, publication: str, asked: Asked | None) -> "Publisher":
        """Return the publisher of a record that follows `asked`: under its bundle, while in force.

        A hop lends a message's facts only under their own bundle, as others have other codes.
        """
        known = self.bundle.policy.publications.get(publication)
        if asked is None or known is None or not known.follows:
            return self
        return replace(self, bundle=self.active.get(asked.bundle, self.bundle))

    def recipients(self, record: Record, asked: Asked | None) -> list[tuple[Flow, Office]]:
        """Return who receives which flow; raises `RecordError` for a record nobody can receive."""
        if record.reply_to is not None and asked is None:
            raise RecordError("reply_to: no message of that number was received here")
        policy = self.bundle.policy
        publication = policy.publications.get(record.publication)
        own = self.bundle.directory.office(self.office)
        if own.suspended:
            raise RecordError("the own Party has suspended this office; ask the Party")
        if publication is None or own.role not in publication.from_roles:
            kinds = [k for k, p in policy.publications.items() if own.role in p.from_roles]
            message = f"an office of role {own.role} publishes {', '.join(kinds) or 'nothing'}"
            raise RecordError(message)
        if publication.follows and (asked is None or asked.flow != publication.follows):
            message = (
                f"reply_to: a {record.publication} starts from a received {publication.follows}"
            )
            raise RecordError(message)
        found: list[tuple[Flow, Office]] = []
        for delivery in publication.deliveries:
            flow = policy.flow_named(delivery.flow)
            if asked is not None and flow.answers and asked.flow not in flow.answers:
                continue
            found += [(flow, office) for office in self._offices(delivery, flow, record, asked)]
        if not found:
            raise RecordError("no office receives this record; name one in it, or answer a message")
        return found

    def _offices(
        self, delivery: Delivery, flow: Flow, record: Record, asked: Asked | None
    ) -> list[Office]:
        own_party = party_of(self.office)
        codes: Sequence[str]
        if delivery.choose == "named":
            codes = (
                [record.named[delivery.record_key]] if delivery.record_key in record.named else []
            )
        elif delivery.choose == "asker":
            codes = [asked.sender] if asked else []
        elif delivery.choose == "subscribed":
            codes = self.directory.subscribers(flow.code)
        else:
            codes = sorted(self.bundle.directory.offices)
        offices = [
            office
            for office in map(self.bundle.directory.find, codes)
            if office is not None
            and office.role == delivery.role
            and (office.party == own_party) == (delivery.party == "own")
            and office.code != self.office
        ]
        gone = [office.code for office in offices if office.suspended]
        offices = [office for office in offices if not office.suspended]
        if delivery.choose in ("named", "asker") and gone:
            message = f"{gone[0]} is suspended by the own Party; name another office"
            raise RecordError(message)
        if delivery.choose == "named" and codes and codes[0] not in {o.code for o in offices}:
            message = f"{delivery.record_key}: {codes[0]} is no {delivery.role} of the other Party"
            raise RecordError(message)
        return offices

    def address(
        self, record: Record, case: bytes, asked: Asked | None, now_ms: int
    ) -> list[Addressed]:
        """Return the drafts of a record, one for each recipient.

        Raises `RecordError` naming the field for a record that cannot be sent.
        """
        addressed = []
        for flow, office in self.recipients(record, asked):
            self._check_agreed(record, flow)
            abroad = {office.party} - {party_of(self.office)}
            schema = self.bundle.policy.schema_for(flow)
            check_sealed(self.bundle.policy, schema, record.values, record.facts, abroad, now_ms)
            # The hop of another shard does not know what this answers, or whose facts count.
            shard = asked.shard if asked else self.cabinet.shard_of(case, office.code)
            draft = self._draft(record, case, asked, flow, office, now_ms)
            fields = self.bundle.policy.schema_for(flow).names_of(draft.mask)
            cause = asked.message if asked and flow.caused_by else b""
            flags = () if cause else self._flags(record, case, flow, office, now_ms)
            addressed.append(Addressed(flow.name, office.code, draft, fields, shard, cause, flags))
        return addressed

    def _flags(
        self, record: Record, case: bytes, flow: Flow, office: Office, now_ms: int
    ) -> tuple[str, ...]:
        policy, role = self.bundle.policy, self.bundle.directory.office(self.office).role
        if not policy.rulebook.flags:
            return ()
        codes = policy.facts.encode(self._facts_at(record, case, flow, now_ms))
        return policy.flags(flow.code, role, office.role, codes)

    def _check_agreed(self, record: Record, flow: Flow) -> None:
        agreement = self.bundle.policy.agreement_of(flow)
        if agreement is None:
            return
        directory = self.bundle.directory
        for field, said in faults_of(agreement, flow, record.values, directory, self.office):
            raise RecordError(f"{field}: {said}")

    def _draft(
        self,
        record: Record,
        case: bytes,
        asked: Asked | None,
        flow: Flow,
        office: Office,
        now_ms: int,
    ) -> Draft:
        schema = self.bundle.policy.schema_for(flow)
        seal_key = self._seal_key(office.code, now_ms)
        if asked is not None and flow.caused_by:
            return self._caused(record, asked, flow, schema, seal_key, now_ms, (case, office.code))
        given = record.sharing_consent
        place = (case, flow.name, office.code)
        reference, scope = NO_ID, NO_SCOPE
        expires_ms = now_ms + flow.life_days * DAY_MS
        if is_other_ground(record.facts):
            # A reference of its own, so that what went on another ground can be taken back too.
            reference = self.cabinet.token("ground_ref", *place, now_ms.to_bytes(8), size=16)
        elif given is not None:
            token = self.cabinet.token("scope_ref", *place, given.encode(), size=32)
            reference, scope = token[:16], scope_for(given, token[16:], flow, office, schema)
            expires_ms = min(expires_ms, max(given.valid_until_ms, now_ms + 1))
        header = self._header(
            flow,
            office.code,
            seal_key,
            now_ms,
            thread=asked.thread if asked else self.cabinet.token("thread", *place, size=16),
            reply_to=asked.message if asked else NO_ID,
            consent_ref=reference,
            expires_ms=expires_ms,
        )
        facts = self._facts(self._facts_at(record, case, flow, now_ms), scope)
        supplied = self._supplied(schema, asked, reference, now_ms)
        if asked is None and CASE_REFERENCE in schema.by_name:
            token = self.cabinet.token("case_ref", case, office.code, size=16)
            supplied[CASE_REFERENCE] = token.hex()
        values = {**record.values, **supplied}
        return _drafted(schema, values, header, facts, self, seal_key)

    def _caused(
        self,
        record: Record,
        cause: Asked,
        flow: Flow,
        schema: Schema,
        seal_key: PublicKey,
        now_ms: int,
        place: tuple[bytes, str],
    ) -> Draft:
        """Return the draft of a message that this office was asked for at home.

        It names its cause to the own hop alone, which has the facts and the sharing consent that
        count; this office is told neither. Thread and reference are its own.
        """
        case, recipient = place
        token = self.cabinet.token("scope_ref", case, cause.message, flow.name, recipient, size=16)
        header = self._header(
            flow,
            recipient,
            seal_key,
            now_ms,
            thread=self.cabinet.token("thread", case, flow.name, recipient, size=16),
            consent_ref=token,
        )
        facts = replace(NO_FACTS, cause=cause.message)
        values = {**record.values, **self._supplied(schema, None, token, now_ms)}
        return _drafted(schema, values, header, facts, self, seal_key)

    def _header(
        self,
        flow: Flow,
        recipient: str,
        seal_key: PublicKey,
        now_ms: int,
        *,
        consent_ref: bytes,
        thread: bytes = b"",
        reply_to: bytes = NO_ID,
        expires_ms: int | None = None,
    ) -> Header:
        """Return the header of a fresh message, in a thread of its own unless another is given."""
        return Header(
            message=self.entropy(16),
            thread=thread or self.entropy(16),
            reply_to=reply_to,
            flow=flow.code,
            sender=self.office,
            recipient=recipient,
            schema=self.bundle.policy.schema_for(flow).digest32,
            bundle=self.bundle.digest32,
            consent_ref=consent_ref,
            created_ms=now_ms,
            expires_ms=now_ms + flow.life_days * DAY_MS if expires_ms is None else expires_ms,
            desk_key=self.keychain.signing(KeyUse.DESK, now_ms).public.key_id,
            seal_key=seal_key.key_id,
        )

    def withdrawal(self, recipient: str, reference: bytes, shard: int, now_ms: int) -> Addressed:
        """Return the message that ends a sharing consent at a recipient that may hold something.

        It goes on the shard of what it ends: that hop stops what is under way.
        """
        flow = next(f for f in self.bundle.policy.flows.values() if f.nature == "withdrawal")
        schema = self.bundle.policy.schema_for(flow)
        seal_key = self._seal_key(recipient, now_ms)
        header = self._header(flow, recipient, seal_key, now_ms, consent_ref=reference)
        facts = self._facts({}, NO_SCOPE)
        values = {"withdrawn_on": _day(now_ms)}
        draft = _drafted(schema, values, header, facts, self, seal_key)
        return Addressed(flow.name, recipient, draft, schema.names_of(draft.mask), shard)

    def _seal_key(self, office: str, now_ms: int) -> PublicKey:
        key = self.directory.newest(office, KeyUse.SEAL, now_ms)
        if key is None:
            message = f"{office} has no sealing key that is good now; wait for its keyring"
            raise RecordError(message)
        return key

    def _facts_at(self, record: Record, case: bytes, flow: Flow, now_ms: int) -> dict[str, str]:
        """Return the record's facts now; a withdrawal counts until a newer record is given."""
        facts = self._said_at(record, case, now_ms)
        if is_without_guardian(record.sharing_consent, facts, flow):
            facts["sharing_consent"] = "invalid"
        agreement = self.bundle.policy.agreement_of(flow)
        if agreement is None or agreement.personal_scope.fallback is None:
            return facts
        # A later record of a case, such as that of a departure, may not say the sex again.
        sex = record.values.get(SEX_FIELD) or self.cabinet.get("sex", case) or ""
        return {**facts, SCOPE_FACT: scope_of(agreement, str(sex), facts)}

    def _said_at(self, record: Record, case: bytes, now_ms: int) -> dict[str, str]:
        facts, given = record.facts_at(now_ms), record.sharing_consent
        if (asylum := self.cabinet.get("asylum", case)) is not None:
            # What was learned since the form was filled in, until something else is learned.
            facts["asylum"] = asylum["answer"]
        withdrawal = self.cabinet.get("withdrawal", case)
        if given is None and is_other_ground(facts):
            facts["sharing_consent"] = "withdrawn" if withdrawal is not None else "not-sought"
        if withdrawal is not None and given is not None:
            newer = given.given_on_ms > withdrawal["at_ms"]
            facts["sharing_consent"] = facts["sharing_consent"] if newer else "withdrawn"
        return facts

    def _facts(self, facts: Mapping[str, str], scope: Scope) -> Facts:
        codes = self.bundle.policy.facts.encode(facts)
        return Facts(NO_ID, scope.digest, scope.mask, scope.from_ms, scope.until_ms, codes)

    def _supplied(
        self, schema: Schema, asked: Asked | None, reference: bytes, now_ms: int
    ) -> dict[str, object]:
        """Return the fields that the desk itself fills in, fresh but for what an answer repeats."""
        references: dict[str, object]
        if asked is None:
            references = {n: self._fresh_id() for n in REFERENCES if n in schema.by_name}
        else:
            references = {name: asked.references.get(name) for name in ECHOED}
        return {
            **references,
            "reply_office": self.office,
            "sharing_consent_ref": reference.hex() if reference != NO_ID else None,
            "answered_by": self.office,
            "answered_on": _day(now_ms),
        }

    def _fresh_id(self) -> str:
        return str(uuid.UUID(bytes=self.entropy(16), version=4))


def _day(at_ms: int) -> str:
    return datetime.fromtimestamp(at_ms / 1000, UTC).date().isoformat()


def _drafted(
    schema: Schema,
    values: Mapping[str, Any],
    header: Header,
    facts: Facts,
    publisher: Publisher,
    seal_key: PublicKey,
) -> Draft:
    missing = [f.name for f in schema.fields if f.required and values.get(f.name) is None]
    if missing:
        message = f"{schema.name}: {', '.join(missing)} must be given"
        raise RecordError(message)
    try:
        wanted = {each.name: of_plain(each, values.get(each.name)) for each in schema.fields}
        draft = draft_message(schema, wanted, header, facts, seal_key, publisher.entropy)
    except MalformedError as error:
        message = f"{schema.name}: {error.detail}"
        raise RecordError(message) from error
    if len(draft.body) > _BODY_BYTES_MAX:
        raise RecordError(f"{schema.name}: too large for one message; shorten its largest fields")
    return draft
