"""All rules, flows and schemas of a bundle, read and checked together: from bytes to a rulebook.

Every inconsistency is a `ConfigError` that names the file, the rule and the cure. Nothing is
ignored: a file in an unknown place, a member that nobody reads, a rule that can touch nothing.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from xref.errors import ConfigError
from xref.policy.agreement import (
    SHARED,
    Agreement,
    IdentificationBasis,
    check_bases,
    check_shared,
    flags_of,
    governing,
    read_agreement,
    read_bases,
    with_bases,
    with_terms,
)
from xref.policy.conditions import LIVE_FACT, LIVE_RECORD
from xref.policy.contradictions import Contradiction, read_contradictions
from xref.policy.facts import Fact, FactTable, check_table
from xref.policy.flows import (
    Flow,
    Obligation,
    Publication,
    Purpose,
    check_flows,
    read_flow,
    read_obligations,
    read_publication,
    read_purposes,
)
from xref.policy.notices import NOTICE_PATH, Notice, read_notices
from xref.policy.reading import Entry, read_toml
from xref.policy.rules import (
    ForbidRule,
    PermitRule,
    Rule,
    Selector,
    Words,
    read_forbid,
    read_permit,
)
from xref.policy.vocabulary import FLOOR_NEEDED
from xref.wire.schema import Schema

FACTS_PATH: Final = "policies/facts.toml"
PURPOSES_PATH: Final = "policies/purposes.toml"
OBLIGATIONS_PATH: Final = "policies/obligations.toml"
CONTRADICTIONS_PATH: Final = "policies/contradictions.toml"
OPERATION_PATH: Final = "policies/operation.toml"
INVARIANTS_PATH: Final = "policies/invariants.toml"
CONSULTATION_PATH: Final = "consultation.toml"
_FLOOR_PATH: Final = re.compile(r"policies/floor/[a-z0-9-]+\.toml")
_AGREEMENT_PATH: Final = re.compile(r"policies/agreements/([a-z0-9-]+)/[a-z0-9-]+\.toml")
_SHARED_PATH: Final = re.compile(rf"policies/{SHARED}/[a-z0-9-]+\.toml")
AGREEMENT_INVARIANTS: Final = re.compile(r"policies/agreements/[a-z0-9-]+/invariants\.toml")
"""What an agreement promises of its own flows."""
_SCHEMA_PATH: Final = re.compile(r"schemas/[a-z0-9_]+\.avsc")
_OPERATION_NATURES: Final = ("receipt", "decision", "withdrawal")


@dataclass(frozen=True, slots=True)
class Rulebook:
    """Everything that decides, checked against each other."""

    table: FactTable
    purposes: Mapping[str, Purpose]
    obligations: Mapping[str, Obligation]
    schemas: Mapping[str, Schema]
    flows: Mapping[str, Flow]
    publications: Mapping[str, Publication]
    agreements: Mapping[str, Agreement]
    forbids: tuple[ForbidRule, ...]
    permits: tuple[PermitRule, ...]
    contradictions: tuple[Contradiction, ...]
    """What no record may say beside its facts; none in bundles from before there were any."""
    notices: tuple[Notice, ...]
    """What a person is told before being asked for a sharing consent."""
    flags: tuple[ForbidRule, ...] = ()
    """Rules that keep nothing: they are named with what goes, so that oversight sees it."""

    @property
    def keeping(self) -> tuple[str, ...]:
        """The obligations and the ids of rules that may keep what a notice states."""
        return _keeping(self.obligations, self.forbids, self.permits)

    @property
    def rules(self) -> tuple[Rule, ...]:
        """All rules: the forbids and flags, then the permits."""
        forbids = tuple(each.rule for each in (*self.forbids, *self.flags))
        return forbids + tuple(each.rule for each in self.permits)

    def agreement_of(self, flow: Flow) -> Agreement | None:
        """Return the agreement under which a flow's messages go; None for the operation's own."""
        return governing(self.agreements, flow.owner)

    @property
    def facts(self) -> tuple[Fact, ...]:
        """What conditions may name: the attested facts and the sharing consent's record."""
        return (*self.table.facts, LIVE_FACT)

    def schemas_of(self, kind: str) -> tuple[Schema, ...]:
        """Return the records that a publication becomes, each once; none for one not known."""
        publication = self.publications.get(kind)
        flows = [self.flows[each.flow] for each in publication.deliveries] if publication else []
        return tuple({schema.name: schema for schema in map(self.schema_of, flows)}.values())

    def schema_of(self, flow: Flow) -> Schema:
        """Return the flow's schema."""
        return self.schemas[flow.schema]


