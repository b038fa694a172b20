"""The root of a tree, read naively from RFC 6962: what the product's own is compared with."""

from collections.abc import Sequence
from hashlib import sha256


def naive_split(size: int) -> int:
    """Return k of section 2.1: the largest power of two below `size`."""
    power = 1
    while power * 2 < size:
        power *= 2
    return power


def naive_root(hashes: Sequence[bytes]) -> bytes:
    """Return MTH of section 2.1, word for word."""
    if not hashes:
        return sha256(b"").digest()
    if len(hashes) == 1:
        return hashes[0]
    k = naive_split(len(hashes))
    return sha256(b"\x01" + naive_root(hashes[:k]) + naive_root(hashes[k:])).digest()
