"""What an audit says: values without any content, and sentences for a person. See `xref.audit`."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

from xref.limits import AUDIT_SENTENCES_MAX
from xref.wire.office import Link

ENTRY_KINDS: Final = ("released", "answered", "refused", "rejected", "stubbed", "read")
"""The kinds of entries that account for a leaf."""
_MESSAGE_BYTES: Final = 16


class Sentences:
    """Collects findings in order, each once; past the bound they are only counted."""

    __slots__ = ("_found", "_more")

    def __init__(self) -> None:
        """Begin with none."""
        self._found: dict[str, None] = {}
        self._more = 0

    def add(self, sentence: str) -> None:
        """Add a finding."""
        if sentence in self._found:
            return
        if len(self._found) < AUDIT_SENTENCES_MAX:
            self._found[sentence] = None
        else:
            self._more += 1

    def all(self) -> tuple[str, ...]:
        """Return the findings, the last of them saying how many more there are."""
        rest = (f"... and {self._more} more like these",) if self._more else ()
        return (*self._found, *rest)


@dataclass(frozen=True, slots=True)
class Head:
    """A log's head whose signatures were verified; `seconds` is a countersignature's Unix time."""

    size: int
    root: bytes
    seconds: int | None = None

    def as_json(self) -> dict[str, object]:
        """Return the head as JSON members."""
        return {"size": self.size, "root": self.root.hex(), "seconds": self.seconds}


class Accounts:
    """Which kind of entry accounts for each leaf of one link, and for which message.

    Seventeen bytes a leaf, so that the accounts of a long-lived link fit into memory.
    """

    __slots__ = ("_kinds", "_messages", "last_ms", "size")

    def __init__(self, size: int) -> None:
        """Begin with no account of any of `size` leaves."""
        self.size = size
        self.last_ms: int | None = None
        self._kinds = bytearray(size)
        self._messages = bytearray(_MESSAGE_BYTES * size)

    def note(self, index: int, kind: str, message: bytes, at_ms: int) -> bool:
        """Enter an account; return False if the leaf had one already."""
        if self._kinds[index]:
            return False
        self._kinds[index] = 1 + ENTRY_KINDS.index(kind)
        self._messages[_MESSAGE_BYTES * index : _MESSAGE_BYTES * (index + 1)] = message
        if index == self.size - 1:
            self.last_ms = at_ms
        return True

    def kind(self, index: int) -> str:
        """Return the kind of entry that accounts for a leaf, empty where there is none."""
        code = self._kinds[index]
        return ENTRY_KINDS[code - 1] if code else ""

    def message(self, index: int) -> bytes:
        """Return the message that a leaf's entry names; zeros where it names none."""
        return bytes(self._messages[_MESSAGE_BYTES * index : _MESSAGE_BYTES * (index + 1)])

    @property
    def missing(self) -> int:
        """How many leaves no readable entry accounts for."""
        return self._kinds.count(0)

    @property
    def first_missing(self) -> int:
        """The first leaf without an entry, -1 if there is none."""
        return self._kinds.find(0)

    def counts(self) -> dict[str, int]:
        """Return how many leaves each kind of entry accounts for."""
        counted = {kind: self._kinds.count(code) for code, kind in enumerate(ENTRY_KINDS, 1)}
        return {kind: count for kind, count in counted.items() if count}


