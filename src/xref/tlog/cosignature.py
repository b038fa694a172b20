"""Cosignatures: "I saw this head, at this time, and the log only grew" (C2SP tlog-cosignature).

Ed25519 only (type 0x04). See docs/spec/cosignature.md.
"""

from collections.abc import Sequence
from typing import Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from xref.tlog import checkpoint as checkpoints
from xref.tlog import note
from xref.tlog.checkpoint import Checkpoint
from xref.tlog.note import SignatureError, SignatureLine, Verifier

_COSIGNED_LINES: Final = 2


def cosigner(name: str, key: Ed25519PrivateKey) -> Verifier:
    """Return the verifier of the cosignatures that this key makes under this name."""
    return Verifier(name, key.public_key().public_bytes_raw(), note.COSIGNATURE)


def cosignature_line(text: str, name: str, key: Ed25519PrivateKey, time_seconds: int) -> str:
    """Make one cosignature line over a checkpoint's text."""
    if not 0 <= time_seconds <= note.TIME_SECONDS_MAX:
        raise RuntimeError("cosignature: time out of range")
    signature = key.sign(note.cosignature_message(text, time_seconds))
    time = time_seconds.to_bytes(note.TIME_BYTES, "big")
    return SignatureLine(name, cosigner(name, key).key_id, time + signature).text


def cosign(signed: str, name: str, key: Ed25519PrivateKey, time_seconds: int) -> str:
    """Return the signed checkpoint with one more line. The caller has checked the checkpoint."""
    checkpoint, _ = checkpoints.split(signed)
    return signed + cosignature_line(checkpoint.text, name, key, time_seconds)


def verify_line(text: str, line: SignatureLine, verifier: Verifier) -> int:
    """Check a cosignature line; return its time in Unix seconds. Raises SignatureError."""
    if verifier.kind != note.COSIGNATURE or not line.is_by(verifier):
        raise SignatureError("cosignature: not by the cosigner's key")
    if len(line.signature) != note.TIME_BYTES + note.SIGNATURE_BYTES:
        raise SignatureError("cosignature: of the wrong length")
    time_seconds = int.from_bytes(line.signature[: note.TIME_BYTES], "big")
    if time_seconds > note.TIME_SECONDS_MAX:
        raise SignatureError("cosignature: time out of range")
    verifier.verify(text, line.signature)
    return time_seconds


def verify_cosigned(
    signed: str, log_verifier: Verifier, cosigner_verifier: Verifier, own: str = ""
) -> tuple[Checkpoint, int]:
    """Return the checkpoint and the cosignature's time in Unix seconds.

    `own` is a checkpoint that the caller has signed itself: if this is that one to the byte, its
    signature is known to be good. Raises SignatureError unless the note has exactly two signatures,
    the log's and then the cosigner's; NoteError for what is malformed. Whether the time is
    plausible is the caller's to judge.
    """
    checkpoint, lines = checkpoints.split(signed)
    if len(lines) != _COSIGNED_LINES:
        raise SignatureError("cosigned checkpoint: not exactly two signatures")
    if not own or not signed.startswith(own):
        checkpoints.verify_log_line(checkpoint, lines[0], log_verifier)
    return checkpoint, verify_line(checkpoint.text, lines[1], cosigner_verifier)


def open_cosigned(
    signed: str, log_verifier: Verifier, cosigners: Sequence[Verifier]
) -> tuple[Checkpoint, dict[str, int]]:
    """Return the checkpoint and, by cosigner's name, the latest time each of `cosigners` states.

    The log's line comes first. Lines by unknown keys are ignored; a wrong line by a known key, or
    a note without the log's signature, raises SignatureError. How many cosigners are enough is the
    caller's to judge.
    """
    checkpoint, lines = checkpoints.split(signed)
    checkpoints.verify_log_line(checkpoint, lines[0], log_verifier)
    times: dict[str, int] = {}
    for line in lines[1:]:
        for verifier in cosigners:
            if line.is_by(verifier):
                time = verify_line(checkpoint.text, line, verifier)
                times[verifier.name] = max(time, times.get(verifier.name, 0))
    return checkpoint, times
