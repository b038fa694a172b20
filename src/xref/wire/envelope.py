"""The envelope: one message to one recipient office, in its slot. See docs/spec/envelope.md.

Two parts depend on the link that carries it: facts are open only from a desk to its own hop, and a
receiving desk abroad gets the proof of what the hop before released (`Passed`).
"""

import hashlib
import struct
from dataclasses import dataclass
from typing import Final

from xref.errors import MalformedError
from xref.limits import ENVELOPE_BYTES_MAX, FIELDS_MAX, PROOF_BYTES_MAX, WIRE_NUMBER_MAX
from xref.value import value
from xref.wire.author import AUTHOR_BYTES, Author, parse_author
from xref.wire.body import KEY_BOX_BYTES
from xref.wire.cursor import require
from xref.wire.facts import FACTS_BYTES_MAX, facts_commitment
from xref.wire.header import HEADER_BYTES, Header, parse_header
from xref.wire.release import release_of
from xref.wire.statement import statement_of

HASH_BYTES: Final = 32
_HEAD_BYTES: Final = HEADER_BYTES + 16
_SLOT_HEAD_BYTES: Final = HASH_BYTES + 4
_RELEASED: Final = struct.Struct(">16sQQ")  # mask, recorded, erase_by


@value(frozen=True, slots=True)
class OpenFacts:
    """Facts as they travel from a desk to its own hop: the salt and the facts' bytes."""

    salt: bytes
    facts: bytes

    def encode(self) -> bytes:
        """Return the wire bytes."""
        return self.salt + len(self.facts).to_bytes(2) + self.facts


@value(frozen=True, slots=True)
class Passed:
    """What the hop before released, with its tlog-proof: for the receiving desk abroad."""

    mask: int
    recorded_ms: int
    erase_by_ms: int
    body_hash: bytes
    proof: bytes

    def encode(self) -> bytes:
        """Return the wire bytes."""
        return (
            _RELEASED.pack(self.mask.to_bytes(16), self.recorded_ms, self.erase_by_ms)
            + self.body_hash
            + len(self.proof).to_bytes(2)
            + self.proof
        )


@dataclass(frozen=True, slots=True)
class Shape:
    """What an envelope looks like on a link (docs/spec/envelope.md, "shape")."""

    facts_open: bool
    has_passed: bool


def shape_between(*, sender_is_hop: bool, receiver_is_hop: bool, two_parties: bool) -> Shape:
    """Return the shape on a link; `two_parties` is about the envelope's own from and to."""
    return Shape(
        facts_open=not sender_is_hop,
        has_passed=sender_is_hop and not receiver_is_hop and two_parties,
    )


@value(frozen=True, slots=True)
class Envelope:
    """The parts of an envelope; `facts` is `OpenFacts` from a desk, facts_c elsewhere.

    `commitments` are c_1 to c_n, one after the other, 32 bytes each.
    """

    header: Header
    header_salt: bytes
    facts: OpenFacts | bytes
    commitments: bytes
    author: Author
    mask: int
    recorded_ms: int
    erase_by_ms: int
    passed: Passed | None
    body: bytes

    def encode(self) -> bytes:
        """Return the wire bytes."""
        return b"".join(
            (
                self.header.encode(),
                self.header_salt,
                self.facts.encode() if isinstance(self.facts, OpenFacts) else self.facts,
                self.count.to_bytes(2),
                self.commitments,
                self.author.encode(),
                _RELEASED.pack(self.mask.to_bytes(16), self.recorded_ms, self.erase_by_ms),
                self.passed.encode() if self.passed else b"",
                self.body,
            )
        )

    @property
    def count(self) -> int:
        """The number of commitments, which is that of the schema's fields."""
        return len(self.commitments) // HASH_BYTES

    def commitment(self, place: int) -> bytes:
        """Return the commitment to the schema's field number `place`, from 0."""
        return self.commitments[HASH_BYTES * place : HASH_BYTES * (place + 1)]

    @property
    def facts_c(self) -> bytes:
        """The commitment to the facts."""
        if isinstance(self.facts, OpenFacts):
            return facts_commitment(self.header.message, self.facts.salt, self.facts.facts)
        return self.facts

    def statement(self, facts_c: bytes | None = None) -> bytes:
        """Recompute the statement from header, facts and commitments; `facts_c` if it is known."""
        return statement_of(
            self.header_salt, self.header.encode(), facts_c or self.facts_c, self.commitments
        )

    def release(self, statement: bytes, body_hash: bytes | None = None) -> bytes:
        """Recompute the release of this envelope; `body_hash` if it is known."""
        body_hash = body_hash or hashlib.sha256(self.body).digest()
        return release_of(statement, self.mask, self.recorded_ms, self.erase_by_ms, body_hash)


def peek_header(data: bytes) -> Header:
    """Return the header of an envelope without reading further, or raise `MalformedError`."""
    return parse_header(data[:HEADER_BYTES])


