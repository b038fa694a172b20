"""The spool: records that `xref desk submit` hands to the running desk, sealed on disk.

A row is sealed under the desk's storage key, so that the file holds no plaintext.
"""

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from xref import limits
from xref.desk.consent import parse_sharing_consent
from xref.desk.read_form import Record
from xref.errors import EvidenceError
from xref.ports import Entropy, Store, Write

_NONCE_BYTES: Final = 12
_SPACE: Final = "spool"
_MARKS: Final = "taken"
_DOMAIN: Final = b"xref/spool/v1\0"


@dataclass(frozen=True, slots=True)
class Correction:
    """Facts that became known about a held record: the desk submits it again with them.

    `by` is who says so, empty where that is not known.
    """

    case: str
    publication: str
    facts: Mapping[str, str]
    by: str = ""


@dataclass(frozen=True, slots=True)
class Withdrawal:
    """The person of a case withdrew the sharing consent: everybody who holds anything erases it."""

    case: str


@dataclass(frozen=True, slots=True)
class AsylumAnswer:
    """Where the person of a case now stands with asylum, as an answer to that fact; who says so."""

    case: str
    answer: str
    by: str = ""


@dataclass(frozen=True, slots=True)
class Kept:
    """A court orders this office to keep a received message, until a moment (Unix ms)."""

    message: bytes
    court: str
    order: str
    until_ms: int
    by: str


@dataclass(frozen=True, slots=True)
class Done:
    """The office did what it owed for a message."""

    message: bytes
    obligation: str
    by: str


@dataclass(frozen=True, slots=True)
class Approval:
    """A second person approved what a held record says: its key and the digest of its statement."""

    record: bytes
    statement: str
    by: str


@dataclass(frozen=True, slots=True)
class Mark:
    """How much of a file is in the spool: the last record's line, and how many of that line.

    `file` is the SHA-256 of its content. It is written with the rows, so that a file that was being
    taken when the power failed goes on where it stopped, and none of its records goes twice.
    """

    file: bytes
    line: int = 0
    of_line: int = 0
    whole: bool = False

    def after(self, records: Sequence[Record]) -> "Mark":
        """Return the mark once these records, which follow, are in the spool as well."""
        line = records[-1].line
        many = sum(record.line == line for record in records)
        return Mark(self.file, line, many + (self.of_line if line == self.line else 0))

    def left_of(self, records: Iterable[Record]) -> Iterator[Record]:
        """Yield those of a file's records that are not in the spool yet."""
        many = 0
        for record in records:
            many += record.line == self.line
            if record.line > self.line or (record.line == self.line and many > self.of_line):
                yield record


Act = Withdrawal | AsylumAnswer | Kept | Done
Row = Record | Correction | Approval | Act


def storage_key(seed: bytes) -> bytes:
    """Return the key of the desk's spool from its 32-byte storage seed."""
    return hashlib.sha256(b"xref/storage/v1\0" + seed).digest()


class Spool:
    """A store of rows in the order of their submission."""

    def __init__(self, store: Store, storage_key: bytes, entropy: Entropy) -> None:
        """Use `store`, which may be shared by several commands of this office."""
        self._store = store
        self._cipher = AESGCM(storage_key)
        self._entropy = entropy

    def put(self, rows: Sequence[Row], now_ms: int, mark: Mark | None = None) -> None:
        """Add rows, and how far a file is read with them; they are durable on return."""
        writes = []
        for place, row in enumerate(rows):
            key = now_ms.to_bytes(8) + place.to_bytes(4) + self._entropy(8)
            nonce = self._entropy(_NONCE_BYTES)
            plain = json.dumps(_members(row), ensure_ascii=False).encode()
            sealed = self._cipher.encrypt(nonce, plain, _DOMAIN + key)
            writes.append(Write(_SPACE, key, nonce + sealed))
        if mark is not None:
            value = b"".join(
                number.to_bytes(8) for number in (now_ms, mark.line, mark.of_line, mark.whole)
            )
            writes.append(Write(_MARKS, mark.file, value))
        self._store.commit(writes)

    def mark_of(self, file: bytes) -> Mark:
        """Return how far a file was taken, none of it if it is not known."""
        value = self._store.get(_MARKS, file)
        if value is None:
            return Mark(file)
        _, line, of_line, whole = (int.from_bytes(value[at : at + 8]) for at in (0, 8, 16, 24))
        return Mark(file, line, of_line, bool(whole))

    def forget(self, before_ms: int) -> None:
        """Forget the files that were taken before a moment."""
        found = self._store.scan(_MARKS, b"", b"\xff" * 33, limits.SPOOL_MARKS_SCANNED)
        self._store.commit(
            [
                Write(_MARKS, file, None)
                for file, value in found
                if int.from_bytes(value[:8]) < before_ms
            ]
        )

    def take(self, limit: int) -> list[tuple[bytes, Row]]:
        """Return up to `limit` (key, row) pairs, the oldest first, without removing them."""
        return [
            (key, self._open(key, value))
            for key, value in self._store.scan(_SPACE, b"", b"\xff" * 32, limit)
        ]

    def waiting_since_ms(self) -> int | None:
        """Return when the oldest row that no desk has taken was put here, None if there is none."""
        rows = self._store.scan(_SPACE, b"", b"\xff" * 32, 1)
        return int.from_bytes(rows[0][0][:8]) if rows else None

    def _open(self, key: bytes, value: bytes) -> Row:
        nonce, sealed = value[:_NONCE_BYTES], value[_NONCE_BYTES:]
        try:
            plain = self._cipher.decrypt(nonce, sealed, _DOMAIN + key)
        except InvalidTag as error:
            raise EvidenceError("a row of the spool was tampered with") from error
        return row_of(json.loads(plain))

    def remove(self, keys: list[bytes]) -> None:
        """Remove rows that the desk has taken over."""
        self._store.commit([Write(_SPACE, key, None) for key in keys])


