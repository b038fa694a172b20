"""Mappings to other vocabularies: every core field has a place or a reason, every term is real."""

from docs.make_htcds import PAGE, mapping, page
from world import draft_bundle
from xref.bundle_check import faults_of, legal_bases
from xref.code_lists import shipped_lists
from xref.policy import GROUND_FACT

# The core fields of HTCDS that are about the person, the case, the referral or the agreement to it.
CORE = [
    "prs_Salutation",
    "prs_FirstName",
    "prs_SecondName",
    "prs_Birthdate",
    "prs_Gender",
    "prs_Citizenship",
    "prs_Title",
    "prs_Email",
    "prs_HomePhone",
    "prs_MobilePhone",
    "prs_MailingCity",
    "prs_MailingCountry",
    "prs_MailingState",
    "prs_MailingStreet",
    "prs_MailingPostalCode",
    "vic_TraffickingStatus",
    "vic_TraffickingStatusDecisionMakingOrg",
    "vic_MethodOfRecruitment",
    "vic_LocationOfRecruitment",
    "vic_MethodsOfControl",
    "vic_TypeOfExploitation",
    "vic_ForcedLabourIndustry",
    "vic_TypeOfSexExploitation",
    "vic_LocationOfExploitation",
    "vic_Vulnerabilities",
    "vic_DetailsOfVulnerabilities",
    "cas_Status",
    "cas_ReasonForCaseClosure",
    "cas_CaseOwner",
    "cas_ReferringOrganisation",
    "cas_IncomingReferralDate",
    "cas_ReferringPrimaryCaseWorker",
    "cas_ReasonForIncomingReferral",
    "cas_IncomingReferralDetails",
    "cas_ReferredOrganisation",
    "cas_ReferredPrimaryCaseWorker",
    "cas_ReasonForOutgoingReferral",
    "cas_OutgoingReferralDate",
    "cas_OutgoingReferralDetails",
    "con_Consent",
]


def test_every_core_field_is_mapped_or_left_out_for_a_reason() -> None:
    assert not set(CORE) - mapping().keys()
    for name, each in mapping().items():
        assert ("fields" in each) != ("left_out" in each), name
        assert each.keys() <= {"fields", "codes", "explain", "left_out"}, name
        assert len(each.get("left_out", "a reason of some length")) > 15, name


def test_every_field_and_code_that_a_mapping_names_is_in_a_record() -> None:
    fields = [each for schema in draft_bundle().policy.schemas.values() for each in schema.fields]
    for name, mapped in mapping().items():
        for wanted in mapped.get("fields", ()):
            found = [each for each in fields if each.name == wanted]
            assert found, f"{name}: no record has {wanted}"
            codes = {code for each in found for code in each.symbols}
            for each in found:
                if each.value is not None and each.value.listed in shipped_lists():
                    codes |= shipped_lists()[each.value.listed].codes
            assert codes.issuperset(mapped.get("codes", {}).values()), name


def test_the_page_is_what_the_mapping_says() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(), "run `make pages`"


def test_every_purpose_and_ground_of_what_ships_stands_on_a_term_of_the_vocabulary() -> None:
    assert list(faults_of(draft_bundle())) == []
    facts = draft_bundle().policy.facts.facts
    (ground,) = [fact for fact in facts if fact.name == GROUND_FACT]
    assert set(legal_bases()) == set(ground.values)
