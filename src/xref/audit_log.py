"""Logs as an office stored them: recomputed tile by tile, and compared with signed heads.

Nothing stored is believed: a log is what its lowest tiles hash to, its size what is really there.
"""

import json
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final

from xref.audit_report import Head, Sentences
from xref.errors import EvidenceError
from xref.limits import AUDIT_PAGE, LOG_SIZE_MAX
from xref.link import tile_key
from xref.ports import Store
from xref.tlog import checkpoint as checkpoints
from xref.tlog import cosignature
from xref.tlog.checkpoint import Checkpoint
from xref.tlog.note import NoteError, SignatureLine, Verifier
from xref.tlog.tree import EMPTY_ROOT, HASH_BYTES, TILE_WIDTH, Tree

_BEYOND: Final = b"\xff" * 96
_FULL_BYTES: Final = TILE_WIDTH * HASH_BYTES

Verifiers = Callable[[int], Sequence[Verifier]]
"""The keys that are good for a checkpoint of so many leaves of one log."""


class Records:
    """A store read without believing what it holds; `UnavailableError` comes from the store."""

    __slots__ = ("_store",)

    def __init__(self, store: Store) -> None:
        """Read `store`, which is never written."""
        self._store = store

    def get(self, space: str, key: bytes) -> bytes | None:
        """Return a value; one that is not bytes counts as absent."""
        value: object = self._store.get(space, key)
        return value if isinstance(value, bytes) else None

    def range(self, space: str, start: bytes, stop: bytes, limit: int) -> list[tuple[bytes, bytes]]:
        """Return up to `limit` pairs with start <= key < stop, ascending."""
        found: list[tuple[object, object]] = list(self._store.scan(space, start, stop, limit))
        return [
            (key if isinstance(key, bytes) else b"", value if isinstance(value, bytes) else b"")
            for key, value in found
        ]

    def pages(self, space: str) -> Iterator[tuple[bytes, bytes]]:
        """Yield every pair of a space, ascending, holding one page at a time."""
        start = b""
        while page := self.range(space, start, _BEYOND, AUDIT_PAGE):
            yield from page
            if page[-1][0] < start:
                return
            start = page[-1][0] + b"\0"

    def has_any(self, space: str) -> bool:
        """Return whether the space holds anything."""
        return bool(self.range(space, b"", _BEYOND, 1))


def read_record(value: bytes | None) -> dict[str, Any]:
    """Return the members of a stored JSON record; empty for what is none."""
    try:
        record = json.loads(value) if value else {}
    except (ValueError, RecursionError):
        return {}
    return record if isinstance(record, dict) else {}


def number(record: dict[str, Any], member: str) -> int:
    """Return a record's number, 0 for what is none."""
    value = record.get(member)
    if not isinstance(value, int) or isinstance(value, bool):
        return 0
    return value if 0 <= value <= LOG_SIZE_MAX else 0


def text(record: dict[str, Any], member: str) -> str:
    """Return a record's text, empty for what is none."""
    value = record.get(member)
    return value if isinstance(value, str) else ""


