"""Seal: append to links and trail, answer, and close the parcels. Nothing is durable yet.

Order within a batch: releases, then receipts about them, then the trail that accounts for both.
"""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from xref.accounting import Accounting
from xref.answers import REPLACED, WITHDRAWN, compose_answers
from xref.backlog import Queued
from xref.bundle import Bundle
from xref.endpoint import Endpoint
from xref.knowledge import Knowledge
from xref.limits import DAY_MS
from xref.message import Message, Minimised, Refused, Rejected, Route, Sealed, Stubbed, Submitted
from xref.overlay import STILL_PASSES
from xref.ports import Entropy
from xref.tlog.note import Signer
from xref.tlog.proof import InclusionProof
from xref.trail import NONCE_BYTES, Entry, Trail
from xref.wire.envelope import Envelope, Passed, Slot
from xref.wire.header import Header
from xref.wire.key import KeyUse
from xref.wire.office import Link, party_of

Outcome = Minimised | Refused | Rejected | Stubbed


@dataclass(frozen=True, slots=True)
class Desktop:
    """What sealing works with: the hop's links, trail, memory, newest bundle and randomness."""

    endpoint: Endpoint
    trail: Trail
    knowledge: Knowledge
    bundle: Bundle
    entropy: Entropy


@dataclass(frozen=True, slots=True)
class _Leg:
    """The own link that messages go on by; `has_passed` where the desk at its end wants a proof."""

    link: Link
    has_passed: bool


