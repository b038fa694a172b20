"""A corridor: the rules that bind one flow between two roles, as masks of the flow's schema.

What may go in it on given facts, if everything is carried, covered and in force, is its *open
mask*: what the permits that open grant, less what the strips that apply take, and nothing where a
refusal applies. No message gets more (`xref.policy.policy` only narrows it); a message that
carries exactly that, and whose sharing consent covers it, gets it. So whatever is proved of open
masks holds for every message.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from xref.policy.conditions import Condition, any_holds, negated, satisfiable
from xref.policy.facts import Fact
from xref.policy.flows import Flow
from xref.policy.rulebook import Rulebook, mask_of
from xref.policy.rules import ForbidRule, PermitRule
from xref.wire.schema import Schema


@dataclass(frozen=True, slots=True)
class Corridor:
    """The rules for one flow between two roles, as masks of its schema."""

    flow: Flow
    schema: Schema
    caused_by: tuple[int, ...]
    refuses: tuple[ForbidRule, ...]
    strips: tuple[tuple[ForbidRule, int], ...]
    keeps: tuple[tuple[ForbidRule, int], ...]
    scopes: tuple[tuple[ForbidRule, int], ...]
    permits: tuple[tuple[PermitRule, int], ...]
    flags: tuple[ForbidRule, ...] = ()
    """Those keep nothing, so that neither the open mask nor what is proved depends on them."""

    @property
    def key(self) -> tuple[object, ...]:
        """What the open mask depends on, the same for many roles: the schema and the very rules.

        Good only for as long as the corridor itself is kept.
        """
        return (
            self.schema.digest32,
            tuple(id(each) for each in self.refuses),
            tuple(id(each) for each, _ in self.strips),
            tuple(id(each) for each, _ in self.permits),
        )

    @property
    def full_key(self) -> tuple[object, ...]:
        """As `key`, with the rules that depend on what a message carries and covers."""
        rest = tuple(id(each) for each, _ in (*self.keeps, *self.scopes))
        return (*self.key, rest)


def corridor_between(
    rulebook: Rulebook, flow: Flow, from_role: str, to_role: str, *, same_party: bool
) -> Corridor:
    """Return the corridor of a flow between two roles that it names, the way that it goes."""
    schema = rulebook.schema_of(flow)
    forbids = [
        each
        for each in rulebook.forbids
        if each.selector.matches(flow, from_role, to_role, same_party=same_party)
    ]

    def masked(effect: str) -> tuple[tuple[ForbidRule, int], ...]:
        found = [each for each in forbids if each.effect == effect]
        return tuple((each, mask_of(each.fields, each.categories, schema)) for each in found)

    return Corridor(
        flow=flow,
        schema=schema,
        caused_by=tuple(rulebook.flows[name].code for name in flow.caused_by),
        refuses=tuple(each for each in forbids if each.effect == "refuse"),
        strips=masked("strip"),
        keeps=masked("keep"),
        # A scope names its exceptions; its mask is what it limits.
        scopes=tuple((each, schema.full_mask & ~mask) for each, mask in masked("scope")),
        permits=tuple(
            (each, mask_of(each.fields, each.categories, schema))
            for each in rulebook.permits
            if each.selector.matches(flow, from_role, to_role, same_party=same_party)
        ),
        flags=tuple(
            each
            for each in rulebook.flags
            if each.selector.matches(flow, from_role, to_role, same_party=same_party)
        ),
    )


def applies(forbid: ForbidRule, codes: bytes) -> bool:
    """Return whether a forbid applies on these facts."""
    held = not forbid.when or any_holds(forbid.when, codes)
    return held and not any_holds(forbid.unless, codes)


def lifted(forbid: ForbidRule, facts: Sequence[Fact]) -> list[Condition]:
    """Return conditions that all hold exactly where the forbid does not apply."""
    if not forbid.when:
        return [forbid.unless]
    return [(*each, *forbid.unless) for each in negated(forbid.when, facts)]


def applied(forbid: ForbidRule, facts: Sequence[Fact]) -> list[Condition]:
    """Return conditions that all hold exactly where the forbid applies."""
    when = [forbid.when] if forbid.when else []
    return when + negated(forbid.unless, facts)


def ceiling_of(corridor: Corridor, facts: Sequence[Fact]) -> int:
    """Return the union of all open masks. Exact, by asking for each permit and set of strips."""
    refuses = [each for forbid in corridor.refuses for each in lifted(forbid, facts)]
    memo: dict[tuple[str, tuple[str, ...]], bool] = {}
    ceiling = 0
    for each in corridor.schema.fields:
        strips = [forbid for forbid, mask in corridor.strips if mask & each.mask]
        closed = refuses + [one for forbid in strips for one in lifted(forbid, facts)]
        for permit, mask in corridor.permits:
            key = (permit.rule.id, tuple(forbid.rule.id for forbid in strips))
            if mask & each.mask and key not in memo:
                memo[key] = satisfiable([*closed, permit.when] if permit.when else closed)
            if mask & each.mask and memo[key]:
                ceiling |= each.mask
    return ceiling
