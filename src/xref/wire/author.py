"""Authorship: one signature over a batch of statements for one recipient. See docs/spec/author.md.

The tree always has 64 leaves, at most 32 of them statements at random places and random bytes in
the others, so that a recipient cannot tell how many messages the office sent in the batch.
"""

import hashlib
from collections.abc import Sequence
from typing import Final

from xref.errors import MalformedError
from xref.limits import BATCH_PLACES, BATCH_STATEMENTS_MAX
from xref.value import value
from xref.wire.key import SIGNATURE_BYTES, SigningKey

_DEPTH: Final = 6
_HASH_BYTES: Final = 32
_PATH_BYTES: Final = _HASH_BYTES * _DEPTH
AUTHOR_BYTES: Final = 1 + _PATH_BYTES + SIGNATURE_BYTES


@value(frozen=True, slots=True)
class Author:
    """Where a statement stands in its author's batch, and the batch's signature."""

    place: int
    path: bytes
    signature: bytes

    def encode(self) -> bytes:
        """Return the 257 wire bytes."""
        return bytes([self.place]) + self.path + self.signature

    def root(self, statement: bytes) -> bytes:
        """Return the batch's root that this path leads to from `statement`."""
        sha256, path, place = hashlib.sha256, self.path, self.place
        node = sha256(b"\0" + statement).digest()
        for start in range(0, _PATH_BYTES, _HASH_BYTES):
            sibling = path[start : start + _HASH_BYTES]
            node = sha256(b"\1" + (sibling + node if place & 1 else node + sibling)).digest()
            place >>= 1
        return node


def parse_author(data: bytes) -> Author:
    """Return the authorship in exactly 257 bytes, or raise `MalformedError`."""
    if len(data) != AUTHOR_BYTES:
        message = f"author: {len(data)} bytes, {AUTHOR_BYTES} are needed"
        raise MalformedError(message)
    author = Author(data[0], data[1:-SIGNATURE_BYTES], data[-SIGNATURE_BYTES:])
    if author.place >= BATCH_PLACES:
        message = f"author: place {author.place}, less than {BATCH_PLACES} is needed"
        raise MalformedError(message)
    return author


def batch_claim(sender: str, recipient: str, root: bytes) -> bytes:
    """Return the bytes that the office's desk key signs for a batch."""
    return b"xref/desk-batch/v1\0" + sender.encode() + recipient.encode() + root


def sign_batch(
    key: SigningKey,
    sender: str,
    recipient: str,
    statements: Sequence[bytes],
    places: Sequence[int],
    fillers: Sequence[bytes],
) -> list[Author]:
    """Sign at most 32 `statements` to one recipient; return one `Author` each, in order.

    `places` are distinct random places below 64; `fillers` are 64 random raw leaf hashes, of which
    those at `places` are not used.
    """
    if not 0 < len(statements) <= BATCH_STATEMENTS_MAX or len(set(places)) != len(statements):
        raise RuntimeError("a batch takes 1 to 32 statements at distinct places")
    if len(fillers) != BATCH_PLACES or any(len(filler) != _HASH_BYTES for filler in fillers):
        raise RuntimeError("a batch takes 64 fillers of 32 bytes")
    if not set(places) <= set(range(BATCH_PLACES)):
        raise RuntimeError("a place is 0 to 63")
    leaves = list(fillers)
    for place, statement in zip(places, statements, strict=True):
        leaves[place] = hashlib.sha256(b"\0" + statement).digest()
    levels = [leaves]
    while len(levels[-1]) > 1:
        below = levels[-1]
        levels.append(
            [
                hashlib.sha256(b"\1" + a + b).digest()
                for a, b in zip(below[::2], below[1::2], strict=True)
            ]
        )
    signature = key.sign(batch_claim(sender, recipient, levels[-1][0]))
    return [
        Author(
            place,
            b"".join(levels[level][(place >> level) ^ 1] for level in range(_DEPTH)),
            signature,
        )
        for place in places
    ]
