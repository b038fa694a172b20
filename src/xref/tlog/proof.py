"""Offline proofs of inclusion: index, path and signed checkpoint in one text (C2SP tlog-proof).

The optional line of extra data is refused: nothing authenticates it. See docs/spec/proof.md.
"""

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from xref.limits import PROOF_BYTES_MAX, PROOF_HASHES_MAX
from xref.tlog import checkpoint as checkpoints
from xref.tlog import note
from xref.tlog.checkpoint import Checkpoint
from xref.tlog.note import NoteError, Verifier
from xref.tlog.tree import HASH_BYTES, verify_inclusion

_HEADER: Final = "c2sp.org/tlog-proof@v1"
_INDEX: Final = "index "
_HASHES_KEPT: Final = 1024


@dataclass(frozen=True, slots=True)
class InclusionProof:
    """A claim that a leaf is number `index` in the log of `checkpoint_note`; see `verify`."""

    index: int
    hashes: tuple[bytes, ...]
    checkpoint_note: str

    def encode(self) -> bytes:
        """Encode as a `.tlog-proof` file."""
        lines = [_HEADER, f"{_INDEX}{self.index}", *encode_hashes(self.hashes), ""]
        return ("\n".join(lines) + "\n" + self.checkpoint_note).encode()

    def verify(self, leaf_hash: bytes, verifier: Verifier) -> Checkpoint:
        """Return the checkpoint that includes the leaf, signed by the log alone.

        Raises NoteError for the checkpoint, ProofError for the path.
        """
        checkpoint = checkpoints.open_checkpoint(self.checkpoint_note, verifier)
        verify_inclusion(leaf_hash, self.index, checkpoint.size, self.hashes, checkpoint.root)
        return checkpoint


def parse(data: bytes) -> InclusionProof:
    """Parse a proof, strictly; verifies nothing.

    Raises NoteError for whatever is malformed, the checkpoint included.
    """
    proof = parse_path(data)
    checkpoints.split(proof.checkpoint_note)
    return proof


def parse_path(data: bytes) -> InclusionProof:
    """Parse a proof all but its checkpoint, which the caller then parses or knows already."""
    if len(data) > PROOF_BYTES_MAX:
        raise NoteError("proof: too long")
    head, separator, signed = note.decode_text(data).partition("\n\n")
    lines = head.split("\n")
    if not separator or lines[0] != _HEADER or not lines[1:] or not lines[1].startswith(_INDEX):
        raise NoteError("proof: not header, index, path, empty line and checkpoint")
    index = checkpoints.parse_decimal(lines[1].removeprefix(_INDEX))
    return InclusionProof(index, decode_hashes(lines[2:]), signed)


def encode_hashes(hashes: Sequence[bytes]) -> list[str]:
    """Write hashes as lines of base64, without newlines."""
    return [_encode_hash(item) for item in hashes]


@lru_cache(maxsize=_HASHES_KEPT)
def _encode_hash(item: bytes) -> str:
    return base64.b64encode(item).decode()


def decode_hashes(lines: Sequence[str]) -> tuple[bytes, ...]:
    """Read lines of base64, each one hash. Raises NoteError."""
    if len(lines) > PROOF_HASHES_MAX:
        raise NoteError(f"proof: more than {PROOF_HASHES_MAX} hashes")
    return tuple(_decode_hash(line) for line in lines)


@lru_cache(maxsize=_HASHES_KEPT)  # the proofs of one batch share most of their lines
def _decode_hash(line: str) -> bytes:
    decoded = note.decode_base64(line)
    if len(decoded) != HASH_BYTES:
        raise NoteError("proof: a hash is not 32 bytes long")
    return decoded
