"""Decisions: default deny, a forbid wins, unknown never opens, every reason is told."""

from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from unit.bundle.signed_bundle import OPEN_FACTS, changed, draft, question, sources
from xref.bundle import build
from xref.policy import ROLES, Permit, Policy, Question, Refusal

POLICY: Final = draft().policy
ANOTHER_LOAD: Final = build(sources()).policy  # remembers nothing of what the first was asked
REFERRAL: Final = POLICY.flow_named("victim-referral")
SCHEMA: Final = POLICY.schema_for(REFERRAL)
CONTACT_FLOWS: Final = (("victim-referral", "nrm"), ("service-referral", "service-provider"))


def names(answer: Permit | Refusal) -> set[str]:
    assert isinstance(answer, Permit), answer
    return set(SCHEMA.names_of(answer.mask))


def reasons(answer: Permit | Refusal) -> list[str]:
    assert isinstance(answer, Refusal), answer
    return [reason.rule for reason in answer.reasons]


def opened(answer: Permit | Refusal) -> int:
    return answer.mask if isinstance(answer, Permit) else 0


def ask(
    answers: dict[str, str] | None = None,
    *,
    flow: str = "victim-referral",
    to_role: str = "",
    carried: int | None = None,
    scope: int | None = None,
    live: bool = True,
) -> Permit | Refusal:
    asked = question(
        POLICY, answers, flow=flow, to_role=to_role, carried=carried, scope=scope, live=live
    )
    return POLICY.decide(asked)


# What passes.


def test_a_referral_passes_when_every_gate_is_open() -> None:
    answer = ask()
    assert isinstance(answer, Permit)
    held = {each.field for each in answer.withheld}
    assert held == {"accompaniment", "guardian_ref", "best_interests_ref"}
    assert answer.retention_days == 365
    assert "family-told-nothing" in answer.obligations
    assert answer.rules == ("cooperation/victim-referral", "cooperation/victim-referral-status")


def test_a_childs_referral_passes_with_guardian_assessment_and_views() -> None:
    child = {
        "age_status": "presumed-child",
        "guardian": "appointed",
        "best_interests": "assessed",
        "child_views": "heard",
    }
    assert {"guardian_ref", "best_interests_ref", "accompaniment"} <= names(ask(child))


def test_receipts_pass_on_no_facts_between_any_offices() -> None:
    receipt = POLICY.flow_named("receipt")
    for from_role in ROLES:
        for same_party in (True, False):
            asked = Question(receipt.code, from_role, "nrm", same_party, b"", 1, 0, False)
            assert opened(POLICY.decide(asked)) == 1


def test_a_response_passes_without_facts() -> None:
    flow = POLICY.flow_named("referral-response")
    full = POLICY.schema_for(flow).full_mask
    asked = Question(flow.code, "nrm", "nrm", False, b"", full, 0, False)
    assert opened(POLICY.decide(asked)) == full


def test_the_service_provider_reads_nothing_of_status_or_exploitation() -> None:
    for agreement in POLICY.rulebook.permits:
        if "service-referral" in (agreement.selector.flows or ()):
            assert not {"status", "exploitation"} & set(agreement.categories)
    schema = POLICY.schemas["xref.service_referral"]
    assert not schema.mask_of_categories(["status", "exploitation"])


# What is refused, and why.

GATES = [
    ("floor/asylum", {"asylum": "unknown"}),
    ("floor/asylum", {"asylum": "not-informed"}),
    ("floor/asylum", {"asylum": "pending"}),
    ("floor/asylum", {"asylum": "recognised"}),
    ("floor/asylum", {"asylum": "withdrawn-informed"}),
    ("floor/asylum", {"asylum": "refused-final"}),
    ("floor/asylum", {"asylum": "refused-final", "risk_outcome": "favourable"}),
    ("floor/origin-fear", {"origin_fear": "authorities"}),
    ("floor/origin-fear", {"origin_fear": "non-state"}),
    ("floor/origin-fear", {"origin_fear": "unknown"}),
    ("floor/sharing-consent", {"sharing_consent": "refused"}),
    ("floor/sharing-consent", {"sharing_consent": "withdrawn"}),
    ("floor/sharing-consent", {"sharing_consent": "unknown"}),
    ("floor/second-approver", {"disclosure_ground": "vital-interest"}),
    ("floor/second-approver", {"disclosure_ground": "court-order"}),
    ("floor/second-approver", {"disclosure_ground": "child-best-interests"}),
    ("floor/warned", {"confidentiality_warning": "late"}),
    ("floor/warned", {"confidentiality_warning": "unknown"}),
    ("floor/child", {"age_status": "unknown"}),
    ("floor/child", {"age_status": "presumed-child", "guardian": "appointed"}),
    ("floor/consular-conflict", {"consular_conflict": "alleged"}),
    ("floor/consular-conflict", {"consular_conflict": "unknown"}),
]


