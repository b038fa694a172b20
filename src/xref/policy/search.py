"""Questions about a corridor on all facts, answered by exact search: with facts, or with none."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

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


def kinds_of(corridor: Corridor) -> list[int]:
    """Return the fields as masks, those together that the same strips and permits name."""
    kinds: dict[object, int] = {}
    for each in corridor.schema.fields:
        strips = tuple(forbid.rule.id for forbid, mask in corridor.strips if mask & each.mask)
        permits = tuple(permit.rule.id for permit, mask in corridor.permits if mask & each.mask)
        kinds[strips, permits] = kinds.get((strips, permits), 0) | each.mask
    return list(kinds.values())


def opened(corridor: Corridor, wanted: int, where: list[Condition], facts: Facts) -> Found | None:
    """Return facts that make `where` hold and on which a wanted field goes."""
    refuses = [each for forbid in corridor.refuses for each in lifted(forbid, facts)]
    for kind in kinds_of(corridor):
        strips = [forbid for forbid, mask in corridor.strips if mask & kind]
        free = [one for forbid in strips for one in lifted(forbid, facts)]
        for permit, mask in corridor.permits:
            if not mask & kind & wanted:
                continue
            asked = [permit.when] if permit.when else []
            found = solution([*where, *refuses, *free, *asked])
            if found is not None:
                return Found(found, kind & wanted, f"goes by {permit.rule.id}")
    return None


def closed(corridor: Corridor, wanted: int, where: list[Condition], facts: Facts) -> Found | None:
    """Return facts that make `where` hold and on which something is refused or a field stays."""
    for forbid in corridor.refuses:
        found = solution(where + applied(forbid, facts))
        if found is not None:
            return Found(found, 0, f"is refused by {forbid.rule.id}")
    for kind in kinds_of(corridor) if wanted else ():
        for shut in ways_shut(corridor, kind, facts) if kind & wanted else ():
            found = solution(where + shut)
            if found is not None:
                return Found(found, kind & wanted, "stays")
    return None


def ways_shut(corridor: Corridor, kind: int, facts: Facts) -> Iterator[list[Condition]]:
    """Yield conditions for each way in which fields of one kind stay."""
    strips = [forbid for forbid, stripped in corridor.strips if stripped & kind]
    for forbid in (*corridor.refuses, *strips):
        yield applied(forbid, facts)
    permits = [permit for permit, granted in corridor.permits if granted & kind]
    if all(permit.when for permit in permits):
        yield [one for permit in permits for one in negated(permit.when, facts)]


def widened(
    corridor: Corridor, change: tuple[int, int], where: list[Condition], facts: Facts
) -> Found | None:
    """Return facts on which less goes than after a change: (place of the fact, new answers)."""
    place, answers = change
    moved = {place: len(facts)}  # the answer before the change stands beside the others
    after = [only(place, answers), *moved_to(where, moved)]
    for kind in kinds_of(corridor):
        for shut, free in _by_one_rule(corridor, kind, place, facts):
            before = moved_to(shut, moved)
            # What one rule does not let happen alone, all of them do not.
            if solution([*after, *before, *free]) is None:
                continue
            found = opened(corridor, kind, after + before, facts)
            if found is not None:
                return Found(found.answers, found.mask, "goes after the change, not before it")
    return None


def _by_one_rule(
    corridor: Corridor, kind: int, place: int, facts: Facts
) -> Iterator[tuple[list[Condition], list[Condition]]]:
    """Yield the ways in which fields of one kind stay that depend on the fact at a place.

    Each comes with what it takes to end it.
    """
    strips = [forbid for forbid, stripped in corridor.strips if stripped & kind]
    for forbid in (*corridor.refuses, *strips):
        if _asks(forbid.when, place) or _asks(forbid.unless, place):
            yield applied(forbid, facts), lifted(forbid, facts)
    permits = [permit for permit, granted in corridor.permits if granted & kind]
    asked = any(_asks(permit.when, place) for permit in permits)
    if asked and all(permit.when for permit in permits):
        closed_all = [one for permit in permits for one in negated(permit.when, facts)]
        yield closed_all, [tuple(one for permit in permits for one in permit.when)]


def _asks(condition: Condition, place: int) -> bool:
    return any(at == place for clause in condition for at, _ in clause.terms)


def only(place: int, bits: int) -> Condition:
    """Return the condition that a fact has one of these answers."""
    return (Clause(((place, bits),)),)


def moved_to(conditions: list[Condition], to: Mapping[int, int]) -> list[Condition]:
    """Return the conditions with the answers to some facts asked at other places."""

    def moved(clause: Clause) -> Clause:
        return Clause(tuple((to.get(at, at), bits) for at, bits in clause.terms))

    return [tuple(moved(clause) for clause in each) for each in conditions]
