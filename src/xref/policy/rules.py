"""Rules as data: what a forbid or a permit says, read strictly. See docs/spec/policy.md."""

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from xref.policy.conditions import Condition, read_condition
from xref.policy.facts import Fact
from xref.policy.flows import RETENTION_DAYS_MAX, Flow, read_roles
from xref.policy.reading import Entry
from xref.policy.vocabulary import EFFECTS, NATURES, WEIGHTS
from xref.wire.schema import CATEGORIES

_ID: Final = re.compile(r"[a-z0-9-]+(/[a-z0-9-]+)+")


@dataclass(frozen=True, slots=True)
class Rule:
    """What a person is told about a rule: its source, weight and sentence, and what to do."""

    id: str
    kind: str
    cite: tuple[str, ...]
    weight: str
    right: str
    explain: str
    cure: str


@dataclass(frozen=True, slots=True)
class Selector:
    """Which messages a rule is about; None is no restriction."""

    flows: Collection[str] | None
    natures: Collection[str] | None
    purposes: Collection[str] | None
    from_roles: Collection[str] | None
    to_roles: Collection[str] | None
    crossing: bool | None
    except_purposes: Collection[str] = ()

    def takes(self, flow: Flow) -> bool:
        """Return whether messages of this flow can be meant."""
        return (
            (self.flows is None or flow.name in self.flows)
            and (self.natures is None or flow.nature in self.natures)
            and (self.purposes is None or flow.purpose in self.purposes)
            and flow.purpose not in self.except_purposes
        )

    def matches(self, flow: Flow, from_role: str, to_role: str, *, same_party: bool) -> bool:
        """Return whether this message is meant."""
        return (
            self.takes(flow)
            and (self.from_roles is None or from_role in self.from_roles)
            and (self.to_roles is None or to_role in self.to_roles)
            and (self.crossing is None or self.crossing is not same_party)
        )


@dataclass(frozen=True, slots=True)
class ForbidRule:
    """A forbid: applies where `when` holds (always, if empty) and no clause of `unless` does.

    One of the effect `flag`, which an agreement's personal scope makes, keeps nothing: it is named.
    """

    rule: Rule
    selector: Selector
    effect: str
    fields: tuple[str, ...]
    categories: tuple[str, ...]
    when: Condition
    unless: Condition


@dataclass(frozen=True, slots=True)
class PermitRule:
    """A permit: opens the named fields and categories where `when` holds (always, if empty)."""

    rule: Rule
    selector: Selector
    fields: tuple[str, ...]
    categories: tuple[str, ...]
    when: Condition
    retention_days: int
    obligations: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Words:
    """Everything that a rule of this bundle may name."""

    facts: Sequence[Fact]
    flows: Mapping[str, Flow]
    purposes: Collection[str]
    obligations: Collection[str]
    fields: Collection[str]


def read_forbid(entry: Entry, words: Words, owner: str) -> ForbidRule:
    """Return the forbid in a table, or raise `ConfigError`; `owner` starts its id."""
    rule_id = _read_id(entry, owner)
    effect = entry.word("effect", EFFECTS)
    forbid = ForbidRule(
        rule=_read_rule(entry, rule_id, effect),
        selector=read_selector(entry, words),
        effect=effect,
        fields=entry.words("fields", words.fields, ()),
        categories=entry.words("categories", sorted(CATEGORIES), ()),
        when=read_condition(entry, "when", words.facts, matches_unknown=True),
        unless=read_condition(entry, "unless", words.facts, matches_unknown=False),
    )
    entry.finish()
    _check_forbid(entry, forbid)
    return forbid


def _check_forbid(entry: Entry, forbid: ForbidRule) -> None:
    names_fields = bool(forbid.fields or forbid.categories)
    if forbid.effect in ("strip", "keep") and not names_fields:
        raise entry.fault("no field is named", "add fields or categories")
    if forbid.effect == "refuse" and names_fields:
        raise entry.fault("a refusal is of the whole message", "remove fields and categories")
    if forbid.effect in ("ban", "keep") and (forbid.when or forbid.unless):
        raise entry.fault(f"a {forbid.effect} has no condition", "remove when and unless")
    if forbid.effect == "ban" and not names_fields and forbid.selector.purposes is None:
        raise entry.fault("a ban of everything", "name fields, categories or purposes")


def read_permit(entry: Entry, words: Words, owner: str) -> PermitRule:
    """Return the permit in a table, or raise `ConfigError`; `owner` starts its id, any if empty."""
    permit = PermitRule(
        rule=read_rule(entry, owner, "permit", own_text=True),
        selector=read_selector(entry, words),
        fields=entry.words("fields", words.fields, ()),
        categories=entry.words("categories", sorted(CATEGORIES), ()),
        when=read_condition(entry, "when", words.facts, matches_unknown=False),
        retention_days=entry.number("retention_days", 1, RETENTION_DAYS_MAX),
        obligations=entry.words("obligations", words.obligations, ()),
    )
    entry.finish()
    if not permit.fields and not permit.categories:
        raise entry.fault("no field is named", "add fields or categories")
    if permit.selector.flows is None:
        raise entry.fault("flows is missing", "a permit names its flows")
    return permit


def read_rule(entry: Entry, owner: str, kind: str, *, own_text: bool = False) -> Rule:
    """Return what a person is told of the rule in a table; `owner` starts its id, any if empty."""
    return _read_rule(entry, _read_id(entry, owner), kind, own_text=own_text)


def _read_id(entry: Entry, owner: str) -> str:
    rule_id = entry.text("id")
    entry.where = f"{entry.where} {rule_id}"
    if not _ID.fullmatch(rule_id) or (owner and not rule_id.startswith(f"{owner}/")):
        raise entry.fault("the id is not in its place", f"start it with {owner or 'its owner'}/")
    return rule_id


def _read_rule(entry: Entry, rule_id: str, kind: str, *, own_text: bool = False) -> Rule:
    weight = entry.word("weight", WEIGHTS)
    return Rule(
        id=rule_id,
        kind=kind,
        # A country's own law is none of the sources; it is named as that country names it.
        cite=entry.texts("cite") if weight == "national" else entry.cites(own_text=own_text),
        weight=weight,
        right=entry.text("right"),
        explain=entry.text("explain"),
        cure=entry.text("cure", ""),
    )


def read_selector(entry: Entry, words: Words) -> Selector:
    """Return which messages are meant, or raise `ConfigError`."""
    return Selector(
        flows=_given(entry, "flows", words.flows),
        natures=_given(entry, "natures", NATURES),
        purposes=_given(entry, "purposes", words.purposes),
        from_roles=read_roles(entry, "from_roles") if entry.has("from_roles") else None,
        to_roles=read_roles(entry, "to_roles") if entry.has("to_roles") else None,
        crossing=entry.flag("crossing"),
        except_purposes=entry.words("except_purposes", words.purposes, ()),
    )


def _given(entry: Entry, name: str, allowed: Collection[str]) -> tuple[str, ...] | None:
    return entry.words(name, allowed) if entry.has(name) else None
