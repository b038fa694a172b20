"""Flows, publications, purposes and obligations of a bundle, read strictly from TOML."""

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Final, TypeVar

from xref.errors import ConfigError
from xref.policy.reading import Entry, read_toml
from xref.policy.vocabulary import CHOICES, NATURES, REACHES, ROLES, WEIGHTS
from xref.wire.schema import Schema

RETENTION_DAYS_MAX: Final = 3650
_LIFE_DAYS_MAX: Final = 90
_EXPECTED_DAYS_MAX: Final = 90
_HELD_DAYS: Final = 7
_CODE_MAX: Final = 2**16 - 1
_NAME: Final = re.compile(r"[a-z][a-z0-9-]{0,63}")
_ANY: Final = "any"
T = TypeVar("T")
DPV: Final = "https://w3id.org/dpv#"
"""What the IRI of a term of the W3C Data Privacy Vocabulary begins with."""


@dataclass(frozen=True, slots=True)
class Purpose:
    """Why a message is sent, with its DPV IRI; a prohibited one exists to be refused by name."""

    name: str
    iri: str
    explain: str
    prohibited: bool


@dataclass(frozen=True, slots=True)
class Obligation:
    """What an office owes for a message, in a sentence, and by when.

    On the first of the days in the fields `due_on` that the message has, else `within_days` after
    it came; 0 for a way of acting that has no day.
    """

    explain: str
    due_on: tuple[str, ...]
    within_days: int


@dataclass(frozen=True, slots=True)
class Expected:
    """An answer that must come: within so many days, and what to do about silence.

    The days are counted from the day in the field `counted_from`, or where that is empty, or the
    record has no such day, from the sending. An outcome in `alarming` is an answer that settles
    nothing.
    """

    within_days: int
    counted_from: str
    if_silent: str
    alarming: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Flow:
    """One kind of message. `owner` is the agreement's id, or `operation`."""

    code: int
    name: str
    owner: str
    explain: str
    purpose: str
    schema: str
    nature: str
    reach: str
    from_roles: tuple[str, ...]
    to_roles: tuple[str, ...]
    answers: tuple[str, ...]
    life_days: int
    retention_days: int
    receipted: bool
    caused_by: tuple[str, ...] = ()
    """Domestic flows of which one must have asked the sender to act; its facts count, so that the
    sender need not know, and cannot say, why."""
    expects: Expected | None = None
    """The answer that must come; None where nobody waits for one."""


@dataclass(frozen=True, slots=True)
class Term:
    """The days that an agreement sets for a flow that it shares; None leaves the shared ones."""

    flow: str
    explain: str
    cite: tuple[str, ...]
    weight: str
    within_days: int | None
    retention_days: int | None


@dataclass(frozen=True, slots=True)
class Delivery:
    """Who receives which flow when a record is published.

    `party` is `other` or `own`; `choose` is one of the vocabulary's choices; `record_key` is the
    member of the office's own record that names the receiving office where `choose` is `named`.
    """

    flow: str
    party: str
    role: str
    choose: str
    record_key: str


@dataclass(frozen=True, slots=True)
class Publication:
    """What an office publishes, and the flows that its desk derives from it.

    `follows` is the flow of the received message that a record names as its cause, empty where it
    names none. `answers` are the flows of which a record answers a received message. A record that
    is held for more than `held_days_max` days raises an alert. Records of one case that differ in
    the fields `apart_by` are several; any other takes the place of the one before.
    """

    kind: str
    explain: str
    from_roles: tuple[str, ...]
    deliveries: tuple[Delivery, ...]
    follows: str = ""
    answers: tuple[str, ...] = ()
    held_days_max: int = _HELD_DAYS
    apart_by: tuple[str, ...] = ()


def read_roles(entry: Entry, name: str) -> tuple[str, ...]:
    """Return roles of the closed list; `any` stands for all of them."""
    roles = entry.words(name, (*ROLES, _ANY))
    return ROLES if _ANY in roles else roles


def read_purposes(data: bytes, path: str) -> dict[str, Purpose]:
    """Return the purposes by name, or raise `ConfigError`."""
    file = read_toml(data, path)
    purposes = [_purpose(entry) for entry in file.entries("purpose")]
    file.finish()
    return _by_name(purposes, (each.name for each in purposes), path)


