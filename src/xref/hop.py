"""START HERE: a hop takes a batch of messages across a border, top to bottom.

    submit -> validate -> decide -> minimise -> seal -> record -> forward -> acknowledge

Recorded before forwarded, forwarded before acknowledged. A refusal is recorded and answered as
carefully as a delivery. A crash at any line ends, after the restart, in the same outcome: what was
not recorded is read again, what was recorded and not forwarded is sealed and sent again.

A hop holds no key that opens a field of a message between offices: it decides on enumerated facts
and drops sealed fields. See ARCHITECTURE.md for the way to everything else.
"""

import hashlib
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from xref.bundle import Bundle, newest_in_force
from xref.endpoint import Endpoint
from xref.errors import ConfigError, UnavailableError
from xref.keychain import Keychain
from xref.knowledge import Knowledge
from xref.lifecycle import Lifecycle
from xref.message import Batch, Checked, Message, Permitted, Received, Submitted
from xref.narrowing import Narrowing
from xref.outbox import Outbox
from xref.ports import Arrival, Entropy, Store, Transport
from xref.state import State
from xref.steps.acknowledge import acknowledge
from xref.steps.decide import decide
from xref.steps.forward import forward
from xref.steps.minimise import minimise
from xref.steps.record import record
from xref.steps.seal import Desktop, Outcome, seal
from xref.steps.submit import LinkEvidenceError, submit
from xref.steps.validate import Rules, headers_of, validate
from xref.trail import Entry, Trail
from xref.wire.office import Link, party_of, trail_name

_NOTHING = Submitted((), (), (), 0)
_FORMAT_VERSION = 1


@dataclass(frozen=True, slots=True)
class HopSetup:
    """What a hop is given once: its office and shard, keys, bundles, Parties' keys and peers."""

    keychain: Keychain
    bundles: Mapping[bytes, Bundle]
    party_keys: Mapping[str, bytes]
    peers: Sequence[str]
    shard: int = 0


@dataclass(slots=True)
class Handled:
    """What a batch came to, as counts and codes for the log: nothing of any message."""

    released: int = 0
    refused: int = 0
    rejected: int = 0
    dropped: int = 0
    stopped: list[str] = field(default_factory=list)
    alarms: list[str] = field(default_factory=list)

    def __bool__(self) -> bool:
        """Whether anything happened that an operator may want to see."""
        return any((self.released, self.refused, self.rejected, self.dropped, self.stopped))


