"""One leg: a log that its sender appends to and its receiver mirrors. See docs/spec/link.md.

`Outgoing` is the sender's end: append, checkpoint, outbox until acknowledged, take over.
`Incoming` is the receiver's: compare, mirror, remember what to acknowledge. A comparison of roots
proves authenticity, order, no gap, no replay and no silent drop at once.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final, NoReturn

from xref.backlog import Backlog, Queued
from xref.errors import EvidenceError
from xref.limits import RESEND_AFTER_MS, RESEND_AFTER_MS_MAX
from xref.state import State
from xref.tlog import checkpoint as checkpoints
from xref.tlog.checkpoint import Checkpoint
from xref.tlog.note import NoteError, Signer, Verifier
from xref.tlog.tree import Tree
from xref.wire.envelope import Slot
from xref.wire.header import Header
from xref.wire.office import Link
from xref.wire.payload import SlotsPayload
from xref.wire.release import release_leaf

_TAKEOVERS_KEPT: Final = 64


def open_tree(state: State, origin: str, size: int) -> Tree:
    """Open the stored tree of a log; its tiles are in space `tile`, by origin, level and index."""
    return Tree(lambda level, index: state.get("tile", tile_key(origin, level, index)), size)


def tile_key(origin: str, level: int, index: int) -> bytes:
    """Return the key of a tile in space `tile`."""
    return origin.encode() + b"\0" + bytes([level]) + index.to_bytes(8)


def store_tiles(state: State, origin: str, changed: dict[tuple[int, int], bytes]) -> None:
    """Put the tiles that an append changed."""
    for (level, index), tile in changed.items():
        state.put("tile", tile_key(origin, level, index), tile)


@dataclass(frozen=True, slots=True)
class Chunk:
    """Consecutive slots that fit one parcel, with the checkpoint that ends them."""

    first_index: int
    slots: tuple[Slot, ...]
    checkpoint: str


class Outgoing:
    """The sender's end of a link: its record in space `out`, what waits in its `Backlog`."""

    def __init__(self, state: State, link: Link) -> None:
        """Load the link's record, or begin a new log."""
        self.link = link
        self._state = state
        self._key = link.name.encode()
        record: dict[str, Any] = state.get_json("out", self._key) or {}
        self.generation: int = record.get("generation", 0)
        self.sequence: int = record.get("sequence", 0)
        self.size: int = record.get("size", 0)
        self.acknowledged: int = record.get("acknowledged", 0)
        self.checkpoint: str = record.get("checkpoint", "")
        self.cosigned: str = record.get("cosigned", "")
        self.tree = open_tree(state, link.name, self.size)
        self.backlog = Backlog(state, link.name)
        self.sent = self.acknowledged
        self.sent_at_ms = 0
        self.resend_after_ms = RESEND_AFTER_MS
        self.takeover: str = record.get("takeover", "")
        self.takeover_unsent = bool(self.takeover)

    def _save(self) -> None:
        record = {
            "generation": self.generation,
            "sequence": self.sequence,
            "size": self.size,
            "acknowledged": self.acknowledged,
            "checkpoint": self.checkpoint,
            "cosigned": self.cosigned,
            "takeover": self.takeover,
        }
        self._state.put_json("out", self._key, record)

    def append(self, queued: Sequence[Queued]) -> int:
        """Append slots to the log and the outbox; return the index of the first."""
        first = self.size
        leaves = [release_leaf(item.slot.release) for item in queued]
        store_tiles(self._state, self.link.name, self.tree.append(leaves))
        self.backlog.append(first, queued)
        self.size = self.tree.size
        self._save()
        return first

    def next_sequence(self) -> int:
        """Count one more parcel of any kind; never reset."""
        self.sequence += 1
        self._save()
        return self.sequence

    def begin(self, signer: Signer) -> None:
        """Begin a generation at start; all but the first announce themselves by a takeover."""
        self.generation += 1
        if self.generation > 1:
            self.takeover = self._sign(self.size, signer)
            self.takeover_unsent = True
        self._save()

    def _sign(self, size: int, signer: Signer) -> str:
        head = Checkpoint(self.link.name, size, self.tree.root(size))
        note = checkpoints.sign(head, signer)
        if size == self.size:
            self.checkpoint = note
            self._save()
        return note

    def take_unsent(self, signer: Signer, now_ms: int) -> list[Chunk]:
        """Return what was not sent in this generation; content past its time as stubs."""
        chunks: list[Chunk] = []
        while self.sent < self.size:
            slots = self.backlog.parcel(self.sent, self.size, now_ms)
            end = self.sent + len(slots)
            chunks.append(Chunk(self.sent, slots, self._sign(end, signer)))
            self.sent, self.sent_at_ms = end, now_ms
        return chunks

    def empty(self, matches: Callable[[Header], bool]) -> list[tuple[int, Header]]:
        """Empty the unacknowledged slots whose headers match; return their indexes and headers.

        Their leaves stay, so that the log stays whole.
        """
        return self.backlog.empty(self.acknowledged, self.size, matches)

    def resend(self) -> None:
        """Send again all that is not acknowledged, behind the takeover, which may be what was lost.

        Each time later than the last, so that a peer's long absence does not fill the transport.
        """
        self.resend_after_ms = min(2 * self.resend_after_ms, RESEND_AFTER_MS_MAX)
        self.sent = self.acknowledged
        self.takeover_unsent = bool(self.takeover)

    def acknowledge(self, head: Checkpoint, cosigned: str) -> dict[int, bool]:
        """Accept a verified cosigned head; return what it newly acknowledges.

        That is, by index, whether the slot went out as a stub.

        Raises `EvidenceError` when the receiver countersigned what this log never was.
        """
        if head.size > self.size or self.tree.root(head.size) != head.root:
            message = f"{self.link.name}: a countersigned head of size {head.size} is not ours"
            raise EvidenceError(message)
        if head.size < self.acknowledged or (head.size == self.acknowledged and self.cosigned):
            return {}
        done = self.backlog.acknowledge(self.acknowledged, head.size)
        self.resend_after_ms = RESEND_AFTER_MS
        self.acknowledged, self.cosigned = head.size, cosigned
        self.sent = max(self.sent, self.acknowledged)
        self._save()
        return done


