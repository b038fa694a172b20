"""Proving invariants on all facts at once, twice: by exact search and over all boxes.

The search asks for facts that break an invariant and either gives some or shows that there are
none. The boxes are all facts (`xref.policy.tiling`), and each is looked at. Should the two ever
disagree, the prover is at fault, and says so by a `RuntimeError`.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from xref.policy.conditions import Condition, all_bits, negated, solution
from xref.policy.corridor import Corridor, ceiling_of, lifted
from xref.policy.facts import Fact
from xref.policy.invariants import Invariant
from xref.policy.passages import Passage, passages_of, widest_passages
from xref.policy.rulebook import Rulebook, mask_of
from xref.policy.rules import ForbidRule
from xref.policy.search import Found, closed, kinds_of, moved_to, opened, ways_shut, widened
from xref.policy.tiling import Box, Meeting, boxes_of, overlap
from xref.policy.words import example

Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Breach:
    """A counterexample: on these facts (any other fact as you like) the sentence is not true."""

    invariant: str
    says: str
    passage: str
    facts: Mapping[str, str]
    fields: tuple[str, ...]
    why: str


@dataclass(frozen=True, slots=True)
class Proof:
    """What was proved, over how much, or how it fails."""

    invariants: int
    ways: int
    passages: int
    boxes: int
    facts: int
    breaches: tuple[Breach, ...]


class Seen:
    """What was found of corridors, which many passages, and rulebooks that differ little, share."""

    def __init__(self, facts: Sequence[Fact]) -> None:
        """Begin with nothing."""
        self.facts = facts
        self.meeting = Meeting(facts)
        self.found: dict[object, Found | None] = {}
        self._boxes: dict[object, tuple[Corridor, list[Box], list[int]]] = {}

    @property
    def boxes_count(self) -> int:
        """The number of boxes looked at."""
        return sum(len(boxes) for _, boxes, _ in self._boxes.values())

    def boxes(self, corridor: Corridor) -> list[Box]:
        """Return a corridor's boxes."""
        return self.packed(corridor)[0]

    def packed(self, corridor: Corridor) -> tuple[list[Box], list[int]]:
        """Return a corridor's boxes, and each as a number."""
        if corridor.key not in self._boxes:
            boxes = boxes_of(corridor, self.facts)
            reached = 0
            for box in boxes:
                reached |= box.mask
            if reached != ceiling_of(corridor, self.facts):
                raise RuntimeError("the boxes and the search disagree on what is ever open")
            numbers = [self.meeting.packed(box.answers) for box in boxes]
            self._boxes[corridor.key] = (corridor, boxes, numbers)
        return self._boxes[corridor.key][1:]


