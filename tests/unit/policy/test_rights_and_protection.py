"""What protects people where they are goes on whatever the State of origin may not know."""

import re
from collections.abc import Mapping
from typing import Final

import pytest

from unit.bundle.signed_bundle import (
    CHILD_RETURN_FACTS,
    OPEN_FACTS,
    RETURN_FACTS,
    changed,
    draft,
)
from unit.policy.asking import ask, fields, reasons
from xref.errors import ConfigError
from xref.policy import Permit, Policy

POLICY: Final = draft().policy
CHILD: Final = {"age_status": "presumed-child"}
NOBODY_ASKED: Final = ("unknown", "not-informed", "pending", "recognised")


# At home: protection never waits for what the origin may be told.

AT_HOME: Final[Mapping[str, Mapping[str, str]]] = {
    "risk-signal": {},
    "guardian-asked": CHILD,
    "best-interests-asked": CHILD,
    "missing-child-alert-at-home": CHILD,
    "detention-alert": {},
    "return-proposed": {},
    "evidence-at-home": {},
}


@pytest.mark.parametrize("flow", AT_HOME)
@pytest.mark.parametrize("asylum", NOBODY_ASKED)
def test_protection_at_home_goes_on_for_who_seeks_asylum_or_was_not_asked(
    flow: str, asylum: str
) -> None:
    nothing = {"sharing_consent_live": False, "sharing_consent_mask": 0}
    answer = ask({**AT_HOME[flow], "asylum": asylum}, flow, **nothing)
    assert isinstance(answer, Permit)


def test_what_stays_at_home_crosses_no_border() -> None:
    for flow in POLICY.flows.values():
        if flow.nature == "home":
            for sender in flow.from_roles:
                for recipient in flow.to_roles:
                    assert not POLICY.ceiling(flow.code, sender, recipient, same_party=False)
            assert reasons(ask(OPEN_FACTS, flow.name, same_party=False)) == {"engine/wrong-reach"}


def test_a_flow_at_home_causes_nothing_abroad() -> None:
    home = {flow.name for flow in POLICY.flows.values() if flow.nature == "home"}
    assert not [flow.name for flow in POLICY.flows.values() if home & set(flow.caused_by)]


@pytest.mark.parametrize("role", ["service-provider", "health", "legal-representative"])
def test_whom_a_person_confides_in_tells_nothing_at_home_without_a_sharing_consent(
    role: str,
) -> None:
    assert isinstance(ask(OPEN_FACTS, "evidence-at-home", from_role=role), Permit)
    for change in (
        {"sharing_consent": "refused"},
        {"sharing_consent": "withdrawn"},
        {"confidentiality_warning": "late"},
        {"disclosure_ground": "vital-interest"},
    ):
        told = reasons(ask({**OPEN_FACTS, **change}, "evidence-at-home", from_role=role))
        assert told == {"floor/home-sharing-consent"}
    expired = ask(OPEN_FACTS, "evidence-at-home", from_role=role, sharing_consent_live=False)
    assert reasons(expired) == {"floor/home-sharing-consent"}


def test_at_home_too_the_scope_of_the_sharing_consent_counts() -> None:
    schema = POLICY.schema_for(POLICY.flow_named("non-punishment-claim"))
    scope = schema.mask_of_categories(["identity"])
    told = ask(OPEN_FACTS, "non-punishment-claim", sharing_consent_mask=scope)
    shown = fields("non-punishment-claim", told)
    assert "full_name_native" in shown
    assert not {"victim_status", "claim_ground"} & shown


@pytest.mark.parametrize("role", ["police", "border-guard"])
def test_a_service_provider_tells_no_enforcement_of_a_missing_child(role: str) -> None:
    ends = {"from_role": "service-provider", "to_role": role}
    told = reasons(ask({**OPEN_FACTS, **CHILD}, "missing-child-alert-at-home", **ends))
    assert "floor/purpose-firewall" in told
    flow = POLICY.flow_named("missing-child-alert-at-home")
    assert not POLICY.ceiling(flow.code, "service-provider", role, same_party=True)
    from_nrm = ask({**OPEN_FACTS, **CHILD}, "missing-child-alert-at-home", to_role=role)
    assert isinstance(from_nrm, Permit)


# Who may send what to whom.


@pytest.mark.parametrize("flow", [f for f in POLICY.flows.values() if f.owner != "operation"])
def test_an_office_without_that_role_is_refused_at_either_end(flow: object) -> None:
    name = getattr(flow, "name", "")
    found = POLICY.flow_named(name)
    for end, roles in (("from_role", found.from_roles), ("to_role", found.to_roles)):
        for role in {"hop", "asylum-authority", "border-guard"} - set(roles):
            assert reasons(ask(RETURN_FACTS, name, **{end: role})) == {"engine/wrong-role"}


NAMES_NOBODY: Final = (
    "risk-signal",
    "signal-action",
    "identification-evidence",
    "determination",
    "child-safeguards",
    "child-safeguards-confirmed",
    "detention-alert",
    "detention-answer",
    "sharing-consent-granted",
    "guardian-answer",
    "best-interests-answer",
    "return-decided",
)


@pytest.mark.parametrize("flow", NAMES_NOBODY)
def test_tokens_and_alerts_name_nobody(flow: str) -> None:
    schema = POLICY.schema_for(POLICY.flow_named(flow))
    personal = {"identity", "family", "biometric", "travel-document"}
    assert not [each.name for each in schema.fields if each.category in personal]


