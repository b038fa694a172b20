"""The same rules in Cedar, to have a second engine decide: tests only, no part of the product.

A request is about one field: the context says flow, ends, field and every fact, unknown ones too.
`keep` and `scope` are left out: they depend on what a message carries and covers, not on facts.
"""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import cedarpy

from unit.policy.open_mask import open_mask, opens
from xref.policy.conditions import Condition
from xref.policy.corridor import Corridor, applies
from xref.policy.facts import Fact
from xref.policy.passages import Passage
from xref.policy.rulebook import Rulebook
from xref.policy.rules import ForbidRule, PermitRule, Selector
from xref.policy.words import answers_of
from xref.wire.schema import SchemaField


@dataclass(frozen=True, slots=True)
class CedarAnswer:
    """What Cedar says, and the ids of the rules that settled it."""

    goes: bool
    rules: frozenset[str]


class CedarRules:
    """A rulebook as one set of Cedar policies."""

    def __init__(self, rulebook: Rulebook) -> None:
        forbids = [each for each in rulebook.forbids if each.effect in ("refuse", "strip")]
        self.facts = rulebook.facts
        rules: list[ForbidRule | PermitRule] = [*forbids, *rulebook.permits]
        self._ids = [each.rule.id for each in rules]
        texts = [_forbid(each, self.facts) for each in forbids]
        texts += [_permit(each, self.facts) for each in rulebook.permits]
        self._policies = "\n".join(texts)

    def decide(self, requests: Sequence[dict[str, Any]]) -> list[CedarAnswer]:
        """Return an answer to each request; one whose evaluation had an error denies."""
        found = cedarpy.is_authorized_batch(list(requests), self._policies, [])
        return [self._answer(each) for each in found]

    def _answer(self, found: cedarpy.AuthzResult) -> CedarAnswer:
        rules = {self._ids[int(each.removeprefix("policy"))] for each in found.diagnostics.reasons}
        return CedarAnswer(found.allowed and not found.diagnostics.errors, frozenset(rules))


def request(
    passage: Passage, field: SchemaField, codes: bytes, facts: Sequence[Fact]
) -> dict[str, Any]:
    flow = passage.corridor.flow
    answers = {
        fact.name: answers_of(fact, 1 << code)[0] for fact, code in zip(facts, codes, strict=True)
    }
    context = answers | {
        "at_flow": flow.name,
        "at_nature": flow.nature,
        "at_purpose": flow.purpose,
        "at_from": passage.from_role,
        "at_to": passage.to_role,
        "at_crossing": not passage.same_party,
        "at_field": field.name,
        "at_category": field.category,
    }
    ends = {"principal": 'Office::"from"', "action": 'Action::"send"', "resource": 'Office::"to"'}
    return ends | {"context": context}


def expected(corridor: Corridor, field: SchemaField, codes: bytes) -> CedarAnswer:
    """Return what the engine says, as Cedar would put it."""
    forbids = [each for each in corridor.refuses if applies(each, codes)]
    forbids += [
        each for each, mask in corridor.strips if mask & field.mask and applies(each, codes)
    ]
    permits = [each for each, mask in corridor.permits if mask & field.mask and opens(each, codes)]
    told: Iterable[ForbidRule | PermitRule] = forbids or permits
    return CedarAnswer(
        bool(open_mask(corridor, codes) & field.mask), frozenset(each.rule.id for each in told)
    )


def _among(name: str, values: Iterable[str]) -> str:
    return f"{json.dumps(sorted(values))}.contains(context.{name})"


def _selected(selector: Selector) -> list[str]:
    named = {
        "at_flow": selector.flows,
        "at_nature": selector.natures,
        "at_purpose": selector.purposes,
        "at_from": selector.from_roles,
        "at_to": selector.to_roles,
    }
    parts = [_among(name, values) for name, values in named.items() if values is not None]
    if selector.except_purposes:
        parts.append(f"!{_among('at_purpose', selector.except_purposes)}")
    if selector.crossing is not None:
        parts.append(f"context.at_crossing == {str(selector.crossing).lower()}")
    return parts


def _fields(rule: ForbidRule | PermitRule) -> list[str]:
    named = {"at_field": rule.fields, "at_category": rule.categories}
    parts = [_among(name, values) for name, values in named.items() if values]
    return [f"({' || '.join(parts)})"] if parts else []


def _condition(condition: Condition, facts: Sequence[Fact]) -> str:
    clauses = [
        " && ".join(
            _among(facts[place].name, answers_of(facts[place], bits))
            for place, bits in clause.terms
        )
        for clause in condition
    ]
    return f"({' || '.join(f'({each})' for each in clauses)})"


def _forbid(rule: ForbidRule, facts: Sequence[Fact]) -> str:
    parts = [*_selected(rule.selector), *_fields(rule)]
    parts += [_condition(rule.when, facts)] if rule.when else []
    unless = f" unless {{ {_condition(rule.unless, facts)} }}" if rule.unless else ""
    when = " && ".join(parts) or "true"
    return f"forbid (principal, action, resource) when {{ {when} }}{unless};"


def _permit(rule: PermitRule, facts: Sequence[Fact]) -> str:
    parts = [*_selected(rule.selector), *_fields(rule)]
    parts += [_condition(rule.when, facts)] if rule.when else []
    return f"permit (principal, action, resource) when {{ {' && '.join(parts)} }};"
