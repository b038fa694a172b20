"""The header of an envelope: 179 bytes that the whole path can read. See docs/spec/header.md."""

import struct
from functools import lru_cache
from typing import Final

from xref.errors import MalformedError
from xref.limits import WIRE_NUMBER_MAX
from xref.value import value
from xref.wire.office import parse_office

VERSION: Final = 1
NO_ID: Final = bytes(16)
_LAYOUT: Final = struct.Struct(">B16s16s16sH8s8s32s32s16sQQ8s8s")
HEADER_BYTES: Final = _LAYOUT.size
_PARSED_MAX: Final = 512


@value(frozen=True, slots=True)
class Header:
    """Who sends what kind of message to whom; absent identifiers are zeros; times in Unix ms."""

    message: bytes
    thread: bytes
    reply_to: bytes
    flow: int
    sender: str
    recipient: str
    schema: bytes
    bundle: bytes
    consent_ref: bytes
    created_ms: int
    expires_ms: int
    desk_key: bytes
    seal_key: bytes

    def encode(self) -> bytes:
        """Return the 179 wire bytes."""
        return _LAYOUT.pack(
            VERSION,
            self.message,
            self.thread,
            self.reply_to,
            self.flow,
            self.sender.encode(),
            self.recipient.encode(),
            self.schema,
            self.bundle,
            self.consent_ref,
            self.created_ms,
            self.expires_ms,
            self.desk_key,
            self.seal_key,
        )

    @property
    def own_thread(self) -> bytes:
        """The thread with whose it is: another office that names it is not in the same case."""
        return self.thread + self.sender.encode()

    @property
    def taken_reference(self) -> bytes:
        """The sharing consent's reference with who took it: another office may name the same."""
        return self.consent_ref + self.sender.encode()


@lru_cache(maxsize=_PARSED_MAX)  # a message's header is looked at first and then read with the rest
def parse_header(data: bytes) -> Header:
    """Return the header in exactly 179 bytes, or raise `MalformedError`."""
    if len(data) != HEADER_BYTES:
        message = f"header: {len(data)} bytes, {HEADER_BYTES} are needed"
        raise MalformedError(message)
    version, *fields = _LAYOUT.unpack(data)
    if version != VERSION:
        message = f"header: version {version} is not known"
        raise MalformedError(message)
    fields[4] = parse_office(fields[4])
    fields[5] = parse_office(fields[5])
    header = Header(*fields)
    if NO_ID in (header.message, header.thread):
        raise MalformedError("header: message and thread identifiers may not be zero")
    if max(header.created_ms, header.expires_ms) > WIRE_NUMBER_MAX:
        raise MalformedError("header: a time above 2^53 - 1")
    return header
