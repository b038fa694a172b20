"""Checkpoints: a log's name, size and root as a signed note (C2SP tlog-checkpoint).

A checkpoint here has exactly three lines: extension lines are refused, as no monitor can audit
them. See docs/spec/checkpoint.md.
"""

import base64
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from xref.limits import CHECKPOINT_BYTES_MAX, LOG_SIZE_MAX
from xref.tlog import note
from xref.tlog.note import NoteError, SignatureError
from xref.tlog.tree import HASH_BYTES

_LINES: Final = 3
_CONTROL: Final = re.compile("[\0-\x1f]")
_DECIMAL: Final = re.compile(r"0|[1-9][0-9]{0,18}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A log's head. The value alone proves nothing: `open_checkpoint` says who signed it."""

    origin: str
    size: int
    root: bytes

    def __post_init__(self) -> None:
        """Refuse, with NoteError, what three lines could not carry."""
        if not self.origin or _CONTROL.search(self.origin):
            raise NoteError("checkpoint: the origin is empty or holds a control character")
        note.encode_text(self.origin)
        if not 0 <= self.size <= LOG_SIZE_MAX or len(self.root) != HASH_BYTES:
            raise NoteError("checkpoint: the size or the root is out of range")

    @property
    def text(self) -> str:
        """The three lines."""
        return f"{self.origin}\n{self.size}\n{base64.b64encode(self.root).decode()}\n"


def parse(text: str) -> Checkpoint:
    """Parse a note's text as a checkpoint, strictly. Raises NoteError; verifies no signature."""
    lines = text.split("\n")
    if len(lines) != _LINES + 1 or lines[-1]:
        raise NoteError("checkpoint: not exactly three lines")
    origin, size, root, _ = lines
    return Checkpoint(origin, parse_decimal(size), note.decode_base64(root))


def sign(checkpoint: Checkpoint, signer: note.Signer) -> str:
    """Sign a checkpoint as the log: the signer is named as the origin."""
    if signer.name != checkpoint.origin:
        raise RuntimeError("a checkpoint is signed under its log's own name")
    return note.sign(checkpoint.text, [signer])


def open_checkpoint(signed: str, verifier: note.Verifier) -> Checkpoint:
    """Return the checkpoint that the log, and no one else, signed on this note.

    Raises SignatureError unless there is exactly one signature, by the log's key, named as its
    origin; NoteError for what is malformed. Does not check that the tree grew from an earlier one.
    """
    checkpoint, lines = split(signed)
    verify_alone(checkpoint, lines, verifier)
    return checkpoint


def verify_alone(
    checkpoint: Checkpoint, lines: Sequence[note.SignatureLine], verifier: note.Verifier
) -> None:
    """Check that the log, and no one else, signed what was split. Raises SignatureError."""
    if len(lines) != 1:
        raise SignatureError("checkpoint: not exactly one signature")
    verify_log_line(checkpoint, lines[0], verifier)


def split(signed: str) -> tuple[Checkpoint, list[note.SignatureLine]]:
    """Split a signed checkpoint, strictly; verifies no signature. Raises NoteError."""
    if len(note.encode_text(signed)) > CHECKPOINT_BYTES_MAX:
        raise NoteError("checkpoint: too long")
    text, lines = note.split(signed)
    return parse(text), lines


def verify_log_line(
    checkpoint: Checkpoint, line: note.SignatureLine, verifier: note.Verifier
) -> None:
    """Check the log's own signature (type 0x01, named as the origin). Raises SignatureError."""
    if verifier.kind != note.ED25519 or verifier.name != checkpoint.origin:
        raise SignatureError("checkpoint: of another log than expected")
    if not line.is_by(verifier):
        raise SignatureError("checkpoint: not signed by the log's key")
    verifier.verify(checkpoint.text, line.signature)


def parse_decimal(text: str) -> int:
    """Parse a number without sign, leading zero or other digits. Raises NoteError."""
    if not _DECIMAL.fullmatch(text) or int(text) > LOG_SIZE_MAX:
        raise NoteError("not a canonical decimal number")
    return int(text)
