"""What a hop remembers of messages: ids, facts and sharing consents, until they have expired.

Codes and identifiers only. Spaces: `message` (what passed here, by id, with an own desk's facts
until the message expires; empty for what did not pass), `scope` (sharing consents by reference),
`withdrawn` (their ends, by reference and who took them), `request` and `replaced` (requests at home
by thread, and those before them), `caused` (messages that go because of a request: by its
reference, who took that, its id and their own), `released` (messages by out-link and first index, a
row for a batch), `expiry` (when these may go: a row for all keys of a batch, a space and an hour).
"""

import struct
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from xref.backlog import indexed
from xref.limits import (
    CLOCK_SKEW_MS,
    DAY_MS,
    MESSAGE_LIFE_MS_MAX,
    RELEASED_KEPT_MS,
    SHARING_CONSENT_LIFE_MS_MAX,
)
from xref.message import Message, Minimised
from xref.state import State
from xref.wire.cursor import Cursor
from xref.wire.facts import Facts, parse_facts
from xref.wire.header import NO_ID, Header
from xref.wire.office import Link, party_of

_PURGE_ROWS_MAX: Final = 64
_RELEASED_ROW_MAX: Final = 256
_KEY_BYTES_MAX: Final = 1024
_FACTS: Final = "facts"
_HOUR_MS: Final = 3_600_000
_RELEASED: Final = struct.Struct(">16s8s8sH?")
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


def _sharing_consent(value: bytes) -> SharingConsent:
    digest, mask, from_ms, until_ms, flow, recipient = _SHARING_CONSENT.unpack(value)
    return SharingConsent(digest, int.from_bytes(mask), from_ms, until_ms, flow, recipient.decode())


