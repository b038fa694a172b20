"""What a change of the rules would have meant for sample cases, by sex, age and nationality.

Anti-trafficking measures are to be looked at for their effect on women and girls, and on men and
boys, when they are proposed (002:168-170, 003:2420-2422). The cases are the reader's own samples:
facts and three attributes that no rule can ask for, and nothing else about anybody.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Final

from xref.policy.decision import Permit, Question
from xref.policy.policy import Policy
from xref.policy.reading import Entry
from xref.policy.situation import Situation, question_of, read_facts

ATTRIBUTES: Final = ("sex", "age", "nationality")
EFFECTS: Final = ("newly-refused", "newly-passed", "fewer-fields", "more-fields")


@dataclass(frozen=True, slots=True)
class Case:
    """One sample: its attributes, facts and the flows in question, none for all gated ones."""

    id: str
    attributes: Mapping[str, str]
    facts: Mapping[str, str]
    flows: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Effect:
    """What changes for one case in one flow."""

    case: str
    flow: str
    effect: str
    rules: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Share:
    """How many of the cases of a group the change touches, by effect."""

    attribute: str
    group: str
    cases: int
    touched: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Simulation:
    """All effects, and how they fall on groups."""

    effects: tuple[Effect, ...]
    shares: tuple[Share, ...]


def read_cases(source: Entry, policy: Policy) -> tuple[Case, ...]:
    """Return the sample cases in a file: tables `case`, each with attributes and facts."""
    cases = []
    for entry in source.entries("case"):
        case = Case(
            id=entry.text("id"),
            attributes={name: entry.text(name) for name in ATTRIBUTES},
            facts=read_facts(entry.entry("facts"), policy),
            flows=entry.words("flows", [flow.name for flow in policy.flows.values()], ()),
        )
        entry.finish()
        cases.append(case)
    source.finish()
    if not cases:
        raise source.fault("no case", "add tables [[case]] with id, sex, age, nationality, facts")
    return tuple(cases)


def simulate(old: Policy, new: Policy, cases: Sequence[Case]) -> Simulation:
    """Return what changes for the cases when `new` takes the place of `old`."""
    gated = [flow.name for flow in old.flows.values() if flow.nature in ("contact", "domestic")]
    effects = []
    for case in cases:
        for flow in case.flows or gated:
            effects += _effects(old, new, case, flow)
    return Simulation(tuple(effects), tuple(_shares(cases, effects)))


def _effects(old: Policy, new: Policy, case: Case, flow: str) -> list[Effect]:
    found = {}
    known = old.flow_named(flow)
    for from_role, to_role in product(known.from_roles, known.to_roles):
        situation = Situation(flow, from_role, to_role, case.facts)
        before, refused_by = _answer(old, question_of(situation, old))
        after, refuses = _answer(new, question_of(situation, new)) if _has(new, flow) else ([], ())
        if set(before) != set(after):
            effect = _effect(before, after)
            rules = _because(effect, set(refused_by), set(refuses))
            found[effect] = Effect(case.id, flow, effect, tuple(sorted(rules)))
    return list(found.values())


def _has(policy: Policy, flow: str) -> bool:
    return any(each.name == flow for each in policy.flows.values())


def _answer(policy: Policy, question: Question) -> tuple[list[str], tuple[str, ...]]:
    """Return the fields that go, and the rules that keep all or some of the rest."""
    answer = policy.decide(question)
    if isinstance(answer, Permit):
        names = policy.schema_for(policy.flows[question.flow]).names_of(answer.mask)
        kept = {rule for each in answer.withheld for rule in each.rules}
        return list(names), tuple(kept)
    return [], tuple(reason.rule for reason in answer.reasons)


def _effect(before: Sequence[str], after: Sequence[str]) -> str:
    if not after:
        return "newly-refused"
    if not before:
        return "newly-passed"
    return "fewer-fields" if set(before) - set(after) else "more-fields"


def _because(effect: str, before: set[str], after: set[str]) -> set[str]:
    """Return the rules that make the difference: what keeps now, or kept before."""
    if effect in ("newly-refused", "newly-passed"):
        return after if effect == "newly-refused" else before
    return after - before if effect == "fewer-fields" else before - after


def _shares(cases: Sequence[Case], effects: Sequence[Effect]) -> list[Share]:
    shares = []
    for attribute in ATTRIBUTES:
        groups = Counter(case.attributes[attribute] for case in cases)
        for group, size in sorted(groups.items()):
            ids = {case.id for case in cases if case.attributes[attribute] == group}
            touched = {
                effect: len({each.case for each in effects if each.effect == effect} & ids)
                for effect in EFFECTS
            }
            shares.append(Share(attribute, group, size, touched))
    return shares
