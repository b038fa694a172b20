"""A case from safety to safe receipt: each gate opens and closes, and the gates never imprison."""

import re
from datetime import date
from functools import cache
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from unit.bundle.signed_bundle import (
    CHILD_RETURN_FACTS,
    OPEN_FACTS,
    OWN_CHOICE_FACTS,
    RETURN_FACTS,
    changed,
    draft,
    question,
)
from unit.policy.asking import ask, fields, reasons
from xref.bundle import build
from xref.desk.adapter import Adapter
from xref.desk.read_form import Record, read_form
from xref.policy import Permit, Question, Refusal
from xref.resources import data_folder

POLICY: Final = draft().policy
RETURN_FLOWS: Final = (
    "return-notice",
    "reception-notice",
    "travel-asked",
    "travel-notice-border",
    "travel-notice-consular",
    "departure",
)
NEUTRAL: Final = (
    "identity-and-residence",
    "journey-change",
    "travel-arrangement",
    "travel-document",
)
GATED: Final = [
    flow.name for flow in POLICY.flows.values() if flow.nature in ("contact", "domestic")
]
EMERGENCY: Final = "emergency-protection-referral"
EMERGENCIES: Final = (EMERGENCY, "missing-child-alert")
CHILD: Final = {"age_status": "verified-child", "guardian": "none"}


# The gates towards the State of origin bind everything that leads there.


def open_facts(flow: str) -> dict[str, str]:
    facts = RETURN_FACTS | {"disclosure_ground": "sharing-consent", "tracing_risk": "favourable"}
    if flow == "child-safeguards":
        return CHILD_RETURN_FACTS
    return facts | ({"age_status": "verified-child"} if flow in EMERGENCIES else {})


ORIGIN_GATES: Final = {
    "floor/asylum": {"asylum": "not-informed"},
    "floor/origin-fear": {"origin_fear": "non-state"},
    "floor/sharing-consent": {"sharing_consent": "withdrawn"},
    "floor/second-approver": {"disclosure_ground": "vital-interest"},
    "floor/warned": {"confidentiality_warning": "late"},
    "floor/consular-conflict": {"consular_conflict": "alleged"},
}


@pytest.mark.parametrize("flow", GATED)
@pytest.mark.parametrize("rule", ORIGIN_GATES)
def test_every_contact_and_every_request_at_home_is_bound(flow: str, rule: str) -> None:
    facts = open_facts(flow)
    assert isinstance(ask(facts, flow), Permit)
    assert reasons(ask(facts | ORIGIN_GATES[rule], flow)) >= {rule}
    (name,) = ORIGIN_GATES[rule]
    assert rule in reasons(ask(facts | {name: "unknown"}, flow))


@pytest.mark.parametrize("flow", GATED)
def test_whoever_may_be_a_child_takes_the_child_path_but_in_an_emergency(flow: str) -> None:
    refused = reasons(ask(open_facts(flow) | CHILD, flow))
    assert ("floor/child" in refused) is (flow not in EMERGENCIES)


def test_not_informed_of_asylum_is_refused_at_home_with_the_duty_to_inform_and_ask() -> None:
    for flow in ("identity-check-asked", "travel-asked"):
        refused = ask(RETURN_FACTS | {"asylum": "not-informed"}, flow)
        assert isinstance(refused, Refusal)
        (reason,) = refused.reasons
        assert reason.rule == "floor/asylum"
        assert "Inform the person" in reason.cure
        assert "Set a date" in reason.cure


def test_who_withdrew_an_asylum_claim_may_go_home_by_own_choice_only() -> None:
    facts = OWN_CHOICE_FACTS | {"asylum": "withdrawn-informed"}
    assert isinstance(ask(facts, "return-notice"), Permit)
    for change in (
        {"return_initiative": "authority"},
        {"return_initiative": "unknown"},
        {"return_decision": "undecided"},
        {"liberty": "law-enforcement-facility"},
        {"age_status": "unknown"},
    ):
        assert "floor/asylum" in reasons(ask(facts | change, "return-notice"))


# The return gate.

