"""Facts: what an office attests to its own Party's hop, and nobody else. See docs/spec/facts.md."""

import hashlib
import struct
from typing import Final

from xref.errors import MalformedError
from xref.limits import WIRE_NUMBER_MAX
from xref.value import value

SALT_BYTES: Final = 16
_FIXED: Final = struct.Struct(">16s32s16sQQB")  # up to the number of codes
_FIXED_BYTES: Final = _FIXED.size


@value(frozen=True, slots=True)
class Facts:
    """Enumerated answers and the scope of the sharing consent; times in Unix ms.

    `cause` names the domestic message whose facts count instead, else zeros. `codes` has one byte a
    fact in the bundle's order, 0 for unknown; none for receipts or where `cause` is set.
    """

    cause: bytes
    consent_digest: bytes
    consent_mask: int
    from_ms: int
    until_ms: int
    codes: bytes

    def encode(self) -> bytes:
        """Return the wire bytes."""
        fixed = _FIXED.pack(
            self.cause,
            self.consent_digest,
            self.consent_mask.to_bytes(16),
            self.from_ms,
            self.until_ms,
            len(self.codes),
        )
        return fixed + self.codes


NO_FACTS: Final = Facts(bytes(16), bytes(32), 0, 0, 0, b"")
FACTS_BYTES_MAX: Final = _FIXED_BYTES + 255


def parse_facts(data: bytes) -> Facts:
    """Return the facts in `data`, or raise `MalformedError`."""
    if len(data) < _FIXED_BYTES or len(data) != _FIXED_BYTES + data[_FIXED_BYTES - 1]:
        message = f"facts: {len(data)} bytes are not what their length says"
        raise MalformedError(message)
    cause, digest, mask, from_ms, until_ms, _ = _FIXED.unpack_from(data)
    if max(from_ms, until_ms) > WIRE_NUMBER_MAX:
        raise MalformedError("facts: a number above 2^53 - 1")
    facts = Facts(cause, digest, int.from_bytes(mask), from_ms, until_ms, data[_FIXED_BYTES:])
    if facts.codes and facts.cause != bytes(16):
        raise MalformedError("facts: codes beside a cause")
    return facts


def facts_commitment(message: bytes, salt: bytes, facts: bytes) -> bytes:
    """Return facts_c, which later proves on which facts a decision was made."""
    return hashlib.sha256(b"xref/facts/v1\0" + message + salt + facts).digest()