class ReadableLog(Protocol):
    """What a comparison of two accounts needs of a stored log; its store must still be open."""

    def root_at(self, size: int) -> bytes | None:
        """Return the root over the first `size` leaves, None where it cannot be computed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkReport:
    """One office's end of one link: its own log (`outgoing`) or its mirror of the sender's.

    `size` and `root` are recomputed. `signed` is the sender's newest head, `acknowledged` the
    newest that the receiver countersigned, `witnessed` the newest that a witness did.
    """

    link: Link
    outgoing: bool
    size: int
    root: bytes
    signed: Head | None
    acknowledged: Head | None
    witnessed: Head | None
    stopped: bool
    log: ReadableLog = field(repr=False, compare=False)
    accounts: Accounts | None = field(repr=False, compare=False, default=None)

    @property
    def unaccounted(self) -> int:
        """How many leaves have no entry that can still be read; 0 at a desk, which has no trail."""
        return self.accounts.missing if self.accounts else 0

    def as_json(self) -> dict[str, object]:
        """Return the report as JSON members."""
        return {
            "link": self.link.name,
            "outgoing": self.outgoing,
            "size": self.size,
            "root": self.root.hex(),
            "signed": _json(self.signed),
            "acknowledged": _json(self.acknowledged),
            "witnessed": _json(self.witnessed),
            "stopped": self.stopped,
            "accounts": self.accounts.counts() if self.accounts else {},
            "unaccounted": self.unaccounted,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class TrailReport:
    """A hop's trail: `size` leaves recomputed, of which `erased` have no opening any more.

    `changes` are the entries of bundles that came into force or ended, and of overlays, in order.
    `kinds` counts the readable entries, `grounds` what was released on another ground than the
    sharing consent, by ground, `flags` what was released and flagged for oversight, by rule;
    `mismatches` the notices of one office to another that they mean other things by a term, by
    `FROM TO`; `first_ms` and `last_ms` are the earliest and latest times
    that they state (Unix ms), None where none can be read.
    """

    origin: str
    size: int
    root: bytes
    signed: Head | None
    witnessed: Head | None
    erased: int
    kinds: Mapping[str, int]
    grounds: Mapping[str, int]
    changes: tuple[Mapping[str, Any], ...]
    flags: Mapping[str, int]
    mismatches: Mapping[str, int]
    first_ms: int | None
    last_ms: int | None

    def as_json(self) -> dict[str, object]:
        """Return the report as JSON members."""
        return {
            "origin": self.origin,
            "size": self.size,
            "root": self.root.hex(),
            "signed": _json(self.signed),
            "witnessed": _json(self.witnessed),
            "erased": self.erased,
            "kinds": dict(self.kinds),
            "grounds": dict(self.grounds),
            "changes": [dict(each) for each in self.changes],
            "flags": dict(self.flags),
            "mismatches": dict(self.mismatches),
            "first_ms": self.first_ms,
            "last_ms": self.last_ms,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class OfficeReport:
    """What one office's own state proves; no `problems`, which are sentences: it holds together."""

    office: str
    shards: tuple[int, ...]
    """All of a desk's, the one of a hop's state."""
    keyrings: Mapping[str, int]
    links: tuple[LinkReport, ...]
    problems: tuple[str, ...]

    @property
    def verified(self) -> bool:
        """Whether everything that was checked holds together."""
        return not self.problems

    def link(self, link: Link) -> LinkReport | None:
        """Return this office's end of a link."""
        return next((each for each in self.links if each.link == link), None)

    def as_json(self) -> dict[str, object]:
        """Return the report as JSON members."""
        return {
            "office": self.office,
            "shards": list(self.shards),
            "verified": self.verified,
            "keyrings": dict(self.keyrings),
            "links": [each.as_json() for each in self.links],
            "problems": list(self.problems),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class DeskReport(OfficeReport):
    """What a desk's state proves: its links."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HopReport(OfficeReport):
    """What a hop's state proves: its links, its trail, and that the one accounts for the other."""

    trail: TrailReport

    def as_json(self) -> dict[str, object]:
        """Return the report as JSON members."""
        return {**OfficeReport.as_json(self), "trail": self.trail.as_json()}


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkComparison:
    """One link whose two ends were both audited.

    `sent` and `received` are the sizes at the two ends, `agreed` whether they hold the same leaves
    as far as both go. `outcomes` counts what the receiver's trail says became of them.
    """

    link: Link
    sent: int
    received: int
    agreed: bool
    outcomes: Mapping[str, int]

    def as_json(self) -> dict[str, object]:
        """Return the comparison as JSON members."""
        return {
            "link": self.link.name,
            "sent": self.sent,
            "received": self.received,
            "agreed": self.agreed,
            "outcomes": dict(self.outcomes),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Reconciliation:
    """Several offices' accounts beside each other.

    `differences` contradict each other or lack an account that is due. `unsettled` is what one copy
    reaches and the other does not, where the other may simply be older. `one_sided` names links of
    which one end was given only.
    """

    links: tuple[LinkComparison, ...]
    differences: tuple[str, ...]
    unsettled: tuple[str, ...]
    one_sided: tuple[str, ...]

    @property
    def verified(self) -> bool:
        """Whether no account contradicts another; `unsettled` may still ask for a later copy."""
        return not self.differences

    def as_json(self) -> dict[str, object]:
        """Return the reconciliation as JSON members."""
        return {
            "verified": self.verified,
            "links": [each.as_json() for each in self.links],
            "differences": list(self.differences),
            "unsettled": list(self.unsettled),
            "one_sided": list(self.one_sided),
        }


def _json(head: Head | None) -> dict[str, object] | None:
    return head.as_json() if head else None
