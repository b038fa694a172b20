"""Weakening any one rule of the floor, in any one way, is noticed by an invariant that names it."""

import os
from functools import cache
from typing import Final

import pytest

from unit.bundle.signed_bundle import draft, sources
from unit.policy.mutants import weakened
from xref.policy.compare import differences
from xref.policy.invariants import Invariant, read_invariants
from xref.policy.passages import Passage, widest_passages
from xref.policy.proving import Prover, Seen
from xref.policy.rulebook import Rulebook
from xref.policy.rules import ForbidRule, Selector

RULEBOOK: Final = draft().policy.rulebook
INVARIANTS: Final = read_invariants(sources(), RULEBOOK)
EVERY: Final = 1 if os.environ.get("XREF_LONG") else 15
"""Every how manyth way of weakening is tried: of some 3,000 all with XREF_LONG."""


@cache
def seen() -> Seen:
    return Seen(RULEBOOK.facts)


def naming(rule: ForbidRule) -> list[Invariant]:
    return [each for each in INVARIANTS if rule.rule.id in each.rules]


def is_noticed(mutant: Rulebook, invariants: list[Invariant]) -> bool:
    prover = Prover(mutant, invariants, seen())
    return any(next(prover.breaches(place), None) for place in range(len(invariants)))


def opens_nothing(mutant: Rulebook) -> bool:
    """Prove, on all facts, that the other rules keep what the weakened one would have let go."""
    floors = (RULEBOOK, mutant)
    selectors = [each.selector for floor in floors for each in floor.forbids]
    before, after = (laid_out(floor, selectors) for floor in floors)
    if not after.keys() <= before.keys():
        return False
    for way, passage in after.items():
        old, new = before[way].corridor, passage.corridor
        if any(True for _ in differences(old, new, RULEBOOK.facts)):
            return False
        if [mask for _, mask in old.keeps] != [mask for _, mask in new.keeps]:
            return False
        if [(s.when, s.unless, mask) for s, mask in old.scopes] != [
            (s.when, s.unless, mask) for s, mask in new.scopes
        ]:
            return False
    return True


def laid_out(rulebook: Rulebook, selectors: list[Selector]) -> dict[str, Passage]:
    passages = widest_passages(rulebook, selectors, {"contact_restrictions"})
    return {each.words: each for each in passages}


@pytest.mark.long
@pytest.mark.parametrize("rule", RULEBOOK.forbids, ids=lambda rule: rule.rule.id)
def test_weaken_a_rule_of_the_floor(rule: ForbidRule) -> None:
    invariants = naming(rule)
    assert invariants, "no invariant names this rule"
    seen.cache_clear()  # what was found of one rule's mutants would only fill the memory
    mutants = list(weakened(RULEBOOK, rule))
    for done, mutant in [mutants[0], *mutants[1::EVERY]]:
        assert is_noticed(mutant, invariants) or (done != "dropped" and opens_nothing(mutant)), done
