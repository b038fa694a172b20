"""The body: a key box for the receiving desk and the fields sealed one by one. docs/spec/body.md.

A hop drops sealed fields and never opens one. Each field is bound to the statement and to its
field id, so a sealed field fits one place in one message.
"""

import struct
from collections.abc import Sequence
from functools import lru_cache
from itertools import accumulate
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from xref.errors import MalformedError
from xref.limits import FIELD_STEP, FIELD_VALUE_BYTES_MAX, FIELDS_MAX
from xref.value import value
from xref.wire.cursor import require
from xref.wire.key import HPKE_OVERHEAD_BYTES, OpeningKey, seal

KEY_BYTES: Final = 32
KEY_BOX_BYTES: Final = HPKE_OVERHEAD_BYTES + KEY_BYTES
SALT_BYTES: Final = 16
_TAG_BYTES: Final = 16
_PRESENT: Final = b"\x02"  # Avro's branch 1 of ["null", T]; an absent field is never sealed
_HEAD_BYTES: Final = SALT_BYTES + 4
_SEALED_MIN: Final = FIELD_STEP + _TAG_BYTES
_FIELD: Final = struct.Struct(">HI")  # field id, length
_FIELD_BYTES: Final = _FIELD.size
_MASKS_CACHED_MAX: Final = 1024
_SEALED_MAX: Final = FIELD_VALUE_BYTES_MAX + _HEAD_BYTES + FIELD_STEP + _TAG_BYTES


def field_cipher(key: bytes) -> AESGCM:
    """Return what seals and opens the fields of the message whose key this is."""
    return AESGCM(key)


def _box_info(statement: bytes) -> bytes:
    return b"xref/desk/v1\0" + statement


def seal_key_box(public: bytes, statement: bytes, key: bytes) -> bytes:
    """Seal the message's 32-byte `key` to the receiving desk's X-Wing `public` key."""
    return seal(public, _box_info(statement), key)


def open_key_box(private: OpeningKey, statement: bytes, box: bytes) -> bytes:
    """Return the message's key, or raise `MalformedError`."""
    key = private.open(_box_info(statement), box)
    require(len(key) == KEY_BYTES, "key box: not a key of 32 bytes")
    return key