def read_rulebook(files: Mapping[str, bytes]) -> Rulebook:
    """Return the rulebook in a bundle's files, by path, or raise `ConfigError`."""
    _check_paths(files)
    table = FactTable.parse(_needed(files, FACTS_PATH), FACTS_PATH)
    check_table(table, LIVE_RECORD)
    purposes = read_purposes(_needed(files, PURPOSES_PATH), PURPOSES_PATH)
    schemas = _schemas(files)
    fields = {each.name for schema in schemas.values() for each in schema.fields}
    owed = _needed(files, OBLIGATIONS_PATH)
    obligations = read_obligations(owed, OBLIGATIONS_PATH, fields)
    sources = _sources(files)
    agreements = with_bases(
        {
            owner: read_agreement(sources[owner][0], owner, sources[owner][1:])
            for owner in _owners(files)
        },
        _shared_bases(sources),
    )
    check_shared(agreements.values(), shared=SHARED in sources)
    flows = with_terms(agreements.values(), _flows(sources, purposes, schemas))
    words = _words(table, flows, purposes, obligations, schemas)
    forbids, permits = _forbids(files, words), _permits(sources, words)
    rulebook = Rulebook(
        table=table,
        purposes=purposes,
        obligations=obligations,
        schemas=schemas,
        flows=flows,
        publications=_publications(sources, flows, schemas),
        agreements=agreements,
        forbids=forbids,
        permits=permits,
        contradictions=read_contradictions(
            files.get(CONTRADICTIONS_PATH, b""), CONTRADICTIONS_PATH, table, words
        ),
        notices=read_notices(files, _keeping(obligations, forbids, permits)),
        flags=flags_of(agreements, flows.values(), (*table.facts, LIVE_FACT)),
    )
    for _, source in _each(sources):
        source.finish()
    check_bases(agreements, flows.values(), schemas)
    _check(rulebook)
    return rulebook


def _keeping(
    obligations: Iterable[str], forbids: Iterable[ForbidRule], permits: Iterable[PermitRule]
) -> tuple[str, ...]:
    return (*obligations, *(f.rule.id for f in forbids), *(p.rule.id for p in permits))


def words_of(rulebook: Rulebook) -> Words:
    """Return everything that a rule or an invariant of this bundle may name."""
    return _words(
        rulebook.table,
        rulebook.flows,
        rulebook.purposes,
        rulebook.obligations,
        rulebook.schemas,
    )


def _words(
    table: FactTable,
    flows: Mapping[str, Flow],
    purposes: Iterable[str],
    obligations: Iterable[str],
    schemas: Mapping[str, Schema],
) -> Words:
    return Words(
        facts=(*table.facts, LIVE_FACT),
        flows=flows,
        purposes=tuple(purposes),
        obligations=tuple(obligations),
        fields=tuple(sorted({each.name for schema in schemas.values() for each in schema.fields})),
    )


def _check_paths(files: Mapping[str, bytes]) -> None:
    known = (
        *(FACTS_PATH, PURPOSES_PATH, OBLIGATIONS_PATH, OPERATION_PATH),
        *(CONTRADICTIONS_PATH, INVARIANTS_PATH, CONSULTATION_PATH, "directory.toml"),
    )
    for path in files:
        patterns = (_FLOOR_PATH, _AGREEMENT_PATH, _SHARED_PATH, _SCHEMA_PATH, NOTICE_PATH)
        if path not in known and not any(pattern.fullmatch(path) for pattern in patterns):
            raise ConfigError(f"{path}: no such place in a bundle; remove it or correct its name")


def _needed(files: Mapping[str, bytes], path: str) -> bytes:
    if path not in files:
        raise ConfigError(f"{path} is missing; add it to the bundle")
    return files[path]


def _schemas(files: Mapping[str, bytes]) -> dict[str, Schema]:
    schemas: dict[str, Schema] = {}
    for path in sorted(files):
        if _SCHEMA_PATH.fullmatch(path):
            schema = Schema.parse(files[path], path)
            if path != f"schemas/{schema.name.rpartition('.')[2]}.avsc" or schema.name in schemas:
                raise ConfigError(f"{path}: holds {schema.name}; name the file after the schema")
            schemas[schema.name] = schema
    return schemas


def _owners(files: Mapping[str, bytes]) -> list[str]:
    matches = (_AGREEMENT_PATH.fullmatch(path) for path in sorted(files))
    return list(dict.fromkeys(match[1] for match in matches if match))


_Sources = Mapping[str, Sequence[Entry]]
"""The files that hold flows and permits, by owner; an agreement's own file with its head first."""


def _sources(files: Mapping[str, bytes]) -> _Sources:
    sources = {"operation": [read_toml(_needed(files, OPERATION_PATH), OPERATION_PATH)]}
    for owner in _owners(files):
        folder = f"policies/agreements/{owner}/"
        head = f"{folder}agreement.toml"
        _needed(files, head)
        beside = (path for path in files if path.startswith(folder) and path != head)
        paths = [head, *sorted(p for p in beside if not AGREEMENT_INVARIANTS.fullmatch(p))]
        sources[owner] = [read_toml(files[path], path) for path in paths]
    if shared := sorted(path for path in files if _SHARED_PATH.fullmatch(path)):
        sources[SHARED] = [read_toml(files[path], path) for path in shared]
    return sources


