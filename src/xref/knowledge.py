"""What a hop remembers of messages: ids, facts and sharing consents, until they have expired.

Codes and identifiers only. Spaces: `seen` (facts by the id of an own desk's message), `scope`
(sharing consents by reference), `withdrawn` (their ends), `released` (messages by out-link and
index), `passed` (messages by id), `expiry` (when these may go: a row for all keys of a batch, a
space and an hour).
"""

import struct
from dataclasses import dataclass, replace
from typing import Final

from xref.limits import CLOCK_SKEW_MS, MESSAGE_LIFE_MS_MAX, RELEASED_KEPT_MS
from xref.link import indexed
from xref.message import Message, Minimised
from xref.state import State
from xref.wire.cursor import Cursor
from xref.wire.facts import Facts, parse_facts
from xref.wire.header import NO_ID, Header
from xref.wire.office import Link

_PURGE_ROWS_MAX: Final = 64
_KEY_BYTES_MAX: Final = 1024
_HOUR_MS: Final = 3_600_000
_SHARING_CONSENT: Final = struct.Struct(">32s16sQQH8s")


@dataclass(frozen=True, slots=True)
class SharingConsent:
    """What a hop knows of a sharing consent: its scope as codes, never the person; Unix ms."""

    digest: bytes
    mask: int
    from_ms: int
    until_ms: int
    flow: int
    recipient: str

    def encode(self) -> bytes:
        """Return the bytes kept in the state."""
        return _SHARING_CONSENT.pack(
            self.digest,
            self.mask.to_bytes(16),
            self.from_ms,
            self.until_ms,
            self.flow,
            self.recipient.encode(),
        )


def _sharing_consent(value: bytes) -> SharingConsent:
    digest, mask, from_ms, until_ms, flow, recipient = _SHARING_CONSENT.unpack(value)
    return SharingConsent(digest, int.from_bytes(mask), from_ms, until_ms, flow, recipient.decode())


def sharing_consent_of(message: Message, facts: Facts) -> SharingConsent:
    """Return the sharing consent that a message and its facts state."""
    return SharingConsent(
        facts.consent_digest,
        facts.consent_mask,
        facts.from_ms,
        facts.until_ms,
        message.header.flow,
        message.header.recipient,
    )


@dataclass(frozen=True, slots=True)
class Released:
    """A message that passed here: its id, its two ends and its flow's code."""

    message: bytes
    sender: str
    recipient: str
    flow: int
    silent: bool
    """Whether no receipt is due, as it is a receipt itself or was answered already."""

    def encode(self) -> bytes:
        """Return the bytes kept in the state."""
        ends = self.sender.encode() + self.recipient.encode()
        return self.message + ends + self.flow.to_bytes(2) + bytes([self.silent])


def _released(value: bytes | None) -> Released | None:
    if value is None:
        return None
    ends = value[16:32].decode()
    return Released(value[:16], ends[:8], ends[8:], int.from_bytes(value[32:34]), bool(value[34]))


@dataclass(frozen=True, slots=True)
class Cause:
    """A domestic message whose facts and sharing consent another message goes by."""

    sender: str
    recipient: str
    flow: int
    consent_ref: bytes
    bundle: bytes
    facts: Facts