NEVER: Final = re.compile(
    r"diagnos|hiv|_test|cooperat|testif|testimony|willing|offence|asylum|address|suspect|"
    r"trafficker|risk_factor|debt|pregnan|illegal|irregular|reason"
)


def test_no_record_has_a_field_that_must_never_cross() -> None:
    names = {each.name for schema in POLICY.schemas.values() for each in schema.fields}
    members = {"reasons"}  # of a desk's own decisions, inside one field
    assert not [name for name in names - members if NEVER.search(name)]


def test_service_providers_consulates_and_borders_have_no_field_of_status_or_exploitation() -> None:
    told = {"status", "exploitation"}
    blind = {"consular-office", "border-guard", "nationality-authority", "service-provider"}
    for flow in POLICY.flows.values():
        if blind & set(flow.to_roles) and flow.owner != "operation":
            schema = POLICY.schema_for(flow)
            assert not [each.name for each in schema.fields if each.category in told], flow.name


# Identification.


@pytest.mark.parametrize("flow", ["identification-evidence", "status-consultation"])
def test_a_status_that_nobody_stated_opens_no_consultation(flow: str) -> None:
    for state in ("unknown", "not-established"):
        assert "engine/no-permit" in reasons(ask({**OPEN_FACTS, "victim_status": state}, flow))


def test_a_negative_determination_is_told_with_its_authority_and_review() -> None:
    answer = ask({**OPEN_FACTS, "victim_status": "not-established"}, "determination")
    assert {"status_authority", "review_until"} <= fields("determination", answer)


def test_no_purpose_carries_suspects() -> None:
    path = "schemas/risk_signal.avsc"
    files = changed(path, '"xref.category": "exploitation"', '"xref.category": "suspect"')
    with pytest.raises(ConfigError, match="floor/trafficker-separate"):
        Policy.load(files)


# Children and families.

TRACING: Final = "family-tracing-asked"


@pytest.mark.parametrize("risk", ["unknown", "not-assessed", "unfavourable", "expired"])
def test_nobody_looks_for_a_family_before_the_risk_was_assessed(risk: str) -> None:
    assert isinstance(ask({**OPEN_FACTS, "tracing_risk": "favourable"}, TRACING), Permit)
    for facts in (OPEN_FACTS, CHILD_RETURN_FACTS):
        told = reasons(ask({**facts, "tracing_risk": risk}, TRACING))
        assert told == {"floor/family-tracing"}


def test_for_a_child_tracing_needs_best_interests_and_views() -> None:
    facts = {**CHILD_RETURN_FACTS, "tracing_risk": "favourable"}
    assert "best_interests_ref" in fields(TRACING, ask(facts, TRACING))
    for change in ({"best_interests": "none"}, {"child_views": "not-heard"}):
        assert "floor/family-tracing" in reasons(ask({**facts, **change}, TRACING))


def test_the_family_of_who_refused_is_not_looked_for_on_another_ground() -> None:
    facts = {**OPEN_FACTS, "tracing_risk": "favourable", "disclosure_ground": "vital-interest"}
    told = reasons(ask({**facts, "second_approval": "given"}, TRACING))
    assert "floor/other-ground" in told


@pytest.mark.parametrize("flow", ["child-safeguards", "guardian-asked", "best-interests-asked"])
def test_what_is_for_children_is_sent_for_nobody_else(flow: str) -> None:
    assert "engine/no-permit" in reasons(ask(RETURN_FACTS, flow))


@pytest.mark.parametrize("asylum", NOBODY_ASKED)
def test_a_missing_child_who_may_seek_asylum_is_searched_for_at_home_only(asylum: str) -> None:
    facts = {**OPEN_FACTS, **CHILD, "asylum": asylum}
    assert isinstance(ask(facts, "missing-child-alert-at-home"), Permit)
    assert reasons(ask(facts, "missing-child-alert")) == {"floor/asylum"}


# A return that does not take place, and after one that did.


def test_who_changed_the_mind_is_announced_as_not_coming() -> None:
    changed_mind = {"return_decision": "withdrawn", "return_consent": "withdrawn"}
    for flow in ("return-cancelled", "journey-change-asked", "journey-change"):
        answer = ask({**RETURN_FACTS, **changed_mind, "consular_contact": "requested"}, flow)
        assert isinstance(answer, Permit), flow
    assert "floor/return-decision" in reasons(
        ask({**RETURN_FACTS, **changed_mind}, "return-notice")
    )


def test_a_cancellation_is_no_way_round_the_asylum_gate() -> None:
    for flow in ("return-cancelled", "journey-change-asked", "journey-change"):
        assert "floor/asylum" in reasons(ask({**RETURN_FACTS, "asylum": "pending"}, flow))


@pytest.mark.parametrize("flow", ["travel-document-request", "journey-change"])
def test_a_consulate_gets_no_request_about_who_did_not_ask_for_it(flow: str) -> None:
    for state in ("unknown", "declined", "revoked"):
        facts = {**RETURN_FACTS, "consular_contact": state}
        told = reasons(ask(facts, flow, to_role="consular-office"))
        assert told == {"floor/consular-choice"}
        others = POLICY.flow_named(flow).to_roles
        assert isinstance(ask(facts, flow, to_role=others[0]), Permit)


def test_a_document_is_not_asked_for_abroad_without_a_request_at_home() -> None:
    told = reasons(ask(RETURN_FACTS, "travel-document-request", cause_flow=0))
    assert told == {"engine/no-cause"}
