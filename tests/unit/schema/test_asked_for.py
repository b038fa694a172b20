"""The messages that were asked for are all there, and what was to be refused is refused by name."""

import pytest

from unit.schema.test_schema_check import BREAKS, STRUCTURE_BREAKS
from world import draft_bundle
from xref.schema_check import RULES

POLICY = draft_bundle().policy
FLOWS = {flow.name for flow in POLICY.flows.values()}
# What a case needs, and the flow that carries it.
MESSAGES = {
    "victim referral, presumed or identified": ["victim-referral"],
    "service referral": ["service-referral"],
    "identification evidence, one for each source": ["identification-evidence", "evidence-at-home"],
    "bilateral consultation on victim status": ["status-consultation", "consultation-answer"],
    "determination": ["determination"],
    "referral response": ["referral-response"],
    "nationality verification and result": ["nationality-request", "nationality-result"],
    "its domestic asking and answer": ["identity-check-asked", "identity-check-answered"],
    "travel document request and issue": ["travel-document-request", "travel-document-answer"],
    "travel document, asked and answered at home": [
        "travel-document-asked",
        "travel-document-answered",
    ],
    "origin assurance": ["assurance-asked", "origin-assurance"],
    "return proposal and decision": ["return-proposed", "return-decided"],
    "return, reception and travel notices": [
        *("return-notice", "reception-notice"),
        *("travel-asked", "travel-notice-border", "travel-notice-consular"),
    ],
    "reception readiness": ["readiness-asked", "reception-readiness"],
    "departure and safe receipt": ["departure", "safe-receipt"],
    "withdrawal of a return": ["return-cancelled", "journey-change-asked", "journey-change"],
    "welfare check": ["welfare-asked", "welfare-report"],
    "reintegration update": ["reintegration-asked", "reintegration-update"],
    "best-interests and guardian tokens": [
        *("best-interests-asked", "best-interests-answer", "guardian-asked", "guardian-answer"),
        *("child-safeguards", "child-safeguards-confirmed"),
    ],
    "family tracing": ["family-tracing-asked", "family-tracing-answer"],
    "sharing consent granted and withdrawn": [
        "sharing-consent-granted",
        "sharing-consent-withdrawn",
    ],
    "receipt, also of an erasure": ["receipt"],
    "non-punishment claim": [
        *("non-punishment-claim", "non-punishment-claim-abroad", "non-punishment-answer"),
    ],
    "detention alert": ["detention-alert", "detention-answer"],
    "missing-child alert": [
        *("missing-child-alert", "missing-child-alert-at-home", "missing-child-answer"),
    ],
    "remedy and proceedings after return": ["remedy-notice", "remedy-answer"],
    "action taken on a signal": ["risk-signal", "signal-action"],
    "handover between organisations": ["provider-handover", "handover-response"],
}
# What a schema may not say, and the rules that refuse it.
REFUSED = {
    "a bare consent": ["name/consent"],
    "a test result": ["content/disease"],
    "cooperation": ["content/cooperation"],
    "exploitation in verification, travel and border records": [
        *("content/neutral", "content/declared-neutral"),
    ],
    "a presumed adult": ["enum/presumed-adult"],
    "a closed enum for exploitation": ["enum/exploitation"],
    "a field without xref.id, category or sensitivity": [
        *("field/id", "field/category", "field/sensitivity"),
    ],
    "a reused id": ["field/id", "id/history"],
    "a map": ["type/map"],
    "a float": ["type/float"],
    "an enum without default where unknown must survive": ["enum/open"],
    "an enum with default where unknown must fail closed": ["enum/closed"],
}


@pytest.mark.parametrize("message", MESSAGES)
def test_every_message_that_a_case_needs_has_a_flow(message: str) -> None:
    assert FLOWS.issuperset(MESSAGES[message])


def test_a_right_of_permanent_residence_counts_as_well_as_nationality() -> None:
    schemas = POLICY.schemas
    asked = schemas["xref.nationality_request"].by_name["basis_claimed"]
    result = schemas["xref.nationality_result"].by_name["basis_confirmed"]
    assert asked.symbols == result.symbols == ("NATIONALITY", "PERMANENT_RESIDENCE")
    assert "PERMANENT_RESIDENT" in schemas["xref.nationality_result"].by_name["outcome"].symbols


def test_victims_are_presumed_or_identified_and_erasures_are_receipted() -> None:
    statuses = POLICY.schemas["xref.victim_referral"].by_name["victim_status"].symbols
    assert {"PRESUMED", "IDENTIFIED"} <= set(statuses)
    assert b"ERASED" in POLICY.schemas["xref.receipt"].canonical
    assert "claim_deadline" in POLICY.schemas["xref.remedy_notice"].by_name


@pytest.mark.parametrize("fault", REFUSED)
def test_what_was_to_be_refused_has_a_rule_and_a_planted_fault(fault: str) -> None:
    planted = {*BREAKS, *STRUCTURE_BREAKS.values(), "id/history"}
    for rule in REFUSED[fault]:
        assert rule in RULES
        assert rule in planted, "no test plants it"
