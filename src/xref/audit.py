"""Offline verification: what one office's own state proves, and whether several accounts agree.

The reverse of `xref.hop`. It needs a copy of the office's state, the bundles that every Party
signed, the Parties' pinned keys and the witnesses' public keys; no network and no private key. See
docs/explanation/what-can-be-proved.md.

Bad evidence never raises: it is named in the report, in a sentence that holds no content.
"""

from collections.abc import Iterable, Mapping

from xref.audit_compare import reconcile
from xref.audit_link import (
    Evidence,
    audit_links,
    heads_by_origin,
    read_keyrings,
    read_overlays,
    witness_verifiers,
)
from xref.audit_log import Records
from xref.audit_report import (
    DeskReport,
    Head,
    HopReport,
    LinkComparison,
    LinkReport,
    OfficeReport,
    Reconciliation,
    Sentences,
    TrailReport,
)
from xref.audit_trail import TrailAudit
from xref.bundle import Bundle, shards_of
from xref.errors import ConfigError, MalformedError
from xref.keychain import KeyDirectory
from xref.ports import Store
from xref.tlog.note import NoteError
from xref.wire.office import parse_link

__all__ = (
    "DeskReport",
    "Head",
    "HopReport",
    "LinkComparison",
    "LinkReport",
    "OfficeReport",
    "Reconciliation",
    "TrailReport",
    "audit_desk",
    "audit_hop",
    "reconcile",
)

_SPACES = ("trail", "out", "in", "keyring")


def audit_hop(
    store: Store,
    office: str,
    bundles: Mapping[bytes, Bundle],
    party_keys: Mapping[str, bytes],
    witness: Mapping[str, bytes] | None = None,
    heads: Iterable[str] = (),
    shard: int = 0,
) -> HopReport:
    """Check a hop's trail, links and mirrors, and that the trail accounts for every leaf.

    `party_keys` are raw Ed25519 public keys by Party, `witness` by the witness's name. `heads` are
    countersigned checkpoints brought from elsewhere, a witness or the other Party, because a copy
    could leave out its own. The store is only read.

    Raises:
        ConfigError: nothing of this office is in the store, or the keys or bundles do not fit.
        UnavailableError: the store cannot be read.

    """
    evidence = _gather(store, office, (shard,), bundles, party_keys, witness, heads)
    if not _is_hop(office, bundles):
        raise ConfigError(f"{office} is a desk; audit its links alone")
    links = audit_links(evidence, with_accounts=True)
    trail = TrailAudit(evidence, links).run()
    _check_strays(evidence, {trail.origin, *(each.link.name for each in links)})
    return HopReport(
        office=office,
        shards=evidence.shards,
        keyrings=_versions(evidence),
        links=tuple(sorted(links, key=lambda each: (each.link, each.outgoing))),
        problems=evidence.problems.all(),
        trail=trail,
    )


def audit_desk(
    store: Store,
    office: str,
    bundles: Mapping[bytes, Bundle],
    party_keys: Mapping[str, bytes],
    witness: Mapping[str, bytes] | None = None,
    heads: Iterable[str] = (),
) -> DeskReport:
    """Check a desk's links on all shards; its messages are its own and are not read.

    Arguments: `audit_hop`.
    """
    shards = tuple(range(shards_of(bundles.values())))
    evidence = _gather(store, office, shards, bundles, party_keys, witness, heads)
    if _is_hop(office, bundles):
        raise ConfigError(f"{office} is a hop; audit its trail too")
    links = audit_links(evidence, with_accounts=False)
    _check_strays(evidence, {each.link.name for each in links})
    return DeskReport(
        office=office,
        shards=evidence.shards,
        keyrings=_versions(evidence),
        links=tuple(sorted(links, key=lambda each: (each.link, each.outgoing))),
        problems=evidence.problems.all(),
    )


def _gather(
    store: Store,
    office: str,
    shards: tuple[int, ...],
    bundles: Mapping[bytes, Bundle],
    party_keys: Mapping[str, bytes],
    witness: Mapping[str, bytes] | None,
    heads: Iterable[str],
) -> Evidence:
    records, problems = Records(store), Sentences()
    if not any(bundle.directory.find(office) for bundle in bundles.values()):
        raise ConfigError(f"no bundle lists {office}; give the bundle that it works under")
    if not any(records.has_any(space) for space in _SPACES):
        raise ConfigError(f"nothing of {office} is stored here; give the state of a started office")
    try:
        witnesses = witness_verifiers(witness or {})
    except NoteError as error:
        raise ConfigError(f"a witness's name or key is malformed ({error}); correct it") from None
    return Evidence(
        records=records,
        office=office,
        shards=shards,
        bundles=bundles,
        directory=KeyDirectory(read_keyrings(records, party_keys, problems)),
        witnesses=witnesses,
        heads=heads_by_origin(heads, problems),
        problems=problems,
        overlays=read_overlays(records, office, party_keys, problems),
    )


def _is_hop(office: str, bundles: Mapping[bytes, Bundle]) -> bool:
    found = [bundle.directory.find(office) for bundle in bundles.values()]
    return any(each is not None and each.role == "hop" for each in found)


def _check_strays(evidence: Evidence, origins: set[str]) -> None:
    """Name countersigned heads of own logs that are not here: whole logs may have been removed."""
    kept = {key.decode("utf-8", "replace") for key, _ in evidence.records.pages("witnessed")}
    own = {origin for origin in evidence.heads if _is_own(origin, evidence)}
    for origin in sorted((kept | own) - origins):
        evidence.problems.add(
            f"{origin}: a head of this log was countersigned, the log is not here"
        )


def _is_own(origin: str, evidence: Evidence) -> bool:
    if origin == evidence.trail:
        return True
    try:
        link = parse_link(origin)
    except MalformedError:
        return False
    return link.sender == evidence.office and link.shard in evidence.shards


def _versions(evidence: Evidence) -> dict[str, int]:
    return {
        party: keyring.version for party, keyring in sorted(evidence.directory.keyrings.items())
    }
