"""Asking the shipped rules about one flow, on facts by name."""

from collections.abc import Mapping
from typing import Final

from unit.bundle.signed_bundle import draft, question
from xref.policy import Permit, Question, Refusal

POLICY: Final = draft().policy


def ask(facts: Mapping[str, str], flow: str, **given: object) -> Permit | Refusal:
    """Decide on exactly these facts; the first sender and recipient unless others are given."""
    asked = question(POLICY, flow=flow)
    parts = {name: getattr(asked, name) for name in Question.__slots__}
    facts = {name: value for name, value in facts.items() if value != "unknown"}
    return POLICY.decide(Question(**parts | {"facts": POLICY.facts.encode(facts)} | given))


def reasons(answer: Permit | Refusal) -> set[str]:
    return {each.rule for each in answer.reasons} if isinstance(answer, Refusal) else set()


def fields(flow: str, answer: Permit | Refusal) -> set[str]:
    assert isinstance(answer, Permit), answer
    return set(POLICY.schema_for(POLICY.flow_named(flow)).names_of(answer.mask))
