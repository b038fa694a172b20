"""A corridor's rules on given facts: found once for all facts that none of its rules tells apart.

Most facts that come are new and most of what is new about them concerns no rule of the corridor, so
that a ruling is nearly always known; a message then costs a sum and two look-ups.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final, TypeVar

from xref.limits import DECISIONS_CACHED_MAX
from xref.policy.compiled import Compiled, Merged, OneHot, compile_corridor
from xref.policy.corridor import Corridor
from xref.policy.decision import (
    NO_CAUSE,
    NO_PERMIT,
    UNKNOWN_FACT,
    Permit,
    Reason,
    Refusal,
    Withheld,
    reason_of,
)
from xref.policy.rulebook import Rulebook
from xref.policy.rules import ForbidRule, PermitRule, Rule

_NO_CAUSE: Final = reason_of(NO_CAUSE)
_NO_PERMIT: Final = reason_of(NO_PERMIT)
NOT_LIVE: Final = b"\0"
"""The code of a sharing consent's record that is not in force."""
_LIVE: Final = (NOT_LIVE, b"\1")

Key = TypeVar("Key")
Value = TypeVar("Value")
Way = tuple[int, str, str, bool, int]
"""Flow, sender's role, recipient's role, whether of one Party, and the flow of the cause."""


@dataclass(frozen=True, slots=True, eq=False)
class Ruling:
    """A corridor's rules on given facts: all that does not depend on the message's masks.

    `answers` are those given so far, by what is carried and what the sharing consent covers.
    """

    corridor: Corridor
    refused: tuple[Reason, ...]
    permits: tuple[tuple[PermitRule, int], ...]
    granted: int
    strips: tuple[tuple[ForbidRule, int], ...]
    scopes: tuple[tuple[ForbidRule, int], ...]
    flags: tuple[str, ...]
    answers: dict[tuple[int, int], Permit | Refusal] = field(default_factory=dict, repr=False)
    stays: dict[int, Withheld] = field(default_factory=dict, repr=False)
    """Why a field stays, by its mask and, in the lowest bit, whether it is in the scope."""


@dataclass(frozen=True, slots=True, eq=False)
class _Known:
    """A way's rules, and the rulings on the classes of facts that have come."""

    compiled: Compiled
    merged: Merged
    found: dict[int, Ruling]


def make_room(table: dict[Key, Value]) -> dict[Key, Value]:
    """Return a table of what was found before, emptied if it is full."""
    if len(table) >= DECISIONS_CACHED_MAX:
        table.clear()
    return table


def rulings(
    corridor_of: Callable[[int, str, str, bool], Corridor | Rule], rulebook: Rulebook
) -> Callable[[Way, bytes, bool], Ruling | Rule]:
    """Return what finds the ruling on a way and facts; `live` is the sharing consent's record's."""
    one_hot = OneHot(rulebook.facts)
    unknown = bytes(len(rulebook.table.facts))

    ways: dict[Way, _Known | Rule] = {}

    def laid_out(way: Way) -> _Known | Rule:
        corridor = corridor_of(*way[:4])
        if isinstance(corridor, Rule):
            return corridor
        return _Known(
            compile_corridor(corridor, one_hot), Merged(corridor, rulebook.facts), found={}
        )

    def ruling(way: Way, facts: bytes, live: bool) -> Ruling | Rule:  # noqa: FBT001 - a cache key
        rules = ways.get(way)
        if rules is None:
            rules = make_room(ways)[way] = laid_out(way)
        if isinstance(rules, Rule):
            return rules
        codes = (facts or unknown) + _LIVE[live]
        number = rules.merged.number(codes)
        if number is None:
            return UNKNOWN_FACT
        found = rules.found.get(number)
        if found is None:
            answers = one_hot.number(codes)
            if answers is None:
                return UNKNOWN_FACT
            found = make_room(rules.found)[number] = _ruled(rules.compiled, answers, way[4])
        return found

    return ruling


def _ruled(rules: Compiled, number: int, cause_flow: int) -> Ruling:
    permits = tuple(
        each for when, each in rules.permits if not when or not all(map(number.__and__, when))
    )
    granted = 0
    for _, mask in permits:
        granted |= mask
    refused = [reason for gate, reason in rules.refuses if gate.applies(number)]
    if rules.corridor.caused_by and cause_flow not in rules.corridor.caused_by:
        refused.append(_NO_CAUSE)
    if not granted:
        refused.append(_NO_PERMIT)
    return Ruling(
        corridor=rules.corridor,
        refused=tuple(refused),
        permits=permits,
        granted=granted,
        strips=tuple(each for gate, each in rules.strips if gate.applies(number)),
        scopes=tuple(each for gate, each in rules.scopes if gate.applies(number)),
        flags=tuple(rule for gate, rule in rules.flags if gate.applies(number)),
    )
