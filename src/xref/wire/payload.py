"""A parcel's inside: slots, acknowledgement, takeover or keyring. See docs/spec/payload.md."""

from collections.abc import Sequence
from dataclasses import dataclass

from xref.limits import CHECKPOINT_BYTES_MAX, KEYRING_BYTES_MAX, WIRE_NUMBER_MAX
from xref.wire.cursor import Cursor, require
from xref.wire.envelope import Slot, read_slots
from xref.wire.parcel import Kind


@dataclass(frozen=True, slots=True)
class SlotsPayload:
    """Consecutive slots of a link from `first_index`, with the checkpoint that ends them."""

    first_index: int
    checkpoint: str
    slots: tuple[Slot, ...]

    @property
    def end(self) -> int:
        """The index after the last slot, which is the checkpoint's size."""
        return self.first_index + len(self.slots)


@dataclass(frozen=True, slots=True)
class AcknowledgementPayload:
    """The mirror's newest checkpoint with the receiver's cosignature."""

    note: str


@dataclass(frozen=True, slots=True)
class TakeoverPayload:
    """The signed head with which a new generation of the sender begins."""

    checkpoint: str


@dataclass(frozen=True, slots=True)
class KeyringPayload:
    """A Party's signed keyring."""

    note: str


Payload = SlotsPayload | AcknowledgementPayload | TakeoverPayload | KeyringPayload


def _text(data: bytes, what: str) -> str:
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        require(condition=False, detail=f"{what}: not UTF-8")
        raise


def encode_slots(first_index: int, checkpoint: str, slots: Sequence[Slot]) -> bytes:
    """Return the payload of kind 1."""
    note = checkpoint.encode()
    head = first_index.to_bytes(8) + len(note).to_bytes(2) + note + len(slots).to_bytes(2)
    return b"".join([head, *[part for slot in slots for part in slot.parts()]])


def encode_note(kind: Kind, note: str) -> bytes:
    """Return the payload of kind 2, 3 or 4: one signed note."""
    data = note.encode()
    return len(data).to_bytes(4 if kind is Kind.KEYRING else 2) + data


def parse_payload(kind: Kind, data: bytes) -> Payload:
    """Return the payload of a parcel of `kind`, or raise `MalformedError`.

    Not checked here: any signature, and the envelopes' inside.
    """
    if kind is Kind.SLOTS:
        return _parse_slots(data)
    cursor = Cursor(data, f"payload {kind.value}")
    payload: Payload
    if kind is Kind.KEYRING:
        payload = KeyringPayload(_text(cursor.block(4, KEYRING_BYTES_MAX), "keyring"))
    else:
        note = _text(cursor.block(2, CHECKPOINT_BYTES_MAX), "checkpoint")
        payload = (
            AcknowledgementPayload(note) if kind is Kind.ACKNOWLEDGEMENT else TakeoverPayload(note)
        )
    cursor.finish()
    return payload


def _parse_slots(data: bytes) -> SlotsPayload:
    cursor = Cursor(data, "payload 1")
    first_index = cursor.count()
    checkpoint = _text(cursor.block(2, CHECKPOINT_BYTES_MAX), "checkpoint")
    count = cursor.number(2)
    require(count > 0, "payload 1: no slots")
    require(first_index <= WIRE_NUMBER_MAX - count, "payload 1: the first index is too large")
    slots, stop = read_slots(data, cursor.offset, count)
    require(stop == len(data), f"payload 1: {len(data) - stop} bytes too many")
    return SlotsPayload(first_index, checkpoint, slots)