STRICT: Final = {
    "floor/return-risk": (
        {"risk_outcome": "unfavourable"},
        {"risk_outcome": "not-assessed"},
        {"risk_outcome": "expired"},
        {"risk_evidence": "general-only"},
        {"risk_to_family": "present"},
    ),
    "floor/return-assurance": (
        {"origin_assurance": "given-incomplete"},
        {"departure_penalty": "not-excluded"},
    ),
    "floor/return-alternatives": (
        {"alternatives": "not-examined"},
        {"alternatives": "offered-accepted"},
    ),
    "floor/return-proceedings": ({"proceedings": "pending"}, {"presence_required": "yes"}),
    "floor/reflection": ({"reflection": "running"}, {"reflection": "unspecified-in-law"}),
    "floor/return-reception": ({"reception": "conditional"},),
    "floor/return-nationality": (
        {"nationality_outcome": "statelessness-suspected"},
        {"travel_document": "requested"},
    ),
}
EITHER_WAY: Final = {
    "floor/return-decision": ({"return_decision": "declines"}, {"return_consent": "withdrawn"}),
    "floor/return-information": ({"return_information": "partial"},),
}


@pytest.mark.parametrize("flow", RETURN_FLOWS)
@pytest.mark.parametrize("rule", [*STRICT, *EITHER_WAY])
def test_a_return_that_an_authority_wants_needs_every_element(flow: str, rule: str) -> None:
    assert isinstance(ask(RETURN_FACTS, flow), Permit)
    for change in (STRICT | EITHER_WAY)[rule]:
        assert reasons(ask(RETURN_FACTS | change, flow)) == {rule}
        (name,) = change
        assert reasons(ask(RETURN_FACTS | {name: "unknown"}, flow)) == {rule}


@pytest.mark.parametrize("flow", ["return-notice", "reception-notice", "travel-asked", "departure"])
@pytest.mark.parametrize("rule", STRICT)
def test_an_adults_own_informed_choice_is_never_blocked_by_what_protects(
    flow: str, rule: str
) -> None:
    assert isinstance(ask(OWN_CHOICE_FACTS, flow), Permit)
    for change in STRICT[rule]:
        assert isinstance(ask(OWN_CHOICE_FACTS | change, flow), Permit)


OWN_CHOICE_LOST: Final = (
    {"return_initiative": "authority"},
    {"return_initiative": "unknown"},
    {"liberty": "restricted-reviewed"},
    {"liberty": "unknown"},
    {"age_status": "presumed-child"},
    {"age_status": "unknown"},
    {"return_information": "partial"},
    {"return_consent": "not-sought"},
    {"return_decision": "undecided"},
)


@pytest.mark.parametrize("change", OWN_CHOICE_LOST, ids=lambda change: "-".join(*change.items()))
def test_what_is_no_free_choice_of_an_adult_takes_the_strict_path(change: dict[str, str]) -> None:
    told = reasons(ask(OWN_CHOICE_FACTS | change, "return-notice"))
    assert told >= set(STRICT) - {"floor/reflection"}


def test_a_removal_passes_only_after_a_hearing_and_with_all_else() -> None:
    removed = RETURN_FACTS | {"return_decision": "declines", "return_consent": "refused"}
    for state in ("unknown", "none", "taken", "under-review"):
        told = reasons(ask(removed | {"removal_decision": state}, "return-notice"))
        assert told == {"floor/return-decision"}
    upheld = removed | {"removal_decision": "upheld-after-hearing"}
    assert isinstance(ask(upheld, "return-notice"), Permit)
    assert "floor/reflection" in reasons(ask(upheld | {"reflection": "running"}, "return-notice"))


CHILD_GATES: Final = {
    "floor/child-return": {"best_interests": "assessed"},
    "floor/child-return-guardian": {"guardian": "conflicted"},
    "floor/child-return-views": {"child_views": "not-heard"},
    "floor/child-return-family": {"family_check": "family-implicated"},
    "floor/child-return-alternatives": {"alternatives": "not-examined"},
    "floor/child-return-risk": {"risk_outcome": "favourable-with-measures"},
}


@pytest.mark.parametrize("flow", RETURN_FLOWS)
@pytest.mark.parametrize("rule", CHILD_GATES)
def test_a_childs_return_needs_every_element(flow: str, rule: str) -> None:
    assert isinstance(ask(CHILD_RETURN_FACTS, flow), Permit)
    assert rule in reasons(ask(CHILD_RETURN_FACTS | CHILD_GATES[rule], flow))
    (name,) = CHILD_GATES[rule]
    assert rule in reasons(ask(CHILD_RETURN_FACTS | {name: "unknown"}, flow))


