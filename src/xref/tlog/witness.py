"""The witness protocol, without its network: requests, the decision, answers (C2SP tlog-witness).

State goes in, a verdict comes out. Whoever holds the state must read it, call `consider` and store
the verdict's checkpoint in one transaction, and answer only after it is stored; else two requests
that cross could roll a log back. See docs/spec/witness.md.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from xref.limits import WITNESS_REQUEST_BYTES_MAX
from xref.tlog import checkpoint as checkpoints
from xref.tlog import note, proof
from xref.tlog.checkpoint import Checkpoint
from xref.tlog.note import NoteError, SignatureLine, Verifier
from xref.tlog.tree import EMPTY_ROOT, ProofError, verify_consistency

OK: Final = 200
BAD_REQUEST: Final = 400
FORBIDDEN: Final = 403
NOT_FOUND: Final = 404
CONFLICT: Final = 409
UNPROCESSABLE: Final = 422
SIZE_TYPE: Final = "text/x.tlog.size"
_OLD: Final = "old "


@dataclass(frozen=True, slots=True)
class AddCheckpoint:
    """A request to cosign `checkpoint`; nothing in it is verified."""

    old_size: int
    proof: tuple[bytes, ...]
    note: str
    checkpoint: Checkpoint
    lines: tuple[SignatureLine, ...]


@dataclass(frozen=True, slots=True)
class Verdict:
    """What to answer. `latest` is what to store before a 200, whose body the cosigner writes."""

    status: int
    body: str = ""
    latest: Checkpoint | None = None
    is_fork: bool = False


@dataclass(frozen=True, slots=True)
class Cosigned:
    """The witness's answer 200: its cosignature lines, not yet verified."""

    lines: tuple[SignatureLine, ...]

    @property
    def text(self) -> str:
        """The lines as they are appended to the note."""
        return "".join(line.text for line in self.lines)


@dataclass(frozen=True, slots=True)
class Conflict:
    """The witness's answer 409: it last cosigned the log at `size`; prove from there."""

    size: int


@dataclass(frozen=True, slots=True)
class Refused:
    """Any other answer; 422 says that the log did not grow from what the witness saw."""

    status: int


def encode_add_checkpoint(old_size: int, hashes: Sequence[bytes], signed: str) -> bytes:
    """Encode a request from a consistency proof and a signed checkpoint."""
    lines = [f"{_OLD}{old_size}", *proof.encode_hashes(hashes), ""]
    return ("\n".join(lines) + "\n" + signed).encode()


def parse_add_checkpoint(body: bytes) -> AddCheckpoint:
    """Parse a request, strictly; verifies nothing. Raises NoteError (answer 400)."""
    if len(body) > WITNESS_REQUEST_BYTES_MAX:
        raise NoteError("witness request: too long")
    head, separator, signed = note.decode_text(body).partition("\n\n")
    first, *rest = head.split("\n")
    if not separator or not first.startswith(_OLD):
        raise NoteError("witness request: not old size, proof, empty line and checkpoint")
    checkpoint, lines = checkpoints.split(signed)
    old_size = checkpoints.parse_decimal(first.removeprefix(_OLD))
    return AddCheckpoint(old_size, proof.decode_hashes(rest), signed, checkpoint, tuple(lines))


def consider(
    request: AddCheckpoint, log_verifier: Verifier | None, latest: Checkpoint | None
) -> Verdict:
    """Decide on a request, given the key trusted for its origin and what was last cosigned.

    The order is the specification's: nobody without the log's key learns the stored size.
    """
    origin = request.checkpoint.origin
    if log_verifier is None:
        return Verdict(NOT_FOUND)
    if not _is_signed(request, log_verifier):
        return Verdict(FORBIDDEN)
    return _compare(request, latest or Checkpoint(origin, 0, EMPTY_ROOT))


def _compare(request: AddCheckpoint, old: Checkpoint) -> Verdict:
    """Compare an authentic checkpoint with the one cosigned last."""
    new = request.checkpoint
    if request.old_size > new.size:
        return Verdict(BAD_REQUEST)
    if request.old_size != old.size:
        return Verdict(CONFLICT, f"{old.size}\n")
    if old.size == new.size and old.root != new.root:
        return Verdict(CONFLICT, f"{old.size}\n", is_fork=True)
    try:
        verify_consistency(old.size, new.size, request.proof, old.root, new.root)
    except ProofError:
        return Verdict(UNPROCESSABLE)
    return Verdict(OK, latest=new)


def _is_signed(request: AddCheckpoint, verifier: Verifier) -> bool:
    own = [line for line in request.lines if line.is_by(verifier)]
    try:
        for line in own:
            checkpoints.verify_log_line(request.checkpoint, line, verifier)
    except NoteError:
        return False
    return bool(own)


def parse_answer(status: int, body: bytes) -> Cosigned | Conflict | Refused:
    """Parse a witness's answer, strictly; verifies no cosignature. Raises NoteError."""
    if len(body) > WITNESS_REQUEST_BYTES_MAX:
        raise NoteError("witness answer: too long")
    if status == OK:
        return Cosigned(tuple(note.parse_lines(note.decode_text(body))))
    if status == CONFLICT:
        size, newline, rest = note.decode_text(body).partition("\n")
        if not newline or rest:
            raise NoteError("witness answer: not one size")
        return Conflict(checkpoints.parse_decimal(size))
    return Refused(status)
