"""Overlays: what one Party tightens further, signed by it alone. See docs/spec/overlay.md.

An overlay may forbid more, open less by a permit that the bundle has, and suspend offices and
officials. It is laid over a verified bundle only after it was proved on all facts to open nothing
(`narrowed`), and even then a message gets no more than the bundle gives it.
"""

import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Final

from xref.bundle import Bundle, Directory
from xref.errors import ConfigError, MalformedError
from xref.limits import POLICY_FILE_BYTES_MAX, WIRE_NUMBER_MAX
from xref.policy.compare import narrows_only
from xref.policy.reading import Entry, read_toml
from xref.policy.rulebook import Rulebook, mask_of, words_of
from xref.policy.rules import ForbidRule, PermitRule, read_forbid, read_permit
from xref.tlog.note import NoteError, Signer, Verifier, split
from xref.tlog.note import sign as sign_note
from xref.wire.office import check_office, party_name, party_of

_HEADER: Final = "xref/overlay/v1"
_TEXT: Final = re.compile(_HEADER + r"\n([A-Z]{2})\n([1-9][0-9]{0,15})\n(.*)", re.DOTALL)
_OFFICIAL: Final = re.compile(r"[0-9a-f]{64}")
_NARROWED_KEPT: Final = 16
SUSPENDED: Final = "hop/office-suspended"
"""The reason for which nothing goes from or to a suspended office."""
STILL_PASSES: Final = ("withdrawal", "receipt", "decision")
"""The natures that a suspended office sends and receives: a person's withdrawal reaches what it
holds, and it can say that it has erased it."""


@dataclass(frozen=True, slots=True)
class Suspension:
    """A suspended office, or of one of the own Party's offices an official, by digest."""

    office: str
    official: str = ""


@dataclass(frozen=True, slots=True)
class Overlay:
    """A Party's overlay of one version; `source` is its TOML text."""

    party: str
    version: int
    source: str = field(repr=False)
    suspended: tuple[Suspension, ...]

    @property
    def text(self) -> str:
        """What the Party signs."""
        return f"{_HEADER}\n{self.party}\n{self.version}\n{self.source}"

    @property
    def digest(self) -> str:
        """The SHA-256 of the signed text, in hexadecimal."""
        return hashlib.sha256(self.text.encode()).hexdigest()

    @property
    def offices(self) -> frozenset[str]:
        """The offices that are suspended as a whole."""
        return frozenset(each.office for each in self.suspended if not each.official)

    def officials(self, office: str) -> frozenset[str]:
        """Return the digests of an office's suspended officials."""
        named = (each for each in self.suspended if each.office == office)
        return frozenset(each.official for each in named if each.official)

    @property
    def rule_ids(self) -> frozenset[str]:
        """The ids of its rules, whatever the bundle."""
        source = read_toml(self.source.encode(), f"overlay of {self.party}")
        tables = (*source.entries("forbid"), *source.entries("permit"))
        return frozenset(each.text("id") for each in tables)

    def rules_over(self, rulebook: Rulebook) -> tuple[list[ForbidRule], list[PermitRule]]:
        """Return the forbids that are added, and the permits that take others' places."""
        words = words_of(rulebook)
        source = read_toml(self.source.encode(), f"overlay of {self.party}")
        owner = f"overlay-{self.party.lower()}"
        forbids = [read_forbid(entry, words, owner) for entry in source.entries("forbid")]
        permits = [read_permit(entry, words, "") for entry in source.entries("permit")]
        for forbid in forbids:
            if forbid.effect == "ban":
                raise ConfigError(f"{forbid.rule.id}: a ban is of a whole bundle; use refuse")
        return forbids, permits


def parse_overlay(text: str) -> Overlay:
    """Return the overlay in a note's text, or raise `ConfigError`; its rules are read later."""
    match = _TEXT.fullmatch(text)
    if match is None or int(match[2]) > WIRE_NUMBER_MAX:
        raise ConfigError("overlay: not the text of an overlay; fetch it anew")
    party, version, source = match[1], int(match[2]), match[3]
    return draft_overlay(party, version, source)


def draft_overlay(party: str, version: int, source: str) -> Overlay:
    """Return the overlay of a TOML text, or raise `ConfigError`; its rules are read later."""
    if len(source.encode()) > POLICY_FILE_BYTES_MAX:
        raise ConfigError(f"overlay: over {POLICY_FILE_BYTES_MAX} bytes; shorten it")
    file = read_toml(source.encode(), f"overlay of {party}")
    suspended = tuple(_suspension(entry, party) for entry in file.entries("suspended"))
    for name in ("forbid", "permit"):
        file.entries(name)
    file.finish()
    if len(set(suspended)) != len(suspended):
        raise ConfigError(f"overlay of {party}: a suspension is given twice; keep one")
    return Overlay(party, version, source, suspended)


def _suspension(entry: Entry, party: str) -> Suspension:
    suspension = Suspension(entry.text("office"), entry.text("official", ""))
    entry.finish()
    try:
        check_office(suspension.office)
    except MalformedError as error:
        raise entry.fault(str(error), "correct the code") from None
    if suspension.official and not _OFFICIAL.fullmatch(suspension.official):
        raise entry.fault("official is no digest", "make it with `xref overlay suspend`")
    if suspension.official and party_of(suspension.office) != party:
        raise entry.fault("an official of another Party", "suspend your own, or the office")
    return suspension