def test_all_reasons_against_a_childs_return_are_told_at_once() -> None:
    nothing = {name: value for name, value in OPEN_FACTS.items() if name != "age_status"}
    told = reasons(ask(nothing, "return-notice"))
    assert told >= {*CHILD_GATES, *STRICT, *EITHER_WAY, "floor/child"}


@given(data=st.data())
def test_to_replace_an_answer_by_unknown_never_opens(data: st.DataObject) -> None:
    flow = data.draw(st.sampled_from(sorted(GATED)))
    facts = {
        each.name: data.draw(st.sampled_from(("unknown", *each.values)))
        for each in POLICY.facts.facts
    }
    start = data.draw(st.sampled_from((OWN_CHOICE_FACTS, RETURN_FACTS, CHILD_RETURN_FACTS)))
    names = data.draw(st.sets(st.sampled_from(sorted(facts)), max_size=4))
    mixed = {**start, **{name: facts[name] for name in names}}
    lost = data.draw(st.sampled_from(sorted(mixed)))
    before, after = ask(mixed, flow), ask(mixed | {lost: "unknown"}, flow)
    if isinstance(after, Permit):
        assert isinstance(before, Permit)
        assert not after.mask & ~before.mask


# Nothing labels the person.

HINTS: Final = re.compile(
    r"victim|traffick|exploit|referral|asylum|return|shelter|repatriat|\bnrm\b|protect|consent"
)


@pytest.mark.parametrize("purpose", NEUTRAL)
def test_the_names_of_ordinary_checks_hint_at_nothing(purpose: str) -> None:
    for flow in POLICY.flows.values():
        if flow.purpose != purpose:
            continue
        schema = POLICY.schema_for(flow)
        names = [flow.name, flow.schema, purpose, schema.canonical.decode()]
        names += [word for each in schema.fields for word in (each.name, each.doc)]
        assert not [name for name in names if HINTS.search(name.lower())]


def test_ordinary_checks_abroad_come_from_ordinary_offices_and_only_when_asked_at_home() -> None:
    for flow in POLICY.flows.values():
        if flow.purpose in NEUTRAL and flow.nature == "contact":
            assert set(flow.from_roles) <= {"nationality-authority", "immigration"}
            assert [POLICY.flow_named(name).nature for name in flow.caused_by] == ["domestic"]
            for cause in (0, 16, 999):
                told = reasons(ask(RETURN_FACTS, flow.name, cause_flow=cause))
                assert told == {"engine/no-cause"}


def test_a_travel_notice_is_not_caused_by_a_request_for_an_identity_check() -> None:
    told = reasons(ask(RETURN_FACTS, "travel-notice-border", cause_flow=32))
    assert told == {"engine/no-cause"}


SNEAKY: Final = """
[[flow]]
code = 199
name = "check-by-the-way"
explain = "An identity check from an office that tells why."
purpose = "identity-and-residence"
schema = "xref.nationality_request"
nature = "contact"
reach = "crossing"
from_roles = ["nrm"]
to_roles = ["nationality-authority"]
life_days = 1
retention_days = 1

[[permit]]
id = "cooperation/check-by-the-way"
cite = ["001:2822-2845"]
weight = "derived"
right = "none"
explain = "Everything."
flows = ["check-by-the-way"]
categories = ["identity", "reference", "safeguard"]
retention_days = 1
"""


def test_an_agreement_cannot_let_an_nrm_send_an_ordinary_check_abroad() -> None:
    path = "policies/cooperation/identity.toml"
    policy = build({**draft().files, path: draft().files[path] + SNEAKY.encode()}).policy
    asked = question(policy, RETURN_FACTS, flow="check-by-the-way")
    assert reasons(policy.decide(asked)) == {"floor/neutral-sender"}
    assert not policy.ceiling(199, "nrm", "nationality-authority", same_party=False)


