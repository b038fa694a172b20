"""A desk: an office's end. It makes, seals, opens and checks messages, and keeps their story.

Like a hop it records before it publishes, and publishes before it acknowledges; unlike a hop it
holds the keys of its office's messages, and no others.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Final

from xref.answers import MISMATCH, RECEIPT, Answer, Item, compose_answers
from xref.backlog import Queued
from xref.bundle import Bundle, newest_in_force
from xref.compose import sign_drafts
from xref.desk.act_alerts import act_alerts
from xref.desk.alerts import Alert
from xref.desk.cabinet import Cabinet
from xref.desk.erase import concerned, end_stopped, erase, erase_due
from xref.desk.filing import take_content
from xref.desk.intake import Intake
from xref.desk.mismatch import note_mismatch, tell_mismatches
from xref.desk.open_cases import OpenCases
from xref.desk.publish import Addressed, Publisher
from xref.desk.receive import Receiver
from xref.desk.relay import hold_back, note_relayed, withdraw_relayed
from xref.desk.spool import Row
from xref.desk.story import note_receipt
from xref.desk.withdrawing import WITHDRAWALS_OWED
from xref.endpoint import Endpoint
from xref.errors import ConfigError, MessageError, UnavailableError
from xref.keychain import Keychain
from xref.limits import DAY_MS
from xref.message import Batch, Received
from xref.narrowing import Narrowing
from xref.outbox import Outbox
from xref.ports import Entropy, Store, Transport
from xref.state import State
from xref.steps.submit import LinkEvidenceError, submit
from xref.steps.validate import headers_of
from xref.wire.envelope import Envelope, Slot
from xref.wire.header import NO_ID, Header
from xref.wire.key import KeyUse
from xref.wire.office import Link

_SPOOLED_KEPT_MS: Final = 7 * DAY_MS
_SPOOLED_PURGE_MAX: Final = 256
_HANDED_AT_ONCE_MAX: Final = 256


@dataclass(frozen=True, slots=True)
class DeskSetup:
    """What a desk is given once: its keys, bundles, the Parties' keys, its hop and its shards."""

    keychain: Keychain
    bundles: Mapping[bytes, Bundle]
    party_keys: Mapping[str, bytes]
    hop: str
    shards: int = 1
    works_by: bytes = b""
    """The bundle of the office's own system, under which it publishes; empty for the newest."""


@dataclass(slots=True)
class Done:
    """What a turn came to, as counts and codes for the log: nothing of any message."""

    sent: int = 0
    opened: int = 0
    rejected: int = 0
    dropped: int = 0
    stopped: list[str] = field(default_factory=list)
    alarms: list[str] = field(default_factory=list)

    def __bool__(self) -> bool:
        """Whether anything happened that an operator may want to see."""
        return any((self.sent, self.opened, self.rejected, self.dropped, self.stopped))


