"""Conditions: only whether facts are among named answers, so every one is total and finite.

A clause is a conjunction of memberships; a condition is a list of clauses of which one must hold.
An answer is a bit (bit 0 is unknown), so a membership is one shift.

Unknown never opens: in a permit's `when` and a forbid's `unless` bit 0 is never set; in a forbid's
`when` it always is. So replacing an answer by unknown can only close (see tests/unit/policy).
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from xref.policy.facts import Fact
from xref.policy.reading import Entry
from xref.policy.vocabulary import UNKNOWN

LIVE_RECORD: Final = "sharing_consent_record"
"""A condition's name for "the sharing consent's own record is in force now": `["live"]`. It is no
fact that anyone attests; the hop looks the record up."""

LIVE_FACT: Final = Fact(LIVE_RECORD, ("live",), "origin", "The record is in force.")


@dataclass(frozen=True, slots=True)
class Clause:
    """Memberships that must all hold: (place of the fact, bits of the answers)."""

    terms: tuple[tuple[int, int], ...]

    def holds(self, codes: bytes) -> bool:
        """Return whether every fact's answer is among the named ones."""
        return all(bits >> codes[place] & 1 for place, bits in self.terms)


Condition = tuple[Clause, ...]


def any_holds(condition: Condition, codes: bytes) -> bool:
    """Return whether one clause holds."""
    return any(clause.holds(codes) for clause in condition)


def read_condition(
    entry: Entry, name: str, facts: Sequence[Fact], *, matches_unknown: bool
) -> Condition:
    """Return the condition in the member `name`: a list of tables fact = [answers]."""
    return tuple(
        _clause(clause, facts, matches_unknown=matches_unknown) for clause in entry.entries(name)
    )


def _clause(entry: Entry, facts: Sequence[Fact], *, matches_unknown: bool) -> Clause:
    places = {fact.name: place for place, fact in enumerate(facts)}
    terms = []
    for name in entry.members():
        if name not in places:
            raise entry.fault(f"unknown fact {name!r}", f"use one of {', '.join(places)}")
        values = facts[places[name]].values
        bits = int(matches_unknown)
        for answer in entry.texts(name):
            if answer == UNKNOWN:
                raise entry.fault(f"{name}: unknown is never named", "leave it out; it never opens")
            if answer not in values:
                known = ", ".join(values)
                raise entry.fault(f"{name}: unknown answer {answer!r}", f"use one of {known}")
            bits |= 2 << values.index(answer)
        terms.append((places[name], bits))
    if not terms:
        raise entry.fault("an empty clause would always hold", "name a fact")
    return Clause(tuple(sorted(terms)))


def negated(condition: Condition, facts: Sequence[Fact]) -> list[Condition]:
    """Return conditions that all hold exactly where no clause of `condition` does."""
    return [
        tuple(
            Clause(((place, all_bits(facts[place]) & ~bits),))
            for place, bits in clause.terms
            if all_bits(facts[place]) & ~bits
        )
        for clause in condition
    ]


def all_bits(fact: Fact) -> int:
    """Return the bits of every answer, unknown among them."""
    return (2 << len(fact.values)) - 1


def satisfiable(conditions: Iterable[Condition]) -> bool:
    """Return whether some facts make all the conditions hold at once. Exact, by search."""
    return solution(conditions) is not None


def solution(conditions: Iterable[Condition]) -> dict[int, int] | None:
    """Return answers that make all the conditions hold at once, None if no facts do.

    A place of a fact is mapped to the bits of its answers; any of them will do, and any answer to
    a fact that is not mapped.
    """
    return _search(list(dict.fromkeys(conditions)), {})


def _search(conditions: Sequence[Condition], allowed: dict[int, int]) -> dict[int, int] | None:
    """Branch on the condition with the fewest clauses that are still possible.

    What already holds is done with, and what can no longer hold ends a branch at once, so many
    rules on few facts stay cheap.
    """
    best: list[Clause] | None = None
    waiting = []
    for condition in conditions:
        left = _undecided(condition, allowed)
        if left is None:
            continue
        waiting.append(condition)
        if best is None or len(left) < len(best):
            best = left
            if not best:
                return None
    if best is None:
        return allowed
    for clause in best:
        found = _search(waiting, _narrowed(clause, allowed))
        if found is not None:
            return found
    return None


def _undecided(condition: Condition, allowed: Mapping[int, int]) -> list[Clause] | None:
    """Return the clauses that may hold, None where one is sure to."""
    left = []
    for clause in condition:
        state = clause_state(clause, allowed)
        if state is True:
            return None
        if state is None:
            left.append(clause)
    return left


def clause_state(clause: Clause, allowed: Mapping[int, int]) -> bool | None:
    """Return whether the clause is sure to hold, sure not to, or neither (None)."""
    certain: bool | None = True
    for place, bits in clause.terms:
        left = allowed.get(place, -1)
        if not left & bits:
            return False
        if left & ~bits:
            certain = None
    return certain


def _narrowed(clause: Clause, allowed: Mapping[int, int]) -> dict[int, int]:
    narrowed = dict(allowed)
    for place, bits in clause.terms:
        narrowed[place] = narrowed.get(place, -1) & bits
    return narrowed