@pytest.mark.parametrize("state", ["unknown", "not-informed", "undecided", "declined", "revoked"])
def test_a_consulate_hears_only_of_who_asked_for_it(state: str) -> None:
    facts = RETURN_FACTS | {"consular_contact": state}
    assert reasons(ask(facts, "travel-notice-consular")) == {"floor/consular-choice"}
    assert isinstance(ask(facts, "travel-notice-border"), Permit)
    at_home = fields("travel-asked", ask(facts, "travel-asked"))
    assert not {"consular_help", "languages"} & at_home


def test_the_day_of_arrival_reaches_a_consulate_only_with_help_for_the_journey() -> None:
    flow = "travel-notice-consular"
    assert "arrival_date" not in fields(flow, ask(RETURN_FACTS, flow))
    helped = OWN_CHOICE_FACTS | {"consular_contact": "requested", "travel_document": "requested"}
    assert "arrival_date" in fields(flow, ask(helped, flow))


def test_parents_and_photograph_follow_only_where_more_is_needed() -> None:
    more = {"father_name", "mother_name", "photograph"}
    for flow in ("identity-check-asked", "nationality-request"):
        assert not more & fields(flow, ask(OPEN_FACTS, flow))
        facts = OPEN_FACTS | {"nationality_outcome": "more-information-needed"}
        assert more <= fields(flow, ask(facts, flow))


def test_a_child_in_danger_passes_without_a_guardian_and_with_the_duty_to_appoint_one() -> None:
    answer = ask(OPEN_FACTS | CHILD, EMERGENCY)
    assert isinstance(answer, Permit)
    assert answer.obligations[0] == "appoint-guardian"
    adult = ask(OPEN_FACTS, EMERGENCY)
    assert "engine/no-permit" in reasons(adult)


def test_a_withdrawal_passes_on_no_facts_and_names_nobody() -> None:
    flow = POLICY.flow_named("sharing-consent-withdrawn")
    for same_party in (False, True):
        asked = Question(flow.code, "nrm", "service-provider", same_party, b"", 1, 0, False)
        assert isinstance(POLICY.decide(asked), Permit)
    assert [each.category for each in POLICY.schema_for(flow).fields] == ["reference"]


def test_a_sharing_consents_scope_is_carried_over_by_the_names_of_fields() -> None:
    cause, caused = POLICY.flow_named("travel-asked"), POLICY.flow_named("travel-notice-border")
    schema = POLICY.schema_for(cause)
    mask = schema.mask_of(["full_name_native", "arrival_date", "languages"])
    carried = POLICY.carried_over(mask, cause, caused)
    names = POLICY.schema_for(caused).names_of(carried)
    assert set(names) == {"full_name_native", "arrival_date"}
    same = POLICY.flow_named("identity-check-asked"), POLICY.flow_named("nationality-request")
    assert POLICY.carried_over(0b1011, *same) == 0b1011


def test_a_forbid_wins_over_a_permit_for_the_whole_journey() -> None:
    path = "policies/cooperation/return.toml"
    greedy = changed(path, 'travel_document = ["requested"]', 'asylum = ["pending"]')
    policy = build(greedy).policy
    asked = question(policy, RETURN_FACTS | {"asylum": "pending"}, flow="travel-notice-consular")
    assert reasons(policy.decide(asked)) == {"floor/asylum"}


# The samples of the adapters are the cases that the demonstration plays.

TODAY: Final = date(2026, 11, 23)
NOW_MS: Final = 1_795_392_000_000


@cache
def sample(name: str) -> dict[str, Record]:
    folder = data_folder("adapters") / "la"
    data = (folder / "samples" / name).read_bytes()
    reading = read_form(Adapter.load(folder), name, data, today=TODAY)
    return {record.case[-4:]: record for record in reading.records}


def told(name: str, case: str, flow: str) -> set[str]:
    return reasons(ask(sample(name)[case].facts_at(NOW_MS), flow))


APPROVED: Final = {"sharing_consent": "not-sought", "second_approval": "given"}
OTHER_GROUNDS: Final = ("vital-interest", "court-order", "child-best-interests")


def without_sharing_consent(flow: str, **changes: str) -> Permit | Refusal:
    """Ask without any sharing consent, and without a warning, approved by a second person."""
    facts = open_facts(flow) | {"confidentiality_warning": "none"} | APPROVED | changes
    return ask(facts, flow, sharing_consent_live=False, sharing_consent_mask=0)


