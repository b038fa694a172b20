"""Seal: append to links and trail, answer, and close the parcels. Nothing is durable yet.

Order within a batch: releases, then receipts about them, then the trail that accounts for both.
"""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

from xref.answers import (
    DECISION,
    RECEIPT,
    Answer,
    compose_answers,
    decision_item,
    receipt_item,
)
from xref.bundle import Bundle
from xref.disclose import open_message
from xref.endpoint import Acknowledged, Endpoint
from xref.errors import MessageError
from xref.knowledge import Knowledge
from xref.limits import DECISIONS_CACHED_MAX
from xref.link import Queued
from xref.message import Message, Minimised, Refused, Rejected, Sealed, Stubbed, Submitted
from xref.policy import FactTable
from xref.ports import Entropy
from xref.tlog.note import Signer
from xref.tlog.proof import InclusionProof
from xref.trail import NONCE_BYTES, Entry, Trail
from xref.wire.envelope import Envelope, Passed, Slot
from xref.wire.key import KeyUse
from xref.wire.office import Link, party_of

_named = lru_cache(maxsize=DECISIONS_CACHED_MAX)(FactTable.decode)
Outcome = Minimised | Refused | Rejected | Stubbed


@dataclass(frozen=True, slots=True)
class Desktop:
    """What sealing works with: the hop's links, trail, memory, newest bundle and randomness."""

    endpoint: Endpoint
    trail: Trail
    knowledge: Knowledge
    bundle: Bundle
    entropy: Entropy


