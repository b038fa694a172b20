"""Receiving: a desk verifies everything itself and trusts no hop for authenticity.

Author, release, the proof of the hop before, key box, commitments, schema to the byte. What fails
is answered and not used.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime

from xref.bundle import Bundle
from xref.desk.agreed import Said
from xref.desk.contradict import contradicts_exactly
from xref.desk.derive import SIBLINGS
from xref.desk.look import to_look_at
from xref.desk.plain_values import as_plain
from xref.disclose import open_message
from xref.keychain import Keychain, KeyDirectory
from xref.policy import Flow
from xref.steps.validate import (
    bundle_for,
    check_author,
    check_mask,
    check_times,
    fault,
    flow_of,
)
from xref.tlog import proof as proofs
from xref.tlog.checkpoint import Checkpoint, verify_alone
from xref.tlog.checkpoint import split as split_checkpoint
from xref.tlog.note import NoteError
from xref.tlog.tree import ProofError, verify_inclusion
from xref.wire.body import parse_body
from xref.wire.envelope import Envelope, Slot, parse_envelope, peek_header, shape_between
from xref.wire.header import Header
from xref.wire.office import Link, party_of
from xref.wire.release import release_leaf, release_of
from xref.wire.resolve import resolve
from xref.wire.schema import Schema


@dataclass(frozen=True, slots=True)
class Opened:
    """A message that this office may use."""

    header: Header
    flow: Flow
    values: Mapping[str, object]
    erase_by_ms: int
    schema: Schema
    beyond: Mapping[str, object] = field(default_factory=dict)
    """What the version that the office works by has no place for, by the message's own names."""
    look: tuple[Said, ...] = ()
    """Fields at which a person should look, with the reason; the message counts all the same."""

    def placed_in(self, bundle: Bundle) -> "Opened":
        """Return the message as the version in the bundle has it, where it has such a flow."""
        flow = bundle.policy.flows.get(self.header.flow)
        if flow is None or flow.schema != self.flow.schema:
            return self
        own = bundle.policy.schema_for(flow)
        placed = resolve(self.values, self.schema, own)
        return replace(self, values=placed.values, schema=own, beyond=placed.beyond)

    def as_record(self, shard: int, now_ms: int) -> dict[str, object]:
        """Return what the office keeps of the message, as JSON can hold it."""
        header = self.header
        kept: dict[str, object] = {
            "type": self.flow.name,
            "from": header.sender,
            "shard": shard,
            "bundle": header.bundle.hex(),
            "thread": header.thread.hex(),
            "reply_to": header.reply_to.hex() if any(header.reply_to) else None,
            "received_ms": now_ms,
            "erase_by_ms": self.erase_by_ms,
            "values": as_plain(self.values),
        }
        if self.beyond:
            kept["beyond"] = as_plain(self.beyond)
        if self.look:
            kept["look"] = [list(said) for said in self.look]
        return kept

    @property
    def outcomes(self) -> list[str]:
        """The outcomes in it as codes, such as of an arrival."""
        fields = [each.name for each in self.schema.fields if each.category == "outcome"]
        return [code for name in fields if isinstance(code := self.values.get(name), str)]


def check_body(header: Header, values: Mapping[str, object]) -> None:
    """Refuse a body that says otherwise than its header, or in one field than in another.

    Its author signed both, so this finds a faulty or lying author, not one on the way.
    """
    stated = {
        "reply_office": header.sender,
        "answered_by": header.sender,
        "sharing_consent_ref": header.consent_ref.hex() if any(header.consent_ref) else None,
    }
    if any(values[name] != said for name, said in stated.items() if _given(values, name)):
        raise fault("wrong-body")
    created = datetime.fromtimestamp(header.created_ms / 1000, UTC).date()
    for name in ("answered_on", "withdrawn_on"):
        # The desk writes the day in UTC; another maker's may write it in its own.
        if _given(values, name) and abs((_day_of(values[name]) - created).days) > 1:
            raise fault("wrong-body")
    if any(contradicts_exactly(name, values) for name in SIBLINGS):
        raise fault("wrong-body")


