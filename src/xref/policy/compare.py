"""What a change of the rules opens and closes: exactly, on all facts, field by field.

Two bundles are compared flow by flow and role by role. A field *opens* where some facts let it go
under the new rules and not under the old; facts are searched for, so nothing is sampled.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from xref.errors import ConfigError
from xref.policy.conditions import Clause, Condition
from xref.policy.corridor import Corridor, ceiling_of, corridor_between
from xref.policy.facts import Fact
from xref.policy.passages import ends_of
from xref.policy.rulebook import Rulebook
from xref.policy.search import kinds_of, opened, ways_shut
from xref.policy.words import example, say_facts


@dataclass(frozen=True, slots=True)
class CellChange:
    """Fields that open or close; `entirely` where they never went before, or never go any more.

    `facts` is one example: answers on which the two bundles differ, of the facts that matter.
    """

    change: str
    flow: str
    from_role: str
    to_role: str
    crossing: bool
    fields: tuple[str, ...]
    entirely: bool
    facts: dict[str, str]
    rules: tuple[str, ...]

    @property
    def words(self) -> str:
        """The change for a person, with its example."""
        where = "across the border" if self.crossing else "at home"
        goes = {"opens": "would go", "closes": "would not go"}[self.change]
        on = f"where {say_facts(self.facts)}" if self.facts else say_facts(self.facts)
        changed = f" (by {', '.join(self.rules)})" if self.rules else ""
        return (
            f"{', '.join(self.fields)} of {self.flow} from {self.from_role} to {self.to_role} "
            f"{where} {goes} {on}{changed}"
        )


_Ways = dict[tuple[str, str, str, bool], Corridor]


def compare(old: Rulebook, new: Rulebook) -> list[CellChange]:
    """Return all that opens, then all that closes, when `new` takes the place of `old`.

    Raises:
        ConfigError: the facts are not the old ones with others appended, so that they cannot be
            compared.

    """
    facts = new.facts
    old_ways, new_ways = _ways(aligned(old, new)), _ways(new)
    return [
        *_opens("opens", old_ways, new_ways, facts),
        *_opens("closes", new_ways, old_ways, facts),
    ]


def narrows_only(old: Rulebook, new: Rulebook) -> CellChange | None:
    """Return the first cell that `new` opens beyond `old`, None if it only narrows."""
    return next(_opens("opens", _ways(aligned(old, new)), _ways(new), new.facts), None)


def aligned(old: Rulebook, new: Rulebook) -> Rulebook:
    """Return `old` with its facts at the places that they have in `new`."""
    for place, fact in enumerate(old.table.facts):
        there = new.table.facts[place : place + 1]
        if not there or there[0].name != fact.name or not _begins(there[0], fact):
            message = f"fact {fact.name}: moved or changed, so the rules cannot be compared"
            raise ConfigError(f"{message}; append facts and answers, as codes travel")
    last, to = len(old.table.facts), len(new.table.facts)
    if last == to:
        return old

    def moved(condition: Condition) -> Condition:
        return tuple(
            Clause(tuple((to if place == last else place, bits) for place, bits in each.terms))
            for each in condition
        )

    forbids = [
        replace(each, when=moved(each.when), unless=moved(each.unless)) for each in old.forbids
    ]
    permits = [replace(each, when=moved(each.when)) for each in old.permits]
    return replace(old, forbids=tuple(forbids), permits=tuple(permits))


def _begins(new: Fact, old: Fact) -> bool:
    return new.values[: len(old.values)] == old.values


def _ways(rulebook: Rulebook) -> _Ways:
    ways = {}
    for flow in rulebook.flows.values():
        for from_role, to_role, same_party in ends_of(flow):
            ways[flow.name, from_role, to_role, not same_party] = corridor_between(
                rulebook, flow, from_role, to_role, same_party=same_party
            )
    return ways


def _opens(
    change: str, before: _Ways, after: _Ways, facts: tuple[Fact, ...]
) -> Iterator[CellChange]:
    """Yield what goes in `after` and not in `before`."""
    seen: dict[object, list[CellChange]] = {}
    for way, corridor in after.items():
        other = before.get(way)
        key = (corridor.key, other and other.key)
        if key not in seen:
            seen[key] = [
                CellChange(change, *way, fields, entirely, found, rules)
                for fields, entirely, found, rules in differences(other, corridor, facts)
            ]
        for each in seen[key]:
            flow, from_role, to_role, crossing = way
            yield replace(each, flow=flow, from_role=from_role, to_role=to_role, crossing=crossing)


Difference = tuple[tuple[str, ...], bool, dict[str, str], tuple[str, ...]]


def differences(
    before: Corridor | None, after: Corridor, facts: tuple[Fact, ...]
) -> Iterator[Difference]:
    """Yield what goes in `after` and not in `before`: fields, whether anew, an example, rules."""
    if before is not None and _alike(before, after):
        return
    ever = ceiling_of(before, facts) if before else 0
    rules = _changed_rules(before, after)
    found: dict[tuple[str, ...], tuple[list[str], bool]] = {}
    answers: dict[tuple[str, ...], dict[str, str]] = {}
    for each in after.schema.fields:
        there = before.schema.by_name.get(each.name) if before else None
        new = not (there and ever & there.mask)
        facts_found = _example(
            before if there else None, there.mask if there else 0, after, each.mask, facts
        )
        if facts_found is not None:
            key = (str(new), *(f"{name}={value}" for name, value in facts_found.items()))
            found.setdefault(key, ([], new))[0].append(each.name)
            answers[key] = facts_found
    for key, (names, new) in found.items():
        yield tuple(names), new, answers[key], rules


def _example(
    before: Corridor | None, mask: int, after: Corridor, wanted: int, facts: tuple[Fact, ...]
) -> dict[str, str] | None:
    if before is None:
        found = opened(after, wanted, [], facts)
        return None if found is None else {}
    for shut in ways_shut(before, next(kind for kind in kinds_of(before) if kind & mask), facts):
        found = opened(after, wanted, shut, facts)
        if found is not None:
            matter = {place for each in shut for clause in each for place, _ in clause.terms}
            return example({at: found.answers[at] for at in matter if at in found.answers}, facts)
    return None


def _rules(corridor: Corridor) -> dict[str, object]:
    found: dict[str, object] = {each.rule.id: (each.when, each.unless) for each in corridor.refuses}
    found |= {each.rule.id: (each.when, each.unless, mask) for each, mask in corridor.strips}
    found |= {each.rule.id: (each.when, mask) for each, mask in corridor.permits}
    return found


def _alike(before: Corridor, after: Corridor) -> bool:
    return before.schema.digest32 == after.schema.digest32 and _rules(before) == _rules(after)


def _changed_rules(before: Corridor | None, after: Corridor) -> tuple[str, ...]:
    old, new = _rules(before) if before else {}, _rules(after)
    return tuple(sorted(each for each in {*old, *new} if old.get(each) != new.get(each)))