def _purpose(entry: Entry) -> Purpose:
    purpose = Purpose(
        name=read_name(entry, "name"),
        iri=entry.text("iri", ""),
        explain=entry.text("explain"),
        prohibited=entry.flag("prohibited") or False,
    )
    entry.finish()
    if not purpose.prohibited and not purpose.iri.startswith(DPV):
        raise entry.fault("iri is no W3C DPV term", f"start it with {DPV}")
    return purpose


def read_obligations(data: bytes, path: str, fields: Collection[str]) -> dict[str, Obligation]:
    """Return the obligations by name, or raise `ConfigError`; `fields` are the schemas'."""
    file = read_toml(data, path)
    entries = file.entries("obligation")
    file.finish()
    found = [(read_name(entry, "name"), _obligation(entry, fields)) for entry in entries]
    return _by_name([each for _, each in found], (name for name, _ in found), path)


def _obligation(entry: Entry, fields: Collection[str]) -> Obligation:
    obligation = Obligation(
        explain=entry.text("explain"),
        due_on=entry.words("due_on", fields, ()),
        within_days=entry.number("within_days", 0, _EXPECTED_DAYS_MAX, 0),
    )
    entry.finish()
    return obligation


def read_flow(
    entry: Entry, owner: str, purposes: Mapping[str, Purpose], schemas: Mapping[str, Schema]
) -> Flow:
    """Return the flow in a table, or raise `ConfigError`."""
    schema = entry.word("schema", schemas)
    flow = Flow(
        name=read_name(entry, "name"),
        code=entry.number("code", 1, _CODE_MAX),
        owner=owner,
        explain=entry.text("explain"),
        purpose=entry.word("purpose", purposes),
        schema=schema,
        nature=entry.word("nature", NATURES),
        reach=entry.word("reach", REACHES),
        from_roles=read_roles(entry, "from_roles"),
        to_roles=read_roles(entry, "to_roles"),
        answers=entry.texts("answers", ()),
        life_days=entry.number("life_days", 1, _LIFE_DAYS_MAX),
        retention_days=entry.number("retention_days", 1, RETENTION_DAYS_MAX),
        receipted=entry.flag("receipted") is True,
        caused_by=entry.texts("caused_by", ()),
        expects=_expected(entry.entry("expects"), schemas[schema])
        if entry.has("expects")
        else None,
    )
    entry.finish()
    if flow.nature in ("decision", "domestic", "home") and flow.reach != "domestic":
        raise entry.fault(f"a {flow.nature} stays at home", 'set reach to "domestic"')
    if (flow.nature == "answer") != bool(flow.answers):
        raise entry.fault("answers belongs to the nature answer, and it to that", "correct one")
    if flow.caused_by and (flow.nature != "contact" or flow.reach != "crossing"):
        raise entry.fault("caused_by belongs to a contact that crosses", "remove it")
    return flow


def _expected(entry: Entry, schema: Schema) -> Expected:
    counted = entry.has("counted_from")
    expected = Expected(
        within_days=entry.number("within_days", 0, _EXPECTED_DAYS_MAX),
        counted_from=entry.word("counted_from", schema.by_name) if counted else "",
        if_silent=entry.text("if_silent"),
        alarming=entry.texts("alarming", ()),
    )
    entry.finish()
    return expected


def read_term(entry: Entry) -> Term:
    """Return the term in a table, or raise `ConfigError`."""
    name = read_name(entry, "flow")

    def days(member: str, low: int, high: int) -> int | None:
        return entry.number(member, low, high) if entry.has(member) else None

    term = Term(
        flow=name,
        explain=entry.text("explain"),
        cite=entry.cites(own_text=True),
        weight=entry.word("weight", WEIGHTS),
        within_days=days("within_days", 0, _EXPECTED_DAYS_MAX),
        retention_days=days("retention_days", 1, RETENTION_DAYS_MAX),
    )
    entry.finish()
    if term.within_days is None and term.retention_days is None:
        raise entry.fault("it sets nothing", "give within_days or retention_days")
    return term


def set_term(term: Term, flow: Flow | None, shared: str, agreement: str) -> Flow:
    """Return the flow with the days of an agreement's term, or raise `ConfigError`."""
    if flow is None or flow.owner != shared:
        raise ConfigError(f"{agreement}, term {term.flow}: no shared flow; correct its name")
    if term.retention_days is not None and term.retention_days > flow.retention_days:
        raise ConfigError(
            f"{agreement}, term {term.flow}: kept for {flow.retention_days} days at most; give less"
        )
    expects = flow.expects
    if term.within_days is not None:
        if expects is None:
            raise ConfigError(f"{agreement}, term {term.flow}: nobody waits for its answer")
        expects = replace(expects, within_days=term.within_days)
    return replace(flow, expects=expects, retention_days=term.retention_days or flow.retention_days)