class Desk:
    """One office's desk. One thread uses it."""

    def __init__(
        self, setup: DeskSetup, store: Store, transport: Transport, entropy: Entropy
    ) -> None:
        """Load the state; call `start` before anything else."""
        self.office = setup.keychain.office
        self.setup = setup
        self._store, self._transport, self._entropy = store, transport, entropy
        self.outbox = Outbox()
        self._stale = False
        self.started = False
        self._load()

    def _load(self) -> None:
        """Build everything from the durable state; until that succeeds nothing else is done."""
        self._stale = True
        setup = self.setup
        self.state = State(self._store)
        links = [self._link(shard) for shard in range(setup.shards)]
        self.endpoint = Endpoint(
            self.state, setup.keychain, setup.party_keys, links, self._transport.numbering
        )
        self.narrowing = Narrowing(self.state, self.office, setup.party_keys, setup.bundles)
        self.cabinet = Cabinet(self.state, self._entropy)
        self._open_cases = OpenCases(self.cabinet)
        self._verified: dict[tuple[bytes, bytes], None] = {}
        self._stale = False

    def _link(self, shard: int) -> Link:
        """Return the own link to the hop of a shard."""
        return Link(self.office, self.setup.hop, shard)

    def _recover(self) -> None:
        if self._stale:
            self._load()

    @contextmanager
    def _turn(self) -> Iterator[None]:
        """Begin a turn on the durable state, and return to it if the turn fails before its commit.

        What an earlier turn recorded is published first, so that an outage queues one turn's.
        """
        self._recover()
        self.flush()
        try:
            yield
        except BaseException:
            self._load()
            raise
        self.flush()

    def start(self, keyrings: Iterable[str], now_ms: int) -> None:
        """Check the own links, take over, and use newer `keyrings`; raises `EvidenceError`."""
        self._recover()
        positions = self.endpoint.own_positions()
        while arrivals := self._transport.read(positions, 256, 0):
            self.endpoint.check_own(arrivals)
            positions.update({arrival.link: arrival.position for arrival in arrivals})
        with self._turn():
            for note in keyrings:
                self.endpoint.use_keyring(note)
            self.endpoint.take_over(now_ms)
            self._commit(now_ms)
            self.started = True  # recorded: from here on only publishing can fail

    def use_overlay(self, note: str, now_ms: int) -> bool:
        """Apply the own Party's overlay, if it is newer; `ConfigError` for one without force."""
        with self._turn():
            is_newer = self.narrowing.take(note, now_ms) is not None
            self._commit(now_ms)
        return is_newer

    # -- publishing ------------------------------------------------------------------------------

    def publish(self, rows: Sequence[tuple[bytes, Row]], now_ms: int) -> Done:
        """Publish rows of the spool; each key is taken once, however often it is offered.

        A record that cannot be sent is kept with its problem, which names field and cure. Raises
        `UnavailableError`; the rows are then offered again.
        """
        with _again_later(), self._turn():
            addressed = self._take_all(rows, now_ms)
            self._commit(now_ms)
        return self._done(Done(sent=len(addressed)))

    def _take_all(self, rows: Sequence[tuple[bytes, Row]], now_ms: int) -> list[Addressed]:
        intake = self._intake(now_ms)
        addressed: list[Addressed] = []
        self.state.expect("spooled", [key for key, _ in rows])
        for key, row in rows:
            if self.state.get("spooled", key) is None:
                self.state.put("spooled", key, b"")
                addressed += intake.take(row)
        for key, _ in self.state.scan("spooled", limit=_SPOOLED_PURGE_MAX):
            if int.from_bytes(key[:8]) < now_ms - _SPOOLED_KEPT_MS:
                self.state.delete("spooled", key)
        self._send(addressed, now_ms)
        self._answer(intake.notes, now_ms)
        return addressed

    def _send(self, addressed: Sequence[Addressed], now_ms: int) -> None:
        by_place: dict[tuple[str, int], list[Addressed]] = {}
        for each in addressed:
            by_place.setdefault((each.recipient, each.shard), []).append(each)
        signer = self.setup.keychain.signing(KeyUse.DESK, now_ms)
        for (_, shard), messages in by_place.items():
            drafts = [each.draft for each in messages]
            self._append(shard, sign_drafts(drafts, signer, self._entropy, now_ms))

    def _intake(self, now_ms: int) -> Intake:
        return Intake(self.cabinet, self._publisher(now_ms), now_ms)

    def _publisher(self, now_ms: int) -> Publisher:
        return Publisher(
            self.office,
            self._bundle(now_ms),
            self.setup.keychain,
            self.endpoint.directory,
            self.cabinet,
            self._entropy,
            {bundle.digest32: bundle for bundle in self._active(now_ms)},
            self.narrowing.suspended_officials,
        )

    def _append(self, shard: int, envelopes: Sequence[Envelope]) -> None:
        queued = []
        for envelope in envelopes:
            slot = Slot(envelope.release(envelope.statement()), envelope.encode())
            queued.append(Queued(slot, envelope.header.expires_ms))
        if queued:
            self.endpoint.append(self._link(shard), queued)

    # -- receiving -------------------------------------------------------------------------------

    def handle(self, arrivals: Sequence[Any], now_ms: int) -> Done:
        """Take what arrived, in one transaction. Raises `UnavailableError` and `EvidenceError`."""
        try:
            with _again_later(), self._turn():
                return self._handle(Batch(tuple(arrivals), now_ms))
        except LinkEvidenceError as error:
            with _again_later(), self._turn():
                self.endpoint.incoming[error.arrival.link].stop(error.detail)
                name = error.arrival.link.name.encode()
                self.state.put("evidence", name + b"\0" + now_ms.to_bytes(8), error.arrival.parcel)
                self._commit(now_ms)
            return Done(stopped=[error.detail])

    def _handle(self, batch: Batch) -> Done:
        submitted = submit(batch, self.endpoint)
        self._expect(headers_of(submitted.received))
        receiver = Receiver(
            self.setup.keychain, self.narrowing.bundles, self.endpoint.directory, self._verified
        )
        answers: list[tuple[int, Answer]] = []
        for received in submitted.received:
            if not received.slot.is_stub:
                answers += self._receive(received, receiver, batch.now_ms)
        answers += erase_due(self.state, self.cabinet, batch.now_ms)
        answers = hold_back(self.state, answers)
        self._answer(answers, batch.now_ms)
        if self.state.has_any(WITHDRAWALS_OWED):
            self._send(self._intake(batch.now_ms).take_owed(), batch.now_ms)
        self._commit(batch.now_ms)
        said = [each.item.outcome for _, each in answers if isinstance(each.item, Item)]
        return self._done(Done(0, said.count("OPENED"), said.count("REJECTED"), submitted.dropped))

    def _expect(self, headers: Sequence[Header]) -> None:
        """Read at once what these messages are going to ask for."""
        messages = [header.message for header in headers]
        for space in ("inbox", "erased"):
            self.state.expect(space, messages)
        self.state.expect("thread_case", {header.own_thread for header in headers})
        self.state.expect("withdrawn", {header.taken_reference for header in headers})
        self.cabinet.expect("sent", {header.reply_to for header in headers})

    def _receive(
        self, received: Received, receiver: Receiver, now_ms: int
    ) -> list[tuple[int, Answer]]:
        """Take one slot; return the answers, each with the shard on which it goes."""
        link = received.link
        try:
            opened = receiver.receive(link, received.slot, now_ms).placed_in(self._bundle(now_ms))
        except MessageError as error:
            header = next(iter(headers_of([received])), None)
            message = header.message if header else NO_ID
            item = Item("REJECTED", message, error.fault, link.name, received.index)
            self.endpoint.alarms.append(
                f"{link.name}: slot {received.index} rejected: {error.fault}"
            )
            is_receipt = header is not None and self._is_receipt(header)
            return [] if is_receipt else [(link.shard, Answer(link.sender, RECEIPT, item))]
        if opened.flow.name == MISMATCH:
            self.endpoint.alarms += note_mismatch(self.cabinet, opened, now_ms)
            return []
        if opened.flow.nature in ("receipt", "decision"):
            bundle, hop = self._bundle(now_ms), self.setup.hop
            note_receipt(self.cabinet, opened, bundle, hop, now_ms)
            ended = end_stopped(self.state, self.cabinet, opened, hop, now_ms)
            return ended + note_relayed(self.state, opened, bundle, hop)
        if opened.flow.nature == "withdrawal":
            return self._withdraw(opened.header, now_ms)
        if self.narrowing.is_suspended:
            return []  # as if it were a stub: its hop answers, and empties what it still holds
        item = take_content(self.cabinet, opened, link.shard, self._bundle(now_ms), now_ms)
        return [(link.shard, Answer(opened.header.sender, RECEIPT, item))]

    def _withdraw(self, withdrawal: Header, now_ms: int) -> list[tuple[int, Answer]]:
        """Erase what came under a reference, here and where this office has passed it on."""
        ended = concerned(self.state, self.cabinet, withdrawal)
        answers = erase(self.state, self.cabinet, ended, now_ms)
        self._send(withdraw_relayed(self.state, ended, self._publisher(now_ms), now_ms), now_ms)
        return answers

    def _is_receipt(self, header: Header) -> bool:
        flows = [bundle.policy.flows.get(header.flow) for bundle in self.narrowing.bundles.values()]
        return any(flow is not None and not flow.receipted for flow in flows)

    def _answer(self, answers: Sequence[tuple[int, Answer]], now_ms: int) -> None:
        by_shard: dict[int, list[Answer]] = {}
        for shard, answer in answers:
            by_shard.setdefault(shard, []).append(answer)
        for shard, some in by_shard.items():
            composed = compose_answers(
                some,
                self._bundle(now_ms),
                self.setup.keychain,
                self.endpoint.directory,
                now_ms,
                self._entropy,
            )
            self._append(shard, [each.envelope for each in composed])

    # -- around ----------------------------------------------------------------------------------

    def alerts(self, now_ms: int) -> list[Alert]:
        """Return what this office waits for in vain; raises `UnavailableError` without a bundle."""
        with _again_later():
            bundle = self._bundle(now_ms)
            found = self._open_cases.alerts(bundle, now_ms)
            return found + act_alerts(self.cabinet, bundle, now_ms)

    def handoffs(self) -> list[tuple[bytes, dict[str, Any]]]:
        """Return some that were opened and not handed over; none while the office is suspended."""
        if self.narrowing.is_suspended:
            return []
        rows = self.state.scan("handoff", limit=_HANDED_AT_ONCE_MAX)
        found = [(message, self.cabinet.get("inbox", message)) for message, _ in rows]
        return [(message, content) for message, content in found if content is not None]

    def handed(self, messages: Mapping[bytes, Sequence[str]], now_ms: int) -> None:
        """Remember that these were handed over; tell their senders of each the terms it names.

        Those are fields of which the office's form or law has no equal (`xref.desk.definitions`).
        """
        with _again_later(), self._turn():
            for message in messages:
                self.state.delete("handoff", message)
            answers, alarms = tell_mismatches(self.cabinet, messages, self._bundle(now_ms))
            self.endpoint.alarms += alarms
            self._answer(answers, now_ms)
            self._commit(now_ms)

    def removals(self) -> list[bytes]:
        """Return some messages whose form must be removed from the office's folder."""
        return [message for message, _ in self.state.scan("removal", limit=_HANDED_AT_ONCE_MAX)]

    def removed(self, messages: Iterable[bytes], now_ms: int) -> None:
        """Remember that these were removed."""
        with _again_later(), self._turn():
            for message in messages:
                self.state.delete("removal", message)
            self._commit(now_ms)

    def tick(self, now_ms: int) -> Done:
        """Do what time alone asks for: send again what is overdue."""
        return self.handle((), now_ms)

    def positions(self) -> dict[Link, int]:
        """Return where to read on, for every link that is not stopped."""
        self._recover()
        return self.endpoint.positions()

    def _commit(self, now_ms: int) -> None:
        """Record; the turn then forwards and acknowledges: the order of `xref.hop`."""
        parcels = self.endpoint.flush(now_ms)
        acknowledgements = self.endpoint.flush_acknowledgements(now_ms)
        self.state.commit()
        self.outbox.add(tuple(parcels), tuple(acknowledgements))

    def flush(self) -> None:
        """Publish what is recorded; raises `UnavailableError`, to be retried."""
        self.outbox.publish_parcels(self._transport)
        self.outbox.publish_acknowledgements(self._transport)

    def _active(self, now_ms: int) -> list[Bundle]:
        return [each for each in self.narrowing.bundles.values() if each.active_at(now_ms)]

    def _bundle(self, now_ms: int) -> Bundle:
        """Return the bundle that the office works by, while in force; else the newest."""
        own = self.narrowing.bundles.get(self.setup.works_by)
        found = [own] if own and own.active_at(now_ms) else self.narrowing.bundles.values()
        return newest_in_force(found, now_ms)

    def _done(self, done: Done) -> Done:
        done.alarms = list(self.endpoint.alarms)
        self.endpoint.alarms.clear()
        return done


@contextmanager
def _again_later() -> Iterator[None]:
    """Have what lacks a bundle in force or a good key be tried again: a person may bring it."""
    try:
        yield
    except ConfigError as error:
        raise UnavailableError(str(error)) from error