class _Sealing:
    """One batch being sealed."""

    def __init__(self, desktop: Desktop, now_ms: int) -> None:
        self.desk = desktop
        self.now_ms = now_ms
        self.office = desktop.endpoint.office
        self._legs: dict[Route, _Leg] = {}
        self.accounts = Accounting(desktop.endpoint, desktop.knowledge, desktop.bundle, now_ms)

    # -- what goes on ----------------------------------------------------------------------------

    def release_all(self, minimised: Sequence[Minimised]) -> None:
        """Append to each link in order what goes out on it."""
        by_link: dict[Link, list[Minimised]] = {}
        for item in minimised:
            by_link.setdefault(self._leg(item.permitted.message).link, []).append(item)
        for link, items in by_link.items():
            queued = [self._queued(item, self._leg(item.permitted.message)) for item in items]
            first = self.desk.endpoint.append(link, queued)
            self.desk.knowledge.remember_releases(items, link, first)
            for index, (item, slot) in enumerate(zip(items, queued, strict=True), first):
                self.accounts.released(item, link, index, slot.slot.release)

    def _leg(self, message: Message) -> "_Leg":
        """Return the way on for all messages of one route."""
        leg = self._legs.get(message.route)
        if leg is None:
            route = message.route
            link = self._route(route.recipient.code, message.bundle)
            to_desk = link.receiver == route.recipient.code
            ours = party_of(link.receiver) == party_of(self.office)
            proved = to_desk and ours and route.sender.party != route.recipient.party
            leg = self._legs[route] = _Leg(link, has_passed=proved)
        return leg

    def _route(self, recipient: str, bundle: Bundle) -> Link:
        """Return the own link that leads to an office: its own, or its Party's hop's."""
        office = bundle.directory.find(recipient)
        own = party_of(recipient) == party_of(self.office)
        near = own or office is None or office.role == "hop"
        receiver = recipient if near or office is None else office.hop
        shard = next(iter(self.desk.endpoint.outgoing)).shard
        return Link(self.office, receiver, shard)

    def _queued(self, item: Minimised, leg: "_Leg") -> Queued:
        message, came = item.permitted.message, item.permitted.message.envelope
        envelope = Envelope(
            came.header,
            came.header_salt,
            message.facts_c,
            came.commitments,
            came.author,
            item.mask,
            self.now_ms,
            item.erase_by_ms,
            self._passed(message) if leg.has_passed else None,
            item.body,
        )
        body_hash = message.body_hash if item.mask == came.mask else None
        release = envelope.release(message.statement, body_hash)
        expires_ms = min(came.header.expires_ms, item.erase_by_ms)
        return Queued(Slot(release, envelope.encode()), expires_ms)

    def _passed(self, message: Message) -> Passed:
        """Prove to the receiving desk what the hop before released."""
        envelope, mirror = message.envelope, self.desk.endpoint.incoming[message.received.link]
        index = message.received.index
        proof = InclusionProof(index, tuple(mirror.tree.inclusion(index)), mirror.checkpoint)
        return Passed(
            envelope.mask,
            envelope.recorded_ms,
            envelope.erase_by_ms,
            message.body_hash,
            proof.encode(),
        )

    def empty_withdrawn(self, minimised: Sequence[Minimised]) -> None:
        """Drop what is not yet delivered of every sharing consent that a message here withdraws."""
        messages = [item.permitted.message for item in minimised]
        withdrawals = [each.header for each in messages if each.flow.nature == "withdrawal"]
        ended = {each.taken_reference for each in withdrawals}
        flows = {each.flow for each in withdrawals}

        # What another office sends because it was asked at home has a reference of its own. It may
        # be away, and what goes by this sharing consent must not wait for it to be stopped.
        caused = [each for header in withdrawals for each in self.desk.knowledge.caused(header)]
        stopped = dict.fromkeys(caused, WITHDRAWN)

        def matches(header: Header) -> bool:
            is_of_it = header.taken_reference in ended or header.message in stopped
            return is_of_it and header.flow not in flows

        # One look at all that waits, however many are withdrawn at once.
        if ended:
            self._empty(matches, stopped)
        self._stop_abroad(stopped)

    def empty_replaced(self) -> None:
        """Drop what is not yet delivered and was sent as asked for before the newest request.

        That one may say what the person has revoked since.
        """
        stopped = dict.fromkeys(self.desk.knowledge.take_replaced(), REPLACED)
        if stopped:
            self._empty(lambda header: header.message in stopped, stopped)
        self._stop_abroad(stopped)

    def empty_stopped(self) -> None:
        """Drop what is not yet delivered of what its own Party's hop asked to stop."""
        told = self.accounts.stopped

        def matches(header: Header) -> bool:
            party, _ = told.get(header.message, ("", ""))
            return party == party_of(header.sender)

        if told:
            self._empty(matches, {message: fault for message, (_, fault) in told.items()})

    def _empty(self, matches: Callable[[Header], bool], stopped: Mapping[bytes, str]) -> None:
        for link, end in self.desk.endpoint.outgoing.items():
            for index, header in end.empty(matches):
                fault = stopped.get(header.message, WITHDRAWN)
                self.accounts.emptied(link, index, header, fault)
                if header.message in stopped and link.receiver == header.recipient:
                    # No withdrawal of its own follows it there.
                    self.accounts.stop_at(header, fault)

    def _stop_abroad(self, stopped: Mapping[bytes, str]) -> None:
        for message, fault in stopped.items():
            self.accounts.stop_abroad(message, fault)

    def empty_suspended(self, offices: Collection[str]) -> None:
        """Drop what is not yet delivered from or to offices that were suspended just now."""
        flows = self.desk.bundle.policy.flows

        def matches(header: Header) -> bool:
            flow = flows.get(header.flow)
            passes = flow is not None and flow.nature in STILL_PASSES
            return not passes and (header.sender in offices or header.recipient in offices)

        for link, end in self.desk.endpoint.outgoing.items() if offices else ():
            for index, header in end.empty(matches):
                self.accounts.suspended(link, index, header)

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
            self.accounts.add(
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
        erase_by_ms = self.now_ms + flow.retention_days * DAY_MS
        return replace(envelope, facts=envelope.facts_c, erase_by_ms=erase_by_ms)

    def close(self) -> Sealed:
        """Append the trail's entries and close the parcels."""
        desk = self.desk
        entries = self.accounts.entries
        if entries:
            signer = Signer(
                desk.trail.origin, desk.endpoint.keychain.signing(KeyUse.LOG, self.now_ms).private
            )
            nonces = desk.entropy(NONCE_BYTES * len(entries))
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
    suspended: Collection[str] = (),
) -> Sealed:
    """Append, answer and close one batch; `entries` are events to record before it.

    `suspended` are offices that were suspended just now.
    """
    sealing = _Sealing(desktop, now_ms)
    accounts = sealing.accounts
    for entry in entries:
        accounts.add(entry)
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
    sealing.empty_replaced()
    sealing.empty_stopped()
    sealing.empty_suspended(suspended)
    sealing.send_answers()
    return sealing.close()