def check_flows(flows: Mapping[str, Flow]) -> None:
    """Refuse flows that answer, or are caused by, what is not there or cannot be."""
    answered = {name for flow in flows.values() for name in flow.answers}
    if unknown := answered - flows.keys():
        raise ConfigError(f"a flow answers unknown {min(unknown)!r}; correct it")
    for flow in flows.values():
        if flow.expects and flow.name not in answered and flow.nature != "withdrawal":
            raise ConfigError(f"flow {flow.name} expects an answer that no flow gives; remove it")
        for name in flow.caused_by:
            cause = flows.get(name)
            if cause is None or cause.nature != "domestic":
                raise ConfigError(f"flow {flow.name}: {name!r} is no domestic flow; correct it")
            if not set(flow.from_roles) <= set(cause.to_roles):
                message = f"flow {flow.name}: a sender never receives {name}; correct from_roles"
                raise ConfigError(message)


def read_publication(
    entry: Entry, flows: Mapping[str, Flow], schemas: Mapping[str, Schema]
) -> Publication:
    """Return the publication in a table, or raise `ConfigError`."""
    publication = Publication(
        kind=read_name(entry, "kind"),
        explain=entry.text("explain"),
        from_roles=read_roles(entry, "from_roles"),
        deliveries=tuple(_delivery(each, flows) for each in entry.entries("deliver")),
        follows=entry.word("follows", flows) if entry.has("follows") else "",
        answers=entry.words("answers", flows, ()),
        held_days_max=entry.number("held_days_max", 1, _EXPECTED_DAYS_MAX, _HELD_DAYS),
        apart_by=entry.texts("apart_by", ()),
    )
    entry.finish()
    if not publication.deliveries:
        raise entry.fault("nobody receives it", "add a deliver table")
    _check_received(entry, publication, flows)
    for delivery in publication.deliveries:
        if not set(publication.from_roles) <= set(flows[delivery.flow].from_roles):
            raise entry.fault(f"a sender role may not send {delivery.flow}", "correct from_roles")
    sent = [schemas[flows[each.flow].schema].by_name for each in publication.deliveries]
    for name in publication.apart_by:
        if not any(name in fields for fields in sent):
            raise entry.fault(f"apart_by: no record of it has {name!r}", "correct it")
    return publication


def _check_received(entry: Entry, publication: Publication, flows: Mapping[str, Flow]) -> None:
    """Refuse a publication whose flows do not agree on the received message it starts from."""
    for delivery in publication.deliveries:
        flow = flows[delivery.flow]
        wanted = (publication.follows,) if publication.follows else ()
        if not set(wanted) <= set(flow.caused_by) or bool(wanted) != bool(flow.caused_by):
            raise entry.fault(f"follows is not what causes {flow.name}", "name a flow in caused_by")
        if set(publication.answers) != set(flow.answers):
            raise entry.fault(f"answers is not what {flow.name} answers", "name the same flows")
        if (delivery.choose == "asker") != bool(flow.answers):
            raise entry.fault("an answer goes to the asker, and only that", "correct choose")


def _delivery(entry: Entry, flows: Mapping[str, Flow]) -> Delivery:
    delivery = Delivery(
        flow=entry.word("flow", flows),
        party=entry.word("party", ("other", "own")),
        role=entry.word("role", ROLES),
        choose=entry.word("choose", CHOICES),
        record_key=entry.text("record_key", ""),
    )
    entry.finish()
    if delivery.role not in flows[delivery.flow].to_roles:
        raise entry.fault(f"{delivery.role} may not receive {delivery.flow}", "correct the role")
    if (delivery.choose == "named") != bool(delivery.record_key):
        raise entry.fault("record_key belongs to named, and named to it", "correct one")
    return delivery


def read_name(entry: Entry, member: str) -> str:
    """Return a name of lower case words, which from here on tells where a fault is."""
    name = entry.text(member)
    entry.where = f"{entry.where} {name}"
    if not _NAME.fullmatch(name):
        raise entry.fault("the name is not lower case", "join its words by hyphens")
    return name


def _by_name(values: Iterable[T], names: Iterable[str], path: str) -> dict[str, T]:
    found: dict[str, T] = {}
    for name, value in zip(names, values, strict=True):
        if name in found:
            raise ConfigError(f"{path}: {name} is given twice; keep one")
        found[name] = value
    return found
