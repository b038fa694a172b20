"""Loading: whatever is inconsistent is an error that names the place and the cure."""

import re

import pytest

from unit.bundle.signed_bundle import ROOT, changed, draft, sources
from xref.errors import ConfigError
from xref.policy import Policy
from xref.policy.rulebook import CONTRADICTIONS_PATH, INVARIANTS_PATH
from xref.policy.vocabulary import FLOOR_NEEDED, NATURES, WEIGHTS
from xref.wire.schema import CATEGORIES

AGREEMENT = "policies/agreements/la-vn-2010/agreement.toml"
PROTECTION = "policies/cooperation/protection.toml"
IDENTITY = "policies/cooperation/identity.toml"
IDENTIFICATION = "policies/cooperation/identification.toml"
RETURN = "policies/cooperation/return.toml"
ASYLUM = "policies/floor/asylum.toml"
NEVER = "policies/floor/never.toml"
OPERATION = "policies/operation.toml"
LABEL = "policies/floor/label.toml"
REFERRAL = "schemas/victim_referral.avsc"

BAD = {
    "unknown-fact": (ASYLUM, "asylum = [", "assylum = [", "unknown fact 'assylum'"),
    "unknown-answer": (ASYLUM, '["no"]', '["none"]', "unknown answer 'none'"),
    "unknown-named": (ASYLUM, '["no"]', '["no", "unknown"]', "never named"),
    "empty-clause": (ASYLUM, 'asylum = ["no"]', "", "empty clause"),
    "empty-membership": (ASYLUM, '["no"]', "[]", "not empty"),
    "misspelt-condition": (ASYLUM, "[[forbid.unless]]", "[[forbid.unles]]", "unknown member"),
    "missing-cite": (ASYLUM, 'cite = ["002:494-498", ', 'sites = ["002:494-498", ', "cite"),
    "cite-of-nothing": (ASYLUM, "002:494-498", "005:1", "line range"),
    "cite-backwards": (ASYLUM, "002:494-498", "002:498-494", "line range"),
    "unknown-weight": (ASYLUM, '"derived"', '"binding"', "unknown 'binding'"),
    "unknown-effect": (ASYLUM, '"refuse"', '"warn"', "unknown 'warn'"),
    "unknown-nature": (ASYLUM, '["contact", ', '["contract", ', "unknown 'contract'"),
    "rule-renamed": (
        ASYLUM,
        '"floor/asylum"',
        '"floor/asile"',
        "floor/asylum is missing|unknown .floor/asylum",
    ),
    "rule-twice": (ASYLUM, '"floor/origin-fear"', '"floor/asylum"', "is missing|twice"),
    "foreign-id": (ASYLUM, '"floor/asylum"', '"cooperation/asylum"', "start it with floor/"),
    "missing-right": (ASYLUM, 'right = "asylum and non-refoulement"', "", "right is missing"),
    "refusal-of-a-field": (
        ASYLUM,
        'effect = "refuse"',
        'effect = "refuse"\nfields = ["sex"]',
        "whole",
    ),
    "strip-of-nothing": (ASYLUM, '"refuse"', '"strip"', "no field"),
    "ban-of-everything": (ASYLUM, '"refuse"', '"ban"', "no condition"),
    "flag-as-text": (OPERATION, "crossing = false", 'crossing = "false"', "true or false"),
    "unknown-role": (LABEL, '"border-guard"', '"boarder-guard"', "boarder-guard"),
    "unknown-category": (LABEL, '"exploitation", ', '"exploits", ', "unknown 'exploits'"),
    "unknown-purpose": (NEVER, '"detention"', '"detaining"', "unknown 'detaining'"),
    "reserved-fact": (
        "policies/facts.toml",
        '"asylum"',
        '"sharing_consent_record"',
        "engine's own",
    ),
    "purpose-without-dpv": ("policies/purposes.toml", "https://w3id.org/dpv#R", "dpv:R", "DPV"),
    "purpose-prohibited": (
        PROTECTION,
        '"protection-and-assistance"',
        '"detention"',
        "never a purpose|banned",
    ),
    "expects-of-no-answer": (
        IDENTIFICATION,
        "life_days = 14\n",
        'life_days = 14\nexpects = { within_days = 1, if_silent = "Ask." }\n',
        "no flow gives",
    ),
    "expects-from-no-field": (RETURN, '= "arrival_date"', '= "arrival"', "unknown 'arrival'"),
    "expects-for-ever": (IDENTITY, "within_days = 30", "within_days = 91", "0 to 90"),
    "expects-without-a-duty": (PROTECTION, "if_silent", "if_silence", "if_silent"),
    "held-for-ever": (PROTECTION, "held_days_max = 1", "held_days_max = 0", "1 to 90"),
    "unknown-schema": (PROTECTION, '"xref.victim_referral"', '"xref.victims"', "xref.victims"),
    "unknown-field": (PROTECTION, '["age_status", ', '["age", ', "unknown 'age'"),
    "field-of-another-flow": (PROTECTION, '["age_status", ', '["items", ', "has no field 'items'"),
    "category-without-fields": (PROTECTION, '["exploitation", ', '["biometric", ', "biometric"),
    "unknown-obligation": (PROTECTION, '"erase-on-time"', '"erase-later"', "erase-later"),
    "unknown-flow": (
        PROTECTION,
        'flows = ["victim-referral"]',
        'flows = ["referral"]',
        "'referral'",
    ),
    "permit-without-flows": (PROTECTION, 'flows = ["victim-referral"]', "", "flows is missing"),
    "permit-of-a-foreign-flow": (
        PROTECTION,
        'flows = ["victim-referral"]',
        'flows = ["receipt"]',
        "another",
    ),
    "code-taken": (PROTECTION, "code = 17", "code = 16", "taken"),
    "code-of-a-receipt": (PROTECTION, "code = 17", "code = 1", "taken"),
    "receipt-in-an-agreement": (PROTECTION, 'nature = "contact"', 'nature = "receipt"', "no place"),
    "contact-in-operation": (OPERATION, 'nature = "receipt"', 'nature = "contact"', "no place"),
    "decision-abroad": (OPERATION, 'reach = "domestic"', 'reach = "any"', "stays at home"),
    "answer-to-nothing": (
        PROTECTION,
        'answers = ["victim-referral", "service-referral"]',
        "",
        "answers",
    ),
    "answer-to-unknown": (
        PROTECTION,
        'answers = ["victim-referral"',
        'answers = ["gossip"',
        "gossip",
    ),
    "life-beyond-the-limit": (PROTECTION, "life_days = 14", "life_days = 91", "life_days"),
    "no-retention": (PROTECTION, "retention_days = 365", "retention_days = 0", "retention_days"),
    "recipient-not-allowed": (
        PROTECTION,
        'role = "service-provider"',
        'role = "police"',
        "may not receive",
    ),
    "named-without-a-key": (PROTECTION, 'record_key = "service-provider"', "", "record_key"),
    "cause-unknown": (
        RETURN,
        'caused_by = ["travel-asked"]',
        'caused_by = ["x"]',
        "no domestic",
    ),
    "cause-from-abroad": (
        RETURN,
        'caused_by = ["travel-asked"]',
        'caused_by = ["nationality-request"]',
        "no domestic flow",
    ),
    "cause-of-somebody-else": (
        RETURN,
        'caused_by = ["travel-asked"]',
        'caused_by = ["identity-check-asked"]',
        "never receives|follows",
    ),
    "cause-of-an-answer": (
        IDENTITY,
        'answers = ["nationality-request"]',
        'answers = ["nationality-request"]\ncaused_by = ["identity-check-asked"]',
        "caused_by belongs",
    ),
    "publication-without-its-cause": (RETURN, 'follows = "travel-asked"', "", "follows is not"),
    "publication-of-another-cause": (
        RETURN,
        'follows = "travel-asked"',
        'follows = "identity-check-asked"',
        "follows is not",
    ),
    "publication-answers-nothing": (
        PROTECTION,
        'answers = ["victim-referral", "service-referral"]\n\n',
        "\n",
        "answers is not",
    ),
    "answer-to-everybody": (
        PROTECTION,
        'choose = "asker"',
        'choose = "every"',
        "goes to the asker",
    ),
    "exception-of-an-unknown-purpose": (
        "policies/floor/child.toml",
        '["emergency-protection"]',
        '["emergency"]',
        "unknown 'emergency'",
    ),
    "id-of-another-folder": (AGREEMENT, 'id = "la-vn-2010"', 'id = "la-th-2005"', "folder"),
    "forbid-in-an-agreement": (PROTECTION, "[[permit.when]]", "[[forbid]]", "unknown member"),
    "basis-that-no-record-has": (
        AGREEMENT,
        'code = "OTHER_SOURCE"',
        'code = "RUMOUR"',
        "not the identification",
    ),
    "basis-twice": (AGREEMENT, 'code = "OTHER_SOURCE"', 'code = "PARTY_EVIDENCE"', "twice"),
    "basis-of-an-unknown-role": (AGREEMENT, '"LA police"', '"LA army"', "no Party and role"),
    "basis-of-another-party": (AGREEMENT, '"LA police"', '"TH police"', "TH is no Party"),
    "doubt-about-nobody": (AGREEMENT, 'doubted_from = ["service-provider"]\n', "", "doubt belongs"),
    "home-abroad": (IDENTIFICATION, 'reach = "domestic"', 'reach = "crossing"', "stays at home"),
    "cause-that-stays-at-home": (
        RETURN,
        'caused_by = ["travel-asked"]',
        'caused_by = ["return-proposed"]',
        "no domestic flow",
    ),
    "not-toml": (ASYLUM, "[[forbid]]", "[[forbid", "not TOML"),
}