@pytest.mark.parametrize("ground", OTHER_GROUNDS)
def test_another_ground_opens_a_childs_emergency_alone_and_only_approved(ground: str) -> None:
    stated = {"disclosure_ground": ground}
    for flow in EMERGENCIES:
        assert isinstance(without_sharing_consent(flow, **stated), Permit)
        unapproved = without_sharing_consent(flow, second_approval="unknown", **stated)
        assert "floor/second-approver" in reasons(unapproved)
    for flow in GATED:
        if flow not in EMERGENCIES:
            assert "floor/other-ground" in reasons(without_sharing_consent(flow, **stated)), flow


@pytest.mark.parametrize("said", ["granted", "refused", "withdrawn", "unknown"])
def test_a_persons_no_is_overruled_by_a_court_alone(said: str) -> None:
    for ground in OTHER_GROUNDS:
        stated = {"disclosure_ground": ground, "sharing_consent": said}
        passed = isinstance(without_sharing_consent(EMERGENCY, **stated), Permit)
        assert passed is (ground == "court-order"), ground


def test_approval_then_state_no_ground() -> None:
    """An approval alone lifts nothing: not the scope, not the warning, not the sharing consent."""
    for ground in ("sharing-consent", "unknown"):
        answer = without_sharing_consent(EMERGENCY, disclosure_ground=ground)
        assert reasons(answer) >= {
            "floor/sharing-consent",
            "floor/sharing-consent-scope",
            "floor/warned",
        }


WOMAN, NO_CONSULATE, A_CHILD, OWN_CHOICE, NOT_INFORMED = "0001", "0003", "0004", "0005", "0006"


def test_a_womans_whole_journey_is_open() -> None:
    for flow in ("identity-check-asked", "nationality-request"):
        assert not told("identity-checks.csv", WOMAN, flow)
    assert not told("assurances.csv", WOMAN, "assurance-asked")
    assert not told("readiness.csv", WOMAN, "readiness-asked")
    for flow in RETURN_FLOWS[:-1]:
        assert not told("returns.csv", WOMAN, flow)
    assert not told("departures.csv", WOMAN, "departure")


def test_who_declined_the_consulate_travels_without_it() -> None:
    refused = told("returns.csv", NO_CONSULATE, "travel-notice-consular")
    assert refused == {"floor/consular-choice"}
    assert not told("returns.csv", NO_CONSULATE, "travel-notice-border")


def test_a_child_without_a_guardian_is_held_for_every_reason_and_protected_at_once() -> None:
    refused = told("returns.csv", A_CHILD, "return-notice")
    assert refused == {
        "floor/child",
        "floor/child-return",
        "floor/child-return-family",
        "floor/child-return-guardian",
    }
    assert told("identity-checks.csv", A_CHILD, "identity-check-asked") == {"floor/child"}
    assert told("emergency.csv", A_CHILD, EMERGENCY) == {
        "floor/second-approver",
        "floor/sharing-consent",
        "floor/warned",
    }
    facts = {**sample("emergency.csv")[A_CHILD].facts, **APPROVED}
    answer = ask(facts, EMERGENCY, sharing_consent_live=False, sharing_consent_mask=0)
    assert isinstance(answer, Permit)
    assert answer.obligations[0] == "appoint-guardian"


def test_who_chooses_to_go_without_an_assessment_goes_and_it_is_recorded() -> None:
    for flow in ("return-notice", "reception-notice", "travel-asked", "travel-notice-border"):
        assert not told("returns.csv", OWN_CHOICE, flow)
    facts = sample("returns.csv")[OWN_CHOICE].facts
    assert facts["risk_outcome"] == "offered-declined"
    by_authority = {**facts, "sharing_consent": "granted", "return_initiative": "authority"}
    assert "floor/return-risk" in reasons(ask(by_authority, "return-notice"))


def test_who_was_not_informed_of_asylum_is_held_everywhere() -> None:
    for flow in RETURN_FLOWS:
        assert told("returns.csv", NOT_INFORMED, flow) == {"floor/asylum"}
    assert told("identity-checks.csv", NOT_INFORMED, "identity-check-asked") == {"floor/asylum"}
