"""Parcels: what the transport carries. See docs/spec/parcel.md.

The clear part binds link, generation, sequence and both keys; the rest is sealed to the receiver
and padded to a bucket, so that the transport learns who, when, and a coarse size.
"""

import hashlib
import struct
from dataclasses import dataclass
from enum import IntEnum
from typing import Final

from xref.errors import UnauthenticError
from xref.limits import PARCEL_BUCKETS, WIRE_NUMBER_MAX
from xref.wire.cursor import Cursor, require
from xref.wire.key import (
    HPKE_OVERHEAD_BYTES,
    SIGNATURE_BYTES,
    OpeningKey,
    PublicKey,
    SigningKey,
    seal,
    verify,
)

VERSION: Final = 1
_LAYOUT: Final = struct.Struct(">BB16sIQ8s8s")
CLEAR_BYTES: Final = _LAYOUT.size
PARCEL_BYTES_MAX: Final = CLEAR_BYTES + PARCEL_BUCKETS[-1] + HPKE_OVERHEAD_BYTES + SIGNATURE_BYTES
PAYLOAD_BYTES_MAX: Final = PARCEL_BUCKETS[-1] - 4
_SIZES: Final = frozenset(bucket + HPKE_OVERHEAD_BYTES for bucket in PARCEL_BUCKETS)


class Kind(IntEnum):
    """What a parcel's payload is."""

    SLOTS = 1
    ACKNOWLEDGEMENT = 2
    TAKEOVER = 3
    KEYRING = 4


_KINDS: Final = frozenset(kind.value for kind in Kind)


@dataclass(frozen=True, slots=True)
class Clear:
    """The clear part: which link, which generation and sequence, and both keys."""

    kind: Kind
    link_id: bytes
    generation: int
    sequence: int
    sender_key: bytes
    receiver_key: bytes

    def encode(self) -> bytes:
        """Return the 46 wire bytes."""
        return _LAYOUT.pack(
            VERSION,
            self.kind,
            self.link_id,
            self.generation,
            self.sequence,
            self.sender_key,
            self.receiver_key,
        )


@dataclass(frozen=True, slots=True)
class Parcel:
    """A parcel split into its parts; nothing about it has been checked but its sizes."""

    clear: Clear
    clear_bytes: bytes
    ciphertext: bytes
    signature: bytes


def parse_parcel(data: bytes) -> Parcel:
    """Split a parcel; `UnauthenticError` if it is none, for nobody has signed it."""
    sealed_size = len(data) - CLEAR_BYTES - SIGNATURE_BYTES
    if sealed_size not in _SIZES:
        raise UnauthenticError("parcel: not of a size that parcels have")
    version, kind, *rest = _LAYOUT.unpack_from(data)
    clear_bytes = data[:CLEAR_BYTES]
    if version != VERSION or kind not in _KINDS:
        raise UnauthenticError("parcel: a version or kind that is not known")
    clear = Clear(Kind(kind), *rest)
    if clear.generation == 0 or not 0 < clear.sequence <= WIRE_NUMBER_MAX:
        raise UnauthenticError("parcel: a generation or sequence that is out of range")
    return Parcel(clear, clear_bytes, data[CLEAR_BYTES:-SIGNATURE_BYTES], data[-SIGNATURE_BYTES:])


def _claim(clear: bytes, ciphertext: bytes) -> bytes:
    return b"xref/parcel-sig/v1\0" + clear + hashlib.sha256(ciphertext).digest()


def _info(clear: bytes) -> bytes:
    return b"xref/parcel/v1\0" + clear


def close_parcel(clear: Clear, payload: bytes, receiver: PublicKey, sender: SigningKey) -> bytes:
    """Pad, seal and sign `payload`; the keys must be those that `clear` names."""
    if (receiver.key_id, sender.public.key_id) != (clear.receiver_key, clear.sender_key):
        raise RuntimeError("the clear part names other keys")
    size = next((bucket for bucket in PARCEL_BUCKETS if bucket >= len(payload) + 4), None)
    if size is None:
        raise RuntimeError("the payload does not fit the largest parcel")
    clear_bytes = clear.encode()
    padding = bytes(size - 4 - len(payload))
    inside = b"".join((len(payload).to_bytes(4), payload, padding))
    ciphertext = seal(receiver.public, _info(clear_bytes), inside)
    return b"".join((clear_bytes, ciphertext, sender.sign(_claim(clear_bytes, ciphertext))))


def verify_parcel(parcel: Parcel, sender: PublicKey) -> None:
    """Check the sender's signature, or raise `UnauthenticError`."""
    verify(sender.public, parcel.signature, _claim(parcel.clear_bytes, parcel.ciphertext))


def open_parcel(parcel: Parcel, private: OpeningKey) -> bytes:
    """Return the payload of a parcel whose signature was verified, or raise `MalformedError`.

    What a verified sender has sealed wrongly is evidence; the caller says so.
    """
    inside = private.open(_info(parcel.clear_bytes), parcel.ciphertext)
    cursor = Cursor(inside, "parcel")
    payload = cursor.block(4, PAYLOAD_BYTES_MAX)
    padding = cursor.rest()
    smallest = next(bucket for bucket in PARCEL_BUCKETS if bucket >= len(payload) + 4)
    padded = len(inside) == smallest and padding == bytes(len(padding))
    require(padded, "parcel: padding is not as specified")
    return payload