def _shared_bases(sources: _Sources) -> dict[str, IdentificationBasis]:
    bases: dict[str, IdentificationBasis] = {}
    for file in sources.get(SHARED, ()):
        bases |= read_bases(file)
    return bases


def _each(sources: _Sources) -> Iterator[tuple[str, Entry]]:
    for owner, files in sources.items():
        for file in files:
            yield owner, file


def _flows(
    sources: _Sources, purposes: Mapping[str, Purpose], schemas: Mapping[str, Schema]
) -> dict[str, Flow]:
    flows: dict[str, Flow] = {}
    for owner, source in _each(sources):
        for entry in source.entries("flow"):
            flow = read_flow(entry, owner, purposes, schemas)
            if flow.name in flows or any(flow.code == each.code for each in flows.values()):
                raise entry.fault(f"name or code {flow.code} is taken", "choose another")
            # Only operation's flows pass the gates ungated, so nobody else may claim their nature.
            if (flow.nature in _OPERATION_NATURES) != (owner == "operation"):
                raise entry.fault(f"nature {flow.nature} in {owner}", "it has no place there")
            flows[flow.name] = flow
    check_flows(flows)
    return flows


def _publications(
    sources: _Sources, flows: Mapping[str, Flow], schemas: Mapping[str, Schema]
) -> dict[str, Publication]:
    publications: dict[str, Publication] = {}
    for _, source in _each(sources):
        for entry in source.entries("publication"):
            publication = read_publication(entry, flows, schemas)
            if publication.kind in publications:
                raise entry.fault("the kind is taken", "choose another")
            publications[publication.kind] = publication
    return publications


def _forbids(files: Mapping[str, bytes], words: Words) -> tuple[ForbidRule, ...]:
    forbids = []
    for path in sorted(files):
        if _FLOOR_PATH.fullmatch(path):
            source = read_toml(files[path], path)
            entries = source.entries("forbid")
            source.finish()
            forbids += [read_forbid(entry, words, "floor") for entry in entries]
    return tuple(sorted(forbids, key=lambda each: each.rule.id))


def _permits(sources: _Sources, words: Words) -> tuple[PermitRule, ...]:
    permits = []
    for owner, source in _each(sources):
        for entry in source.entries("permit"):
            permit = read_permit(entry, words, owner)
            for name in permit.selector.flows or ():
                if words.flows[name].owner != owner:
                    raise entry.fault(f"{name} is another agreement's flow", "permit your own only")
            permits.append(permit)
    return tuple(sorted(permits, key=lambda each: each.rule.id))


def _check(rulebook: Rulebook) -> None:
    ids = [rule.id for rule in rulebook.rules]
    for rule_id in FLOOR_NEEDED:
        if rule_id not in ids:
            raise ConfigError(f"{rule_id} is missing; no bundle goes without this right")
    twice = {rule_id for rule_id in ids if ids.count(rule_id) > 1}
    if twice:
        raise ConfigError(f"rule {min(twice)} is given twice; keep one")
    for forbid in rulebook.forbids:
        if forbid.effect == "ban":
            _check_ban(forbid, rulebook)
    for permit in rulebook.permits:
        _check_permit(permit, rulebook)
    for flow in rulebook.flows.values():
        if rulebook.purposes[flow.purpose].prohibited:
            raise ConfigError(f"flow {flow.name}: {flow.purpose} is never a purpose; remove it")


def _check_ban(forbid: ForbidRule, rulebook: Rulebook) -> None:
    """Refuse a bundle that holds what a ban names."""
    for flow in _taken(forbid.selector, rulebook):
        banned = mask_of(forbid.fields, forbid.categories, rulebook.schema_of(flow))
        names = rulebook.schema_of(flow).names_of(banned)
        if names or not (forbid.fields or forbid.categories):
            what = f"field {names[0]}" if names else f"purpose {flow.purpose}"
            raise ConfigError(f"flow {flow.name}: {what} is banned by {forbid.rule.id}; remove it")


def _check_permit(permit: PermitRule, rulebook: Rulebook) -> None:
    for flow in _taken(permit.selector, rulebook):
        schema = rulebook.schema_of(flow)
        for name in permit.fields:
            if name not in schema.by_name:
                message = f"{permit.rule.id}: {flow.name} has no field {name!r}; correct it"
                raise ConfigError(message)
        for category in permit.categories:
            if not schema.mask_of_categories((category,)):
                message = f"{permit.rule.id}: {flow.name} has no field of {category!r}; remove it"
                raise ConfigError(message)


def _taken(selector: Selector, rulebook: Rulebook) -> Iterable[Flow]:
    return [flow for flow in rulebook.flows.values() if selector.takes(flow)]


def mask_of(fields: Iterable[str], categories: Iterable[str], schema: Schema) -> int:
    """Return the mask of those of the fields and categories that the schema has."""
    names = [name for name in fields if name in schema.by_name]
    return schema.mask_of(names) | schema.mask_of_categories(categories)