class _Sealing:
    """One batch being sealed: entries and answers gather, in order."""

    def __init__(self, desktop: Desktop, now_ms: int) -> None:
        self.desk = desktop
        self.now_ms = now_ms
        self.entries: list[Entry] = []
        self.answers: list[Answer] = []
        self.office = desktop.endpoint.office

    # -- what goes on ----------------------------------------------------------------------------

    def release_all(self, minimised: Sequence[Minimised]) -> None:
        """Append to each link in order what goes out on it."""
        by_link: dict[Link, list[Minimised]] = {}
        for item in minimised:
            message = item.permitted.message
            link = self._route(message.header.recipient, message.bundle)
            by_link.setdefault(link, []).append(item)
        for link, items in by_link.items():
            queued = [self._queued(item, link) for item in items]
            first = self.desk.endpoint.append(link, queued)
            for place, (item, slot) in enumerate(zip(items, queued, strict=True)):
                self._account_release(item, link, first + place, slot.slot.release)

    def _route(self, recipient: str, bundle: Bundle) -> Link:
        """Return the own link that leads to an office: its own, or its Party's hop's."""
        office = bundle.directory.find(recipient)
        own = party_of(recipient) == party_of(self.office)
        near = own or office is None or office.role == "hop"
        receiver = recipient if near or office is None else office.hop
        shard = next(iter(self.desk.endpoint.outgoing)).shard
        return Link(self.office, receiver, shard)

    def _queued(self, item: Minimised, link: Link) -> Queued:
        message = item.permitted.message
        header, came = message.header, message.received.link
        two_parties = party_of(header.sender) != party_of(header.recipient)
        to_desk = link.receiver == header.recipient and party_of(link.receiver) == party_of(
            self.office
        )
        envelope = replace(
            message.envelope,
            facts=message.envelope.facts_c,
            mask=item.mask,
            recorded_ms=self.now_ms,
            erase_by_ms=item.erase_by_ms,
            passed=self._passed(message, came) if two_parties and to_desk else None,
            body=item.body,
        )
        release = envelope.release(message.statement)
        return Queued(Slot(release, envelope.encode()), min(header.expires_ms, item.erase_by_ms))

    def _passed(self, message: Message, came: Link) -> Passed:
        """Prove to the receiving desk what the hop before released."""
        envelope, mirror = message.envelope, self.desk.endpoint.incoming[came]
        index = message.received.index
        proof = InclusionProof(index, tuple(mirror.tree.inclusion(index)), mirror.checkpoint)
        return Passed(
            envelope.mask,
            envelope.recorded_ms,
            envelope.erase_by_ms,
            hashlib.sha256(envelope.body).digest(),
            proof.encode(),
        )

    def _account_release(self, item: Minimised, link: Link, index: int, release: bytes) -> None:
        message, permit = item.permitted.message, item.permitted.permit
        self.desk.knowledge.remember_release(item, link, index)
        disclosed = list(message.schema.names_of(item.mask))
        withheld = [{"field": each.field, "rules": list(each.rules)} for each in permit.withheld]
        entry = {
            **_common(message, "released", self.now_ms),
            "out_link": link.name,
            "out_index": index,
            "release": release.hex(),
            "facts": _facts(message),
            "facts_c": message.envelope.facts_c.hex(),
            "disclosed": disclosed,
            "withheld": withheld,
            "rules": list(permit.rules),
            "obligations": list(permit.obligations),
            "erase_by_ms": item.erase_by_ms,
        }
        self.entries.append(entry)
        if message.facts is not None and message.flow.receipted:
            item_ = decision_item(
                "FORWARDED",
                message.header.message,
                disclosed=disclosed,
                permit=permit,
                link=link,
                index=index,
            )
            self.answers.append(Answer(message.header.sender, DECISION, item_))

    # -- what does not go on ---------------------------------------------------------------------

    def account_refused(self, refused: Refused) -> None:
        """Record a refusal with its reasons; answer at home with them, abroad with one code."""
        message = refused.message
        entry = {
            **_common(message, "refused", self.now_ms),
            "facts": _facts(message),
            "facts_c": message.envelope.facts_c.hex(),
            "reasons": [reason.rule for reason in refused.reasons],
        }
        self.entries.append(entry)
        if not message.flow.receipted:
            return
        message_id, sender = message.header.message, message.header.sender
        if message.facts is not None:
            item = decision_item("REFUSED", message_id, reasons=refused.reasons)
            self.answers.append(Answer(sender, DECISION, item))
        else:
            self.answers.append(Answer(sender, RECEIPT, receipt_item("REFUSED", message_id)))

    def account_rejected(self, rejected: Rejected) -> None:
        """Record a faulty slot and answer whoever put it on the link, by link and index."""
        received, header = rejected.received, rejected.header
        entry = {
            "kind": "rejected",
            "at_ms": self.now_ms,
            "link": received.link.name,
            "index": received.index,
            "fault": rejected.fault,
        }
        self.entries.append(entry)
        flow = self.desk.bundle.policy.flows.get(header.flow) if header else None
        if flow is not None and not flow.receipted:
            return
        message_id = header.message if header else bytes(16)
        item = receipt_item(
            "REJECTED",
            message_id,
            fault=rejected.fault,
            link=received.link,
            index=received.index,
        )
        self.answers.append(Answer(received.link.sender, RECEIPT, item))

    def account_stubbed(self, stubbed: Stubbed) -> None:
        """Record a slot whose content was gone."""
        received = stubbed.received
        self.entries.append(
            {
                "kind": "stubbed",
                "at_ms": self.now_ms,
                "link": received.link.name,
                "index": received.index,
            }
        )

    # -- what came back --------------------------------------------------------------------------

    def account_acknowledged(self, done: Acknowledged) -> None:
        """Record a countersigned head; tell senders what an own desk now has."""
        if not done.slots:
            return
        entry = {"kind": "acknowledged", "at_ms": self.now_ms, "link": done.link.name}
        self.entries.append({**entry, "size": done.size})
        office = self.desk.bundle.directory.find(done.link.receiver)
        at_desk = office is not None and office.role != "hop"
        for index, slot in done.slots:
            released = self.desk.knowledge.released(done.link, index)
            if released is None or released.is_receipt or not (slot.is_stub or at_desk):
                continue
            outcome = "REJECTED" if slot.is_stub else "DELIVERED"
            fault = "expired" if slot.is_stub else ""
            item = receipt_item(outcome, released.message, fault=fault)
            self.answers.append(Answer(released.sender, RECEIPT, item))

    def read_receipt(self, item: Minimised) -> None:
        """Open a receipt that is addressed to this hop; tell the desks whose messages it names."""
        message = item.permitted.message
        items = self._items(message)
        entry = {
            "kind": "read",
            "at_ms": self.now_ms,
            "message": message.header.message.hex(),
            "from": message.header.sender,
            "link": message.received.link.name,
            "index": message.received.index,
            "items": len(items),
        }
        self.entries.append(entry)
        for each in items:
            self._pass_on_rejection(each, message.header.sender)

    def _items(self, message: Message) -> list[dict[str, Any]]:
        """Return the items of a receipt to this hop, none for one that does not open."""
        opening = self.desk.endpoint.keychain.opening(message.header.seal_key)
        if opening is None:
            return []
        try:
            values = open_message(
                message.envelope, message.body, message.statement, message.schema, opening
            )
        except MessageError:
            return []
        items = values.get("items")
        return items if isinstance(items, list) else []

    def _pass_on_rejection(self, item: dict[str, Any], reporter: str) -> None:
        """Tell the own desk whose message stands where a receiver found a faulty slot."""
        link = next(
            (
                own
                for own in self.desk.endpoint.outgoing
                if own.name == item["link"] and own.receiver == reporter
            ),
            None,
        )
        index = item["index"]
        if link is None or not isinstance(index, int) or not 0 <= index < 2**63:
            return
        released = self.desk.knowledge.released(link, index)
        if released is None or released.is_receipt:
            return
        if party_of(released.sender) == party_of(self.office):
            answer = decision_item(
                "REJECTED", released.message, fault="rejected-on-the-way", link=link, index=index
            )
            self.answers.append(Answer(released.sender, DECISION, answer))
        else:
            answer = receipt_item("REJECTED", released.message, fault="rejected-on-the-way")
            self.answers.append(Answer(released.sender, RECEIPT, answer))

    # -- closing ---------------------------------------------------------------------------------

    def send_answers(self) -> None:
        """Append one receipt for each receiver to the link that leads there."""
        desk, endpoint = self.desk, self.desk.endpoint
        composed = compose_answers(
            self.answers,
            desk.bundle,
            endpoint.keychain,
            endpoint.directory,
            self.now_ms,
            desk.entropy,
        )
        for each in composed:
            link = self._route(each.receiver, desk.bundle)
            if link not in endpoint.outgoing:
                endpoint.alarms.append(f"{link.name}: no such link for an answer")
                continue
            envelope = self._own_envelope(each.envelope)
            release = envelope.release(envelope.statement())
            index = endpoint.append(
                link, [Queued(Slot(release, envelope.encode()), each.expires_ms)]
            )
            self.entries.append(
                {
                    "kind": "answered",
                    "at_ms": self.now_ms,
                    "message": envelope.header.message.hex(),
                    "flow": envelope.header.flow,
                    "from": self.office,
                    "to": each.receiver,
                    "out_link": link.name,
                    "out_index": index,
                    "release": release.hex(),
                    "items": each.items,
                }
            )

    def _own_envelope(self, envelope: Envelope) -> Envelope:
        """Return a hop's own receipt as a hop sends it: facts committed, with a retention time."""
        flow = self.desk.bundle.policy.flows[envelope.header.flow]
        erase_by_ms = self.now_ms + flow.retention_days * 86_400_000
        return replace(envelope, facts=envelope.facts_c, erase_by_ms=erase_by_ms)

    def close(self) -> Sealed:
        """Append the trail's entries and close the parcels."""
        desk = self.desk
        if self.entries:
            signer = Signer(
                desk.trail.origin, desk.endpoint.keychain.signing(KeyUse.LOG, self.now_ms).private
            )
            nonces = [desk.entropy(NONCE_BYTES) for _ in self.entries]
            desk.trail.append(self.entries, nonces, signer)
        desk.knowledge.purge(self.now_ms)
        return Sealed(
            tuple(desk.endpoint.flush(self.now_ms)),
            tuple(desk.endpoint.flush_acknowledgements(self.now_ms)),
        )


