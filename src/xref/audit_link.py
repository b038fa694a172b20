"""One office's ends of its links, from its own state: leaves, heads, countersignatures."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

from xref.audit_log import HeadReader, Records, StoredLog, Verifiers, number, read_record, text
from xref.audit_report import Accounts, Head, LinkReport, Sentences
from xref.bundle import Bundle
from xref.errors import ConfigError, MalformedError
from xref.issue_keys import links_of
from xref.keychain import KeyDirectory
from xref.overlay import open_overlay
from xref.tlog import checkpoint as checkpoints
from xref.tlog.note import COSIGNATURE, ED25519, NoteError, Verifier, split
from xref.wire.key import KeyUse
from xref.wire.keyring import Keyring, parse_keyring
from xref.wire.office import Link, parse_link, party_name, party_of, trail_name

_OWN: Final = "its own checkpoint"
_SENDERS: Final = "its sender's checkpoint"
_COUNTERSIGNED: Final = "the head that its receiver countersigned"


@dataclass(frozen=True, slots=True)
class Evidence:
    """What an audit has to go by: one office's records and the keys and bundles that were given."""

    records: Records
    office: str
    shards: tuple[int, ...]
    bundles: Mapping[bytes, Bundle]
    directory: KeyDirectory
    witnesses: tuple[Verifier, ...]
    heads: Mapping[str, tuple[str, ...]]
    problems: Sentences
    overlays: Mapping[str, frozenset[str]]
    """The ids of the rules of each overlay that the office's Party signed, by its digest."""

    def trail_verifiers(self, _: int) -> list[Verifier]:
        """Return the keys that may have signed the office's trail."""
        lines = self.directory.all_of(self.office, KeyUse.LOG)
        return [Verifier(self.trail, line.key.public) for line in lines]

    @property
    def trail(self) -> str:
        """The origin of a hop's trail: a hop's state is of one shard."""
        return trail_name(self.office, self.shards[0])

    def witnessed(self, log: StoredLog, verifiers: Verifiers) -> Head | None:
        """Check every witnessed head of a log and return the largest good one."""
        if not self.witnesses:
            return None
        reader = HeadReader(log.origin, verifiers, self.problems)
        kept = self.records.get("witnessed", log.origin.encode())
        notes = [] if kept is None else [kept.decode("utf-8", "replace")]
        best: Head | None = None
        for note in (*notes, *self.heads.get(log.origin, ())):
            head = reader.witnessed(note, self.witnesses)
            log.check_head(head, "the witnessed head")
            if head is not None and (best is None or head.size > best.size):
                best = head
        return best


def read_keyrings(
    records: Records, party_keys: Mapping[str, bytes], problems: Sentences
) -> dict[str, Keyring]:
    """Return the stored keyrings that their Parties signed; name the others."""
    keyrings: dict[str, Keyring] = {}
    for key, value in records.pages("keyring"):
        party = key.decode("ascii", "replace")
        try:
            keyrings[party] = keyring_of(value.decode(), party, party_keys)
        except (MalformedError, NoteError, UnicodeDecodeError):
            problems.add(
                f"the keyring of {party} is not signed by its Party's pinned key; "
                "nothing that its keys signed counts"
            )
    return keyrings


def keyring_of(note: str, party: str, party_keys: Mapping[str, bytes]) -> Keyring:
    """Return the keyring that its Party alone signed; `MalformedError` or `NoteError`."""
    signed, lines = split(note)
    verifier = Verifier(party_name(party), party_keys.get(party, b""), ED25519)
    if len(lines) != 1 or not lines[0].is_by(verifier):
        raise MalformedError("keyring: not signed by its Party alone")
    verifier.verify(signed, lines[0].signature)
    keyring = parse_keyring(signed)
    if keyring.party != party:
        raise MalformedError("keyring: of another Party")
    return keyring


def read_overlays(
    records: Records, office: str, party_keys: Mapping[str, bytes], problems: Sentences
) -> dict[str, frozenset[str]]:
    """Return the rule ids of each stored overlay that the own Party signed, by digest."""
    found: dict[str, frozenset[str]] = {}
    party = party_of(office)
    for _, value in records.pages("overlay"):
        try:
            overlay = open_overlay(value.decode(), party, party_keys.get(party, b""))
        except (ConfigError, UnicodeDecodeError):
            problems.add(f"an overlay of {party} is not signed by its pinned key; it has no force")
            continue
        found[overlay.digest] = overlay.rule_ids
    return found