def _given(values: Mapping[str, object], name: str) -> bool:
    return values.get(name) is not None


def _day_of(value: object) -> date:
    try:
        return date.fromisoformat(str(value))
    except ValueError as error:
        raise fault("wrong-body") from error


@dataclass(slots=True)
class Receiver:
    """What a desk holds the messages of one batch against."""

    keychain: Keychain
    bundles: Mapping[bytes, Bundle]
    directory: KeyDirectory
    verified: dict[tuple[bytes, bytes], None] = field(default_factory=dict)
    heads: dict[tuple[Link, str], Checkpoint] = field(default_factory=dict)

    def receive(self, link: Link, slot: Slot, now_ms: int) -> Opened:
        """Return the opened message of a slot, or raise `MessageError` with its fault."""
        header = peek_header(slot.envelope)
        bundle = bundle_for(header, self.bundles, now_ms)
        sender = bundle.directory.find(header.sender)
        if sender is None:
            raise fault("unknown-office")
        if header.recipient != self.keychain.office:
            raise fault("wrong-recipient")
        two_parties = party_of(header.sender) != party_of(header.recipient)
        shape = shape_between(sender_is_hop=True, receiver_is_hop=False, two_parties=two_parties)
        envelope = parse_envelope(slot.envelope, shape)
        statement = envelope.statement()
        if envelope.release(statement) != slot.release:
            raise fault("release-mismatch")
        flow, schema = flow_of(header, envelope, bundle)
        check_times(envelope, now_ms, flow.life_days, from_desk=False)
        body = parse_body(envelope.body)
        check_mask(envelope, body, schema.field_ids)
        check_author(envelope, statement, self.directory, self.verified)
        if envelope.passed is not None:
            self._check_passed(envelope, statement, Link(sender.hop, link.sender, link.shard))
        opening = self.keychain.opening(header.seal_key)
        if opening is None:
            raise fault("destroyed-key")
        values = open_message(envelope, body, statement, schema, opening)
        check_body(header, values)
        look = tuple(to_look_at(values, header, flow, schema, bundle))
        return Opened(header, flow, values, envelope.erase_by_ms, schema, look=look)

    def _check_passed(self, envelope: Envelope, statement: bytes, before: Link) -> None:
        """Check that the hop before released this, on its record, and that no one widened it since.

        Any shard of that link will do: what counts is the log's key.
        """
        passed = envelope.passed
        if passed is None:
            raise fault("wrong-proof")
        if envelope.mask & ~passed.mask or envelope.erase_by_ms > passed.erase_by_ms:
            raise fault("widened")
        release = release_of(
            statement, passed.mask, passed.recorded_ms, passed.erase_by_ms, passed.body_hash
        )
        try:
            proof = proofs.parse_path(passed.proof)
            head = self._head(proof.checkpoint_note, before)
            leaf = release_leaf(release)
            verify_inclusion(leaf, proof.index, head.size, proof.hashes, head.root)
        except (ProofError, NoteError) as error:
            raise fault("wrong-proof") from error

    def _head(self, note: str, before: Link) -> Checkpoint:
        """Return the head that the hop before signed, on any shard; verified once a batch."""
        known = self.heads.get((before, note))
        if known is not None:
            return known
        head, lines = split_checkpoint(note)
        shard = head.origin.rpartition("/")[2]
        if not (shard.isascii() and shard.isdigit()):
            raise fault("wrong-proof")
        link = Link(before.sender, before.receiver, int(shard))
        for verifier in self.directory.log_verifiers(link, head.size):
            try:
                verify_alone(head, lines, verifier)
            except NoteError:
                continue
            self.heads[before, note] = head
            return head
        raise fault("wrong-proof")
