"""All facts at once: a corridor's whole space, cut into boxes on which its answer is one.

A box allows each fact some of its answers. The first box allows everything; while some rule is
neither sure to hold nor sure to fail in a box, the box is cut in two by one fact of that rule. The
two halves share nothing and leave nothing out, so neither do the boxes at the end, and their sizes
add up to the number of all facts: see docs/explanation/proving.md. Answers that no rule of the
corridor tells apart are never cut apart, which is why some hundred boxes hold 10^20 facts.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from math import prod

from xref.errors import ConfigError
from xref.limits import BOXES_MAX
from xref.policy.conditions import Clause, Condition, all_bits, clause_state
from xref.policy.corridor import Corridor
from xref.policy.facts import Fact
from xref.policy.rules import ForbidRule


@dataclass(frozen=True, slots=True)
class Box:
    """Some answers to each fact (bits, by place), and what may go on every one of them."""

    answers: tuple[int, ...]
    mask: int

    @property
    def size(self) -> int:
        """The number of facts in the box."""
        return prod(bits.bit_count() for bits in self.answers)

    def first(self) -> bytes:
        """Return one of its facts; unknown where that is allowed."""
        return bytes((bits & -bits).bit_length() - 1 for bits in self.answers)


@dataclass(slots=True)
class _Cutting:
    """How far a box is decided: the rules that still depend on it, and what is settled."""

    answers: dict[int, int]
    refuses: list[ForbidRule]
    strips: list[tuple[ForbidRule, int]]
    permits: list[tuple[Condition, int]]
    granted: int
    stripped: int


def whole(facts: Sequence[Fact]) -> tuple[int, ...]:
    """Return the box that allows everything."""
    return tuple(all_bits(fact) for fact in facts)


def boxes_of(corridor: Corridor, facts: Sequence[Fact]) -> list[Box]:
    """Return the boxes of a corridor: together all facts, each once.

    Raises:
        ConfigError: the rules cut the facts into more than `BOXES_MAX` boxes; names the facts.

    """
    everything = whole(facts)
    start = _Cutting(
        answers=dict(enumerate(everything)),
        refuses=sorted(corridor.refuses, key=_clauses),
        strips=list(corridor.strips),
        permits=[(permit.when, mask) for permit, mask in corridor.permits],
        granted=0,
        stripped=0,
    )
    boxes: list[Box] = []
    cuts: Counter[int] = Counter()
    for box in _cut(start, cuts):
        boxes.append(box)
        if len(boxes) > BOXES_MAX:
            blamed = ", ".join(facts[place].name for place, _ in cuts.most_common(5))
            message = f"flow {corridor.flow.name}: over {BOXES_MAX} cases to prove; let its rules"
            raise ConfigError(f"{message} ask less of {blamed}")
    if sum(box.size for box in boxes) != prod(bits.bit_count() for bits in everything):
        raise RuntimeError("the boxes are not all facts")
    return boxes


def _clauses(forbid: ForbidRule) -> tuple[int, str]:
    return len(forbid.when) + len(forbid.unless), forbid.rule.id


def _cut(box: _Cutting, cuts: Counter[int]) -> Iterator[Box]:
    """Yield the boxes inside a box, cutting as long as a rule is undecided."""
    pending = [box]
    while pending:
        box = pending.pop()
        term = _settle(box)
        if term is None:
            answers = tuple(box.answers[place] for place in sorted(box.answers))
            refused = box.refuses or not box.granted
            yield Box(answers, 0 if refused else box.granted & ~box.stripped)
            continue
        place, bits = term
        cuts[place] += 1
        for half in (bits, ~bits):
            answers_in = {**box.answers, place: box.answers[place] & half}
            pending.append(
                _Cutting(
                    answers_in, box.refuses, box.strips, box.permits, box.granted, box.stripped
                )
            )


def _settle(box: _Cutting) -> tuple[int, int] | None:
    """Take out what is decided in the box; return a term to cut it by, None if all is decided.

    A box in which a refusal is sure keeps that refusal alone.
    """
    term: tuple[int, int] | None = None
    refuses = []
    for forbid in box.refuses:
        held, cut = _state(forbid, box.answers)
        if held is True:
            box.refuses, box.strips, box.permits = [forbid], [], []
            return None
        if held is None:
            refuses.append(forbid)
            term = term or cut
    strips, permits = [], []
    for forbid, mask in box.strips:
        held, cut = _state(forbid, box.answers)
        if held is True:
            box.stripped |= mask
        elif held is None:
            strips.append((forbid, mask))
            term = term or cut
    for when, mask in box.permits:
        held, cut = _holds(when, box.answers) if when else (True, None)
        if held is True:
            box.granted |= mask
        elif held is None:
            permits.append((when, mask))
            term = term or cut
    box.refuses, box.strips, box.permits = refuses, strips, permits
    return term


def _state(
    forbid: ForbidRule, answers: dict[int, int]
) -> tuple[bool | None, tuple[int, int] | None]:
    """Return whether a forbid applies in a box, None where that depends, and then on what."""
    held, cut = _holds(forbid.when, answers) if forbid.when else (True, None)
    if held is False:
        return False, None
    lifted, cut_unless = _holds(forbid.unless, answers)
    if lifted is True:
        return False, None
    if held is True and lifted is False:
        return True, None
    return None, cut or cut_unless


def _holds(
    condition: Condition, answers: dict[int, int]
) -> tuple[bool | None, tuple[int, int] | None]:
    left: Clause | None = None
    for clause in condition:
        state = clause_state(clause, answers)
        if state is True:
            return True, None
        if state is None:
            left = left or clause
    return (None, _open_term(left, answers)) if left else (False, None)


def _open_term(clause: Clause, answers: dict[int, int]) -> tuple[int, int]:
    return next((place, bits) for place, bits in clause.terms if answers[place] & ~bits)


class Meeting:
    """Boxes as numbers, so that whether two share facts is asked in one step.

    Each fact has as many bits as answers and one more, to which its bits carry unless all are 0.
    """

    def __init__(self, facts: Sequence[Fact]) -> None:
        """Give each fact its bits."""
        self._starts = []
        self._ones = self._carries = width = 0
        for bits in whole(facts):
            self._starts.append(width)
            self._ones |= bits << width
            width += bits.bit_length() + 1
            self._carries |= 1 << width - 1

    def packed(self, answers: Sequence[int]) -> int:
        """Return the answers as one number."""
        number = 0
        for start, bits in zip(self._starts, answers, strict=True):
            number |= bits << start
        return number

    def meeting(self, one: int, others: Iterable[int]) -> Iterator[int]:
        """Yield the places of those of the other boxes that share some facts with one."""
        ones, carries = self._ones, self._carries
        for place, other in enumerate(others):
            if (one & other) + ones & carries == carries:
                yield place


def overlap(box: Box, conditions: Iterable[Condition]) -> bool:
    """Return whether some facts of the box make all the conditions hold."""
    pending = [(dict(enumerate(box.answers)), list(conditions))]
    while pending:
        answers, waiting = pending.pop()
        if not waiting:
            return True
        for clause in waiting[0]:
            narrowed = dict(answers)
            for place, bits in clause.terms:
                narrowed[place] &= bits
            if all(narrowed[place] for place, _ in clause.terms):
                pending.append((narrowed, waiting[1:]))
    return False
