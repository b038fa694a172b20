"""The envelope: one message to one recipient office, in its slot. See docs/spec/envelope.md.

Two parts depend on the link that carries it: facts are open only from a desk to its own hop, and a
receiving desk abroad gets the proof of what the hop before released (`Passed`).
"""

import hashlib
from dataclasses import dataclass
from typing import Final

from xref.limits import ENVELOPE_BYTES_MAX, FIELDS_MAX, PROOF_BYTES_MAX
from xref.wire.author import AUTHOR_BYTES, Author, parse_author
from xref.wire.body import KEY_BOX_BYTES
from xref.wire.cursor import Cursor, require
from xref.wire.facts import FACTS_BYTES_MAX, facts_commitment
from xref.wire.header import HEADER_BYTES, Header, parse_header
from xref.wire.release import release_of
from xref.wire.statement import statement_of

HASH_BYTES: Final = 32


@dataclass(frozen=True, slots=True)
class OpenFacts:
    """Facts as they travel from a desk to its own hop: the salt and the facts' bytes."""

    salt: bytes
    facts: bytes

    def encode(self) -> bytes:
        """Return the wire bytes."""
        return self.salt + len(self.facts).to_bytes(2) + self.facts


@dataclass(frozen=True, slots=True)
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
            self.mask.to_bytes(16)
            + self.recorded_ms.to_bytes(8)
            + self.erase_by_ms.to_bytes(8)
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


@dataclass(frozen=True, slots=True)
class Envelope:
    """The parts of an envelope; `facts` is `OpenFacts` from a desk, facts_c elsewhere."""

    header: Header
    header_salt: bytes
    facts: OpenFacts | bytes
    commitments: tuple[bytes, ...]
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
                len(self.commitments).to_bytes(2),
                *self.commitments,
                self.author.encode(),
                self.mask.to_bytes(16),
                self.recorded_ms.to_bytes(8),
                self.erase_by_ms.to_bytes(8),
                self.passed.encode() if self.passed else b"",
                self.body,
            )
        )

    @property
    def facts_c(self) -> bytes:
        """The commitment to the facts."""
        if isinstance(self.facts, OpenFacts):
            return facts_commitment(self.header.message, self.facts.salt, self.facts.facts)
        return self.facts

    def statement(self) -> bytes:
        """Recompute the statement from header, facts and commitments."""
        return statement_of(self.header_salt, self.header.encode(), self.facts_c, self.commitments)

    def release(self, statement: bytes) -> bytes:
        """Recompute the release of this envelope, whose statement is `statement`."""
        body_hash = hashlib.sha256(self.body).digest()
        return release_of(statement, self.mask, self.recorded_ms, self.erase_by_ms, body_hash)


def peek_header(data: bytes) -> Header:
    """Return the header of an envelope without reading further, or raise `MalformedError`."""
    return parse_header(data[:HEADER_BYTES])


def parse_envelope(data: bytes, shape: Shape) -> Envelope:
    """Return the envelope in `data`, to its last byte, or raise `MalformedError`.

    Not checked here: the body's inside, any hash, any signature, and what the header says.
    """
    require(len(data) <= ENVELOPE_BYTES_MAX, f"envelope: {len(data)} bytes are too many")
    cursor = Cursor(data, "envelope")
    header = parse_header(cursor.take(HEADER_BYTES))
    header_salt = cursor.take(16)
    facts: OpenFacts | bytes
    if shape.facts_open:
        facts = OpenFacts(cursor.take(16), cursor.block(2, FACTS_BYTES_MAX))
    else:
        facts = cursor.take(HASH_BYTES)
    count = cursor.number(2)
    require(0 < count <= FIELDS_MAX, f"envelope: {count} commitments, 1 to {FIELDS_MAX} can be")
    joined = cursor.take(HASH_BYTES * count)
    commitments = tuple(
        joined[start : start + HASH_BYTES] for start in range(0, len(joined), HASH_BYTES)
    )
    author = parse_author(cursor.take(AUTHOR_BYTES))
    mask, recorded_ms, erase_by_ms = cursor.number(16), cursor.count(), cursor.count()
    require(mask >> count == 0, "envelope: the mask has bits beyond the schema's fields")
    by_desk = shape.facts_open
    require(by_desk == (erase_by_ms == 0), "envelope: erase_by is 0 from a desk, and only there")
    passed = _parse_passed(cursor, count) if shape.has_passed else None
    body = cursor.rest()
    require(len(body) >= KEY_BOX_BYTES, "envelope: the body is shorter than a key box")
    return Envelope(
        header,
        header_salt,
        facts,
        commitments,
        author,
        mask,
        recorded_ms,
        erase_by_ms,
        passed,
        body,
    )


def _parse_passed(cursor: Cursor, count: int) -> Passed:
    mask = cursor.number(16)
    require(mask >> count == 0, "passed: the mask has bits beyond the schema's fields")
    passed = Passed(
        mask,
        recorded_ms=cursor.count(),
        erase_by_ms=cursor.count(),
        body_hash=cursor.take(HASH_BYTES),
        proof=cursor.block(2, PROOF_BYTES_MAX),
    )
    require(passed.erase_by_ms != 0, "passed: a hop sets erase_by")
    return passed


@dataclass(frozen=True, slots=True)
class Slot:
    """A release and its envelope's bytes; without them a stub, which keeps the log whole."""

    release: bytes
    envelope: bytes

    @property
    def is_stub(self) -> bool:
        """Whether the content is gone."""
        return not self.envelope

    def encode(self) -> bytes:
        """Return the wire bytes."""
        return self.release + len(self.envelope).to_bytes(4) + self.envelope

    @property
    def size(self) -> int:
        """The number of wire bytes."""
        return HASH_BYTES + 4 + len(self.envelope)


def read_slot(cursor: Cursor) -> Slot:
    """Read one slot at the cursor, or raise `MalformedError`."""
    return Slot(cursor.take(HASH_BYTES), cursor.block(4, ENVELOPE_BYTES_MAX))


def parse_slot(data: bytes) -> Slot:
    """Return the slot in `data`, to its last byte, or raise `MalformedError`."""
    cursor = Cursor(data, "slot")
    slot = read_slot(cursor)
    cursor.finish()
    return slot
