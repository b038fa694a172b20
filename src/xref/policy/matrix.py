"""The disclosure matrix: for every field and recipient, whether it ever goes, when, by which rule.

One cell for each flow, pair of roles, direction and field. Its verdict is exact (`ceiling_of`):
`never` means that no facts whatsoever let the field go.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from xref.policy.conditions import Condition
from xref.policy.corridor import Corridor, ceiling_of, corridor_between
from xref.policy.passages import ends_of
from xref.policy.rulebook import Rulebook
from xref.policy.rules import ForbidRule, PermitRule
from xref.policy.words import clauses_of

Clauses = list[dict[str, list[str]]]


@dataclass(frozen=True, slots=True)
class Need:
    """What a rule asks before the field goes: one of these tables of answers.

    `lifts` are the answers that a forbid's exception names, or a permit's condition; `when` are
    those on which a forbid binds at all, empty for always.
    """

    rule: str
    lifts: Clauses
    when: Clauses


@dataclass(frozen=True, slots=True)
class Cell:
    """Whether one field ever goes from one role to another in one flow, and on what conditions."""

    flow: str
    purpose: str
    from_role: str
    to_role: str
    crossing: bool
    field: str
    category: str
    verdict: str
    scoped: bool
    conditions: tuple[Need, ...]
    rules: tuple[str, ...]


def cells_of(rulebook: Rulebook) -> Iterator[Cell]:
    """Yield every cell of a bundle, in the order of flows, roles and fields."""
    ceilings: dict[object, tuple[Corridor, int]] = {}
    for flow in sorted(rulebook.flows.values(), key=lambda each: each.code):
        for from_role, to_role, same_party in ends_of(flow):
            corridor = corridor_between(rulebook, flow, from_role, to_role, same_party=same_party)
            if corridor.key not in ceilings:
                ceilings[corridor.key] = (corridor, ceiling_of(corridor, rulebook.facts))
            ends = (from_role, to_role, not same_party)
            yield from _cells(rulebook, corridor, ends, ceilings[corridor.key][1])


def _cells(
    rulebook: Rulebook, corridor: Corridor, ends: tuple[str, str, bool], ceiling: int
) -> Iterator[Cell]:
    for each in corridor.schema.fields:
        permits = [permit for permit, mask in corridor.permits if mask & each.mask]
        strips = [forbid for forbid, mask in corridor.strips if mask & each.mask]
        scopes = [forbid for forbid, mask in corridor.scopes if mask & each.mask]
        needs = [_need(rulebook, forbid) for forbid in (*corridor.refuses, *strips)]
        if permits and all(permit.when for permit in permits):
            needs += [_opening(rulebook, permit.rule.id, permit.when) for permit in permits]
        rules: list[PermitRule | ForbidRule] = [*permits, *strips, *scopes, *corridor.refuses]
        yield Cell(
            flow=corridor.flow.name,
            purpose=corridor.flow.purpose,
            from_role=ends[0],
            to_role=ends[1],
            crossing=ends[2],
            field=each.name,
            category=each.category,
            verdict=_verdict(corridor, ceiling & each.mask, needs),
            scoped=bool(scopes),
            conditions=tuple(needs) if ceiling & each.mask else (),
            rules=tuple(rule.rule.id for rule in rules),
        )


def _verdict(corridor: Corridor, ever: int, needs: list[Need]) -> str:
    if not ever:
        return "never"
    return "conditional" if needs or corridor.caused_by else "always"


def _need(rulebook: Rulebook, forbid: ForbidRule) -> Need:
    lifts = clauses_of(forbid.unless, rulebook.facts)
    return Need(forbid.rule.id, lifts, clauses_of(forbid.when, rulebook.facts))


def _opening(rulebook: Rulebook, rule_id: str, when: Condition) -> Need:
    return Need(rule_id, clauses_of(when, rulebook.facts), [])