def witness_verifiers(keys: Mapping[str, bytes]) -> tuple[Verifier, ...]:
    """Return the verifiers of the witnesses whose keys were given, by name."""
    return tuple(Verifier(name, public, COSIGNATURE) for name, public in sorted(keys.items()))


def heads_by_origin(notes: Iterable[str], problems: Sentences) -> dict[str, tuple[str, ...]]:
    """Sort heads that were brought from elsewhere by their log's name."""
    found: dict[str, tuple[str, ...]] = {}
    for note in notes:
        try:
            origin = checkpoints.split(note)[0].origin
        except NoteError:
            problems.add("a head that was given beside the state is malformed")
            continue
        found[origin] = (*found.get(origin, ()), note)
    return found


def audit_links(evidence: Evidence, *, with_accounts: bool) -> list[LinkReport]:
    """Check every outgoing log and every mirror, one at a time."""
    reports: list[LinkReport] = []
    for space in ("out", "in"):
        for key, value in evidence.records.pages(space):
            link = _link(evidence, key, outgoing=space == "out")
            if link is not None:
                end = _audit_end(
                    evidence,
                    link,
                    read_record(value),
                    outgoing=space == "out",
                    with_accounts=with_accounts,
                )
                reports.append(end)
    return reports


def _link(evidence: Evidence, key: bytes, *, outgoing: bool) -> Link | None:
    """Return the link that a record's key names, if the office can have it."""
    try:
        link = parse_link(key.decode("ascii", "replace"))
    except MalformedError:
        evidence.problems.add("a record of a link has a key that names none")
        return None
    own = link if outgoing else link.back
    directories = [bundle.directory for bundle in evidence.bundles.values()]
    known = any(own in links_of(own.sender, each) for each in directories if each.find(own.sender))
    if own.sender != evidence.office or own.shard not in evidence.shards or not known:
        shards = " and ".join(map(str, evidence.shards))
        evidence.problems.add(
            f"{link.name}: the bundles give {evidence.office} no such link on shard {shards}"
        )
    return link


def _audit_end(
    evidence: Evidence, link: Link, record: dict[str, Any], *, outgoing: bool, with_accounts: bool
) -> LinkReport:
    claimed = number(record, "size")
    log = StoredLog(evidence.records, link.name, claimed, evidence.problems).walked()
    verifiers = partial(evidence.directory.log_verifiers, link)
    reader = HeadReader(link.name, verifiers, evidence.problems)
    whose, note = _OWN if outgoing else _SENDERS, text(record, "checkpoint")
    signed = reader.signed(note, whose) if note else None
    log.check_head(signed, whose)
    acknowledged = None
    if outgoing:
        acknowledged = _acknowledged(evidence, link, record, reader)
        log.check_head(acknowledged, _COUNTERSIGNED)
    elif claimed != (signed.size if signed else 0):
        evidence.problems.add(
            f"{link.name}: the mirror has {claimed} leaves, its sender signed "
            f"{signed.size if signed else 0}"
        )
    return LinkReport(
        link=link,
        outgoing=outgoing,
        size=log.size,
        root=log.root,
        signed=signed,
        acknowledged=acknowledged,
        witnessed=evidence.witnessed(log, verifiers),
        stopped=not outgoing and bool(text(record, "stopped")),
        log=log,
        accounts=Accounts(log.size) if with_accounts else None,
    )


def _acknowledged(
    evidence: Evidence, link: Link, record: dict[str, Any], reader: HeadReader
) -> Head | None:
    """Return the head that the receiver countersigned, of the size that the record claims."""
    cosigners = partial(evidence.directory.cosigner, link.receiver)
    note, claimed = text(record, "cosigned"), number(record, "acknowledged")
    head = reader.acknowledged(note, _COUNTERSIGNED, cosigners) if note else None
    if claimed != (head.size if head else 0):
        evidence.problems.add(
            f"{link.name}: {claimed} leaves are said to be acknowledged, the receiver "
            f"countersigned {head.size if head else 0}"
        )
    return head