class StoredLog:
    """A log recomputed from its lowest tiles: walk it once, then ask for leaves and roots.

    After `walk`, `size` counts the leaves that are really there, however many were claimed.
    """

    def __init__(self, records: Records, origin: str, claimed: int, problems: Sentences) -> None:
        """Prepare to walk the log that the office's record says has `claimed` leaves."""
        self.origin = origin
        self.size = 0
        self.root = EMPTY_ROOT
        self._claimed = claimed
        self._records = records
        self._problems = problems
        self._tree: Tree | None = None

    def walk(self) -> Iterator[tuple[int, list[bytes]]]:
        """Yield (index of the first, leaf hashes) a tile at a time; name what does not fit."""
        grown = Tree(lambda *_: None, 0)
        edges: dict[int, tuple[int, bytes]] = {}
        while self.size < self._claimed:
            first = self.size
            leaves = self._lowest(first // TILE_WIDTH, min(TILE_WIDTH, self._claimed - first))
            if leaves is None:
                break
            for (level, place), data in grown.append(leaves).items():
                edges[level] = (place, data)
                if len(data) == _FULL_BYTES:
                    self._compare_tile(level, place, data)
            self.size, self.root = grown.size, grown.root()
            yield first, leaves
        if self.size == self._claimed:
            for level, (place, data) in edges.items():
                self._compare_tile(level, place, data)
            self._check_end()

    def walked(self) -> "StoredLog":
        """Walk the whole log and return it."""
        for _ in self.walk():
            pass
        return self

    def _lowest(self, place: int, width: int) -> list[bytes] | None:
        data = self._records.get("tile", tile_key(self.origin, 0, place)) or b""
        if len(data) < width * HASH_BYTES or len(data) % HASH_BYTES:
            first = place * TILE_WIDTH
            self._problems.add(
                f"{self.origin}: the tile of leaves {first} to {first + width - 1} is missing or "
                f"short; only {first} of {self._claimed} leaves can be checked"
            )
            return None
        return [data[at * HASH_BYTES : (at + 1) * HASH_BYTES] for at in range(width)]

    def _compare_tile(self, level: int, place: int, data: bytes) -> None:
        stored = self._records.get("tile", tile_key(self.origin, level, place)) or b""
        if level == 0 and stored.startswith(data) and stored != data:
            self._problems.add(
                f"{self.origin}: leaves are stored behind its end; it was longer than it says"
            )
        elif stored != data:
            self._problems.add(
                f"{self.origin}: tile {place} of level {level} is not what the leaves below it "
                "hash to; a stored hash was changed"
            )

    def _check_end(self) -> None:
        beyond = tile_key(self.origin, 0, -(-self.size // TILE_WIDTH))
        if self._records.range("tile", beyond, tile_key(self.origin, 1, 0), 1):
            self._problems.add(
                f"{self.origin}: leaves are stored behind its end; it was longer than it says"
            )

    def _opened(self) -> Tree:
        if self._tree is None:
            self._tree = Tree(self._read_tile, self.size)
        return self._tree

    def _read_tile(self, level: int, place: int) -> bytes | None:
        return self._records.get("tile", tile_key(self.origin, level, place))

    def root_at(self, size: int) -> bytes | None:
        """Return the root over the first `size` leaves, None where it cannot be computed."""
        if size > self.size:
            return None
        if size == self.size:
            return self.root
        try:
            return self._opened().root(size)
        except EvidenceError:
            return None

    def leaf(self, index: int) -> bytes | None:
        """Return a leaf hash, None where its tile has gone."""
        try:
            return self._opened().leaf(index)
        except EvidenceError:
            return None

    def check_head(self, head: Head | None, whose: str) -> None:
        """Name a head that this log never had."""
        if head is None:
            return
        if head.size > self.size:
            self._problems.add(
                f"{self.origin}: {whose} is of {head.size} leaves, {self.size} are here; "
                f"{head.size - self.size} were removed"
            )
        elif self.root_at(head.size) != head.root:
            self._problems.add(
                f"{self.origin}: {whose} of {head.size} leaves has another root than the leaves "
                "here; they were changed"
            )


class HeadReader:
    """Verifies the heads of one log; what does not verify is named and comes back as None."""

    def __init__(self, origin: str, verifiers: Verifiers, problems: Sentences) -> None:
        """Verify by the keys that `verifiers` gives for a size."""
        self._origin = origin
        self._verifiers = verifiers
        self._problems = problems

    def _say(self, what: str) -> None:
        self._problems.add(f"{self._origin}: {what}")

    def _split(self, note: str, whose: str) -> tuple[Checkpoint, list[SignatureLine]] | None:
        """Return a note's checkpoint, if it is of this log and its key's signature comes first."""
        try:
            checkpoint, lines = checkpoints.split(note)
        except NoteError:
            self._say(f"{whose} is malformed")
            return None
        if checkpoint.origin != self._origin:
            self._say(f"{whose} is of another log")
            return None
        for verifier in self._verifiers(checkpoint.size):
            try:
                checkpoints.verify_log_line(checkpoint, lines[0], verifier)
            except NoteError:
                continue
            return checkpoint, lines
        self._say(f"{whose} is not signed by a key that the keyrings list for this log")
        return None

    def signed(self, note: str, whose: str) -> Head | None:
        """Return the head of a checkpoint with the log's one signature."""
        found = self._split(note, whose)
        if found is None:
            return None
        if len(found[1]) != 1:
            self._say(f"{whose} does not have exactly one signature")
            return None
        return Head(found[0].size, found[0].root)

    def acknowledged(
        self, note: str, whose: str, cosigners: Callable[[int], Sequence[Verifier]]
    ) -> Head | None:
        """Return the head that the receiver countersigned; `cosigners` gives keys by the second."""
        found = self._split(note, whose)
        if found is None:
            return None
        checkpoint, lines = found
        if len(lines) == 2:  # noqa: PLR2004 - the log's line and the receiver's
            seconds = int.from_bytes(lines[1].signature[:8])
            for verifier in cosigners(seconds):
                try:
                    cosignature.verify_line(checkpoint.text, lines[1], verifier)
                except NoteError:
                    continue
                return Head(checkpoint.size, checkpoint.root, seconds)
        self._say(f"{whose} is not countersigned by its receiver alone, with a key good then")
        return None

    def witnessed(self, note: str, witnesses: Sequence[Verifier]) -> Head | None:
        """Return the head that at least one of `witnesses` countersigned, with the latest time."""
        found = self._split(note, "the witnessed head")
        if found is None:
            return None
        checkpoint, lines = found
        times: list[int] = []
        for line in lines[1:]:
            for verifier in witnesses:
                if line.name == verifier.name:
                    try:
                        times.append(cosignature.verify_line(checkpoint.text, line, verifier))
                    except NoteError:
                        self._say(
                            f"a countersignature in the name of {line.name} is not by its key"
                        )
        if not times:
            self._say("the witnessed head is countersigned by no witness whose key was given")
            return None
        return Head(checkpoint.size, checkpoint.root, max(times))
