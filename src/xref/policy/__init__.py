"""Rules as data, compiled to masks: `Policy.load`, then `decide`. See docs/spec/policy.md."""

from xref.policy.agreement import BASIS_FIELD, Agreement, IdentificationBasis
from xref.policy.decision import Permit, Question, Reason, Refusal, Withheld
from xref.policy.facts import FactTable
from xref.policy.flows import Delivery, Expected, Flow, Publication, Purpose
from xref.policy.policy import Policy
from xref.policy.rules import Rule
from xref.policy.vocabulary import APPROVAL_FACT, GROUND_FACT, ROLES, is_other_ground

__all__ = [
    "APPROVAL_FACT",
    "BASIS_FIELD",
    "GROUND_FACT",
    "ROLES",
    "Agreement",
    "Delivery",
    "Expected",
    "FactTable",
    "Flow",
    "IdentificationBasis",
    "Permit",
    "Policy",
    "Publication",
    "Purpose",
    "Question",
    "Reason",
    "Refusal",
    "Rule",
    "Withheld",
    "is_other_ground",
]
