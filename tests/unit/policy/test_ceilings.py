"""Ceilings: what a receiving hop checks is exactly what some facts could open."""

from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from unit.bundle.signed_bundle import (
    CHILD_RETURN_FACTS,
    OPEN_FACTS,
    OWN_CHOICE_FACTS,
    RETURN_FACTS,
    draft,
)
from xref.policy import ROLES, Flow, Permit, Question
from xref.policy.conditions import Clause, Condition, any_holds, negated, satisfiable
from xref.policy.facts import Fact

POLICY: Final = draft().policy
CORRIDORS: Final = [
    (flow, from_role, to_role, same_party)
    for flow in POLICY.flows.values()
    for from_role in sorted({*flow.from_roles[:3], "nrm", "hop", "immigration"})
    for to_role in sorted({*flow.to_roles[:3], "service-provider", "consular-office"})
    for same_party in (False, True)
]
CHILD: Final = {
    "age_status": "presumed-child",
    "guardian": "appointed",
    "best_interests": "assessed",
    "child_views": "heard",
}
OPENINGS: Final = (
    OPEN_FACTS,
    OPEN_FACTS | CHILD,
    OPEN_FACTS | {"nationality_outcome": "more-information-needed"},
    RETURN_FACTS,
    CHILD_RETURN_FACTS,
    OWN_CHOICE_FACTS | {"travel_document": "requested", "consular_contact": "requested"},
    OPEN_FACTS | {"tracing_risk": "favourable"},
    OPEN_FACTS | CHILD | {"tracing_risk": "favourable"},
)


def decided(
    corridor: tuple[Flow, str, str, bool], facts: bytes, carried: int, *, live: bool = True
) -> int:
    flow, from_role, to_role, same_party = corridor
    full = POLICY.schema_for(flow).full_mask
    cause = POLICY.flow_named(flow.caused_by[0]).code if flow.caused_by else 0
    answer = POLICY.decide(
        Question(flow.code, from_role, to_role, same_party, facts, carried, full, live, cause)
    )
    return answer.mask if isinstance(answer, Permit) else 0


@given(data=st.data())
def test_no_decision_exceeds_its_ceiling(data: st.DataObject) -> None:
    corridor = data.draw(st.sampled_from(CORRIDORS))
    facts = bytes(data.draw(st.integers(0, len(fact.values))) for fact in POLICY.facts.facts)
    flow, from_role, to_role, same_party = corridor
    carried = data.draw(st.integers(0, POLICY.schema_for(flow).full_mask))
    ceiling = POLICY.ceiling(flow.code, from_role, to_role, same_party=same_party)
    assert not decided(corridor, facts, carried) & ~ceiling


@pytest.mark.parametrize("name", sorted(flow.name for flow in POLICY.flows.values()))
def test_every_bit_of_a_ceiling_is_reached(name: str) -> None:
    for corridor in (each for each in CORRIDORS if each[0].name == name):
        flow, from_role, to_role, same_party = corridor
        ceiling = POLICY.ceiling(flow.code, from_role, to_role, same_party=same_party)
        reached = 0
        for answers in OPENINGS:
            for each in POLICY.schema_for(flow).fields:
                reached |= decided(corridor, POLICY.facts.encode(answers), each.mask)
        assert reached == ceiling, corridor[1:]


def test_nothing_ever_goes_where_no_flow_leads() -> None:
    flow = POLICY.flow_named("victim-referral")
    assert not POLICY.ceiling(flow.code, "nrm", "nrm", same_party=True)
    assert not POLICY.ceiling(999, "nrm", "nrm", same_party=False)
    for role in ROLES:
        if role != "nrm":
            assert not POLICY.ceiling(flow.code, "nrm", role, same_party=False)


# The search behind the ceilings, against trying all facts.

FACTS: Final = tuple(Fact(f"f{i}", ("a", "b", "c")[: i + 1], "origin", "x") for i in range(3))


def conditions(*, with_unknown: bool) -> st.SearchStrategy[Condition]:
    def term(place: int) -> st.SearchStrategy[tuple[int, int]]:
        known = st.integers(1, (1 << len(FACTS[place].values)) - 1)
        return known.map(lambda bits: (place, bits << 1 | with_unknown))

    clause = st.sets(st.integers(0, 2), min_size=1).flatmap(
        lambda places: st.tuples(*(term(place) for place in sorted(places))).map(Clause)
    )
    return st.lists(clause, min_size=1, max_size=3).map(tuple)


def everything() -> list[bytes]:
    return [bytes([i, j, k]) for i in range(2) for j in range(3) for k in range(4)]


@given(st.lists(conditions(with_unknown=False), max_size=4))
def test_the_search_finds_what_trying_everything_finds(found: list[Condition]) -> None:
    tried = any(all(any_holds(each, codes) for each in found) for codes in everything())
    assert satisfiable(found) is tried


@given(conditions(with_unknown=True))
def test_a_negated_condition_holds_exactly_where_it_does_not(condition: Condition) -> None:
    lifted = negated(condition, FACTS)
    for codes in everything():
        assert all(any_holds(each, codes) for each in lifted) is not any_holds(condition, codes)
