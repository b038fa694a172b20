"""The head of an agreement: its Parties, whom it covers, its bases, and how it sets what is shared.

Most agreements take the flows and permits of `policies/cooperation/`, which are the same for all of
them; the head, the agreement's *profile*, says what is its own. See docs/spec/policy.md.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from xref.errors import ConfigError
from xref.policy.conditions import Clause
from xref.policy.crossings import Crossing, read_crossings
from xref.policy.facts import Fact
from xref.policy.flows import Flow, Term, read_name, read_term, set_term
from xref.policy.reading import Entry
from xref.policy.rules import ForbidRule, Rule, Selector
from xref.policy.vocabulary import PERSONS, ROLES, SCOPE_FACT, WEIGHTS, WITHIN_SCOPE
from xref.wire.schema import Schema

SHARED: Final = "cooperation"
"""Who owns the flows and permits that agreements share."""
BASIS_FIELD: Final = "identification_basis"
"""The field that names one basis."""
BASES_FIELD: Final = "identification_bases"
"""The field that names several."""
_SOURCE: Final = re.compile(r"([A-Z]{2}) ([a-z-]+)")
_LANGUAGE: Final = re.compile(r"[a-z]{2,3}")
_GATED: Final = ("contact", "domestic")
_NEUTRAL: Final = ("immigration", "nationality-authority")
"""They act for anybody, and are not told why: what they send is flagged where they were asked."""


@dataclass(frozen=True, slots=True)
class IdentificationBasis:
    """One of the bases on which an agreement identifies a victim.

    Where `only_from` names offices, each as (Party, role), nobody else's material counts under it.
    Material from an office of a role in `doubted_from` counts, and whoever submits it is told
    `doubt`, so that a person looks.
    """

    code: str
    explain: str
    only_from: tuple[tuple[str, str], ...] = ()
    doubted_from: tuple[str, ...] = ()
    doubt: str = ""


@dataclass(frozen=True, slots=True)
class PersonalScope:
    """Whom an agreement covers, by the words `says` of its source.

    Everybody else goes by the `fallback`, on whose authority the same offices get the same fields;
    None where nobody is left out.
    """

    persons: str = "all"
    says: str = ""
    cite: tuple[str, ...] = ()
    fallback: Rule | None = None


@dataclass(frozen=True, slots=True)
class Agreement:
    """A bilateral or multilateral instrument, as data; `identification_bases` by their code.

    `bases_agreed` is False where it names no bases and the shared ones stand in. `silent` lists
    what its source does not say, so that a setting of ours stands there. Without `crossings`, by
    their code, any place that is well-formed will do.
    """

    id: str
    title: str
    cite: tuple[str, ...]
    parties: tuple[str, ...]
    origins: tuple[str, ...]
    destinations: tuple[str, ...]
    identification_bases: Mapping[str, IdentificationBasis]
    bases_agreed: bool = True
    shared_flows: bool = False
    personal_scope: PersonalScope = PersonalScope()
    languages: Mapping[str, tuple[str, ...]] | None = None
    terms: tuple[Term, ...] = ()
    silent: tuple[str, ...] = ()
    crossings: Mapping[str, Crossing] = field(default_factory=dict)


def read_agreement(file: Entry, folder: str, beside: Sequence[Entry] = ()) -> Agreement:
    """Return the head of an agreement, whose id must be its folder's name.

    Its crossings are in that file or in the files `beside` it.
    """
    parties = file.texts("parties")
    agreement = Agreement(
        id=read_name(file, "id"),
        title=file.text("title"),
        cite=file.cites(own_text=True),
        parties=parties,
        origins=file.texts("origins", parties),
        destinations=file.texts("destinations", parties),
        identification_bases=read_bases(file),
        shared_flows=file.flag("shared_flows") is True,
        personal_scope=_personal_scope(file, folder),
        languages=_languages(file, parties),
        terms=tuple(read_term(each) for each in file.entries("term")),
        silent=file.texts("silent", ()),
        crossings=read_crossings((file, *beside), parties),
    )
    if agreement.id != folder:
        raise file.fault(f"id {agreement.id} in folder {folder}", "make them the same")
    if not set(parties) >= set(agreement.origins) | set(agreement.destinations):
        raise file.fault("origins or destinations beyond the parties", "correct them")
    for basis in agreement.identification_bases.values():
        for party, _ in basis.only_from:
            if party not in parties:
                raise file.fault(f"{basis.code}: {party} is no Party of it", "correct only_from")
    if agreement.terms and not agreement.shared_flows:
        raise file.fault("a term without shared flows", "say it in the agreement's own flow")
    return agreement


def read_bases(file: Entry) -> dict[str, IdentificationBasis]:
    """Return the identification bases in a file by their code."""
    bases: dict[str, IdentificationBasis] = {}
    for entry in file.entries("identification_basis"):
        basis = IdentificationBasis(
            code=entry.text("code"),
            explain=entry.text("explain"),
            only_from=tuple(_source(entry, each) for each in entry.texts("only_from", ())),
            doubted_from=entry.words("doubted_from", ROLES, ()),
            doubt=entry.text("doubt", ""),
        )
        entry.finish()
        if bool(basis.doubted_from) != bool(basis.doubt):
            raise entry.fault("doubt belongs to doubted_from, and it to that", "add the other")
        if basis.code in bases:
            raise entry.fault(f"{basis.code} is given twice", "keep one")
        bases[basis.code] = basis
    return bases


def _source(entry: Entry, text: str) -> tuple[str, str]:
    found = _SOURCE.fullmatch(text)
    if found is None or found[2] not in ROLES:
        raise entry.fault(f"only_from: {text!r} is no Party and role", 'write it like "LA police"')
    return found[1], found[2]


def _languages(file: Entry, parties: Sequence[str]) -> dict[str, tuple[str, ...]] | None:
    if not file.has("languages"):
        return None
    entry = file.entry("languages")
    languages = {party: entry.texts(party) for party in parties}
    entry.finish()
    for each in (one for some in languages.values() for one in some):
        if not _LANGUAGE.fullmatch(each):
            raise entry.fault(f"languages: {each!r} is no language", 'write it like "lo"')
    return languages


# The personal scope.


def _personal_scope(file: Entry, agreement: str) -> PersonalScope:
    if not file.has("personal_scope"):
        return PersonalScope()
    entry = file.entry("personal_scope")
    entry.where = f"{entry.where} personal_scope"
    scope = PersonalScope(
        persons=entry.word("persons", PERSONS),
        says=entry.text("says"),
        cite=entry.cites(own_text=True),
        fallback=_fallback(entry, agreement) if entry.has("fallback") else None,
    )
    entry.finish()
    if (scope.persons == "all") is not (scope.fallback is None):
        raise entry.fault(
            "a fallback belongs to a scope that leaves people out, and to no other",
            "say in [personal_scope.fallback] on what authority the others go",
        )
    return scope


def _fallback(scope: Entry, agreement: str) -> Rule:
    entry = scope.entry("fallback")
    rule = Rule(
        id=f"{agreement}/beyond-personal-scope",
        kind="flag",
        cite=entry.cites(own_text=True),
        weight=entry.word("weight", WEIGHTS),
        right=entry.text("right"),
        explain=entry.text("explain"),
        cure=entry.text("cure", ""),
    )
    entry.finish()
    return rule


def flags_of(
    agreements: Mapping[str, Agreement], flows: Iterable[Flow], facts: Sequence[Fact]
) -> tuple[ForbidRule, ...]:
    """Return for each scope that leaves people out the rule that flags them, and keeps nothing.

    It applies to all who are not said to be within the scope, so that doubt is flagged too.
    """
    flags = []
    gated = [flow for flow in flows if flow.nature in _GATED]
    for agreement in agreements.values():
        fallback = agreement.personal_scope.fallback
        if fallback is None:
            continue
        place = next((at for at, fact in enumerate(facts) if fact.name == SCOPE_FACT), None)
        if place is None or WITHIN_SCOPE not in facts[place].values:
            raise ConfigError(f"{agreement.id}: its scope needs the fact {SCOPE_FACT}; add it")
        within = Clause(((place, 2 << facts[place].values.index(WITHIN_SCOPE)),))
        own = tuple(f.name for f in gated if governing(agreements, f.owner) is agreement)
        senders = tuple(role for role in ROLES if role not in _NEUTRAL)
        selector = Selector(own, None, None, senders, None, None)
        flags.append(ForbidRule(fallback, selector, "flag", (), (), (), (within,)))
    return tuple(flags)


# Together with the flows.


def with_terms(agreements: Iterable[Agreement], flows: Mapping[str, Flow]) -> dict[str, Flow]:
    """Return the flows, the shared ones with the days that their agreement sets."""
    found = dict(flows)
    for agreement in agreements:
        for term in agreement.terms:
            found[term.flow] = set_term(term, found.get(term.flow), SHARED, agreement.id)
    return found


def with_bases(
    agreements: Mapping[str, Agreement], shared: Mapping[str, IdentificationBasis]
) -> dict[str, Agreement]:
    """Return the agreements, with the shared bases where one that shares flows names none."""
    return {
        name: replace(each, identification_bases=shared, bases_agreed=False)
        if each.shared_flows and not each.identification_bases
        else each
        for name, each in agreements.items()
    }


def governing(agreements: Mapping[str, Agreement], owner: str) -> Agreement | None:
    """Return the agreement whose flow it is, None where it belongs to none."""
    if owner != SHARED:
        return agreements.get(owner)
    return next((each for each in agreements.values() if each.shared_flows), None)


def check_shared(agreements: Iterable[Agreement], *, shared: bool) -> None:
    """Refuse shared flows that are not of one agreement, which gives them its days and scope."""
    sharing = [each.id for each in agreements if each.shared_flows]
    if len(sharing) > 1:
        named = " and ".join(sharing)
        raise ConfigError(f"{named} both take the shared flows; put one of them into a bundle")
    if shared and not sharing:
        raise ConfigError(f"policies/{SHARED} is here for no agreement; say shared_flows = true")
    if sharing and not shared:
        raise ConfigError(f"{sharing[0]}: policies/{SHARED} is missing; add it to the bundle")


def check_bases(
    agreements: Mapping[str, Agreement], flows: Iterable[Flow], schemas: Mapping[str, Schema]
) -> None:
    """Refuse a basis that a record of its agreement has no code for.

    An agreement with flows of its own lists just its records' codes; one that shares flows lists
    some or all of theirs. Their order is the records'.
    """
    for flow in flows:
        agreement = governing(agreements, flow.owner)
        if agreement is None:
            continue
        for name in (BASIS_FIELD, BASES_FIELD):
            field = schemas[flow.schema].by_name.get(name)
            codes = tuple(agreement.identification_bases)
            if field is None or field.symbols == codes:
                continue
            known = tuple(each for each in field.symbols if each in codes)
            if not agreement.shared_flows or not known or known != codes:
                raise ConfigError(
                    f"schema {flow.schema}, field {name}: its codes are not the identification "
                    f"bases of {agreement.id}; list the same, in the same order"
                )
