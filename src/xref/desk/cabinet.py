"""A desk's records, each sealed under its case's key: erasing the key erases the case.

Spaces: `case` (keys by case id, and how many shards there were), `case_index` and `case_known_as`
(case ids by keyed hash of the local case number; the second for cases that another office's
message began),
`record` (what the office published), `sex` (as its records said last, by case id), `sent` and
`inbox` (messages by id). Nothing here can be read without the case's key, in the file or in a
backup of it.
"""

import hashlib
import hmac
import json
from collections.abc import Callable, Collection, Iterable
from typing import Any, Final, TypeAlias

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from xref.errors import EvidenceError
from xref.ports import Entropy
from xref.state import State

CASE_BYTES: Final = 16
_NONCE_BYTES: Final = 12
_KEY_BYTES: Final = 32
_SHARDS_BYTES: Final = 2
_MARK_BYTES: Final = 16

Watch: TypeAlias = Callable[[str, bytes, bytes], None]
"""Is told of each content that is put: its space, key and case."""

_JSON: Final = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"))


class Cabinet:
    """The sealed records of one desk over its state."""

    def __init__(self, state: State, entropy: Entropy) -> None:
        """Use `state`; `entropy` gives keys, ids and nonces."""
        self.state = state
        self._entropy = entropy
        self.watch: Watch = _nobody
        self._secret: bytes | None = None

    def case_of(self, local_number: str, shards: int) -> bytes:
        """Return the case id of an office's own case number; a new one uses `shards` for good."""
        secret = self.secret()
        index = hmac.digest(secret, local_number.encode(), "sha256")
        case = self.state.get("case_index", index)
        if case is None:
            case = self._entropy(CASE_BYTES)
            self._begin(case, shards)
            self.state.put("case_index", index, case)
        return case

    def find_case(self, local_number: str) -> bytes | None:
        """Return the case id of an office's own case number, if there is one."""
        index = self._known_index(local_number)
        return None if index is None else self.state.get("case_index", index)

    def note_known_as(self, local_number: str, case: bytes) -> None:
        """Remember the office's own number for a case that another office's message began.

        For looking it up alone: the case stays that of the message, and is erased with it. Several
        such cases may have one number, as nothing else links them.
        """
        index = hmac.digest(self.secret(), local_number.encode(), "sha256")
        self.state.put("case_known_as", index + case, case)

    def known_as(self, local_number: str) -> list[bytes]:
        """Return the cases that the office calls by that number in its answers."""
        index = self._known_index(local_number)
        found = [] if index is None else self.state.scan("case_known_as", index)
        return [case for _, case in found]

    def _known_index(self, local_number: str) -> bytes | None:
        secret = self._known_secret()
        if secret is None:
            return None  # no case has begun here
        return hmac.digest(secret, local_number.encode(), "sha256")

    def secret(self) -> bytes:
        """Return the office's key of its indexes."""
        secret = self._known_secret()
        if secret is None:
            secret = self._secret = self._entropy(32)
            self.state.put("secret", b"case-index", secret)
        return secret

    def _known_secret(self) -> bytes | None:
        """Return that key, read once, or None before the first case."""
        if self._secret is None:
            self._secret = self.state.get("secret", b"case-index")
        return self._secret

    def _begin(self, case: bytes, shards: int) -> None:
        """Begin a case with a key of its own; more shards than there are now never move it."""
        key = self._entropy(_KEY_BYTES)
        self.state.put("case", case, key + shards.to_bytes(_SHARDS_BYTES))

    def _is_new(self, case: bytes) -> bool:
        """Return whether a case has begun in this batch, so that the store has nothing of it."""
        return self.state.has_set("case", case)

    def shard_of(self, case: bytes, recipient: str) -> int:
        """Return the shard for a case's messages to one office; those from before shards are on 0.

        One for each office: were they on one, that two messages to different offices are on one
        shard would say that they may be of one case. The id is random and stays here, so this
        spreads evenly and tells nothing.
        """
        shards = int.from_bytes((self.state.get("case", case) or b"")[_KEY_BYTES:])
        return int.from_bytes(hmac.digest(case, recipient.encode(), "sha256")) % max(1, shards)

    def _key_of(self, case: bytes) -> bytes | None:
        value = self.state.get("case", case)
        return None if value is None else value[:_KEY_BYTES]

    def case_for_thread(self, thread: bytes, shards: int) -> bytes:
        """Return the case that an office's thread belongs to; a new one uses `shards` for good."""
        case = self.state.get("thread_case", thread)
        if case is None:
            case = self._entropy(CASE_BYTES)
            self._begin(case, shards)
            self.state.put("thread_case", thread, case)
        return case

    def put(self, space: str, key: bytes, case: bytes, content: object) -> None:
        """Seal JSON `content` under the case's key."""
        key_of_case = self._key_of(case)
        if key_of_case is None:
            raise RuntimeError("the case was erased")
        nonce = self._entropy(_NONCE_BYTES)
        plain = _JSON.encode(content).encode()
        sealed = AESGCM(key_of_case).encrypt(nonce, plain, _place(space, key))
        self.state.put(space, key, case + nonce + sealed)
        self.watch(space, key, case)

    def mark(self, case: bytes, text: str) -> bytes:
        """Return 16 bytes for a text, the same within a case; nothing without the case's key."""
        key_of_case = self._key_of(case)
        if key_of_case is None:
            raise RuntimeError("the case was erased")
        return hmac.digest(key_of_case, b"mark\0" + text.encode(), "sha256")[:_MARK_BYTES]

    def expect(self, space: str, keys: Collection[bytes]) -> None:
        """Read at once contents that are going to be asked for, with their cases' keys."""
        self.state.expect(space, keys)
        cases = {value[:CASE_BYTES] for key in keys if (value := self.state.get(space, key))}
        self.state.expect("case", cases)

    def get(self, space: str, key: bytes) -> Any:
        """Return the content, or None where there is none or its case was erased.

        Raises `EvidenceError` for content that was tampered with.
        """
        if self._is_new(key[:CASE_BYTES]):
            self.state.expect_none(space, key)
        value = self.state.get(space, key)
        return None if value is None else self._open(space, key, value)

    def _open(self, space: str, key: bytes, value: bytes) -> Any:
        case, nonce = value[:CASE_BYTES], value[CASE_BYTES:][:_NONCE_BYTES]
        key_of_case = self._key_of(case)
        if key_of_case is None:
            return None
        try:
            plain = AESGCM(key_of_case).decrypt(
                nonce, value[CASE_BYTES + _NONCE_BYTES :], _place(space, key)
            )
        except InvalidTag as error:
            message = f"a record in {space} was tampered with"
            raise EvidenceError(message) from error
        return json.loads(plain)

    def case_id(self, space: str, key: bytes) -> bytes | None:
        """Return the case that a content belongs to."""
        value = self.state.get(space, key)
        return None if value is None else value[:CASE_BYTES]

    def case_ids(self, space: str) -> list[tuple[bytes, bytes]]:
        """Return (key, case) of all contents of a space, none of which is opened."""
        return [(key, value[:CASE_BYTES]) for key, value in self.state.scan(space)]

    def all(self, space: str, prefix: bytes = b"") -> list[tuple[bytes, Any]]:
        """Return all (key, content) pairs of a space, under a prefix, that are not erased."""
        rows = self.state.scan(space, prefix)
        found = [(key, self._open(space, key, value)) for key, value in rows]
        return [(key, content) for key, content in found if content is not None]

    def of_case(self, space: str, case: bytes) -> list[tuple[bytes, Any]]:
        """Return all (key, content) pairs of a space of one case, which alone are opened."""
        rows = self.state.scan(space)
        found = [(k, self._open(space, k, row)) for k, row in rows if row[:CASE_BYTES] == case]
        return [(key, content) for key, content in found if content is not None]

    def find_token(self, space: str, *parts: bytes | str) -> bytes | None:
        """Return the random bytes of these parts, if there are any."""
        return self.state.get(space, _token_key(parts))

    def token(self, space: str, *parts: bytes | str, size: int) -> bytes:
        """Return random bytes that stay the same for the same parts: threads, references, salts."""
        key = _token_key(parts)
        if isinstance(parts[0], bytes) and self._is_new(parts[0]):
            self.state.expect_none(space, key)
        token = self.state.get(space, key)
        if token is None:
            token = self._entropy(size)
            self.state.put(space, key, token)
        return token


def _nobody(space: str, key: bytes, case: bytes) -> None:
    """Watch nothing."""


def _token_key(parts: Iterable[bytes | str]) -> bytes:
    joined = b"\0".join(p.encode() if isinstance(p, str) else p for p in parts)
    return hashlib.sha256(joined).digest()


def _place(space: str, key: bytes) -> bytes:
    return b"xref/cabinet/v1\0" + space.encode() + b"\0" + key
