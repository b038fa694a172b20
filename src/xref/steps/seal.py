"""Seal: append to links and trail, answer, and close the parcels. Nothing is durable yet.

Order within a batch: releases, then receipts about them, then the trail that accounts for both.
"""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

from xref.accounting import Accounting
from xref.answers import (
    compose_answers,
)
from xref.bundle import Bundle
from xref.endpoint import Endpoint
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
from xref.wire.header import Header
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
    """One batch being sealed."""

    def __init__(self, desktop: Desktop, now_ms: int) -> None:
        self.desk = desktop
        self.now_ms = now_ms
        self.office = desktop.endpoint.office
        self.accounts = Accounting(desktop.endpoint, desktop.knowledge, desktop.bundle, now_ms)

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
                self.accounts.released(item, link, first + place, slot.slot.release)

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

    def empty_withdrawn(self, minimised: Sequence[Minimised]) -> None:
        """Drop what is not yet delivered of every sharing consent that a message here withdraws."""
        for item in minimised:
            message = item.permitted.message
            if message.flow.nature == "withdrawal":
                self._empty(message.header)

    def _empty(self, withdrawal: Header) -> None:
        def matches(header: Header) -> bool:
            same = header.consent_ref == withdrawal.consent_ref
            return same and header.sender == withdrawal.sender and header.flow != withdrawal.flow

        for link, end in self.desk.endpoint.outgoing.items():
            for index, header in end.empty(matches):
                self.accounts.emptied(link, index, header)

    # -- closing ---------------------------------------------------------------------------------

    def send_answers(self) -> None:
        """Append one receipt for each receiver to the link that leads there."""
        desk, endpoint = self.desk, self.desk.endpoint
        composed = compose_answers(
            self.accounts.answers,
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
            self.accounts.entries.append(
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
        entries = self.accounts.entries
        if entries:
            signer = Signer(
                desk.trail.origin, desk.endpoint.keychain.signing(KeyUse.LOG, self.now_ms).private
            )
            nonces = [desk.entropy(NONCE_BYTES) for _ in entries]
            desk.trail.append(entries, nonces, signer)
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
    accounts = sealing.accounts
    accounts.entries += entries
    accounts.events(submitted)
    released: list[Minimised] = []
    for outcome in outcomes:
        match outcome:
            case Minimised():
                if outcome.permitted.message.header.recipient == sealing.office:
                    accounts.read_receipt(outcome)
                else:
                    released.append(outcome)
            case Refused():
                accounts.refused(outcome)
            case Rejected():
                accounts.rejected(outcome)
            case Stubbed():
                accounts.stubbed(outcome)
    sealing.release_all(released)
    sealing.empty_withdrawn(released)
    sealing.send_answers()
    return sealing.close()