@dataclass(frozen=True, slots=True)
class Takeover:
    """The head with which a generation of the sender began."""

    generation: int
    size: int
    root: bytes


@dataclass(frozen=True, slots=True)
class Mirrored:
    """New slots of a link, in order, from `first_index`; empty when all were known."""

    first_index: int
    slots: tuple[Slot, ...]


class Waiting:
    """A parcel that cannot be used yet: a gap before it, or a generation without its takeover."""

    __slots__ = ("reason",)

    def __init__(self, reason: str) -> None:
        """Keep the reason for the alarm."""
        self.reason = reason


class Incoming:
    """The receiver's end of a link: the mirror. Its record is in space `in`."""

    def __init__(self, state: State, link: Link) -> None:
        """Load the link's record, or begin a new mirror."""
        self.link = link
        self._state = state
        self._key = link.name.encode()
        record: dict[str, Any] = state.get_json("in", self._key) or {}
        self.generation: int = record.get("generation", 1)
        self.size: int = record.get("size", 0)
        self.checkpoint: str = record.get("checkpoint", "")
        self.stopped: str = record.get("stopped", "")
        self.takeovers = [
            Takeover(generation, size, bytes.fromhex(root))
            for generation, size, root in record.get("takeovers", [])
        ]
        self.tree = open_tree(state, link.name, self.size)
        self.owes_acknowledgement = False

    def _save(self) -> None:
        record = {
            "generation": self.generation,
            "size": self.size,
            "checkpoint": self.checkpoint,
            "stopped": self.stopped,
            "takeovers": [[t.generation, t.size, t.root.hex()] for t in self.takeovers],
        }
        self._state.put_json("in", self._key, record)

    def stop(self, reason: str) -> None:
        """Use the link no more until a person has looked; `reason` holds no content."""
        self.stopped = reason
        self._save()

    def receive(
        self,
        generation: int,
        payload: SlotsPayload,
        verifiers: Callable[[int], Sequence[Verifier]],
    ) -> Mirrored | Waiting:
        """Compare and mirror the slots of a parcel whose signature was verified.

        `verifiers(size)` gives the link's log keys good for that size. Raises `EvidenceError` for
        a conflicting leaf, a wrong root or checkpoint, or an older generation beyond its takeover.
        """
        head = self._open(payload.checkpoint, verifiers)
        if head.size != payload.end:
            self._evidence("a checkpoint that does not end its parcel")
        if generation > self.generation:
            return Waiting("a generation without its takeover")
        bound = next((t.size for t in self.takeovers if t.generation > generation), None)
        if generation < self.generation and bound is not None and head.size > bound:
            self._evidence("an older generation goes on beyond its takeover")
        if payload.first_index > self.size:
            return Waiting("a gap")
        return self._mirror(head, payload)

    def _mirror(self, head: Checkpoint, payload: SlotsPayload) -> Mirrored:
        leaves = [release_leaf(slot.release) for slot in payload.slots]
        known = min(self.size, payload.end) - payload.first_index
        if self.tree.leaves(payload.first_index, payload.first_index + known) != leaves[:known]:
            self._evidence("a leaf conflicts with the mirror")
        grown = self.tree.copy()
        changed = grown.append(leaves[known:])
        if grown.root(head.size) != head.root:
            self._evidence("a root conflicts with the mirror")
        self._check_takeovers(grown)
        first = self.size
        if grown.size > self.size:
            store_tiles(self._state, self.link.name, changed)
            self.tree, self.size, self.checkpoint = grown, grown.size, payload.checkpoint
            self._save()
        self.owes_acknowledgement = True
        return Mirrored(first, payload.slots[known:])

    def take_over(
        self,
        generation: int,
        checkpoint: str,
        verifiers: Callable[[int], Sequence[Verifier]],
    ) -> None:
        """Accept a takeover; an old one seen again is ignored. Raises `EvidenceError`."""
        head = self._open(checkpoint, verifiers)
        if generation <= self.generation:
            known = [t for t in self.takeovers if t.generation == generation]
            if known and (known[0].size, known[0].root) != (head.size, head.root):
                self._evidence("two takeovers of one generation")
            return
        least = max([self.size, *(t.size for t in self.takeovers)])
        if head.size < least:
            self._evidence("a takeover smaller than the mirror")
        self.generation = generation
        self.takeovers = [*self.takeovers, Takeover(generation, head.size, head.root)]
        self.takeovers = self.takeovers[-_TAKEOVERS_KEPT:]
        self._check_takeovers(self.tree)
        self._save()

    def _check_takeovers(self, tree: Tree) -> None:
        for takeover in self.takeovers:
            reached = self.size <= takeover.size <= tree.size
            if reached and tree.root(takeover.size) != takeover.root:
                self._evidence("a takeover's root conflicts with the mirror")

    def _open(self, note: str, verifiers: Callable[[int], Sequence[Verifier]]) -> Checkpoint:
        try:
            claimed, lines = checkpoints.split(note)
        except NoteError:
            self._evidence("a checkpoint that is malformed")
        for verifier in verifiers(claimed.size):
            try:
                checkpoints.verify_alone(claimed, lines, verifier)
            except NoteError:
                continue
            return claimed
        return self._evidence("a checkpoint that its log's key did not sign")

    def _evidence(self, what: str) -> NoReturn:
        message = f"{self.link.name}: {what}"
        raise EvidenceError(message)