@pytest.mark.parametrize("name", BAD)
def test_inconsistent_policy_does_not_load(name: str) -> None:
    path, old, new, match = BAD[name]
    with pytest.raises(ConfigError, match=match):
        Policy.load(changed(path, old, new))


SUBJECTS = sorted(
    path for path in sources() if "/cooperation/" in path or path.endswith("/crossings.toml")
)


@pytest.mark.parametrize(
    "path", sorted(path for path in sources() if path.endswith(".toml") and path not in SUBJECTS)
)
def test_a_bundle_without_one_file_does_not_load(path: str) -> None:
    files = {name: data for name, data in sources().items() if name != path}
    is_a_language = "/notices/" in path and not path.endswith("statements.toml")
    if path in ("directory.toml", INVARIANTS_PATH, CONTRADICTIONS_PATH) or is_a_language:
        # The directory is the bundle's, the hop does not prove, older bundles had no
        # contradictions, and a notice may be in fewer languages.
        Policy.load(files)
    else:
        with pytest.raises(ConfigError):
            Policy.load(files)


def test_an_agreement_may_be_about_less() -> None:
    alone = ("identity.toml", "justice.toml", "sharing.toml", "identification.toml")
    for path in SUBJECTS:
        if path.endswith(alone):
            Policy.load({name: data for name, data in sources().items() if name != path})


