"""Rules as data, compiled to masks: `Policy.load`, then `decide`. See docs/spec/policy.md."""

from xref.policy.decision import Permit, Question, Reason, Refusal, Withheld
from xref.policy.facts import FactTable
from xref.policy.flows import Agreement, Delivery, Flow, Publication, Purpose
from xref.policy.policy import Policy
from xref.policy.rules import Rule
from xref.policy.vocabulary import ROLES

__all__ = [
    "ROLES",
    "Agreement",
    "Delivery",
    "FactTable",
    "Flow",
    "Permit",
    "Policy",
    "Publication",
    "Purpose",
    "Question",
    "Reason",
    "Refusal",
    "Rule",
    "Withheld",
]
