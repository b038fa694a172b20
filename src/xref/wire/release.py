"""The release: what one sender let through on one link. See docs/spec/release.md.

It is the leaf of the link's log.
"""

import hashlib
from typing import Final

MASK_BYTES: Final = 16


def release_of(
    statement: bytes, mask: int, recorded_ms: int, erase_by_ms: int, body_hash: bytes
) -> bytes:
    """Return the 32 bytes of a release; `body_hash` is the plain SHA-256 of the body."""
    return hashlib.sha256(
        b"xref/release/v1\0"
        + statement
        + mask.to_bytes(MASK_BYTES)
        + recorded_ms.to_bytes(8)
        + erase_by_ms.to_bytes(8)
        + body_hash
    ).digest()


def release_leaf(release: bytes) -> bytes:
    """Return the leaf hash of a release in its link's log."""
    return hashlib.sha256(b"\0" + release).digest()