def seal_field(cipher: AESGCM, statement: bytes, field_id: int, salt: bytes, avro: bytes) -> bytes:
    """Seal one present field; the plaintext is padded with zeros to a multiple of 32."""
    length = len(avro)
    padded = -(-(_HEAD_BYTES + length) // FIELD_STEP) * FIELD_STEP
    plaintext = (salt + length.to_bytes(4) + avro).ljust(padded, b"\0")
    return cipher.encrypt(field_id.to_bytes(12), plaintext, statement)


def open_field(
    cipher: AESGCM, statement: bytes, field_id: int, sealed: bytes
) -> tuple[bytes, bytes]:
    """Return (salt, avro) of a sealed field, or raise `MalformedError`."""
    try:
        plaintext = cipher.decrypt(field_id.to_bytes(12), sealed, statement)
    except InvalidTag as error:
        message = f"field {field_id}: does not open"
        raise MalformedError(message) from error
    salt, length = plaintext[:SALT_BYTES], int.from_bytes(plaintext[SALT_BYTES:_HEAD_BYTES])
    stop = _HEAD_BYTES + length
    padded = stop + -stop % FIELD_STEP == len(plaintext) and length <= FIELD_VALUE_BYTES_MAX
    if not padded or plaintext[stop:].strip(b"\0"):
        message = f"field {field_id}: padding is not as specified"
        raise MalformedError(message)
    avro = plaintext[_HEAD_BYTES:stop]
    if avro[:1] != _PRESENT:
        message = f"field {field_id}: sealed, but not a present value"
        raise MalformedError(message)
    return salt, avro


@value(frozen=True, slots=True)
class Body:
    """A key box and the sealed fields still carried: their bytes, and where each field is.

    `ids` ascend; the field `ids[i]` stands, with its id and length, from `bounds[i]` to
    `bounds[i + 1]`.
    """

    data: bytes
    ids: tuple[int, ...]
    bounds: tuple[int, ...]

    @classmethod
    def of(cls, key_box: bytes, sealed: Sequence[tuple[int, bytes]]) -> "Body":
        """Return the body of a key box and (field id, sealed bytes) pairs, ascending."""
        sizes = (_FIELD_BYTES + len(each) for _, each in sealed)
        bounds = tuple(accumulate(sizes, initial=len(key_box)))
        ids = tuple(field_id for field_id, _ in sealed)
        return cls(join_body(key_box, sealed), ids, bounds)

    @property
    def key_box(self) -> bytes:
        """The message's key, sealed to the receiving desk."""
        return self.data[: self.bounds[0]]

    @property
    def sealed(self) -> tuple[tuple[int, bytes], ...]:
        """The sealed fields as (field id, sealed bytes)."""
        spans = zip(self.ids, self.bounds, self.bounds[1:], strict=False)
        return tuple((field_id, self.data[a + _FIELD.size : b]) for field_id, a, b in spans)

    def drop(self, carried: int, dropped: int) -> bytes:
        """Return the bytes without the fields in the mask `dropped`: minimising is dropping.

        `carried` is the mask of the fields that are here, of which `dropped` is a part.
        """
        parts, start = [], 0
        while dropped:
            bit = dropped & -dropped
            place = (carried & (bit - 1)).bit_count()
            parts.append(self.data[start : self.bounds[place]])
            start = self.bounds[place + 1]
            dropped ^= bit
        parts.append(self.data[start:])
        return b"".join(parts)


def join_body(key_box: bytes, sealed: Sequence[tuple[int, bytes]]) -> bytes:
    """Return the bytes of a body of a key box and (field id, sealed bytes) pairs, ascending."""
    parts = [part for id_, each in sealed for part in (_FIELD.pack(id_, len(each)), each)]
    return b"".join((key_box, *parts))


def parse_body(data: bytes) -> Body:
    """Return the body in `data`, to its last byte, or raise `MalformedError`."""
    stop, size, before = KEY_BOX_BYTES, len(data), -1
    ids: list[int] = []
    bounds = [stop]
    # Done for every field of every message, hence without a Cursor.
    read, last = _FIELD.unpack_from, size - _FIELD_BYTES
    while stop <= last:
        field_id, length = read(data, stop)
        if field_id <= before:
            raise MalformedError("body: field ids must ascend")
        if length % FIELD_STEP != _TAG_BYTES or not _SEALED_MIN <= length <= _SEALED_MAX:
            message = f"field {field_id}: sealed to {length} bytes, not in steps of 32"
            raise MalformedError(message)
        stop += _FIELD_BYTES + length
        ids.append(field_id)
        bounds.append(stop)
        before = field_id
    if stop != size:
        message = f"body: ends after {size} bytes, {max(stop, size + 1)} are needed"
        raise MalformedError(message)
    require(len(ids) <= FIELDS_MAX, f"body: more than {FIELDS_MAX} fields")
    return Body(data, tuple(ids), tuple(bounds))


def mask_of(field_ids: Sequence[int], schema_field_ids: Sequence[int]) -> int:
    """Return the mask that carries `field_ids` out of a schema's ascending field ids."""
    return _mask_of(tuple(field_ids), tuple(schema_field_ids))


@lru_cache(maxsize=_MASKS_CACHED_MAX)
def _mask_of(field_ids: tuple[int, ...], schema_field_ids: tuple[int, ...]) -> int:
    bits = {field_id: 1 << place for place, field_id in enumerate(schema_field_ids)}
    try:
        return sum(bits[field_id] for field_id in field_ids)
    except KeyError as error:
        raise MalformedError("body: a field that the schema does not have") from error


@lru_cache(maxsize=_MASKS_CACHED_MAX)
def ids_of(mask: int, schema_field_ids: tuple[int, ...]) -> tuple[int, ...]:
    """Return the field ids that a mask carries, out of a schema's ascending field ids."""
    return tuple(field_id for place, field_id in enumerate(schema_field_ids) if mask >> place & 1)