class Knowledge:
    """The hop's memory over its state."""

    def __init__(self, state: State) -> None:
        """Use `state`."""
        self._state = state
        self._due: dict[tuple[int, str], list[bytes]] = {}

    def is_duplicate(self, message: bytes) -> bool:
        """Return whether an own desk's message of this id was seen before."""
        return self._state.get("seen", message) is not None

    def cause(self, message: bytes) -> Cause | None:
        """Return the domestic message of that id, with its facts, if it passed here."""
        value = self._state.get("seen", message)
        passed = self.question(message)
        if not value or passed is None:
            return None
        return Cause(
            passed.sender,
            passed.recipient,
            passed.flow,
            consent_ref=value[:16],
            bundle=value[16:48],
            facts=parse_facts(value[48:]),
        )

    def sharing_consent(self, reference: bytes) -> SharingConsent | None:
        """Return what is known of a sharing consent by its reference."""
        value = None if reference == NO_ID else self._state.get("scope", reference)
        return None if value is None else _sharing_consent(value)

    def withdraw(self, header: Header) -> None:
        """Remember that the sharing consent of this reference, as this office took it, ended."""
        self._state.put("withdrawn", header.consent_ref, header.sender.encode())
        kept_until_ms = header.created_ms + 2 * MESSAGE_LIFE_MS_MAX
        self._expire(kept_until_ms, "withdrawn", header.consent_ref)

    def is_withdrawn(self, reference: bytes, sender: str) -> bool:
        """Return whether the sharing consent of that reference, as `sender` took it, has ended."""
        if reference == NO_ID:
            return False
        return self._state.get("withdrawn", reference) == sender.encode()

    def remember(self, message: Message) -> None:
        """Remember an own desk's message, whatever was decided of it."""
        if message.facts is None:
            return
        header = message.header
        context = header.consent_ref + header.bundle
        facts = context + message.facts.encode() if message.facts.codes else b""
        self._state.put("seen", header.message, facts)
        self._expire(header.expires_ms, "seen", header.message)
        names_one = header.consent_ref != NO_ID and message.flow.nature != "withdrawal"
        if names_one and self.sharing_consent(header.consent_ref) is None:
            given = sharing_consent_of(message, message.facts)
            self._state.put("scope", header.consent_ref, given.encode())
            self._expire(max(given.until_ms, header.expires_ms), "scope", header.consent_ref)

    def remember_release(self, minimised: Minimised, link: Link, index: int) -> None:
        """Remember which message stands at an index of an own link."""
        message = minimised.permitted.message
        header, key = message.header, indexed(link.name, index)
        is_receipt = message.flow.nature == "receipt"
        passed = Released(header.message, header.sender, header.recipient, header.flow, is_receipt)
        self._state.put("released", key, passed.encode())
        self._expire(header.expires_ms + RELEASED_KEPT_MS, "released", key)
        if not is_receipt:
            self._state.put("passed", header.message, passed.encode())
            self._expire(header.expires_ms + MESSAGE_LIFE_MS_MAX, "passed", header.message)

    def silence(self, link: Link, index: int) -> None:
        """Remember that what stands at an index of an own link was answered already."""
        released = self.released(link, index)
        if released is not None:
            key = indexed(link.name, index)
            self._state.put("released", key, replace(released, silent=True).encode())

    def released(self, link: Link, index: int) -> Released | None:
        """Return what was released at an index of an own link, until it has expired."""
        return _released(self._state.get("released", indexed(link.name, index)))

    def question(self, message: bytes) -> Released | None:
        """Return what passed here under a message id, for as long as it may be answered."""
        return None if message == NO_ID else _released(self._state.get("passed", message))

    def _expire(self, at_ms: int, space: str, key: bytes) -> None:
        hour = -(-(at_ms + CLOCK_SKEW_MS) // _HOUR_MS)
        self._due.setdefault((hour, space), []).append(key)

    def purge(self, now_ms: int) -> None:
        """End a batch: note when what it added may go, and forget some of what has expired."""
        for (hour, space), keys in self._due.items():
            row = (hour * _HOUR_MS).to_bytes(8) + space.encode() + b"\0" + keys[0]
            noted = self._state.get("expiry", row) or b""
            added = b"".join(len(key).to_bytes(2) + key for key in keys)
            self._state.put("expiry", row, noted + added)
        self._due = {}
        past = (now_ms + 1).to_bytes(8)
        for row, keys_noted in self._state.scan("expiry", stop=past, limit=_PURGE_ROWS_MAX):
            space = row[8:].partition(b"\0")[0].decode()
            cursor = Cursor(keys_noted, "expiry")
            while cursor.offset < len(keys_noted):
                self._state.delete(space, cursor.block(2, _KEY_BYTES_MAX))
            self._state.delete("expiry", row)
