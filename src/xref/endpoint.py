"""An office's end of all its links: what hops and desks do alike with parcels, keys and restarts.

Recorded before published: nothing here touches the transport. `flush` returns parcels that the
caller publishes after its commit.
"""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from xref.backlog import Queued
from xref.errors import ConfigError, EvidenceError, MalformedError, UnauthenticError
from xref.keychain import Keychain, KeyDirectory
from xref.limits import CLOCK_SKEW_MS, WAITING_PARCELS_MAX
from xref.link import Incoming, Mirrored, Outgoing, Waiting
from xref.ports import Arrival, Outbound
from xref.state import State
from xref.tlog import cosignature
from xref.tlog.checkpoint import split as split_checkpoint
from xref.tlog.note import NoteError, Signer, Verifier, open_note
from xref.wire.key import KeyUse
from xref.wire.keyring import Keyring, parse_keyring
from xref.wire.office import Link, cosigner_name, parse_link, party_name
from xref.wire.parcel import (
    Clear,
    Kind,
    Parcel,
    close_parcel,
    open_parcel,
    parse_parcel,
    verify_parcel,
)
from xref.wire.payload import (
    AcknowledgementPayload,
    KeyringPayload,
    Payload,
    SlotsPayload,
    TakeoverPayload,
    encode_note,
    encode_slots,
    parse_payload,
)


@dataclass(frozen=True, slots=True)
class Submission:
    """A parcel whose sender is proved and whose payload follows its format."""

    arrival: Arrival
    clear: Clear
    payload: Payload


@dataclass(frozen=True, slots=True)
class Acknowledged:
    """Slots of an own link that the receiver has countersigned: by index, whether a stub."""

    link: Link
    slots: Mapping[int, bool]
    size: int


@dataclass(frozen=True, slots=True)
class KeyringAccepted:
    """A newer keyring of a Party is in use."""

    party: str
    version: int


Accepted = Mirrored | Waiting | Acknowledged | KeyringAccepted | None