def test_a_bundle_may_hold_no_agreement_yet() -> None:
    agreement = ("/agreements/", "/cooperation/")
    files = {p: data for p, data in sources().items() if not any(a in p for a in agreement)}
    Policy.load(files)


LABELS = ("asylum", "consent", "exploitation", "needs", "refusal", "status", "suspect")


@pytest.mark.parametrize("schema", ["nationality_request", "nationality_result", "travel_request"])
@pytest.mark.parametrize("category", LABELS)
def test_an_ordinary_check_that_could_tell_why_does_not_load(schema: str, category: str) -> None:
    path = f"schemas/{schema}.avsc"
    files = changed(path, '"xref.category": "reference"', f'"xref.category": "{category}"')
    with pytest.raises(ConfigError, match="floor/"):
        Policy.load(files)


BANNED = {
    "floor/no-testing": "disease-test",
    "floor/no-conditionality": "cooperation",
    "floor/status-offences": "status-offence",
    "floor/shelter-location": "shelter-location",
    "floor/refusal-not-exported": "refusal",
    "floor/trafficker-separate": "suspect",
}


@pytest.mark.parametrize("rule", BANNED)
def test_a_schema_that_smuggles_a_banned_field_does_not_load(rule: str) -> None:
    category = '"xref.category": "needs"'
    files = changed(REFERRAL, category, f'"xref.category": "{BANNED[rule]}"')
    with pytest.raises(ConfigError, match=re.escape(rule)):
        Policy.load(files)


def test_a_receipt_that_names_a_person_does_not_load() -> None:
    files = changed(
        "schemas/receipt.avsc", '"outcome",\n      "xref.sens', '"identity",\n      "xref.sens'
    )
    with pytest.raises(ConfigError, match="floor/public-identity"):
        Policy.load(files)


@pytest.mark.parametrize("rule", FLOOR_NEEDED)
def test_a_floor_without_one_right_does_not_load(rule: str) -> None:
    for path in sources():
        if f'id = "{rule}"'.encode() in sources()[path]:
            with pytest.raises(ConfigError):
                Policy.load(changed(path, f'id = "{rule}"', f'id = "{rule}-renamed"'))
            return
    pytest.fail(f"{rule} is nowhere")


def test_every_rule_tells_a_person_its_source() -> None:
    policy = draft().policy
    for rule in policy.rules.values():
        assert rule.explain.endswith(".")
        assert rule.cite
        assert rule.right
        assert rule.weight in WEIGHTS
        assert rule.cure or rule.kind not in ("refuse", "scope", "keep", "engine")


def test_an_unknown_rule_or_flow_is_named() -> None:
    with pytest.raises(ConfigError, match="floor/nothing"):
        draft().policy.rule("floor/nothing")
    with pytest.raises(ConfigError, match="gossip"):
        draft().policy.flow_named("gossip")


def test_a_publication_reaches_the_offices_that_the_agreement_names() -> None:
    deliveries = draft().policy.publications["referral"].deliveries
    assert [(each.flow, each.role, each.choose) for each in deliveries] == [
        ("victim-referral", "nrm", "every"),
        ("service-referral", "service-provider", "named"),
    ]
    assert deliveries[1].record_key == "service-provider"


def test_the_page_on_policy_lists_the_whole_vocabulary() -> None:
    page = (ROOT / "docs" / "spec" / "policy.md").read_text(encoding="utf-8")
    schema_page = (ROOT / "docs" / "spec" / "schema.md").read_text(encoding="utf-8")
    assert [word for word in (*NATURES, *WEIGHTS) if f"`{word}`" not in page] == []
    assert [word for word in sorted(CATEGORIES) if f"`{word}`" not in schema_page] == []