class Prover:
    """Proves the invariants on the passages of one rulebook."""

    def __init__(
        self, rulebook: Rulebook, invariants: Sequence[Invariant], seen: Seen | None = None
    ) -> None:
        """Lay out the passages that the invariants mean."""
        selectors = [each.selector for each in invariants]
        self.facts = rulebook.facts
        self.invariants = invariants
        named = {name for each in invariants for name in each.fields}
        self.widest = widest_passages(rulebook, selectors, named)
        self.own = passages_of(rulebook, selectors)
        self._seen = seen or Seen(self.facts)
        self.boxes = self._seen.boxes

    def prove(self, progress: Progress = lambda _done, _of: None) -> Proof:
        """Return the proof, with the breaches found: one for each invariant and passage."""
        breaches: list[Breach] = []
        steps = len(self.invariants) + 2
        for place in range(len(self.invariants)):
            progress(place, steps)
            breaches += self.breaches(place)
        progress(steps - 2, steps)
        breaches += self._unknown_widens()
        progress(steps - 1, steps)
        breaches += self._caused_widens()
        progress(steps, steps)
        everything = 1
        for fact in self.facts:
            everything *= all_bits(fact).bit_count()
        return Proof(
            invariants=len(self.invariants),
            ways=sum(each.ways for each in (*self.widest, *self.own)),
            passages=len(self.widest) + len(self.own),
            boxes=self._seen.boxes_count,
            facts=everything,
            breaches=tuple(breaches),
        )

    def breaches(self, place: int) -> Iterator[Breach]:
        """Yield where the invariant at this place fails, one counterexample a passage."""
        invariant = self.invariants[place]
        passages = self.widest if invariant.any_agreement else self.own
        for passage in passages:
            if place not in passage.chosen:
                continue
            self.boxes(passage.corridor)  # which keeps the corridor, so that its key stays good
            key = (invariant.id, passage.corridor.full_key)
            if key not in self._seen.found:
                self._seen.found[key] = self._found(passage.corridor, invariant)
            found = self._seen.found[key]
            if found is not None:
                yield self._breach(invariant.id, invariant.says, passage, found)

    def _found(self, corridor: Corridor, invariant: Invariant) -> Found | None:  # noqa: PLR0911 - a kind, a line
        wanted = mask_of(invariant.fields, invariant.categories, corridor.schema)
        where = [invariant.where] if invariant.where else []
        match invariant.kind:
            case "never":
                if not invariant.fields and not invariant.categories:
                    wanted = corridor.schema.full_mask
                return self._never(corridor, wanted, where + negated(invariant.unless, self.facts))
            case "always":
                return self._always(corridor, wanted, where)
            case "alike":
                return self._alike(corridor, invariant.but, where)
            case "told":
                return self._told(corridor, invariant, where)
            case "scoped":
                return self._scoped(corridor, wanted, where)
            case "narrows":
                return self._narrows(corridor, invariant.fact, invariant.answers, where)
        for _, mask in corridor.keeps:  # the kind `kept`
            wanted &= ~mask
        return Found({}, wanted, "may stay behind while the rest goes") if wanted else None

    def _never(self, corridor: Corridor, wanted: int, where: list[Condition]) -> Found | None:
        found = opened(corridor, wanted, where, self.facts)
        looked = [each for each in self.boxes(corridor) if each.mask & wanted]
        _agree(found is not None, any(overlap(box, where) for box in looked))
        return found

    def _always(self, corridor: Corridor, wanted: int, where: list[Condition]) -> Found | None:
        found = closed(corridor, wanted, where, self.facts)
        if wanted:
            boxes = [box for box in self.boxes(corridor) if wanted & ~box.mask]
            _agree(found is not None, any(overlap(box, where) for box in boxes))
        return found

    def _alike(
        self, corridor: Corridor, but: Sequence[int], where: list[Condition]
    ) -> Found | None:
        """Look for two sets of facts, the same in `but`, of which one lets more go."""
        beside = {at: at + len(self.facts) for at in range(len(self.facts)) if at not in but}
        found = None
        for kind in kinds_of(corridor):
            for shut in ways_shut(corridor, kind, self.facts):
                other = [*moved_to(where, beside), *moved_to(shut, beside)]
                refuses = [one for rule in corridor.refuses for one in lifted(rule, self.facts)]
                other += moved_to(refuses, beside)
                found = found or opened(corridor, kind, where + other, self.facts)
        boxes = [box for box in self.boxes(corridor) if box.mask and overlap(box, where)]
        pairs = [(one, two) for one in boxes for two in boxes if one.mask & ~two.mask]
        met = any(all(one.answers[at] & two.answers[at] for at in but) for one, two in pairs)
        _agree(found is not None, met)
        return found and Found(found.answers, found.mask, "goes on these facts, not on others")

    def _told(
        self, corridor: Corridor, invariant: Invariant, where: list[Condition]
    ) -> Found | None:
        for rule_id in invariant.rules:
            rules = [each for each in corridor.refuses if each.rule.id == rule_id]
            free = [one for each in rules for one in lifted(each, self.facts)]
            found = solution(where + free)
            if found is not None:
                return Found(found, 0, f"{rule_id} is not among the reasons")
        return None

    def _scoped(self, corridor: Corridor, wanted: int, where: list[Condition]) -> Found | None:
        for each in corridor.schema.fields:
            rules = [forbid for forbid, mask in corridor.scopes if mask & each.mask & wanted]
            free = [one for forbid in rules for one in lifted(forbid, self.facts)]
            if each.mask & wanted:
                found = solution(where + free)
                if found is not None:
                    return Found(found, each.mask, "goes though the sharing consent omits it")
        return None

    def _narrows(
        self, corridor: Corridor, place: int, answers: int, where: list[Condition]
    ) -> Found | None:
        found = widened(corridor, (place, answers), where, self.facts)
        _agree(found is not None, self._seen_widened(corridor, place, answers, where))
        return found

    def _seen_widened(
        self, corridor: Corridor, place: int, answers: int, where: list[Condition]
    ) -> bool:
        meeting = self._seen.meeting
        boxes, numbers = self._seen.packed(corridor)
        anything = meeting.packed(
            [all_bits(fact) if at == place else 0 for at, fact in enumerate(self.facts)]
        )
        less: dict[int, tuple[list[Box], list[int]]] = {}
        for after, number in zip(boxes, numbers, strict=True):
            if not after.mask or not after.answers[place] & answers:
                continue
            if after.mask not in less:
                fewer = [at for at, box in enumerate(boxes) if after.mask & ~box.mask]
                less[after.mask] = [boxes[at] for at in fewer], [numbers[at] for at in fewer]
            others, packed = less[after.mask]
            for at in meeting.meeting(number | anything, packed):
                met = [i & j for i, j in zip(others[at].answers, after.answers, strict=True)]
                met[place] = others[at].answers[place]
                if overlap(Box(tuple(met), 0), where):
                    return True
        return False

    def _unknown_widens(self) -> Iterator[Breach]:
        """Forgetting an answer opens nothing, whichever it is."""
        says = "To replace any answer by unknown opens nothing."
        for passage in (*self.widest, *self.own):
            corridor = passage.corridor
            for place in sorted(_mentioned(corridor)):
                key = (corridor.key, self.facts[place].name)
                if key not in self._seen.found:
                    self._seen.found[key] = self._narrows(corridor, place, 1, [])
                found = self._seen.found[key]
                if found is not None:
                    yield self._breach("unknown-never-opens", says, passage, found)

    def _caused_widens(self) -> Iterator[Breach]:
        """What goes abroad on a request went home with it: one more hop never has more."""
        says = "What an office sends because it was asked at home, it was told at home."
        for passage in self.own:
            for flow in passage.corridor.flow.caused_by:
                causes = [
                    each.corridor
                    for each in self.own
                    if each.corridor.flow.name == flow and each.to_role == passage.from_role
                ]
                for cause in causes:
                    found = self._beyond(passage.corridor, cause)
                    if found is not None:
                        yield self._breach("asked-at-home-first", says, passage, found)

    def _beyond(self, caused: Corridor, cause: Corridor) -> Found | None:
        found = None
        for each in caused.schema.fields:
            there = cause.schema.by_name.get(each.name)
            for shut in ways_shut(cause, there.mask, self.facts) if there else ():
                found = found or opened(caused, each.mask, shut, self.facts)
        shared = {box.mask: _shared(box.mask, caused, cause) for box in self.boxes(caused)}
        pairs = [
            (after, before)
            for after in self.boxes(caused)
            for before in self.boxes(cause)
            if shared[after.mask] & ~before.mask
        ]
        met = [[i & j for i, j in zip(a.answers, b.answers, strict=True)] for a, b in pairs]
        _agree(found is not None, any(all(each) for each in met))
        return found and Found(found.answers, found.mask, "goes abroad, but not home")

    def _breach(self, name: str, says: str, passage: Passage, found: Found) -> Breach:
        facts = example(found.answers, self.facts)
        fields = passage.corridor.schema.names_of(found.mask)
        return Breach(name, says, passage.words, facts, fields, found.why)


def _agree(searched: bool, looked: bool) -> None:  # noqa: FBT001 - two findings, side by side
    if searched is not looked:
        raise RuntimeError("the search and the boxes disagree")


def _mentioned(corridor: Corridor) -> set[int]:
    strips = [forbid for forbid, _ in corridor.strips]
    forbids: list[ForbidRule] = [*corridor.refuses, *strips]
    conditions = [one for each in forbids for one in (each.when, each.unless)]
    conditions += [permit.when for permit, _ in corridor.permits]
    return {at for each in conditions for clause in each for at, _ in clause.terms}


def _shared(mask: int, caused: Corridor, cause: Corridor) -> int:
    """Return a mask over what is caused as one over the fields of these names in the cause."""
    names = [name for name in caused.schema.names_of(mask) if name in cause.schema.by_name]
    return cause.schema.mask_of(names)