def parse_envelope(data: bytes, shape: Shape) -> Envelope:
    """Return the envelope in `data`, to its last byte, or raise `MalformedError`.

    Not checked here: the body's inside, any hash, any signature, and what the header says.
    """
    if len(data) > ENVELOPE_BYTES_MAX:
        raise MalformedError(f"envelope: {len(data)} bytes are too many")
    header = parse_header(data[:HEADER_BYTES])
    facts, start = _parse_facts(data, shape)
    # Done for every message, hence by offsets and without a Cursor.
    count = int.from_bytes(data[start : start + 2])
    if not 0 < count <= FIELDS_MAX:
        raise MalformedError(f"envelope: {count} commitments, 1 to {FIELDS_MAX} can be")
    start += 2
    stop = start + HASH_BYTES * count
    tail = stop + AUTHOR_BYTES
    at = tail + _RELEASED.size
    _require_bytes(data, at)
    mask_bytes, recorded_ms, erase_by_ms = _RELEASED.unpack_from(data, tail)
    mask = int.from_bytes(mask_bytes)
    _check_released("envelope", mask, count, recorded_ms, erase_by_ms)
    if shape.facts_open != (erase_by_ms == 0):
        raise MalformedError("envelope: erase_by is 0 from a desk, and only there")
    passed = None
    if shape.has_passed:
        passed, at = _parse_passed(data, at, count)
    if len(data) < at + KEY_BOX_BYTES:
        raise MalformedError("envelope: the body is shorter than a key box")
    return Envelope(
        header,
        data[HEADER_BYTES:_HEAD_BYTES],
        facts,
        data[start:stop],
        parse_author(data[stop:tail]),
        mask,
        recorded_ms,
        erase_by_ms,
        passed,
        data[at:],
    )


def _parse_facts(data: bytes, shape: Shape) -> tuple[OpenFacts | bytes, int]:
    """Return the facts, open or committed, and the offset behind them."""
    if not shape.facts_open:
        stop = _HEAD_BYTES + HASH_BYTES
        _require_bytes(data, stop + 2)
        return data[_HEAD_BYTES:stop], stop
    start = _HEAD_BYTES + 16 + 2
    _require_bytes(data, start)
    length = int.from_bytes(data[start - 2 : start])
    if length > FACTS_BYTES_MAX:
        raise MalformedError(f"envelope: a block of {length} bytes as facts")
    stop = start + length
    _require_bytes(data, stop + 2)
    return OpenFacts(data[_HEAD_BYTES : start - 2], data[start:stop]), stop


def _require_bytes(data: bytes, needed: int) -> None:
    if len(data) < needed:
        message = f"ends after {len(data)} bytes, {needed} are needed"
        raise MalformedError(message)


def _check_released(what: str, mask: int, count: int, recorded_ms: int, erase_by_ms: int) -> None:
    if mask >> count:
        raise MalformedError(f"{what}: the mask has bits beyond the schema's fields")
    if recorded_ms > WIRE_NUMBER_MAX or erase_by_ms > WIRE_NUMBER_MAX:
        raise MalformedError(f"{what}: a number above 2^53 - 1")


def _parse_passed(data: bytes, start: int, count: int) -> tuple[Passed, int]:
    """Return what the hop before released, and the offset behind it."""
    at = start + _RELEASED.size + HASH_BYTES + 2
    _require_bytes(data, at)
    mask_bytes, recorded_ms, erase_by_ms = _RELEASED.unpack_from(data, start)
    mask = int.from_bytes(mask_bytes)
    _check_released("passed", mask, count, recorded_ms, erase_by_ms)
    require(erase_by_ms != 0, "passed: a hop sets erase_by")
    length = int.from_bytes(data[at - 2 : at])
    require(length <= PROOF_BYTES_MAX, f"passed: a block of {length} bytes as proof")
    _require_bytes(data, at + length)
    body_hash = data[start + _RELEASED.size : at - 2]
    proof = data[at : at + length]
    return Passed(mask, recorded_ms, erase_by_ms, body_hash, proof), at + length


@value(frozen=True, slots=True)
class Slot:
    """A release and its envelope's bytes; without them a stub, which keeps the log whole."""

    release: bytes
    envelope: bytes

    @property
    def is_stub(self) -> bool:
        """Whether the content is gone."""
        return not self.envelope

    def parts(self) -> tuple[bytes, bytes, bytes]:
        """Return the wire bytes in parts, to be joined with others."""
        return self.release, len(self.envelope).to_bytes(4), self.envelope

    def encode(self) -> bytes:
        """Return the wire bytes."""
        return b"".join(self.parts())

    @property
    def size(self) -> int:
        """The number of wire bytes."""
        return _SLOT_HEAD_BYTES + len(self.envelope)


def read_slots(data: bytes, start: int, count: int) -> tuple[tuple[Slot, ...], int]:
    """Read `count` slots from `start`; return them and the offset behind, or `MalformedError`."""
    slots: list[Slot] = []
    for _ in range(count):
        head = start + _SLOT_HEAD_BYTES
        stop = head + int.from_bytes(data[head - 4 : head])
        if stop > head + ENVELOPE_BYTES_MAX:
            raise MalformedError(f"slot: an envelope of {stop - head} bytes")
        if stop > len(data) or head > len(data):
            raise MalformedError(f"slot: ends after {len(data)} bytes, {stop} are needed")
        slots.append(Slot(data[start : head - 4], data[head:stop]))
        start = stop
    return tuple(slots), start


def parse_slot(data: bytes) -> Slot:
    """Return the slot in `data`, to its last byte, or raise `MalformedError`."""
    (slot,), stop = read_slots(data, 0, 1)
    require(stop == len(data), f"slot: {len(data) - stop} bytes too many")
    return slot
