"""A corridor's rules compiled to numbers: whether a clause holds is one `and` of two integers.

The answers to all facts become one number with a bit for each answer given. A clause becomes the
number of the answers that it shuts out: those to its own facts that it does not name. It holds
where the two share no bit. `Clause.holds` says the same in words of the rules, and the tests
compare them.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from xref.policy.conditions import Condition, all_bits
from xref.policy.corridor import Corridor
from xref.policy.decision import Reason, reason_of
from xref.policy.facts import Fact
from xref.policy.rules import ForbidRule, PermitRule


class _Numbered:
    """Answers to all facts as one number: the sum of a number for each answer."""

    __slots__ = ("_tables",)

    def __init__(self) -> None:
        """Begin without a fact; each has a table of its answers' numbers, by their codes."""
        self._tables: list[tuple[int, ...]] = []

    def number(self, codes: bytes) -> int | None:
        """Return the number of one code a fact, None for codes that are not of these facts."""
        if len(codes) != len(self._tables):
            return None
        try:
            return sum(map(tuple.__getitem__, self._tables, codes))
        except IndexError:
            return None


class OneHot(_Numbered):
    """Each fact has a bit for each of its answers."""

    __slots__ = ("_facts", "_starts")

    def __init__(self, facts: Sequence[Fact]) -> None:
        """Give each answer its bit."""
        super().__init__()
        self._facts = facts
        self._starts: list[int] = []
        start = 0
        for fact in facts:
            self._starts.append(start)
            self._tables.append(tuple(1 << start + code for code in range(len(fact.values) + 1)))
            start += len(fact.values) + 1

    def shut_by(self, condition: Condition) -> tuple[int, ...]:
        """Return for each clause the answers that it shuts out."""
        shut = []
        for clause in condition:
            number = 0
            for place, bits in clause.terms:
                number |= (all_bits(self._facts[place]) & ~bits) << self._starts[place]
            shut.append(number)
        return tuple(shut)


class Merged(_Numbered):
    """Facts have the same number where no rule of a corridor tells them apart.

    Each fact's answers fall into classes: those that every clause of the corridor names, or leaves
    out, alike. The number has a digit for each fact that has more than one class.
    """

    __slots__ = ()

    def __init__(self, corridor: Corridor, facts: Sequence[Fact]) -> None:
        """Lay out the classes of each fact's answers."""
        super().__init__()
        named: list[set[int]] = [set() for _ in facts]
        for condition in _conditions(corridor):
            for clause in condition:
                for place, bits in clause.terms:
                    named[place].add(bits)
        radix = 1
        for fact, terms in zip(facts, named, strict=True):
            asked = sorted(terms)
            classes: dict[tuple[int, ...], int] = {}
            digits = [
                classes.setdefault(tuple(bits >> code & 1 for bits in asked), len(classes))
                for code in range(len(fact.values) + 1)
            ]
            self._tables.append(tuple(radix * digit for digit in digits))
            radix *= len(classes)


def _conditions(corridor: Corridor) -> Iterator[Condition]:
    """Yield every condition on which a ruling depends."""
    forbids = [*corridor.refuses, *(each for each, _ in (*corridor.strips, *corridor.scopes))]
    for forbid in (*forbids, *corridor.flags):
        yield forbid.when
        yield forbid.unless
    for permit, _ in corridor.permits:
        yield permit.when


@dataclass(frozen=True, slots=True)
class Gate:
    """When a forbid applies: some clause of `when` holds (or there is none), none of `unless`."""

    when: tuple[int, ...]
    unless: tuple[int, ...]

    def applies(self, number: int) -> bool:
        """Return whether the forbid applies to these answers."""
        if self.when and all(map(number.__and__, self.when)):
            return False
        return all(map(number.__and__, self.unless))


@dataclass(frozen=True, slots=True)
class Compiled:
    """A corridor with its rules as numbers."""

    corridor: Corridor
    refuses: tuple[tuple[Gate, Reason], ...]
    strips: tuple[tuple[Gate, tuple[ForbidRule, int]], ...]
    scopes: tuple[tuple[Gate, tuple[ForbidRule, int]], ...]
    permits: tuple[tuple[tuple[int, ...], tuple[PermitRule, int]], ...]
    flags: tuple[tuple[Gate, str], ...]


def compile_corridor(corridor: Corridor, one_hot: OneHot) -> Compiled:
    """Return the corridor with its rules as numbers."""

    def gate(forbid: ForbidRule) -> Gate:
        return Gate(one_hot.shut_by(forbid.when), one_hot.shut_by(forbid.unless))

    return Compiled(
        corridor=corridor,
        refuses=tuple((gate(each), reason_of(each.rule)) for each in corridor.refuses),
        strips=tuple((gate(each[0]), each) for each in corridor.strips),
        scopes=tuple((gate(each[0]), each) for each in corridor.scopes),
        permits=tuple((one_hot.shut_by(each[0].when), each) for each in corridor.permits),
        flags=tuple((gate(each), each.rule.id) for each in corridor.flags),
    )