@pytest.mark.parametrize("case", range(len(GATES)))
@pytest.mark.parametrize(("flow", "to_role"), CONTACT_FLOWS)
def test_a_closed_gate_refuses_and_says_what_to_do(case: int, flow: str, to_role: str) -> None:
    rule, answers = GATES[case]
    refused = ask(answers, flow=flow, to_role=to_role)
    assert rule in reasons(refused)
    assert isinstance(refused, Refusal)
    for reason in refused.reasons:
        assert reason.explain
        assert reason.cure
        assert reason.cite
        assert POLICY.rule(reason.rule).right


def test_refused_asylum_with_a_favourable_individual_assessment_passes() -> None:
    answers = {
        "asylum": "refused-final",
        "risk_outcome": "favourable",
        "risk_evidence": "individual",
    }
    assert isinstance(ask(answers), Permit)


def test_every_reason_is_told_at_once() -> None:
    told = reasons(ask({"asylum": "unknown", "origin_fear": "both", "sharing_consent": "refused"}))
    assert told == ["floor/asylum", "floor/origin-fear", "floor/sharing-consent"]


def test_expired_sharing_consent_then_send() -> None:
    assert reasons(ask(live=False)) == ["floor/sharing-consent"]


def test_a_sharing_consent_that_covers_nothing_is_none() -> None:
    assert reasons(ask(scope=0)) == ["floor/sharing-consent-scope"]


def test_a_refused_service_is_not_told() -> None:
    assert not {"needs", "urgency"} & names(ask({"assistance_consent": "refused"}))
    told = ask(
        {"assistance_consent": "refused"}, flow="service-referral", to_role="service-provider"
    )
    assert reasons(told) == ["floor/refusal-private-referral"]


def test_what_lies_beyond_the_sharing_consent_is_withheld_by_that_rule() -> None:
    scope = SCHEMA.full_mask & ~SCHEMA.mask_of(["exploitation_types", "birth_date"])
    answer = ask(scope=scope)
    assert isinstance(answer, Permit)
    rules = {each.field: each.rules for each in answer.withheld}
    assert rules["exploitation_types"] == ("floor/sharing-consent-scope",)
    assert rules["birth_date"] == ("floor/sharing-consent-scope",)
    assert "birth_year" in names(answer)


def test_narrow_sharing_consent_never_strips_what_protects() -> None:
    scope = SCHEMA.mask_of(["full_name_native"])
    kept = {"contact_restrictions", "age_status", "reply_office", "referral_id"}
    assert names(ask(scope=scope)) >= kept


def test_contact_restrictions_stripped_by_an_agreement_then_nothing_goes() -> None:
    path = "policies/cooperation/protection.toml"
    careless = build(changed(path, ', "contact_restrictions"]', "]")).policy
    refused = careless.decide(question(careless))
    assert reasons(refused) == ["floor/family"]
    mask = SCHEMA.full_mask & ~SCHEMA.mask_of(["contact_restrictions"])
    assert isinstance(careless.decide(question(careless, carried=mask)), Permit)


def test_forbid_wins_over_a_permit_for_everything() -> None:
    path = "policies/cooperation/protection.toml"
    greedy = """
[[permit]]
id = "cooperation/everything"
cite = ["001:2822-2845"]
weight = "derived"
right = "none"
explain = "Everything for everybody."
flows = ["victim-referral", "service-referral"]
fields = ["full_name_native"]
retention_days = 1
"""
    files = {**sources(), path: sources()[path] + greedy.encode()}
    policy = build(files).policy
    for rule, answers in GATES:
        assert rule in reasons(policy.decide(question(policy, answers)))


def test_wrong_roles_flows_and_directions_are_refused() -> None:
    good = question(POLICY)

    def asked(**changes: object) -> list[str]:
        parts = {name: getattr(good, name) for name in Question.__slots__} | changes
        return reasons(POLICY.decide(Question(**parts)))

    assert asked(flow=999) == ["engine/unknown-flow"]
    assert asked(to_role="police") == ["engine/wrong-role"]
    assert asked(from_role="service-provider") == ["engine/wrong-role"]
    assert asked(from_role="ministry") == ["engine/wrong-role"]
    assert asked(same_party=True) == ["engine/wrong-reach"]
    assert asked(carried_mask=SCHEMA.full_mask + 1) == ["engine/unknown-field"]
    assert asked(sharing_consent_mask=-1) == ["engine/unknown-field"]
    assert asked(facts=good.facts[:-1]) == ["engine/unknown-fact"]
    assert asked(facts=b"\xff" + good.facts[1:]) == ["engine/unknown-fact"]
    assert asked(carried_mask=0) == ["engine/nothing-left"]


def test_a_decision_never_leaves_its_party() -> None:
    flow = POLICY.flow_named("decision")
    abroad = Question(flow.code, "hop", "nrm", False, b"", 1, 0, False)
    assert reasons(POLICY.decide(abroad)) == ["engine/wrong-reach"]


