"""Signed notes: a text, an empty line, and a line for each signature (C2SP signed-note).

Parsing is stricter than the specification where it leaves room: base64 must be canonical.
See docs/spec/note.md.
"""

import base64
import binascii
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha256
from typing import Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import (
    Ed25519PrivateKey,
    Ed25519PublicKey,
)

from xref.errors import XrefError
from xref.limits import LOG_SIZE_MAX, NOTE_BYTES_MAX, NOTE_SIGNATURES_MAX

ED25519: Final = 0x01
COSIGNATURE: Final = 0x04
KEY_ID_BYTES: Final = 4
PUBLIC_KEY_BYTES: Final = 32
SIGNATURE_BYTES: Final = 64
TIME_BYTES: Final = 8
TIME_SECONDS_MAX: Final = LOG_SIZE_MAX  # both are 2**63 - 1
_NAMES_KEPT: Final = 1024
_CONTROL: Final = re.compile("[\0-\x09\x0b-\x1f]")  # all below a space but the newline
_DASH: Final = "\N{EM DASH} "


class NoteError(XrefError):
    """A note, or a text that carries one, which is malformed; or see SignatureError."""


class SignatureError(NoteError):
    """A well-formed note that is not signed as it has to be."""


@lru_cache(maxsize=_NAMES_KEPT)
def key_id(name: str, kind: int, public: bytes) -> bytes:
    """Compute the four bytes that, with its name, tell a key of signature type `kind`."""
    return sha256(b"%s\n%c%s" % (name.encode(), kind, public)).digest()[:KEY_ID_BYTES]


@lru_cache(maxsize=_NAMES_KEPT)
def check_name(name: str) -> None:
    """Raise NoteError unless `name` may name a key: not empty, no space, plus or control."""
    if not name or "+" in name or any(c.isspace() or c < " " for c in name):
        raise NoteError("key name: empty, or with a space, plus or control character")
    encode_text(name)


def cosignature_message(text: str, time_seconds: int) -> bytes:
    """Return what a timestamped cosignature (type 0x04) signs (C2SP tlog-cosignature)."""
    return b"cosignature/v1\ntime %d\n%s" % (time_seconds, text.encode())


@dataclass(frozen=True, slots=True)
class Verifier:
    """A key that a note is checked with: its name, its 32 public bytes and its signature type."""

    name: str
    public: bytes
    kind: int = ED25519

    def __post_init__(self) -> None:
        """Refuse a name, length or type that no note could carry."""
        check_name(self.name)
        if len(self.public) != PUBLIC_KEY_BYTES or self.kind not in (ED25519, COSIGNATURE):
            raise NoteError("verifier: not an Ed25519 key of type 0x01 or 0x04")

    @property
    def key_id(self) -> bytes:
        """The four bytes that precede each of this key's signatures."""
        return key_id(self.name, self.kind, self.public)

    def verify(self, text: str, signature: bytes) -> None:
        """Check a signature of this key's type over the note text. Raises NoteError."""
        if self.kind == ED25519:
            message = text.encode()
        else:
            time, signature = signature[:TIME_BYTES], signature[TIME_BYTES:]
            message = cosignature_message(text, int.from_bytes(time, "big"))
        key = Ed25519PublicKey.from_public_bytes(self.public)
        try:
            key.verify(signature, message)
        except InvalidSignature:
            raise SignatureError(f"note: the signature by {self.name} does not verify") from None


@dataclass(frozen=True, slots=True)
class Signer:
    """A named key that signs notes with plain Ed25519 signatures (type 0x01)."""

    name: str
    key: Ed25519PrivateKey

    def __post_init__(self) -> None:
        """Refuse a name that no note could carry."""
        check_name(self.name)

    @property
    def verifier(self) -> Verifier:
        """The public half."""
        return Verifier(self.name, self.key.public_key().public_bytes_raw())

    def sign(self, text: str) -> "SignatureLine":
        """Sign a note text."""
        return SignatureLine(self.name, self.verifier.key_id, self.key.sign(text.encode()))


