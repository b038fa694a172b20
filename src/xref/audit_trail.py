"""A hop's trail against its openings, its signed head, and every leaf of every link.

Each leaf that the hop sent or received has exactly one entry. That is what makes a delivery off the
record impossible to hide: on a link it shows to the receiver, off the link it does not verify.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Final

from xref.answers import MISMATCH
from xref.audit_entry import check_words, flags_in, read_entry, read_opening
from xref.audit_link import Evidence
from xref.audit_log import HeadReader, StoredLog, number, read_record, text
from xref.audit_report import Head, LinkReport, TrailReport
from xref.errors import MalformedError
from xref.policy import GROUND_FACT, is_other_ground
from xref.tlog.note import Verifier
from xref.trail import Entry, entry_leaf, read_openings
from xref.wire.key import KeyUse
from xref.wire.release import release_leaf

_RECEIVED: Final = frozenset({"released", "refused", "rejected", "stubbed", "read"})
_CHANGES: Final = frozenset({"bundle", "overlay"})
_SENT: Final = frozenset({"released", "answered"})
_NO_MESSAGE: Final = "00" * 16
_INDEX_BYTES: Final = 8


class TrailAudit:
    """One pass over a trail; `links` are the hop's ends, whose accounts it fills."""

    def __init__(self, evidence: Evidence, links: list[LinkReport]) -> None:
        """Prepare to account for the leaves of `links`."""
        self.evidence = evidence
        self.origin = evidence.trail
        self.sent = {each.link.name: each for each in links if each.outgoing}
        self.received = {each.link.name: each for each in links if not each.outgoing}
        self.logs: dict[str, StoredLog] = {
            name: each.log for name, each in self.sent.items() if isinstance(each.log, StoredLog)
        }
        self.kinds: Counter[str] = Counter()
        self.keyrings: dict[str, int] = {}
        self.stopped: set[str] = set()
        self.changes: list[Entry] = []
        self.overlaid: frozenset[str] = frozenset()
        self.mismatches: Counter[str] = Counter()
        self.mismatch_codes = {
            flow.code
            for bundle in evidence.bundles.values()
            for flow in bundle.policy.flows.values()
            if flow.name == MISMATCH
        }
        self.grounds: Counter[tuple[str, str]] = Counter()
        self.grounds_due: Counter[tuple[str, str]] = Counter()
        self.flags: Counter[str] = Counter()
        self.times: tuple[int, ...] = ()
        self.last_entry_ms: int | None = None
        self.erased = 0
        self.openings = self._stored_openings()
        self.next_opening = next(self.openings, None)

    def _say(self, what: str) -> None:
        self.evidence.problems.add(f"{self.origin}: {what}")

    def run(self) -> TrailReport:
        """Check openings, head and accounts, and return what the trail proves."""
        record = read_record(self.evidence.records.get("trail", b"head"))
        claimed = number(record, "size")
        log = StoredLog(self.evidence.records, self.origin, claimed, self.evidence.problems)
        for first, leaves in log.walk():
            self._openings(first, leaves)
        self._check_openings_end()
        signed = self._signed(log, text(record, "checkpoint"))
        self._check_leaves()
        self._check_grounds()
        self._check_events()
        return TrailReport(
            origin=self.origin,
            size=log.size,
            root=log.root,
            signed=signed,
            witnessed=self.evidence.witnessed(log, self.evidence.trail_verifiers),
            erased=self.erased,
            kinds=dict(sorted(self.kinds.items())),
            grounds=dict(sorted(Counter(ground for _, ground in self.grounds).items())),
            changes=tuple(self.changes),
            flags=dict(sorted(self.flags.items())),
            mismatches=dict(sorted(self.mismatches.items())),
            first_ms=min(self.times, default=None),
            last_ms=max(self.times, default=None),
        )

    # -- openings --------------------------------------------------------------------------------

    def _stored_openings(self) -> Iterator[tuple[int, bytes]]:
        """Yield the stored openings that are not erased, with their indexes, as they are stored."""
        for key, row in self.evidence.records.pages("opening"):
            if len(key) != _INDEX_BYTES:
                self._say("an opening is stored under a key that is no index")
                continue
            try:
                openings = read_openings(row)
            except MalformedError:
                self._say(f"the openings from {int.from_bytes(key)} on are malformed")
                continue
            yield from (
                (int.from_bytes(key) + place, each) for place, each in enumerate(openings) if each
            )

    def _openings(self, first: int, leaves: list[bytes]) -> None:
        for index, leaf in enumerate(leaves, first):
            while self.next_opening and self.next_opening[0] < index:
                self._say("an opening is stored under a key that is no index")
                self.next_opening = next(self.openings, None)
            self.last_entry_ms = None
            if self.next_opening is None or self.next_opening[0] > index:
                self.erased += 1
                continue
            opening = self.next_opening[1]
            self.next_opening = next(self.openings, None)
            self._opening(index, opening, leaf)

    def _opening(self, index: int, opening: bytes, leaf: bytes) -> None:
        try:
            nonce, encoded = read_opening(opening)
            if entry_leaf(nonce, encoded) != leaf:
                self._say(f"entry {index} is not what was recorded; its opening was changed")
                return
            entry = read_entry(encoded)
        except MalformedError as error:
            self._say(f"entry {index}: {error}")
            return
        try:
            check_words(entry, self.evidence.bundles, self.overlaid)
        except MalformedError as error:
            self._say(f"entry {index}: {error}")
        self._account(index, entry)

    def _check_openings_end(self) -> None:
        if self.next_opening is not None:
            self._say("openings are stored behind the trail's end; entries were removed")

    def _signed(self, log: StoredLog, note: str) -> Head | None:
        reader = HeadReader(self.origin, self._verifiers, self.evidence.problems)
        head = reader.signed(note, "its own checkpoint") if note else None
        log.check_head(head, "its own checkpoint")
        if head is None or head.size < log.size:
            self._say(f"its {log.size} entries are not under a signed checkpoint")
        return head

    def _verifiers(self, _: int) -> list[Verifier]:
        """Return the log keys that were good when the last entry was made, if that can be read."""
        at_ms = self.last_entry_ms
        lines = self.evidence.directory.all_of(self.evidence.office, KeyUse.LOG)
        return [
            Verifier(self.origin, line.key.public)
            for line in lines
            if at_ms is None or line.from_ms <= at_ms < line.until_ms
        ]

    # -- accounts --------------------------------------------------------------------------------

    def _account(self, index: int, entry: Entry) -> None:
        kind = entry["kind"]
        self.kinds[kind] += 1
        self.last_entry_ms = entry["at_ms"]
        times = (*self.times, entry["at_ms"])
        self.times = (min(times), max(times))
        if kind in _RECEIVED:
            self._account_leaf(index, entry, self.received, "link", "index")
        if kind in _SENT and self._account_leaf(index, entry, self.sent, "out_link", "out_index"):
            self._check_release(index, entry)
        if kind == "released":
            self._note_release(entry)
        if kind == "ground":
            self.grounds[entry["message"], entry["ground"]] += 1
        if kind == "keyring":
            self.keyrings[entry["party"]] = max(
                entry["version"], self.keyrings.get(entry["party"], 0)
            )
        if kind in _CHANGES:
            self.changes.append(entry)
        if kind == "overlay":
            self._check_overlay(index, entry)
        if kind == "stopped":
            self.stopped.add(entry["link"])
        if kind == "acknowledged":
            self._check_acknowledged(index, entry)

    def _account_leaf(
        self, index: int, entry: Entry, ends: Mapping[str, LinkReport], link: str, place: str
    ) -> bool:
        """Enter an entry as the account of its leaf; return whether that leaf is here."""
        end, leaf = ends.get(entry[link]), entry[place]
        if end is None or end.accounts is None or leaf >= end.size:
            self._say(
                f"entry {index} ({entry['kind']}) names leaf {leaf} of {entry[link]}, which is "
                "not on that link here"
            )
            return False
        message = bytes.fromhex(entry.get("message", _NO_MESSAGE))
        if not end.accounts.note(leaf, entry["kind"], message, entry["at_ms"]):
            self._say(f"entry {index} is a second account of leaf {leaf} of {entry[link]}")
        return True

    def _check_release(self, index: int, entry: Entry) -> None:
        log = self.logs[entry["out_link"]]
        if log.leaf(entry["out_index"]) != release_leaf(bytes.fromhex(entry["release"])):
            self._say(
                f"entry {index} names another release than leaf {entry['out_index']} of "
                f"{entry['out_link']}"
            )

    def _check_acknowledged(self, index: int, entry: Entry) -> None:
        end = self.sent.get(entry["link"])
        size = end.acknowledged.size if end and end.acknowledged else 0
        if entry["size"] > size:
            self._say(
                f"entry {index} says that {entry['size']} leaves of {entry['link']} were "
                f"acknowledged, the countersigned head here is of {size}"
            )

    def _check_overlay(self, index: int, entry: Entry) -> None:
        rules = self.evidence.overlays.get(entry["overlay"])
        if rules is None:
            self._say(f"entry {index} names an overlay that is not stored here, or not signed")
        self.overlaid = rules or frozenset()

    def _check_leaves(self) -> None:
        """Name leaves without an entry, unless erased openings may have been their accounts."""
        for ends, what in ((self.sent, "sent"), (self.received, "received")):
            missing = sum(end.unaccounted for end in ends.values())
            if missing <= self.erased:
                continue
            for name, end in ends.items():
                if end.accounts and end.unaccounted:
                    self.evidence.problems.add(
                        f"{name}: {end.unaccounted} of {end.size} leaves {what} have no entry on "
                        f"the trail, leaf {end.accounts.first_missing} first: off the record"
                    )

    def _note_release(self, entry: Entry) -> None:
        """Count what oversight looks at: other grounds than the sharing consent, flags, terms."""
        if is_other_ground(entry["facts"]):
            self.grounds_due[entry["message"], entry["facts"][GROUND_FACT]] += 1
        self.flags.update(flags_in(entry, self.evidence.bundles))
        if entry["flow"] in self.mismatch_codes:
            self.mismatches[f"{entry['from']} {entry['to']}"] += 1

    def _check_grounds(self) -> None:
        """Compare releases on another ground than the sharing consent with what is said of them."""
        unsaid, unheard = self.grounds_due - self.grounds, self.grounds - self.grounds_due
        for found, what in (
            (unsaid, "released on another ground than the sharing consent without an entry for it"),
            (unheard, "said to go on another ground without such a release"),
        ):
            if found.total() > self.erased:
                self._say(f"{found.total()} messages were {what}")

    def _check_events(self) -> None:
        """Compare stopped links and keyrings with what the trail says of them."""
        if self.erased == 0:
            for name, end in self.received.items():
                if end.stopped and name not in self.stopped:
                    self._say(f"no entry says that {name} was stopped")
        for party, keyring in self.evidence.directory.keyrings.items():
            version = self.keyrings.get(party, 0)
            if version > keyring.version:
                self._say(
                    f"version {version} of the keyring of {party} was accepted, version "
                    f"{keyring.version} is stored; it was put back"
                )
            if version < keyring.version and self.erased == 0:
                self._say(f"no entry says that the keyring of {party} came into use")
