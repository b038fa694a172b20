"""Weakened floors: every way to make one rule of the floor say less, one at a time."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from xref.policy.conditions import Clause, Condition, all_bits
from xref.policy.facts import Fact
from xref.policy.rulebook import Rulebook
from xref.policy.rules import ForbidRule, Selector
from xref.policy.vocabulary import NATURES, ROLES


def weakened(rulebook: Rulebook, rule: ForbidRule) -> Iterator[tuple[str, Rulebook]]:
    """Yield what was done and the rulebook, for every way to weaken this rule."""

    def floor(*instead: ForbidRule) -> Rulebook:
        rest = tuple(each for each in rulebook.forbids if each is not rule)
        return replace(rulebook, forbids=(*rest, *instead))

    yield "dropped", floor()
    for done, selector in _narrower(rule.selector, tuple(rulebook.purposes)):
        yield done, floor(replace(rule, selector=selector))
    for name in rule.fields if rule.effect != "scope" else ():
        yield f"without field {name}", floor(_less(rule, name))
    for name in rule.categories if rule.effect != "scope" else ():
        yield f"without category {name}", floor(_less(rule, name))
    for done, unless in _wider(rule.unless, rulebook.facts):
        yield f"unless {done}", floor(replace(rule, unless=unless))
    for done, when in _narrowed(rule.when, rulebook.facts):
        yield f"when {done}", floor(replace(rule, when=when))


def _less(rule: ForbidRule, name: str) -> ForbidRule:
    return replace(
        rule,
        fields=tuple(each for each in rule.fields if each != name),
        categories=tuple(each for each in rule.categories if each != name),
    )


def _narrower(selector: Selector, purposes: tuple[str, ...]) -> Iterator[tuple[str, Selector]]:
    named = {
        "natures": NATURES,
        "purposes": purposes,
        "from_roles": ROLES,
        "to_roles": ROLES,
    }
    for member, every in named.items():
        given = getattr(selector, member)
        for name in given if given is not None else every:
            left = tuple(each for each in given or every if each != name)
            changed: dict[str, Any] = {member: left}
            yield f"{member} without {name}", replace(selector, **changed)
    if selector.crossing is None:
        for crossing in (True, False):
            yield f"only if crossing is {crossing}", replace(selector, crossing=crossing)


def _wider(condition: Condition, facts: tuple[Fact, ...]) -> Iterator[tuple[str, Condition]]:
    """Add an answer to a term (unknown too), drop a term, drop all."""
    for number, clause in enumerate(condition):
        for term in clause.terms:
            fact = facts[term[0]]
            without = tuple(each for each in clause.terms if each is not term)
            changed = [(f"not asking {fact.name}", without)]
            for bit in range(all_bits(fact).bit_length()):
                if not term[1] >> bit & 1:
                    more = (term[0], term[1] | 1 << bit)
                    changed.append((f"{fact.name} or {bit}", (*without, more)))
            for done, terms in changed:
                left = [*condition[:number], Clause(terms), *condition[number + 1 :]]
                yield done, tuple(left)


def _narrowed(condition: Condition, facts: tuple[Fact, ...]) -> Iterator[tuple[str, Condition]]:
    """Take an answer out of a term."""
    for number, clause in enumerate(condition):
        for term in clause.terms:
            without = tuple(each for each in clause.terms if each is not term)
            for bit in range(all_bits(facts[term[0]]).bit_length()):
                if term[1] >> bit & 1:
                    less = Clause((*without, (term[0], term[1] & ~(1 << bit))))
                    done = f"{facts[term[0]].name} not {bit}"
                    yield done, (*condition[:number], less, *condition[number + 1 :])
