"""Questions about a corridor on all facts, answered by exact search: with facts, or with none."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain

from xref.policy.conditions import Clause, Condition, negated, solution
from xref.policy.corridor import Corridor, applied, lifted
from xref.policy.facts import Fact

Facts = Sequence[Fact]


@dataclass(frozen=True, slots=True)
class Found:
    """Facts that were looked for (bits of answers, by place), the fields, and what happens."""

    answers: Mapping[int, int]
    mask: int
    why: str


def opened(corridor: Corridor, wanted: int, where: list[Condition], facts: Facts) -> Found | None:
    """Return facts that make `where` hold and on which a wanted field goes."""
    refuses = [each for forbid in corridor.refuses for each in lifted(forbid, facts)]
    seen = set()
    for each in corridor.schema.fields:
        strips = [forbid for forbid, mask in corridor.strips if mask & each.mask]
        for permit, mask in corridor.permits:
            key = (permit.rule.id, *(forbid.rule.id for forbid in strips))
            if not mask & each.mask & wanted or key in seen:
                continue
            seen.add(key)
            free = [one for forbid in strips for one in lifted(forbid, facts)]
            asked = [permit.when] if permit.when else []
            found = solution([*where, *refuses, *free, *asked])
            if found is not None:
                return Found(found, each.mask, f"goes by {permit.rule.id}")
    return None


def closed(corridor: Corridor, wanted: int, where: list[Condition], facts: Facts) -> Found | None:
    """Return facts that make `where` hold and on which something is refused or a field stays."""
    for forbid in corridor.refuses:
        found = solution(where + applied(forbid, facts))
        if found is not None:
            return Found(found, 0, f"is refused by {forbid.rule.id}")
    for each in corridor.schema.fields if wanted else ():
        if not each.mask & wanted:
            continue
        for shut in ways_shut(corridor, each.mask, facts):
            found = solution(where + shut)
            if found is not None:
                return Found(found, each.mask, "stays")
    return None


def ways_shut(
    corridor: Corridor, mask: int, facts: Facts, place: int | None = None
) -> Iterator[list[Condition]]:
    """Yield conditions for each way in which a field stays; given a fact, those that ask it."""

    def about(conditions: list[Condition]) -> bool:
        terms = chain.from_iterable(clause.terms for each in conditions for clause in each)
        return place is None or place in {at for at, _ in terms}

    strips = [forbid for forbid, stripped in corridor.strips if stripped & mask]
    for forbid in (*corridor.refuses, *strips):
        conditions = applied(forbid, facts)
        if about(conditions):
            yield conditions
    permits = [permit for permit, opened in corridor.permits if opened & mask]
    if all(permit.when for permit in permits):
        none = [one for permit in permits for one in negated(permit.when, facts)]
        if about(none):
            yield none


def only(place: int, bits: int) -> Condition:
    """Return the condition that a fact has one of these answers."""
    return (Clause(((place, bits),)),)


def moved_to(conditions: list[Condition], to: Mapping[int, int]) -> list[Condition]:
    """Return the conditions with the answers to some facts asked at other places."""

    def moved(clause: Clause) -> Clause:
        return Clause(tuple((to.get(at, at), bits) for at, bits in clause.terms))

    return [tuple(moved(clause) for clause in each) for each in conditions]
