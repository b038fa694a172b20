"""A described situation: a message that nobody has sent, to ask the rules about it.

Read strictly from TOML or JSON. What is not said is as open as it can be: everything is carried,
covered by the sharing consent and in force, and an office that acts when asked was asked. Facts
that are not said are unknown, as they would be.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from xref.policy.decision import Permit, Question, Refusal
from xref.policy.flows import Flow
from xref.policy.policy import Policy
from xref.policy.reading import Entry
from xref.policy.vocabulary import ROLES, UNKNOWN


@dataclass(frozen=True, slots=True)
class Situation:
    """Who sends what to whom on which facts; None is everything that the record has."""

    flow: str
    from_role: str
    to_role: str
    facts: Mapping[str, str]
    carried: tuple[str, ...] | None = None
    covered: tuple[str, ...] | None = None
    record_live: bool = True
    crossing: bool | None = None


def read_situation(entry: Entry, policy: Policy) -> Situation:
    """Return the situation in a table, or raise `ConfigError` naming what is wrong with it."""
    flow = policy.flow_named(entry.text("flow"))
    fields = policy.schema_for(flow).by_name
    situation = Situation(
        flow=flow.name,
        from_role=entry.word("from", ROLES) if entry.has("from") else flow.from_roles[0],
        to_role=entry.word("to", ROLES) if entry.has("to") else flow.to_roles[0],
        facts=read_facts(entry.entry("facts"), policy) if entry.has("facts") else {},
        carried=entry.words("carried", fields) if entry.has("carried") else None,
        covered=entry.words("covered", fields) if entry.has("covered") else None,
        record_live=entry.flag("record_live") is not False,
        crossing=entry.flag("crossing"),
    )
    entry.finish()
    return situation


def read_facts(entry: Entry, policy: Policy) -> dict[str, str]:
    """Return the answers in a table of facts, all of the policy's own."""
    facts = {fact.name: fact.values for fact in policy.facts.facts}
    answers = {}
    for name in entry.members():
        if name not in facts:
            raise entry.fault(f"unknown fact {name!r}", f"use one of {', '.join(facts)}")
        answers[name] = entry.word(name, (UNKNOWN, *facts[name]))
    return answers


def question_of(situation: Situation, policy: Policy) -> Question:
    """Return the situation as the question that a hop would ask."""
    flow = policy.flow_named(situation.flow)
    schema = policy.schema_for(flow)

    def mask(names: tuple[str, ...] | None) -> int:
        return schema.full_mask if names is None else schema.mask_of(names)

    return Question(
        flow=flow.code,
        from_role=situation.from_role,
        to_role=situation.to_role,
        same_party=not _crosses(flow, situation),
        facts=policy.facts.encode(situation.facts),
        carried_mask=mask(situation.carried),
        sharing_consent_mask=mask(situation.covered),
        sharing_consent_live=situation.record_live,
        cause_flow=policy.flow_named(flow.caused_by[0]).code if flow.caused_by else 0,
    )


def _crosses(flow: Flow, situation: Situation) -> bool:
    said = situation.crossing
    return said if said is not None else flow.reach != "domestic"


def decide(situation: Situation, policy: Policy) -> Permit | Refusal:
    """Return what the rules say about the situation."""
    return policy.decide(question_of(situation, policy))