def seal(
    outcomes: Iterable[Outcome],
    submitted: Submitted,
    desktop: Desktop,
    now_ms: int,
    entries: Sequence[Entry] = (),
) -> Sealed:
    """Append, answer and close one batch; `entries` are events to record before it."""
    sealing = _Sealing(desktop, now_ms)
    sealing.entries += entries
    _account_events(sealing, submitted)
    released: list[Minimised] = []
    for outcome in outcomes:
        match outcome:
            case Minimised():
                if outcome.permitted.message.header.recipient == sealing.office:
                    sealing.read_receipt(outcome)
                else:
                    released.append(outcome)
            case Refused():
                sealing.account_refused(outcome)
            case Rejected():
                sealing.account_rejected(outcome)
            case Stubbed():
                sealing.account_stubbed(outcome)
    sealing.release_all(released)
    sealing.send_answers()
    return sealing.close()


def _account_events(sealing: _Sealing, submitted: Submitted) -> None:
    for keyring in submitted.keyrings:
        entry = {"kind": "keyring", "at_ms": sealing.now_ms, "party": keyring.party}
        sealing.entries.append({**entry, "version": keyring.version})
    for done in submitted.acknowledged:
        sealing.account_acknowledged(done)


def _common(message: Message, kind: str, now_ms: int) -> dict[str, object]:
    header, received = message.header, message.received
    return {
        "kind": kind,
        "at_ms": now_ms,
        "message": header.message.hex(),
        "flow": header.flow,
        "from": header.sender,
        "to": header.recipient,
        "bundle": header.bundle.hex(),
        "link": received.link.name,
        "index": received.index,
    }


def _facts(message: Message) -> dict[str, str]:
    """Return the facts by name for the own trail, or nothing where they stayed with the sender."""
    facts = message.facts
    codes = facts.codes if facts is not None else b""
    return _named(message.bundle.policy.facts, codes) if codes else {}