def test_a_message_on_no_facts_opens_nothing() -> None:
    good = question(POLICY)
    blank = Question(
        good.flow, "nrm", "nrm", False, b"", good.carried_mask, good.carried_mask, True
    )
    assert "floor/asylum" in reasons(POLICY.decide(blank))


# Roles that the shipped agreement gives nothing: the floor holds even where an agreement would.

PROTECTION: Final = "policies/cooperation/protection.toml"


def generous() -> Policy:
    """Return a policy whose agreement refers to, and from, offices that have no need to know."""
    text = sources()[PROTECTION].decode()
    text = text.replace(
        'to_roles = ["nrm"]', 'to_roles = ["nrm", "consular-office", "immigration"]'
    )
    text = text.replace('from_roles = ["nrm"', 'from_roles = ["health", "nrm"')
    return build({**sources(), PROTECTION: text.encode()}).policy


def test_consulate_is_told_nothing_unless_the_person_asked() -> None:
    policy = generous()
    for state in ("unknown", "not-informed", "undecided", "declined", "revoked", "expired"):
        asked = question(policy, {"consular_contact": state}, to_role="consular-office")
        assert reasons(policy.decide(asked)) == ["floor/consular-choice"]


def test_consulate_reads_no_label_even_when_asked() -> None:
    policy = generous()
    asked = question(policy, {"consular_contact": "requested"}, to_role="consular-office")
    answer = policy.decide(asked)
    labels = SCHEMA.mask_of_categories(["exploitation", "needs", "status"])
    assert isinstance(answer, Permit)
    assert not answer.mask & labels
    rules = {each.field: each.rules for each in answer.withheld}
    assert "floor/no-victim-label" in rules["victim_status"]
    assert not labels & policy.ceiling(16, "nrm", "consular-office", same_party=False)


def test_health_service_reports_to_immigration_then_nothing_goes() -> None:
    policy = generous()
    parts = {name: getattr(question(policy), name) for name in Question.__slots__}
    asked = Question(**parts | {"from_role": "health", "to_role": "immigration"})
    assert "floor/purpose-firewall" in reasons(policy.decide(asked))
    assert not policy.ceiling(16, "health", "immigration", same_party=False)


# Properties over all facts.


@st.composite
def codes(draw: st.DrawFn) -> bytes:
    """Facts: mostly the open answers, so that both outcomes are common."""
    start = bytearray(POLICY.facts.encode(OPEN_FACTS))
    for place, fact in enumerate(POLICY.facts.facts):
        if draw(st.integers(0, 6)) == 0:
            start[place] = draw(st.integers(0, len(fact.values)))
    return bytes(start)


MASKS = st.integers(0, SCHEMA.full_mask)


def decide(facts: bytes, carried: int, scope: int, *, live: bool = True) -> int:
    return opened(
        POLICY.decide(Question(REFERRAL.code, "nrm", "nrm", False, facts, carried, scope, live))
    )


@given(facts=codes(), place=st.integers(0, len(POLICY.facts.names) - 1), scope=MASKS)
def test_an_answer_replaced_by_unknown_never_opens(facts: bytes, place: int, scope: int) -> None:
    unknown = facts[:place] + b"\x00" + facts[place + 1 :]
    before = decide(facts, SCHEMA.full_mask, scope)
    after = decide(unknown, SCHEMA.full_mask, scope)
    assert not after & ~before


@given(facts=codes(), carried=MASKS, scope=MASKS, less=MASKS)
def test_less_sharing_consent_never_opens(
    facts: bytes, carried: int, scope: int, less: int
) -> None:
    assert not decide(facts, carried, scope & less) & ~decide(facts, carried, scope)


@given(facts=codes(), carried=MASKS, scope=MASKS, live=st.booleans())
def test_only_what_is_carried_and_below_the_ceiling_goes(
    facts: bytes, carried: int, scope: int, *, live: bool
) -> None:
    mask = decide(facts, carried, scope, live=live)
    ceiling = POLICY.ceiling(REFERRAL.code, "nrm", "nrm", same_party=False)
    assert not mask & ~(carried & ceiling)
    assert live or not mask


@given(facts=codes(), carried=MASKS, scope=MASKS)
def test_every_field_that_stays_names_a_rule(facts: bytes, carried: int, scope: int) -> None:
    asked = Question(REFERRAL.code, "nrm", "nrm", False, facts, carried, scope, True)
    answer = POLICY.decide(asked)
    if isinstance(answer, Permit):
        stays = {each.field for each in answer.withheld}
        assert stays == set(SCHEMA.names_of(carried & ~answer.mask))
        for each in answer.withheld:
            assert each.rules
            assert all(POLICY.rule(rule).explain for rule in each.rules)
    else:
        assert answer.reasons


@given(facts=codes(), carried=MASKS, scope=MASKS)
def test_asked_twice_the_answer_is_the_same(facts: bytes, carried: int, scope: int) -> None:
    asked = Question(REFERRAL.code, "nrm", "nrm", False, facts, carried, scope, True)
    assert POLICY.decide(asked) == ANOTHER_LOAD.decide(asked)
