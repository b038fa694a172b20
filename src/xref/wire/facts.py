"""Facts: what an office attests to its own Party's hop, and nobody else. See docs/spec/facts.md."""

import hashlib
from dataclasses import dataclass
from typing import Final

from xref.errors import MalformedError
from xref.wire.cursor import Cursor

SALT_BYTES: Final = 16
_FIXED_BYTES: Final = 16 + 32 + 16 + 8 + 8 + 1


@dataclass(frozen=True, slots=True)
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
        return b"".join(
            (
                self.cause,
                self.consent_digest,
                self.consent_mask.to_bytes(16),
                self.from_ms.to_bytes(8),
                self.until_ms.to_bytes(8),
                bytes([len(self.codes)]),
                self.codes,
            )
        )


NO_FACTS: Final = Facts(bytes(16), bytes(32), 0, 0, 0, b"")
FACTS_BYTES_MAX: Final = _FIXED_BYTES + 255


def parse_facts(data: bytes) -> Facts:
    """Return the facts in `data`, or raise `MalformedError`."""
    cursor = Cursor(data, "facts")
    facts = Facts(
        cause=cursor.take(16),
        consent_digest=cursor.take(32),
        consent_mask=cursor.number(16),
        from_ms=cursor.count(),
        until_ms=cursor.count(),
        codes=cursor.block(1, 255),
    )
    cursor.finish()
    if facts.codes and facts.cause != bytes(16):
        raise MalformedError("facts: codes beside a cause")
    return facts


def facts_commitment(message: bytes, salt: bytes, facts: bytes) -> bytes:
    """Return facts_c, which later proves on which facts a decision was made."""
    return hashlib.sha256(b"xref/facts/v1\0" + message + salt + facts).digest()
