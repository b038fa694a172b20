"""The floor: the same cryptography, hashing and writes as a recorded run, and nothing else.

`Recording` notes each signature, verification, sealing, opening and hash that the code under
measurement asks for, and each row that it commits. `Floor` does them again with keys already
loaded, statements already prepared and no code between.
"""

import hashlib
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeVar
from unittest.mock import patch

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hpke import (
    MLKEM768X25519PrivateKey,
    MLKEM768X25519PublicKey,
)

from bench.spent import Rounds, Spent
from xref.ports import Store, Write
from xref.wire import key as keys

if TYPE_CHECKING:
    from _hashlib import HASH

_Result = TypeVar("_Result")
_SHA256: Final = hashlib.sha256
_SUITE: Final = keys._SUITE  # noqa: SLF001 - the very suite that is measured

Operation = Callable[[], object]
Statement = tuple[str, list[tuple[bytes, ...]]]


@dataclass(slots=True)
class Turn:
    """What one office did in one turn."""

    operations: list[Operation] = field(default_factory=list)
    commits: list[Sequence[Write]] = field(default_factory=list)


class Recording:
    """Notes everything into `turn`; None notes nothing."""

    def __init__(self) -> None:
        """Begin without a turn."""
        self.turn: Turn | None = None

    def note(self, operation: Callable[[], _Result]) -> _Result:
        """Note an operation and do it."""
        if self.turn is not None:
            self.turn.operations.append(operation)
        return operation()

    def store(self, _office: str, store: Store) -> Store:
        """Return a store that notes its commits."""
        return _NotedStore(store, self)

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Put the noting in between while the block runs; keys must be made inside it."""
        recording = self

        class Signing:
            @staticmethod
            def from_private_bytes(seed: bytes) -> "_NotedSigning":
                return _NotedSigning(Ed25519PrivateKey.from_private_bytes(seed), recording)

        class Verifying:
            @staticmethod
            def from_public_bytes(public: bytes) -> "_NotedVerifying":
                return _NotedVerifying(Ed25519PublicKey.from_public_bytes(public), recording)

        def sha256(data: bytes = b"") -> "HASH":
            recording.note(partial(_digest, data))
            return _SHA256(data)

        replaced = {
            "xref.wire.key.Ed25519PrivateKey": Signing,
            "xref.wire.key.Ed25519PublicKey": Verifying,
            "xref.tlog.note.Ed25519PublicKey": Verifying,
            "xref.wire.key._SUITE": _NotedSuite(self),
            "xref.wire.body.AESGCM": partial(_NotedCipher, self),
            "xref.desk.cabinet.AESGCM": partial(_NotedCipher, self),
            "hashlib.sha256": sha256,
            "xref.tlog.tree.sha256": sha256,
        }
        _forget_keys()
        patches = [patch(name, value) for name, value in replaced.items()]
        for each in patches:
            each.start()
        try:
            yield
        finally:
            for each in patches:
                each.stop()
            _forget_keys()


def _forget_keys() -> None:
    """Empty the caches of loaded keys, so that none of another run is used."""
    keys._verifier.cache_clear()  # noqa: SLF001 - there is no other way in


def _digest(data: bytes) -> bytes:
    return _SHA256(data).digest()


class _NotedSigning:
    def __init__(self, private: Ed25519PrivateKey, recording: Recording) -> None:
        self._private, self._recording = private, recording

    def sign(self, message: bytes) -> bytes:
        return self._recording.note(partial(self._private.sign, message))

    def public_key(self) -> Ed25519PublicKey:
        return self._private.public_key()


class _NotedVerifying:
    def __init__(self, public: Ed25519PublicKey, recording: Recording) -> None:
        self._public, self._recording = public, recording

    def verify(self, signature: bytes, message: bytes) -> None:
        self._recording.note(partial(self._public.verify, signature, message))


class _NotedSuite:
    def __init__(self, recording: Recording) -> None:
        self._recording = recording

    def encrypt(self, plaintext: bytes, public: MLKEM768X25519PublicKey, *, info: bytes) -> bytes:
        return self._recording.note(partial(_SUITE.encrypt, plaintext, public, info=info))

    def decrypt(self, sealed: bytes, private: MLKEM768X25519PrivateKey, *, info: bytes) -> bytes:
        return self._recording.note(partial(_SUITE.decrypt, sealed, private, info=info))


class _NotedCipher:
    def __init__(self, recording: Recording, key: bytes) -> None:
        self._cipher, self._recording = AESGCM(key), recording

    def encrypt(self, nonce: bytes, plaintext: bytes, bound: bytes) -> bytes:
        return self._recording.note(partial(self._cipher.encrypt, nonce, plaintext, bound))

    def decrypt(self, nonce: bytes, sealed: bytes, bound: bytes) -> bytes:
        return self._recording.note(partial(self._cipher.decrypt, nonce, sealed, bound))


class _NotedStore:
    def __init__(self, store: Store, recording: Recording) -> None:
        self._store, self._recording = store, recording
        self.get, self.find, self.scan = store.get, store.find, store.scan
        self.close = store.close

    def commit(self, writes: Sequence[Write]) -> None:
        """Note the rows and commit them."""
        if self._recording.turn is not None:
            self._recording.turn.commits.append(writes)
        self._store.commit(writes)


class Floor:
    """The turns of one office, done again on an empty database; split by kind of work."""

    def __init__(self, turns: Sequence[Turn], file: Path) -> None:
        """Prepare the statements and the tables, as an office has them from its first commit."""
        self._turns = [
            (turn.operations, [_statements(writes) for writes in turn.commits]) for turn in turns
        ]
        self._database = sqlite3.connect(file, isolation_level=None)
        for pragma in ("journal_mode=WAL", "synchronous=FULL", "secure_delete=ON"):
            self._database.execute(f"PRAGMA {pragma}")
        spaces = {write.space for turn in turns for writes in turn.commits for write in writes}
        for space in sorted(spaces):
            self._database.execute(
                f'CREATE TABLE "{space}" (key BLOB PRIMARY KEY, value BLOB NOT NULL)'
            )

    def run(self) -> tuple[Rounds, Rounds]:
        """Do everything; return what cryptography with hashing, and writing, took in each turn."""
        computing: Rounds = []
        writing: Rounds = []
        for operations, commits in self._turns:
            computing.append(Spent())
            writing.append(Spent())
            with computing[-1].counting():
                for operation in operations:
                    operation()
            with writing[-1].counting():
                for statements in commits:
                    self._commit(statements)
        return computing, writing

    def _commit(self, statements: Sequence[Statement]) -> None:
        self._database.execute("BEGIN IMMEDIATE")
        for sql, rows in statements:
            self._database.executemany(sql, rows)
        self._database.execute("COMMIT")

    def close(self) -> None:
        """Release the database."""
        self._database.close()


def _statements(writes: Sequence[Write]) -> list[Statement]:
    statements: dict[str, list[tuple[bytes, ...]]] = {}
    for write in writes:
        if write.value is None:
            sql = f'DELETE FROM "{write.space}" WHERE key = ?'  # noqa: S608 - our own names
            statements.setdefault(sql, []).append((write.key,))
        else:
            sql = f'INSERT OR REPLACE INTO "{write.space}" VALUES (?, ?)'  # noqa: S608 - as above
            statements.setdefault(sql, []).append((write.key, write.value))
    return list(statements.items())