class Endpoint:
    """All links of one office: a desk's on every shard, a hop's on its own."""

    def __init__(
        self,
        state: State,
        keychain: Keychain,
        party_keys: Mapping[str, bytes],
        links: Sequence[Link],
        numbering: Callable[[Link], str],
    ) -> None:
        """Load the office's own `links` and those back; `party_keys` are the Parties' pinned keys.

        `numbering` is the transport's: positions that it did not give are not used with it.
        Raises `ConfigError` for a state that has links on other shards.
        """
        self.office = keychain.office
        self.keychain = keychain
        self.alarms: list[str] = []
        self._state = state
        self._party_keys = dict(party_keys)
        self._numbering = numbering
        self._keyring_notes: dict[str, str] = {}
        self.directory = self._stored_keyrings()
        self._check_shards({link.shard for link in links})
        self.outgoing = {link: Outgoing(state, link) for link in links}
        self.incoming = {link.back: Incoming(state, link.back) for link in self.outgoing}
        self._keyrings_to_send: list[tuple[Link, str]] = []

    def _check_shards(self, shards: Collection[int]) -> None:
        """Refuse the state of another shard, and a bundle that takes a used shard away."""
        for key, _ in self._state.scan("out"):
            used = parse_link(key.decode()).shard
            if used not in shards:
                message = (
                    f"{self.office}: this state has links on shard {used}; give each shard's hop a "
                    "state of its own, and use no bundle with fewer shards than the one before"
                )
                raise ConfigError(message)

    def _stored_keyrings(self) -> KeyDirectory:
        keyrings: dict[str, Keyring] = {}
        for _, note in self._state.scan("keyring"):
            keyring = self._verified_keyring(note.decode())
            keyrings[keyring.party] = keyring
            self._keyring_notes[keyring.party] = note.decode()
        return KeyDirectory(keyrings)

    # -- starting -------------------------------------------------------------------------------

    def positions(self) -> dict[Link, int]:
        """Return the transport positions read so far, of links that are not stopped."""
        return {
            link: self._position(link) for link, end in self.incoming.items() if not end.stopped
        }

    def own_positions(self) -> dict[Link, int]:
        """Return the positions up to which the own links were checked at earlier starts."""
        return {link: self._position(link) for link in self.outgoing}

    def _position(self, link: Link) -> int:
        """Return how far a link was read on this transport; what was read before, it recognises."""
        value = self._state.get("position", link.name.encode())
        if value is None or value[8:].decode() != self._numbering(link):
            return 0
        return int.from_bytes(value[:8])

    def set_position(self, link: Link, position: int) -> None:
        """Remember how far a link has been read."""
        value = position.to_bytes(8) + self._numbering(link).encode()
        self._state.put("position", link.name.encode(), value)

    def check_own(self, arrivals: Iterable[Arrival]) -> None:
        """Stop with `EvidenceError` at an own parcel beyond one's state: a restored backup."""
        keys = self.keychain.parcel_keys()
        for arrival in arrivals:
            end = self.outgoing[arrival.link]
            try:
                parcel = parse_parcel(arrival.parcel)
                own = keys.get(parcel.clear.sender_key)
                if own is None or parcel.clear.link_id != arrival.link.link_id:
                    continue
                verify_parcel(parcel, own)
            except UnauthenticError:
                continue
            if parcel.clear.sequence > end.sequence:
                message = (
                    f"{arrival.link.name}: our own parcel {parcel.clear.sequence} is beyond our "
                    f"state ({end.sequence}): this state is an old copy, or another process uses "
                    "the same keys; do not start it, call a person"
                )
                raise EvidenceError(message)
            self.set_position(arrival.link, arrival.position)

    def take_over(self, now_ms: int) -> None:
        """Begin a new generation on every own link; the next `flush` announces it first.

        The keyrings are sent again too, as an announcement may have been lost with a crash.
        """
        for link, end in self.outgoing.items():
            end.begin(self._log_signer(link, now_ms))
        for note in self._keyring_notes.values():
            self._keyrings_to_send += [(link, note) for link in self.outgoing]

    def _log_signer(self, link: Link, now_ms: int) -> Signer:
        return Signer(link.name, self.keychain.signing(KeyUse.LOG, now_ms).private)

    # -- receiving ------------------------------------------------------------------------------

    def submit(self, arrival: Arrival, now_ms: int) -> Submission:
        """Open a parcel: `UnauthenticError` if nobody known sent it, `EvidenceError` if it is bad.

        A good signature over something malformed is evidence against its sender.
        """
        parcel = parse_parcel(arrival.parcel)
        payload = self._open(arrival.link, parcel, now_ms)
        try:
            return Submission(arrival, parcel.clear, parse_payload(parcel.clear.kind, payload))
        except MalformedError as error:
            message = f"{arrival.link.name}: a signed parcel is malformed: {error}"
            raise EvidenceError(message) from error

    def _open(self, link: Link, parcel: Parcel, now_ms: int) -> bytes:
        clear = parcel.clear
        if clear.link_id != link.link_id:
            raise UnauthenticError("parcel: of another link")
        sender = self.directory.find(
            link.sender, KeyUse.PARCEL, clear.sender_key, now_ms, CLOCK_SKEW_MS
        )
        if sender is None:
            raise UnauthenticError("parcel: no such sender key is good now")
        opening = self.keychain.opening(clear.receiver_key)
        if opening is None:
            raise UnauthenticError("parcel: sealed to another receiver, or to a destroyed key")
        verify_parcel(parcel, sender)
        try:
            return open_parcel(parcel, opening)
        except MalformedError as error:
            message = f"{link.name}: a signed parcel is malformed: {error}"
            raise EvidenceError(message) from error

    def accept(self, submission: Submission, now_ms: int) -> Accepted:
        """Apply a submission to its link; raises `EvidenceError`."""
        link, payload = submission.arrival.link, submission.payload
        if isinstance(payload, SlotsPayload):
            generation = submission.clear.generation
            return self.incoming[link].receive(generation, payload, self._logs(link))
        if isinstance(payload, TakeoverPayload):
            generation = submission.clear.generation
            self.incoming[link].take_over(generation, payload.checkpoint, self._logs(link))
            return None
        if isinstance(payload, AcknowledgementPayload):
            return self._acknowledged(link.back, payload.note, now_ms)
        return self._accept_keyring(link, payload)

    def _logs(self, link: Link) -> Callable[[int], Sequence[Verifier]]:
        return lambda size: self.directory.log_verifiers(link, size)

    def wait(self, submission: Submission, reason: str) -> None:
        """Keep a parcel that cannot be used yet; the sender sends again what does not fit."""
        link = submission.arrival.link
        self.alarms.append(f"{link.name}: {reason}")
        waiting = self._state.scan("waiting", link.name.encode() + b"\0")
        if len(waiting) < WAITING_PARCELS_MAX:
            clear = submission.clear
            order = clear.generation.to_bytes(4) + clear.sequence.to_bytes(8)
            key = link.name.encode() + b"\0" + order
            self._state.put("waiting", key, submission.arrival.parcel)

    def take_waiting(self, link: Link) -> list[Arrival]:
        """Return, and remove, the parcels that wait on a link, in their sender's order."""
        waiting = self._state.scan("waiting", link.name.encode() + b"\0")
        for key, _ in waiting:
            self._state.delete("waiting", key)
        position = self._position(link)
        return [Arrival(link, position, parcel) for _, parcel in waiting]

    def _acknowledged(self, own: Link, note: str, now_ms: int) -> Acknowledged | Waiting:
        try:
            head, lines = split_checkpoint(note)
        except NoteError as error:
            message = f"{own.name}: an acknowledgement is malformed"
            raise EvidenceError(message) from error
        seconds = int.from_bytes(lines[-1].signature[:8]) if lines else 0
        ahead = seconds * 1000 > now_ms + CLOCK_SKEW_MS
        newest = self.outgoing[own].checkpoint
        for log in self.directory.log_verifiers(own, head.size):
            for cosigner in self.directory.cosigner(own.receiver, None if ahead else seconds):
                try:
                    verified, _ = cosignature.verify_cosigned(note, log, cosigner, newest)
                except NoteError:
                    continue
                if ahead:  # a time that nobody signed is none: judged only now
                    return Waiting("an acknowledgement from the future; compare both clocks")
                done = self.outgoing[own].acknowledge(verified, note)
                return Acknowledged(own, done, verified.size)
        message = f"{own.name}: an acknowledgement that its receiver did not sign"
        raise EvidenceError(message)

    def _accept_keyring(self, link: Link, payload: KeyringPayload) -> KeyringAccepted | None:
        if payload.note in self._keyring_notes.values():
            return None  # every start of a peer sends what is known already
        try:
            if self._keyring_of(payload.note).party not in self._party_keys:
                self.alarms.append(f"{link.name}: a keyring of a Party without a pinned key")
                return None
            return self.use_keyring(payload.note)
        except (MalformedError, NoteError) as error:
            message = f"{link.name}: a keyring that its Party did not sign"
            raise EvidenceError(message) from error

    def use_keyring(self, note: str) -> KeyringAccepted | None:
        """Verify a keyring, use it if it is newer, and pass it on to every other office.

        Raises `MalformedError` or `NoteError` for what its Party did not sign.
        """
        keyring = self._verified_keyring(note)
        known = self.directory.keyrings.get(keyring.party)
        if known is not None and keyring.version <= known.version:
            if keyring.version == known.version and keyring.text() != known.text():
                message = f"two keyrings of {keyring.party} have version {keyring.version}"
                raise EvidenceError(message)
            return None
        self._state.put("keyring", keyring.party.encode(), note.encode())
        self._keyring_notes[keyring.party] = note
        self.directory = self.directory.with_keyring(keyring)
        self._keyrings_to_send += [(link, note) for link in self.outgoing]
        return KeyringAccepted(keyring.party, keyring.version)

    @staticmethod
    def _keyring_of(note: str) -> Keyring:
        return parse_keyring(note.rpartition("\n\n")[0] + "\n")

    def _verified_keyring(self, note: str) -> Keyring:
        keyring = self._keyring_of(note)
        public = self._party_keys.get(keyring.party)
        if public is None:
            raise MalformedError("keyring: of a Party without a pinned key")
        open_note(note, [Verifier(party_name(keyring.party), public)])
        if note.count("\n\u2014 ") != 1:
            raise MalformedError("keyring: not exactly one signature")
        return keyring

    # -- sending --------------------------------------------------------------------------------

    def append(self, link: Link, queued: Sequence[Queued]) -> int:
        """Append slots to an own link; return the first index."""
        return self.outgoing[link].append(queued)

    def flush(self, now_ms: int) -> list[Outbound]:
        """Return the keyrings, takeovers and slots to publish, keyrings first: they are needed."""
        parcels = self._send_keyrings(now_ms)
        for link, end in self.outgoing.items():
            overdue = end.sent > end.acknowledged and now_ms - end.sent_at_ms > end.resend_after_ms
            if overdue:
                end.resend()
            waits = end.takeover_unsent or end.sent < end.size
            reachable = self._reachable(link, now_ms)
            if end.sent < end.size and not reachable:
                self.alarms.append(f"{link.name}: {link.receiver} has no sealing key that is good")
            if waits and reachable:
                parcels += self._send(link, end, now_ms)
        return parcels

    def _send_keyrings(self, now_ms: int) -> list[Outbound]:
        parcels: list[Outbound] = []
        unreachable: list[tuple[Link, str]] = []
        for link, note in self._keyrings_to_send:
            if self._reachable(link, now_ms):
                payload = encode_note(Kind.KEYRING, note)
                parcels.append(self._close(link, Kind.KEYRING, payload, now_ms))
            else:
                unreachable.append((link, note))
        self._keyrings_to_send = unreachable
        return parcels

    def flush_acknowledgements(self, now_ms: int) -> list[Outbound]:
        """Return the acknowledgements to publish after all that follows from what they are for."""
        parcels: list[Outbound] = []
        for link, end in self.incoming.items():
            if end.owes_acknowledgement and self._reachable(link.back, now_ms):
                end.owes_acknowledgement = False
                payload = encode_note(Kind.ACKNOWLEDGEMENT, self._cosign(end, now_ms))
                parcels.append(self._close(link.back, Kind.ACKNOWLEDGEMENT, payload, now_ms))
        return parcels

    def _send(self, link: Link, end: Outgoing, now_ms: int) -> list[Outbound]:
        parcels: list[Outbound] = []
        if end.takeover_unsent:
            payload = encode_note(Kind.TAKEOVER, end.takeover)
            parcels.append(self._close(link, Kind.TAKEOVER, payload, now_ms))
            end.takeover_unsent = False
        for chunk in end.take_unsent(self._log_signer(link, now_ms), now_ms):
            payload = encode_slots(chunk.first_index, chunk.checkpoint, chunk.slots)
            parcels.append(self._close(link, Kind.SLOTS, payload, now_ms))
        return parcels

    def _reachable(self, link: Link, now_ms: int) -> bool:
        """Return whether there is a key to seal to; an office that never joined has none."""
        return self.directory.newest(link.receiver, KeyUse.SEAL, now_ms) is not None

    def _cosign(self, end: Incoming, now_ms: int) -> str:
        key = self.keychain.signing(KeyUse.COSIGN, now_ms).private
        return cosignature.cosign(end.checkpoint, cosigner_name(self.office), key, now_ms // 1000)

    def _close(self, link: Link, kind: Kind, payload: bytes, now_ms: int) -> Outbound:
        receiver = self.directory.newest(link.receiver, KeyUse.SEAL, now_ms)
        if receiver is None:
            raise RuntimeError("check that the receiver is reachable first")
        end = self.outgoing[link]
        # A keyring may be what makes a new key known: the oldest good key is known already.
        oldest = kind is Kind.KEYRING
        sender = self.keychain.signing(KeyUse.PARCEL, now_ms, oldest=oldest)
        clear = Clear(
            kind,
            link.link_id,
            end.generation,
            end.next_sequence(),
            sender.public.key_id,
            receiver.key_id,
        )
        return Outbound(link, close_parcel(clear, payload, receiver, sender))
