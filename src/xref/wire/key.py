"""Keys: Ed25519 for signatures, X-Wing (ML-KEM-768 and X25519) for sealing. See docs/spec/key.md.

An office has keys of one use each, so that no signature made for one purpose can serve another.
Private keys are 32-byte seeds; public keys travel in keyrings.
"""

import hashlib
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from typing import Final

from cryptography.exceptions import InvalidSignature, InvalidTag
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PrivateKey, MLKEM768PublicKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.hpke import (
    AEAD,
    KDF,
    KEM,
    MLKEM768X25519PrivateKey,
    MLKEM768X25519PublicKey,
    Suite,
)

from xref.errors import MalformedError, UnauthenticError

ED25519: Final = 1
XWING: Final = 2
PUBLIC_BYTES: Final = {ED25519: 32, XWING: 1184 + 32}
SEED_BYTES: Final = 32
SIGNATURE_BYTES: Final = 64
HPKE_OVERHEAD_BYTES: Final = 1120 + 16
_MLKEM_PUBLIC_BYTES: Final = 1184
_ANY_SCALAR: Final = X25519PrivateKey.from_private_bytes(bytes(32))  # a point of small order fails

_SUITE: Final = Suite(KEM.MLKEM768_X25519, KDF.HKDF_SHA256, AEAD.AES_256_GCM)


class KeyUse(StrEnum):
    """What an office's key is for; a key has one use."""

    DESK = "desk"
    PARCEL = "parcel"
    LOG = "log"
    COSIGN = "cosign"
    SEAL = "seal"

    @property
    def algorithm(self) -> int:
        """The algorithm number that this use takes."""
        return XWING if self is KeyUse.SEAL else ED25519


@dataclass(frozen=True, slots=True)
class PublicKey:
    """A public key with its algorithm number."""

    algorithm: int
    public: bytes

    def __post_init__(self) -> None:
        """Refuse an unknown algorithm or a wrong length."""
        if PUBLIC_BYTES.get(self.algorithm) != len(self.public):
            message = f"public key: algorithm {self.algorithm} with {len(self.public)} bytes"
            raise MalformedError(message)

    @property
    def key_id(self) -> bytes:
        """The 8 bytes that name this key on the wire."""
        return _key_id(self.algorithm, self.public)


@lru_cache(maxsize=4096)
def _key_id(algorithm: int, public: bytes) -> bytes:
    return hashlib.sha256(b"xref/key/v1\0" + bytes([algorithm]) + public).digest()[:8]


def verify(public: bytes, signature: bytes, message: bytes) -> None:
    """Check an Ed25519 signature; `UnauthenticError` if it does not verify."""
    try:
        _verifier(public).verify(signature, message)
    except (InvalidSignature, ValueError) as error:
        raise UnauthenticError("a signature does not verify") from error


@lru_cache(maxsize=4096)
def _verifier(public: bytes) -> Ed25519PublicKey:
    return Ed25519PublicKey.from_public_bytes(public)


def seal(public: bytes, info: bytes, plaintext: bytes) -> bytes:
    """HPKE base mode to an X-Wing public key: enc (1120), ciphertext, tag (16).

    Raises `MalformedError` for a public key that nothing can be sealed to.
    """
    return _SUITE.encrypt(plaintext, _sealer(public), info=info)


def check_public(key: PublicKey) -> None:
    """Refuse, with `MalformedError`, a sealing key that nothing can be sealed to.

    An ML-KEM key with an unreduced coefficient, or an X25519 point of small order.
    """
    if key.algorithm == XWING:
        _sealer(key.public)


@lru_cache(maxsize=1024)
def _sealer(public: bytes) -> MLKEM768X25519PublicKey:
    try:
        x25519 = X25519PublicKey.from_public_bytes(public[_MLKEM_PUBLIC_BYTES:])
        _ANY_SCALAR.exchange(x25519)
        return MLKEM768X25519PublicKey(
            MLKEM768PublicKey.from_public_bytes(public[:_MLKEM_PUBLIC_BYTES]), x25519
        )
    except ValueError as error:
        raise MalformedError("an X-Wing public key is not valid") from error


class SigningKey:
    """An Ed25519 private key, made from its 32-byte seed."""

    __slots__ = ("private", "public")

    def __init__(self, seed: bytes) -> None:
        """Derive the key pair."""
        self.private = Ed25519PrivateKey.from_private_bytes(seed)
        self.public = PublicKey(ED25519, self.private.public_key().public_bytes_raw())

    def sign(self, message: bytes) -> bytes:
        """Return the 64-byte signature of `message`, which must start with its domain."""
        return self.private.sign(message)


class OpeningKey:
    """An X-Wing private key, expanded from its 32-byte seed by SHAKE256."""

    __slots__ = ("_private", "public")

    def __init__(self, seed: bytes) -> None:
        """Derive both key pairs: 64 bytes for ML-KEM-768, then 32 for X25519."""
        expanded = hashlib.shake_256(seed).digest(96)
        mlkem = MLKEM768PrivateKey.from_seed_bytes(expanded[:64])
        x25519 = X25519PrivateKey.from_private_bytes(expanded[64:])
        self._private = MLKEM768X25519PrivateKey(mlkem, x25519)
        public = mlkem.public_key().public_bytes_raw() + x25519.public_key().public_bytes_raw()
        self.public = PublicKey(XWING, public)

    def open(self, info: bytes, sealed: bytes) -> bytes:
        """Open what `seal` made for this key; `MalformedError` if it does not open."""
        if len(sealed) < HPKE_OVERHEAD_BYTES:
            message = f"sealed bytes: {len(sealed)}, at least {HPKE_OVERHEAD_BYTES} are needed"
            raise MalformedError(message)
        try:
            return _SUITE.decrypt(sealed, self._private, info=info)
        except (InvalidTag, ValueError) as error:
            raise MalformedError("sealed bytes do not open") from error