def record_members(record: Record) -> dict[str, Any]:
    """Return a record as JSON members."""
    given = record.sharing_consent
    return {
        "source": record.source,
        "line": record.line,
        "publication": record.publication,
        "case": record.case,
        "values": dict(record.values),
        "facts": dict(record.facts),
        "sharing_consent": given.encode().decode() if given else None,
        "named": dict(record.named),
        "reply_to": record.reply_to.hex() if record.reply_to else None,
        "prepared_by": list(record.prepared_by),
    }


def record_of(members: Mapping[str, Any]) -> Record:
    """Return the record in JSON members."""
    given, reply_to = members["sharing_consent"], members["reply_to"]
    return Record(
        source=members["source"],
        line=members["line"],
        publication=members["publication"],
        case=members["case"],
        values=members["values"],
        facts=members["facts"],
        sharing_consent=parse_sharing_consent(given.encode()) if given else None,
        named=members["named"],
        reply_to=bytes.fromhex(reply_to) if reply_to else None,
        prepared_by=tuple(members.get("prepared_by", ())),  # older desks did not keep it
    )


def _members(row: Row) -> dict[str, Any]:
    if isinstance(row, Record):
        return {"record": record_members(row)}
    if isinstance(row, Act):
        return _act_members(row)
    if isinstance(row, Approval):
        members = {"record": row.record.hex(), "statement": row.statement, "by": row.by}
        return {"approval": members}
    return {
        "correction": {
            "case": row.case,
            "publication": row.publication,
            "facts": dict(row.facts),
            "by": row.by,
        }
    }


def _act_members(row: Act) -> dict[str, Any]:
    if isinstance(row, Withdrawal):
        return {"withdrawal": {"case": row.case}}
    if isinstance(row, AsylumAnswer):
        return {"asylum": {"case": row.case, "answer": row.answer, "by": row.by}}
    if isinstance(row, Kept):
        kept = {"court": row.court, "order": row.order, "until_ms": row.until_ms, "by": row.by}
        return {"kept": {"message": row.message.hex(), **kept}}
    done = {"obligation": row.obligation, "by": row.by}
    return {"done": {"message": row.message.hex(), **done}}


def row_of(members: Mapping[str, Any]) -> Row:
    """Return the row in JSON members."""
    [(kind, given)] = members.items()
    return _READERS[kind](given)


def _approval(given: Mapping[str, Any]) -> Approval:
    return Approval(bytes.fromhex(given["record"]), given["statement"], given["by"])


def _correction(given: Mapping[str, Any]) -> Correction:
    by = given.get("by", "")  # older desks did not keep it
    return Correction(given["case"], given["publication"], given["facts"], by)


def _named(given: Mapping[str, Any]) -> dict[str, Any]:
    return {**given, "message": bytes.fromhex(given["message"])}


_READERS: Final[Mapping[str, Callable[[Mapping[str, Any]], Row]]] = {
    "record": record_of,
    "withdrawal": lambda given: Withdrawal(given["case"]),
    "asylum": lambda given: AsylumAnswer(**given),
    "kept": lambda given: Kept(**_named(given)),
    "done": lambda given: Done(**_named(given)),
    "approval": _approval,
    "correction": _correction,
}