@dataclass(frozen=True, slots=True)
class SignatureLine:
    """One signature line as sent: nothing about it is verified."""

    name: str
    key_id: bytes
    signature: bytes

    @property
    def text(self) -> str:
        """The line with its newline."""
        encoded = base64.b64encode(self.key_id + self.signature).decode()
        return f"{_DASH}{self.name} {encoded}\n"

    def is_by(self, verifier: Verifier) -> bool:
        """Tell whether the line claims to be by this key, which its name and id say together."""
        return self.name == verifier.name and self.key_id == verifier.key_id


def sign(text: str, signers: Iterable[Signer]) -> str:
    """Make a signed note. Raises NoteError for a text that no note can hold."""
    _check_text(text)
    lines = "".join(signer.sign(text).text for signer in signers)
    if not lines:
        raise RuntimeError("a note needs at least one signer")
    return f"{text}\n{lines}"


def split(note: str) -> tuple[str, list[SignatureLine]]:
    """Split a note into its text and signature lines, strictly; verifies no signature.

    Raises NoteError. What it returns, put together again, is the same note.
    """
    if len(note) > NOTE_BYTES_MAX or len(encode_text(note)) > NOTE_BYTES_MAX:
        raise NoteError("note: too long")
    body, separator, signatures = note.rpartition("\n\n")
    text = body + "\n"
    if not separator:
        raise NoteError("note: no empty line before the signatures")
    _check_text(text)
    return text, parse_lines(signatures)


def parse_lines(lines: str) -> list[SignatureLine]:
    """Parse one to sixteen signature lines, strictly. Raises NoteError."""
    if not lines.endswith("\n"):
        raise NoteError("note: the last line does not end")
    rows = lines[:-1].split("\n")
    if len(rows) > NOTE_SIGNATURES_MAX:
        raise NoteError(f"note: more than {NOTE_SIGNATURES_MAX} signatures")
    return [_parse_line(row) for row in rows]


def _parse_line(row: str) -> SignatureLine:
    name, space, encoded = row.removeprefix(_DASH).partition(" ")
    if not row.startswith(_DASH) or not space:
        raise NoteError("note: a signature line is not dash, name and signature")
    check_name(name)
    decoded = decode_base64(encoded)
    if len(decoded) <= KEY_ID_BYTES:
        raise NoteError("note: a signature is empty")
    return SignatureLine(name, decoded[:KEY_ID_BYTES], decoded[KEY_ID_BYTES:])


def open_note(note: str, verifiers: Sequence[Verifier]) -> tuple[str, list[str]]:
    """Return the text and the names of those of `verifiers` who signed it.

    Signatures by other keys are ignored. Raises NoteError if the note is malformed, if any
    signature by one of `verifiers` is wrong, or if there is none (SignatureError).
    """
    text, lines = split(note)
    names: list[str] = []
    for line in lines:
        for verifier in verifiers:
            if line.is_by(verifier):
                verifier.verify(text, line.signature)
                names.append(verifier.name)
    if not names:
        raise SignatureError("note: not signed by any key expected here")
    return text, list(dict.fromkeys(names))


def decode_base64(encoded: str) -> bytes:
    """Decode standard base64, only in the one form that encodes these bytes. Raises NoteError."""
    try:
        decoded = base64.b64decode(encoded, validate=True)
    except (binascii.Error, ValueError):
        decoded = b""
    if not decoded or base64.b64encode(decoded) != encoded.encode():
        raise NoteError("note: not canonical base64")
    return decoded


def decode_text(data: bytes) -> str:
    """Decode UTF-8. Raises NoteError."""
    try:
        return data.decode()
    except UnicodeDecodeError:
        raise NoteError("not valid UTF-8") from None


def _check_text(text: str) -> None:
    encode_text(text)
    if not text.endswith("\n") or _CONTROL.search(text):
        raise NoteError("note: the text does not end in a newline, or holds a control character")


def encode_text(text: str) -> bytes:
    """Encode as UTF-8. Raises NoteError for what has no encoding (half a surrogate pair)."""
    try:
        return text.encode()
    except UnicodeEncodeError:
        raise NoteError("note: not valid UTF-8") from None
