"""Noting: what an office did or learned about a message, on its hop's trail by code and digest.

The statement and its salt stay with the case, sealed, and are erased with it; the trail keeps a
digest that then says nothing to anybody. See docs/spec/trail.md.
"""

import hashlib
from collections.abc import Mapping
from typing import Any, Final

import rfc8785

from xref.answers import RECEIPT, Answer, Item
from xref.desk.cabinet import Cabinet
from xref.ports import Entropy

_DOMAIN: Final = b"xref/noted/v1\0"
_SALT_BYTES: Final = 16


def noted_digest(salt: bytes, statement: Mapping[str, Any]) -> str:
    """Return the digest of a noted statement, in hexadecimal."""
    return hashlib.sha256(_DOMAIN + salt + rfc8785.dumps(dict(statement))).hexdigest()


def noted_key(message: bytes, code: str) -> bytes:
    """Return the place of what is noted of a message under a code."""
    return message + code.encode()


def note(
    cabinet: Cabinet,
    entropy: Entropy,
    hop: str,
    place: tuple[bytes, bytes],
    code: str,
    statement: Mapping[str, Any],
    until_ms: int = 0,
) -> Answer:
    """Keep a statement with its case and return what tells the hop; `place` is case and message."""
    case, message = place
    salt = entropy(_SALT_BYTES)
    kept = {"salt": salt.hex(), "statement": dict(statement)}
    cabinet.put("noted", noted_key(message, code), case, kept)
    digest = noted_digest(salt, statement)
    return Answer(hop, RECEIPT, Item("NOTED", message, code, digest=digest, until_ms=until_ms))