def sharing_consent_of(message: Message, facts: Facts) -> bytes:
    """Return the sharing consent that a message and its facts state, as it is kept."""
    return _SHARING_CONSENT.pack(
        facts.consent_digest,
        facts.consent_mask.to_bytes(16),
        facts.from_ms,
        facts.until_ms,
        message.header.flow,
        message.header.recipient.encode(),
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


def _released_bytes(message: Message) -> bytes:
    header, silent = message.header, message.flow.nature == "receipt"
    ends = header.sender.encode(), header.recipient.encode()
    return _RELEASED.pack(header.message, *ends, header.flow, silent)


def _released(value: bytes, place: int = 0) -> Released:
    message, sender, recipient, flow, silent = _RELEASED.unpack_from(value, place * _RELEASED.size)
    return Released(message, sender.decode(), recipient.decode(), flow, silent)


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
        self._due: defaultdict[tuple[int, str], list[bytes]] = defaultdict(list)
        self._replaced: list[bytes] = []

    def expect(self, headers: Iterable[Header], party: str) -> None:
        """Read at once what a batch of messages is going to ask for; `party` is the hop's own."""
        asked = list(headers)
        own = [header.message for header in asked if party_of(header.sender) == party]
        references = {header.consent_ref for header in asked} - {NO_ID}
        self._state.expect("message", own)
        self._state.expect("scope", references)
        self._state.expect(
            "withdrawn", {header.taken_reference for header in asked if any(header.consent_ref)}
        )

    def is_duplicate(self, message: bytes) -> bool:
        """Return whether an own desk's message of this id was seen before."""
        return self._state.get("message", message) is not None

    def cause(self, message: bytes) -> Cause | None:
        """Return the domestic message of that id, with its facts, if it passed here."""
        value = None if message == NO_ID else self._state.get("message", message)
        if not value or len(value) == _RELEASED.size:
            return None
        passed, context = _released(value), value[_RELEASED.size :]
        return Cause(
            passed.sender,
            passed.recipient,
            passed.flow,
            consent_ref=context[:16],
            bundle=context[16:48],
            facts=parse_facts(context[48:]),
        )

    def sharing_consent(self, reference: bytes) -> SharingConsent | None:
        """Return what is known of a sharing consent by its reference."""
        value = None if reference == NO_ID else self._state.get("scope", reference)
        return None if value is None else _sharing_consent(value)

    def is_same(self, stated: bytes, reference: bytes) -> bool:
        """Return whether nothing else is known under the reference of a stated sharing consent."""
        known = None if reference == NO_ID else self._state.get("scope", reference)
        return known is None or known == stated

    def withdraw(self, header: Header) -> None:
        """Remember that the sharing consent of this reference, as this office took it, ended.

        At home for as long as it would have lasted; abroad its own hop lets nothing go by it.
        """
        self._state.put("withdrawn", header.taken_reference, b"")
        known = self.sharing_consent(header.consent_ref)
        last_ms = max(header.created_ms, _end_ms(known.until_ms, header) if known else 0)
        self._expire(last_ms + 2 * MESSAGE_LIFE_MS_MAX, "withdrawn", header.taken_reference)

    def is_withdrawn(self, reference: bytes, sender: str) -> bool:
        """Return whether the sharing consent of that reference, as `sender` took it, has ended."""
        if reference == NO_ID:
            return False
        return self._state.get("withdrawn", reference + sender.encode()) is not None

    def remember(self, message: Message) -> None:
        """Remember an own desk's message, whatever was decided of it."""
        if message.facts is None:
            return
        header, facts = message.header, message.facts
        self._state.put("message", header.message, b"")
        self._expire(header.expires_ms, _FACTS, header.message)
        if message.flow.nature == "domestic":
            self._replace_earlier(header)
        names_one = header.consent_ref != NO_ID and message.flow.nature != "withdrawal"
        if names_one and self._state.get("scope", header.consent_ref) is None:
            self._state.put("scope", header.consent_ref, sharing_consent_of(message, facts))
            # It can be withdrawn for as long as the last message that goes by it may be kept.
            last_ms = max(_end_ms(facts.until_ms, header), header.expires_ms) + MESSAGE_LIFE_MS_MAX
            kept_ms = message.flow.retention_days * DAY_MS
            self._expire(last_ms + kept_ms, "scope", header.consent_ref)

    def _replace_earlier(self, header: Header) -> None:
        """Let a request at home take the place of the one before it in its thread.

        Whatever is decided of it: that the person revoked something must count where the newer
        request is refused for that very reason, and never reaches the office that was asked.
        """
        thread = header.sender.encode() + header.thread
        for key, _ in self._state.scan("request", thread):
            earlier = key[len(thread) :]
            self._state.delete("request", key)
            self._state.put("replaced", earlier, b"")
            self._replaced.append(earlier)
            self._expire(header.created_ms + MESSAGE_LIFE_MS_MAX, "replaced", earlier)
        key = thread + header.message
        self._state.put("request", key, b"")
        self._expire(header.expires_ms, "request", key)

    def is_replaced(self, message: bytes) -> bool:
        """Return whether the office that sent this request at home has sent a newer one since."""
        return self._state.get("replaced", message) is not None

    def remember_releases(self, released: Sequence[Minimised], link: Link, first: int) -> None:
        """Remember which messages stand on an own link from index `first` on: a row for all."""
        messages = [item.permitted.message for item in released]
        rows = [_released_bytes(message) for message in messages]
        for message, row in zip(messages, rows, strict=True):
            header, facts = message.header, message.facts
            self._remember_caused(message)
            if message.flow.nature != "receipt":
                known = header.consent_ref + header.bundle + facts.encode() if facts else b""
                kept = row + known if facts and facts.codes else row
                self._state.put("message", header.message, kept)
                self._expire(header.expires_ms + MESSAGE_LIFE_MS_MAX, "message", header.message)
        expires_ms = max([message.header.expires_ms for message in messages]) + RELEASED_KEPT_MS
        for start in range(0, len(rows), _RELEASED_ROW_MAX):
            key = indexed(link.name, first + start)
            self._state.put("released", key, b"".join(rows[start : start + _RELEASED_ROW_MAX]))
            self._expire(expires_ms, "released", key)

    def _remember_caused(self, message: Message) -> None:
        """Remember what goes on because of a request at home, to stop it by what ends that."""
        asked = message.facts.cause if message.facts is not None else NO_ID
        cause = self.cause(asked)
        if cause is not None:
            key = cause.consent_ref + cause.sender.encode() + asked + message.header.message
            self._state.put("caused", key, b"")
            self._expire(message.header.expires_ms, "caused", key)

    def caused(self, withdrawal: Header) -> list[bytes]:
        """Return the messages that went on by the sharing consent which is withdrawn here."""
        return self._caused(withdrawal.taken_reference)

    def take_replaced(self) -> list[bytes]:
        """Return what went on because of requests that newer ones have replaced in this batch."""
        found = []
        for earlier in self._replaced:
            cause = self.cause(earlier)
            if cause is not None:
                found += self._caused(cause.consent_ref + cause.sender.encode() + earlier)
        self._replaced.clear()
        return found

    def _caused(self, prefix: bytes) -> list[bytes]:
        return [key[-len(NO_ID) :] for key, _ in self._state.scan("caused", prefix)]

    def silence(self, link: Link, index: int) -> None:
        """Remember that what stands at an index of an own link was answered already."""
        for key, value in self._released_rows(link, index, index + 1):
            stop = (index - int.from_bytes(key[-8:]) + 1) * _RELEASED.size
            if 0 < stop <= len(value):
                self._state.put("released", key, value[: stop - 1] + b"\1" + value[stop:])

    def released(self, link: Link, first: int, stop: int) -> dict[int, Released]:
        """Return what was released on an own link from `first` up to `stop`, by index.

        What has expired is missing.
        """
        found: dict[int, Released] = {}
        for key, value in self._released_rows(link, first, stop):
            start = int.from_bytes(key[-8:])
            for place in range(max(0, first - start), len(value) // _RELEASED.size):
                if start + place < stop:
                    found[start + place] = _released(value, place)
        return found

    def _released_rows(self, link: Link, first: int, stop: int) -> list[tuple[bytes, bytes]]:
        low = max(0, first - _RELEASED_ROW_MAX + 1)
        start, end = indexed(link.name, low), indexed(link.name, stop)
        return self._state.scan("released", start=start, stop=end)

    def question(self, message: bytes) -> Released | None:
        """Return what passed here under a message id, for as long as it may be answered."""
        value = None if message == NO_ID else self._state.get("message", message)
        return _released(value) if value else None

    def _expire(self, at_ms: int, space: str, key: bytes) -> None:
        hour = -(-(at_ms + CLOCK_SKEW_MS) // _HOUR_MS)
        self._due[hour, space].append(key)

    def purge(self, now_ms: int) -> None:
        """End a batch: note when what it added may go, and forget some of what has expired."""
        for (hour, space), keys in self._due.items():
            row = (hour * _HOUR_MS).to_bytes(8) + space.encode() + b"\0" + keys[0]
            noted = self._state.get("expiry", row) or b""
            added = b"".join([len(key).to_bytes(2) + key for key in keys])
            self._state.put("expiry", row, noted + added)
        self._due.clear()
        past = (now_ms + 1).to_bytes(8)
        for row, keys_noted in self._state.scan("expiry", stop=past, limit=_PURGE_ROWS_MAX):
            space = row[8:].partition(b"\0")[0].decode()
            self._forget(space, _keys(keys_noted))
            self._state.delete("expiry", row)

    def _forget(self, space: str, keys: Sequence[bytes]) -> None:
        """Remove keys; facts alone go before what is known of the message that they came with."""
        if space != _FACTS:
            for key in keys:
                self._state.delete(space, key)
            return
        self._state.expect("message", keys)
        for key in keys:
            passed = (self._state.get("message", key) or b"")[: _RELEASED.size]
            if passed:
                self._state.put("message", key, passed)
            else:
                self._state.delete("message", key)


def _end_ms(until_ms: int, header: Header) -> int:
    """Return when a sharing consent ends at the latest that counted when a message was made."""
    return min(until_ms, header.created_ms + SHARING_CONSENT_LIFE_MS_MAX)


def _keys(noted: bytes) -> list[bytes]:
    cursor, keys = Cursor(noted, "expiry"), []
    while cursor.offset < len(noted):
        keys.append(cursor.block(2, _KEY_BYTES_MAX))
    return keys
