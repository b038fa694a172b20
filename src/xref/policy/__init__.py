"""Rules as data, compiled to masks: `Policy.load`, then `decide`. See docs/spec/policy.md."""

from xref.policy.agreement import BASES_FIELD, BASIS_FIELD, Agreement, IdentificationBasis
from xref.policy.contradictions import Contradiction
from xref.policy.crossings import CROSSING_FIELD, Crossing
from xref.policy.decision import Permit, Question, Reason, Refusal, Withheld
from xref.policy.facts import FactTable
from xref.policy.flows import Delivery, Expected, Flow, Publication, Purpose
from xref.policy.notices import ADAPTER_NOTICE_PATH, Notice, find_notice, read_notices
from xref.policy.policy import Policy
from xref.policy.rules import Rule
from xref.policy.vocabulary import (
    APPROVAL_FACT,
    CONTAMINATED,
    DESK_FACTS,
    GROUND_FACT,
    KEPT_BY_ORDER,
    NOTED_EVENTS,
    ROLES,
    SCOPE_FACT,
    is_other_ground,
)

__all__ = [
    "ADAPTER_NOTICE_PATH",
    "APPROVAL_FACT",
    "BASES_FIELD",
    "BASIS_FIELD",
    "CONTAMINATED",
    "CROSSING_FIELD",
    "DESK_FACTS",
    "GROUND_FACT",
    "KEPT_BY_ORDER",
    "NOTED_EVENTS",
    "ROLES",
    "SCOPE_FACT",
    "Agreement",
    "Contradiction",
    "Crossing",
    "Delivery",
    "Expected",
    "FactTable",
    "Flow",
    "IdentificationBasis",
    "Notice",
    "Permit",
    "Policy",
    "Publication",
    "Purpose",
    "Question",
    "Reason",
    "Refusal",
    "Rule",
    "Withheld",
    "find_notice",
    "is_other_ground",
    "read_notices",
]