class Hop:
    """A Party's border, on one shard. One thread uses it."""

    def __init__(
        self, setup: HopSetup, store: Store, transport: Transport, entropy: Entropy
    ) -> None:
        """Load the state; call `start` before `handle`."""
        self.office = setup.keychain.office
        self.setup = setup
        self._store = store
        self._transport = transport
        self._entropy = entropy
        self.outbox = Outbox()
        self._stale = False
        self.started = False
        self._load()

    def _load(self) -> None:
        """Build everything from the durable state, at start and after a failed batch.

        Until this has succeeded nothing else is done: half of an old state must not be committed.
        """
        self._stale = True
        setup = self.setup
        self.state = State(self._store)
        links = [Link(self.office, peer, setup.shard) for peer in setup.peers]
        self.endpoint = Endpoint(
            self.state, setup.keychain, setup.party_keys, links, self._transport.numbering
        )
        self.trail = Trail(self.state, trail_name(self.office, setup.shard))
        self.knowledge = Knowledge(self.state)
        self.lifecycle = Lifecycle(self.state, setup.bundles)
        self.narrowing = Narrowing(self.state, self.office, setup.party_keys, setup.bundles)
        self._verified: dict[tuple[bytes, bytes], None] = {}
        self._stale = False

    def recover(self) -> None:
        """Return to the durable state where a failed turn could not; raises `UnavailableError`.

        Whoever reads anything of this hop calls it first: what was never recorded is not shown,
        to a witness as little as to a link.
        """
        if self._stale:
            self._load()

    # -- starting --------------------------------------------------------------------------------

    def start(self, keyrings: Iterable[str], now_ms: int) -> None:
        """Check the own links, take over with a new generation, and use newer `keyrings`.

        Raises `EvidenceError` where the transport holds a parcel of this hop beyond its state: the
        state is an old copy, or a second hop runs with the same keys.
        """
        self.recover()
        for arrivals in self._own_parcels():
            self.endpoint.check_own(arrivals)
        used = [self.endpoint.use_keyring(note) for note in keyrings]
        self.endpoint.take_over(now_ms)
        generation = max(end.generation for end in self.endpoint.outgoing.values())
        entries: list[Entry] = [
            {
                "kind": "started",
                "at_ms": now_ms,
                "bundles": sorted(digest.hex() for digest in self.setup.bundles),
                "generation": generation,
                "version": _FORMAT_VERSION,
            }
        ]
        entries += self.lifecycle.changes(now_ms)
        entries += [
            {"kind": "keyring", "at_ms": now_ms, "party": each.party, "version": each.version}
            for each in used
            if each is not None
        ]
        try:
            self._finish((), _NOTHING, now_ms, entries)
        except BaseException:
            self._load()
            raise
        self.started = True  # recorded: from here on only publishing can fail
        self.publish()

    def _own_parcels(self) -> Iterable[Sequence[Arrival]]:
        """Read the own links to their ends; the position is kept, so a start reads what is new."""
        positions = self.endpoint.own_positions()
        while arrivals := self._transport.read(positions, 256, 0):
            yield arrivals
            positions.update({arrival.link: arrival.position for arrival in arrivals})

    def use_overlay(self, note: str, now_ms: int) -> bool:
        """Apply the own Party's overlay, if it is newer, to all that comes and all that waits.

        Raises `ConfigError` for one that has no force, and then changes nothing.
        """
        self.recover()
        try:
            entry = self.narrowing.take(note, now_ms)
            if entry is not None:
                self._finish((), _NOTHING, now_ms, [entry], suspended=entry["suspended"])
        except BaseException:
            self._load()
            raise
        self.publish()
        return entry is not None

    # -- the path --------------------------------------------------------------------------------

    def handle(self, arrivals: Sequence[Arrival], now_ms: int) -> Handled:
        """Take one batch all the way. Raises `UnavailableError` and `EvidenceError`, nothing else.

        After `UnavailableError` nothing was recorded, or everything was and waits to be published:
        call again with what `positions` then leads to.
        """
        self.recover()
        # What an earlier batch recorded goes first, so that an outage queues one batch and no more.
        self.publish()
        try:
            handled = self._handle(Batch(tuple(arrivals), now_ms))
        except LinkEvidenceError as error:
            return self._without_link(error, arrivals, now_ms)
        except ConfigError as error:
            self._load()
            raise UnavailableError(str(error)) from error
        except BaseException:
            self._load()
            raise
        self.publish()
        return handled

    def _without_link(
        self, error: LinkEvidenceError, arrivals: Sequence[Arrival], now_ms: int
    ) -> Handled:
        """Stop the link that evidence came on, and take the rest of the batch."""
        self._load()
        try:
            handled = self._stop_link(error, now_ms)
        except ConfigError as problem:
            self._load()
            raise UnavailableError(str(problem)) from problem
        except BaseException:
            self._load()
            raise
        rest = [each for each in arrivals if each.link != error.arrival.link]
        more = self.handle(rest, now_ms)
        more.stopped += handled.stopped
        return more

    def _handle(self, batch: Batch) -> Handled:
        now_ms = batch.now_ms
        submitted = submit(batch, self.endpoint)
        self.knowledge.expect(headers_of(submitted.received), party_of(self.office))
        rules = self._rules()
        checked = [self._validate(received, rules, now_ms) for received in submitted.received]
        outcomes: list[Outcome] = []
        for each in checked:
            if not isinstance(each, Message):
                outcomes.append(each)
                continue
            decided = decide(each, self.knowledge, now_ms)
            if isinstance(decided, Permitted) and each.flow.nature == "withdrawal":
                self.knowledge.withdraw(each.header)  # from here on, for the rest of the batch too
            outcomes.append(
                minimise(decided, now_ms) if isinstance(decided, Permitted) else decided
            )
        entries = self.lifecycle.changes(now_ms)
        return self._finish(outcomes, submitted, now_ms, entries)

    def _rules(self) -> Rules:
        return Rules(
            office=self.office,
            bundles=self.narrowing.bundles,
            directory=self.endpoint.directory,
            peers=frozenset(self.setup.peers),
            is_duplicate=self.knowledge.is_duplicate,
            question=self.knowledge.question,
            verified=self._verified,
        )

    def _validate(self, received: Received, rules: Rules, now_ms: int) -> Checked:
        checked = validate(received, rules, now_ms)
        if isinstance(checked, Message):
            self.knowledge.remember(checked)
        return checked

    def _finish(
        self,
        outcomes: Sequence[Outcome],
        submitted: Submitted,
        now_ms: int,
        entries: Sequence[Entry],
        suspended: Collection[str] = (),
    ) -> Handled:
        desktop = Desktop(
            self.endpoint, self.trail, self.knowledge, self._bundle(now_ms), self._entropy
        )
        sealed = seal(outcomes, submitted, desktop, now_ms, entries, suspended)
        recorded = record(sealed, self.state)
        self.outbox.add(recorded.parcels, recorded.acknowledgements)
        return _count(outcomes, submitted, self.endpoint)

    def publish(self) -> None:
        """Publish what is recorded, and then acknowledge; raises `UnavailableError`."""
        forwarded = forward(self.outbox, self._transport)
        acknowledge(forwarded, self.outbox, self._transport)

    # -- around the path -------------------------------------------------------------------------

    def tick(self, now_ms: int) -> Handled:
        """Do what time alone asks for: send again what is overdue, forget what has expired."""
        return self.handle((), now_ms)

    def positions(self) -> dict[Link, int]:
        """Return where to read on, for every link that is not stopped."""
        self.recover()
        return self.endpoint.positions()

    def _bundle(self, now_ms: int) -> Bundle:
        """Return the bundle for the hop's own receipts: the one in force that began last."""
        return newest_in_force(self.narrowing.bundles.values(), now_ms)

    def _stop_link(self, error: LinkEvidenceError, now_ms: int) -> Handled:
        """Keep the evidence and use the link no more until a person has looked."""
        arrival = error.arrival
        self.endpoint.incoming[arrival.link].stop(error.detail)
        self.state.put(
            "evidence", arrival.link.name.encode() + b"\0" + now_ms.to_bytes(8), arrival.parcel
        )
        entry = {
            "kind": "stopped",
            "at_ms": now_ms,
            "link": arrival.link.name,
            "reason": error.detail,
            "parcel": _digest(arrival.parcel),
        }
        handled = self._finish((), _NOTHING, now_ms, [entry])
        handled.stopped.append(error.detail)
        return handled


def _digest(parcel: bytes) -> str:
    return hashlib.sha256(parcel).hexdigest()


def _count(outcomes: Sequence[Outcome], submitted: Submitted, endpoint: Endpoint) -> Handled:
    names = [type(outcome).__name__ for outcome in outcomes]
    handled = Handled(
        released=names.count("Minimised"),
        refused=names.count("Refused"),
        rejected=names.count("Rejected"),
        dropped=submitted.dropped,
        alarms=list(endpoint.alarms),
    )
    endpoint.alarms.clear()
    return handled