def sign_overlay(overlay: Overlay, signer: Signer) -> str:
    """Return the overlay as its Party's signed note; `ConfigError` for a text no note can hold."""
    if signer.name != party_name(overlay.party):
        raise RuntimeError("an overlay is signed by its own Party")
    try:
        return sign_note(overlay.text, [signer])
    except NoteError as error:
        raise ConfigError(f"overlay: {error}; indent with spaces") from None


def open_overlay(note: str, party: str, public: bytes) -> Overlay:
    """Return the overlay that this Party, and nobody else, signed, or raise `ConfigError`."""
    try:
        text, lines = split(note)
        verifier = Verifier(party_name(party), public)
        if len(lines) != 1 or not lines[0].is_by(verifier):
            raise ConfigError(f"overlay: not signed by {party} alone; it has no force")
        verifier.verify(text, lines[0].signature)
    except NoteError as error:
        raise ConfigError(f"overlay of {party}: {error}; fetch it anew") from None
    overlay = parse_overlay(text)
    if overlay.party != party:
        raise ConfigError(f"overlay: of {overlay.party}, signed by {party}; it has no force")
    return overlay


# Laying an overlay over a bundle.


def tightened(rulebook: Rulebook, overlay: Overlay) -> Rulebook:
    """Return the rulebook as the overlay has it, proved to open nothing.

    Raises:
        ConfigError: it would let one field go that the bundle keeps, which the message names; or a
            permit is none of the bundle's.

    """
    forbids, permits = overlay.rules_over(rulebook)
    instead = {each.rule.id: each for each in permits}
    known = {each.rule.id: each for each in rulebook.permits}
    for rule_id, permit in instead.items():
        if rule_id not in known:
            raise ConfigError(f"{rule_id}: no permit of the bundle; an overlay adds none")
        _check_terms(permit, known[rule_id])
    rules: list[ForbidRule | PermitRule] = [*forbids, *permits]
    for rule in rules:
        _check_passes(rule, rulebook)
    ids = [each.rule.id for each in forbids] + [each.rule.id for each in permits]
    if len(set(ids)) != len(ids):
        raise ConfigError(f"overlay of {overlay.party}: a rule is given twice; keep one")
    tighter = replace(
        rulebook,
        forbids=tuple(sorted((*rulebook.forbids, *forbids), key=lambda each: each.rule.id)),
        permits=tuple(instead.get(each.rule.id, each) for each in rulebook.permits),
    )
    opened = narrows_only(rulebook, tighter)
    if opened is not None:
        message = (
            f"overlay of {overlay.party}: it may only narrow, and {opened.words}; "
            "correct it, or have every Party sign a new bundle"
        )
        raise ConfigError(message)
    return tighter


def _check_passes(rule: ForbidRule | PermitRule, rulebook: Rulebook) -> None:
    """Refuse to close what a person ends a sharing consent by, and what offices answer with.

    To let less of that go keeps more where it is, whatever the proof says of fields.
    """
    for flow in rulebook.flows.values():
        mask = mask_of(rule.fields, rule.categories, rulebook.schema_of(flow))
        closes = mask or isinstance(rule, PermitRule) or rule.effect == "refuse"
        if flow.nature in STILL_PASSES and rule.selector.takes(flow) and closes:
            message = f"{rule.rule.id}: it closes {flow.name}, which no Party may"
            raise ConfigError(f"{message}; name the flows or natures that are meant")


def _check_terms(permit: PermitRule, known: PermitRule) -> None:
    if permit.retention_days > known.retention_days:
        message = f"{permit.rule.id}: kept for {permit.retention_days} days"
        raise ConfigError(f"{message}; the bundle allows {known.retention_days}")
    lost = [each for each in known.obligations if each not in permit.obligations]
    if lost:
        raise ConfigError(f"{permit.rule.id}: without the obligation {lost[0]}; keep it")


def check_offices(overlay: Overlay, directory: Directory) -> None:
    """Refuse to suspend what is no office of the directory: a slip would suspend nobody."""
    for each in overlay.suspended:
        office = directory.office(each.office)
        if office.role == "hop":
            raise ConfigError(f"{office.code} is a hop; stop it, and sign a keyring without it")


@lru_cache(maxsize=_NARROWED_KEPT)
def narrowed(bundle: Bundle, overlay: Overlay) -> Bundle:
    """Return the bundle as the overlay's Party applies it, or raise `ConfigError`."""
    policy = bundle.policy
    forbids, permits = overlay.rules_over(policy.rulebook)
    if forbids or permits:
        policy = policy.under(tightened(policy.rulebook, overlay))
    directory = replace(
        bundle.directory,
        offices={
            code: replace(office, suspended=True) if code in overlay.offices else office
            for code, office in bundle.directory.offices.items()
        },
    )
    return replace(bundle, policy=policy, directory=directory)


def suspend(source: str, suspensions: Iterable[Suspension]) -> str:
    """Return an overlay's TOML text with more suspensions; those that it has stay one."""
    known = {
        Suspension(each.text("office"), each.text("official", ""))
        for each in read_toml(source.encode(), "overlay").entries("suspended")
    }
    for each in suspensions:
        if each not in known:
            known.add(each)
            source = source.rstrip("\n") + f'\n\n[[suspended]]\noffice = "{each.office}"\n'
            source += f'official = "{each.official}"\n' if each.official else ""
    return source.lstrip("\n")
