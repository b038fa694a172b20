"""Conditions, facts and roles in words for a person."""

from collections.abc import Mapping, Sequence

from xref.policy.conditions import Condition, all_bits
from xref.policy.facts import Fact
from xref.policy.vocabulary import UNKNOWN


def answers_of(fact: Fact, bits: int) -> list[str]:
    """Return the answers behind the bits; unknown first, where it is among them."""
    return [name for code, name in enumerate((UNKNOWN, *fact.values)) if bits >> code & 1]


def clauses_of(condition: Condition, facts: Sequence[Fact]) -> list[dict[str, list[str]]]:
    """Return a condition as its file has it: a list of tables fact = [answers]."""
    return [
        {facts[place].name: answers_of(facts[place], bits) for place, bits in clause.terms}
        for clause in condition
    ]


def say_clauses(clauses: Sequence[Mapping[str, Sequence[str]]]) -> str:
    """Return a condition as a sentence part: `asylum is no; or age_status is ...`."""
    return "; or ".join(
        ", ".join(f"{fact} is {' or '.join(answers)}" for fact, answers in clause.items())
        for clause in clauses
    )


def say_facts(facts: Mapping[str, str]) -> str:
    """Return some answers as a sentence part."""
    return ", ".join(f"{name} is {answer}" for name, answer in facts.items()) or "on any facts"


def example(answers: Mapping[int, int], facts: Sequence[Fact]) -> dict[str, str]:
    """Return one answer to each fact that a search has settled, by name."""
    found = {}
    for place, bits in sorted(answers.items()):
        if place < len(facts):
            left = bits & all_bits(facts[place])
            if left and left != all_bits(facts[place]):
                found[facts[place].name] = answers_of(facts[place], left & -left)[0]
    return found
