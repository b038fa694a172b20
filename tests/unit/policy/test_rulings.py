"""Facts that no rule tells apart share a ruling: it is the one that the rules themselves give."""

import random
from typing import Final

import pytest

from unit.bundle.signed_bundle import OPEN_FACTS, RETURN_FACTS, draft
from unit.policy.open_mask import open_mask
from xref.policy import Permit, Policy, Question, Refusal
from xref.policy.compiled import Merged
from xref.policy.corridor import applies, corridor_between

POLICY: Final = draft().policy
FACTS: Final = POLICY.facts.facts
WAYS: Final = {
    "victim-referral": ("nrm", "nrm", False, OPEN_FACTS),
    "return-notice": ("nrm", "nrm", False, RETURN_FACTS),
    "identity-check-asked": ("nrm", "nationality-authority", True, OPEN_FACTS),
}


def facts_near(start: bytes, chosen: random.Random) -> bytes:
    codes = bytearray(start)
    for place in chosen.sample(range(len(FACTS)), chosen.randint(0, 5)):
        codes[place] = chosen.randint(0, len(FACTS[place].values))
    return bytes(codes)


@pytest.mark.parametrize("name", WAYS)
def test_answers_are_those_of_the_rules_whatever_was_asked_before(name: str) -> None:
    from_role, to_role, same_party, near = WAYS[name]
    flow = POLICY.flow_named(name)
    corridor = corridor_between(POLICY.rulebook, flow, from_role, to_role, same_party=same_party)
    full, chosen = corridor.schema.full_mask, random.Random(name)
    policy = Policy.of(POLICY.rulebook)
    start = POLICY.facts.encode(near)
    for _ in range(400):
        codes, live = facts_near(start, chosen), chosen.random() > 0.1
        asked = Question(flow.code, from_role, to_role, same_party, codes, full, full, live)
        answer, given = policy.decide(asked), codes + bytes([live])
        mask = open_mask(corridor, given)
        refused = [each.rule.id for each in corridor.refuses if applies(each, given)]
        if isinstance(answer, Permit):
            assert (answer.mask, refused) == (mask, [])
        else:
            assert isinstance(answer, Refusal)
            told = [each.rule for each in answer.reasons]
            assert [rule for rule in told if rule in set(refused)] == refused
            assert not mask or "engine/" not in told[0]


def test_facts_of_one_number_are_of_one_answer_to_every_rule() -> None:
    flow = POLICY.flow_named("victim-referral")
    corridor = corridor_between(POLICY.rulebook, flow, "nrm", "nrm", same_party=False)
    merged = Merged(corridor, POLICY.rulebook.facts)
    start = POLICY.facts.encode(OPEN_FACTS) + b"\1"
    alike = told_apart = 0
    for place, fact in enumerate(POLICY.rulebook.facts):
        for code in range(len(fact.values) + 1):
            other = bytes((*start[:place], code, *start[place + 1 :]))
            held = [[applies(each, codes) for each in corridor.refuses] for codes in (start, other)]
            if merged.number(start) == merged.number(other):
                assert held[0] == held[1]
                assert open_mask(corridor, start) == open_mask(corridor, other)
                alike += 1
            told_apart += held[0] != held[1]
    assert alike > len(FACTS)
    assert told_apart
    assert merged.number(start[:-1]) is None
    assert merged.number(bytes([255]) + start[1:]) is None
