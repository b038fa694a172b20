"""Overlays: a Party tightens alone; what would loosen anything names the cell and has no force."""

import re
from dataclasses import replace

import pytest

from unit.overlay.overlays import NO_BIRTH_DATE, note, rule, suspended
from world import draft_bundle, party_keys, party_signer, signed_bundle
from xref.errors import ConfigError
from xref.overlay import (
    Suspension,
    check_offices,
    draft_overlay,
    narrowed,
    open_overlay,
    parse_overlay,
    sign_overlay,
    suspend,
    tightened,
)
from xref.policy import Permit, Question, Refusal
from xref.tlog.note import sign

LA, VN = party_keys()["LA"], party_keys()["VN"]
DIGEST = "ab" * 32


def permit_text(rule_id: str) -> str:
    """A permit of the bundle as its file has it, with its conditions."""
    for path, data in draft_bundle().files.items():
        if path.endswith(".toml"):
            for part in re.split(r"\n(?=\[\[(?!permit\.)|# )", data.decode()):
                if f'\nid = "{rule_id}"\n' in part:
                    return part
    raise AssertionError(rule_id)


def change(rule_id: str, old: str, new: str) -> str:
    """A permit of the bundle, changed in one place."""
    text = permit_text(rule_id)
    assert text.count(old) == 1, text
    return text.replace(old, new)


SERVICE, STATUS = "cooperation/service-referral", "cooperation/victim-referral-status"
WIDER = {
    "a-field-more": (
        change(SERVICE, 'fields = ["age_status"', 'fields = ["accompaniment", "age_status"'),
        "accompaniment of service-referral from nrm to service-provider across the border would go",
    ),
    "a-category-more": (
        change(SERVICE, 'categories = ["consent"', 'categories = ["safeguard", "consent"'),
        "accompaniment, guardian_ref of service-referral from nrm to service-provider across",
    ),
    "an-answer-more": (
        change(STATUS, 'victim_status = ["', 'victim_status = ["not-established", "'),
        "where victim_status is not-established",
    ),
    "no-condition-left": (
        permit_text(STATUS).partition("[[permit.when]]")[0],
        "of victim-referral from nrm to nrm across the border would go where",
    ),
}


@pytest.mark.parametrize("name", WIDER)
def test_overlay_that_widens_a_cell_is_rejected_and_names_it(name: str) -> None:
    source, cell = WIDER[name]
    with pytest.raises(ConfigError, match="it may only narrow, and") as caught:
        tightened(draft_bundle().policy.rulebook, draft_overlay("LA", 1, source))
    assert cell in str(caught.value)


@pytest.mark.parametrize(
    ("source", "cell"),
    [
        (change(SERVICE, "retention_days = 180", "retention_days = 181"), "kept for 181 days"),
        (change(SERVICE, '    "treat-as-child",\n', ""), "without the obligation treat-as-child"),
        (change(SERVICE, SERVICE, f"{SERVICE}-of-ours"), "no permit of the bundle"),
        (NO_BIRTH_DATE.replace('"strip"', '"ban"'), "a ban is of a whole bundle"),
        (NO_BIRTH_DATE.replace("overlay-la/", "floor/"), "the id is not in its place"),
        (NO_BIRTH_DATE + NO_BIRTH_DATE, "given twice"),
        (NO_BIRTH_DATE + "unless_not = 1\n", "unknown member"),
    ],
)
def test_overlay_that_says_anything_but_less_is_rejected(source: str, cell: str) -> None:
    with pytest.raises(ConfigError, match=re.escape(cell)):
        tightened(draft_bundle().policy.rulebook, draft_overlay("LA", 1, source))


def test_overlay_closes_what_it_says_and_nothing_else() -> None:
    book = draft_bundle().policy.rulebook
    tighter = tightened(book, draft_overlay("LA", 1, NO_BIRTH_DATE))
    assert {each.rule.id for each in tighter.forbids if each not in book.forbids} == {
        "overlay-la/no-birth-date"
    }
    assert tighter.permits == book.permits


def question(**changes: object) -> Question:
    policy = draft_bundle().policy
    flow = policy.flow_named("victim-referral")
    full = policy.schema_for(flow).full_mask
    facts = {
        "asylum": "no",
        "origin_fear": "none-stated",
        "sharing_consent": "granted",
        "assistance_consent": "granted",
        "confidentiality_warning": "before-understood",
        "disclosure_ground": "sharing-consent",
        "age_status": "verified-adult",
        "consular_conflict": "none-known",
        "victim_status": "identified",
    }
    asked = Question(
        flow.code, "nrm", "nrm", same_party=False, facts=policy.facts.encode(facts),
        carried_mask=full, sharing_consent_mask=full, sharing_consent_live=True,
    )  # fmt: skip
    return replace(asked, **changes)  # type: ignore[arg-type] # the members by name


def test_decision_under_an_overlay_is_the_bundles_less_what_it_closes() -> None:
    bundle = signed_bundle()
    own = narrowed(bundle, draft_overlay("LA", 1, NO_BIRTH_DATE))
    given, left = bundle.policy.decide(question()), own.policy.decide(question())
    assert isinstance(given, Permit)
    assert isinstance(left, Permit)
    schema = bundle.policy.schema_for(bundle.policy.flow_named("victim-referral"))
    assert given.mask & ~left.mask == schema.mask_of(["birth_date"])
    assert ("birth_date", ("overlay-la/no-birth-date",)) in {
        (each.field, each.rules) for each in left.withheld
    }
    assert set(given.obligations) <= set(left.obligations)
    assert left.retention_days <= given.retention_days
    unasked = question(facts=b"")
    kept = bundle.policy.decide(unasked), own.policy.decide(unasked)
    assert isinstance(kept[0], Refusal)
    assert isinstance(kept[1], Refusal)
    assert set(kept[0].reasons) <= set(kept[1].reasons)


def test_one_overlay_more_never_widens_on_any_facts_tried() -> None:
    """By asking, beside the proof: every answer to one fact, in turn."""
    bundle = signed_bundle()
    shorter = change(SERVICE, "retention_days = 180", "retention_days = 30")
    own = narrowed(bundle, draft_overlay("LA", 1, NO_BIRTH_DATE + shorter))
    facts = bytearray(question().facts)
    for place, fact in enumerate(bundle.policy.facts.facts):
        for code in range(len(fact.values) + 1):
            changed = bytes((*facts[:place], code, *facts[place + 1 :]))
            given = bundle.policy.decide(question(facts=changed))
            left = own.policy.decide(question(facts=changed))
            if isinstance(left, Permit):
                assert isinstance(given, Permit)
                assert not left.mask & ~given.mask


# The note.


def test_overlay_opens_for_its_party_alone() -> None:
    assert open_overlay(note(NO_BIRTH_DATE, version=3), "LA", LA).version == 3
    for party, public in (("LA", VN), ("VN", VN), ("VN", LA)):
        with pytest.raises(ConfigError):
            open_overlay(note(NO_BIRTH_DATE), party, public)


def test_party_signs_what_says_another_party() -> None:
    forged = sign(draft_overlay("VN", 1, "").text, [party_signer("LA")])
    with pytest.raises(ConfigError, match="of VN, signed by LA"):
        open_overlay(forged, "LA", LA)


def test_other_party_signs_it_too() -> None:
    text = draft_overlay("LA", 1, "").text
    with pytest.raises(ConfigError, match="not signed by LA alone"):
        open_overlay(sign(text, [party_signer("LA"), party_signer("VN")]), "LA", LA)


def test_changed_after_it_was_signed() -> None:
    with pytest.raises(ConfigError, match="does not verify"):
        open_overlay(note(suspended("LANRM001")).replace("LANRM001", "LASVC001"), "LA", LA)


OFFICIAL = '[[suspended]]\noffice = "{}"\nofficial = "{}"\n'


@pytest.mark.parametrize(
    "text",
    [
        "",
        "xref/overlay/v2\nLA\n1\n",
        "xref/overlay/v1\nla\n1\n",
        "xref/overlay/v1\nLA\n01\n",
        "xref/overlay/v1\nLA\n0\n",
        "xref/overlay/v1\nLA\n9007199254740992\n",
        "xref/overlay/v1\nLA\n1\n[[permits]]\n",
        "xref/overlay/v1\nLA\n1\nsuspended = 1\n",
        "xref/overlay/v1\nLA\n1\n[[suspended]]\n",
        'xref/overlay/v1\nLA\n1\n[[suspended]]\noffice="x"\n',
        "xref/overlay/v1\nLA\n1\n" + OFFICIAL.format("VNNRM001", DIGEST),
        "xref/overlay/v1\nLA\n1\n" + OFFICIAL.format("LANRM001", "Noy"),
    ],
)
def test_text_that_is_no_overlay(text: str) -> None:
    with pytest.raises(ConfigError):
        parse_overlay(text)


def test_text_that_no_note_holds() -> None:
    with pytest.raises(ConfigError, match="indent with spaces"):
        sign_overlay(draft_overlay("LA", 1, "# \ttab\n"), party_signer("LA"))


def test_suspension_of_nobody_is_refused() -> None:
    directory = draft_bundle().directory
    for office in ("LANRM999", "LAHOP001"):
        with pytest.raises(ConfigError, match=office):
            check_offices(draft_overlay("LA", 1, suspended(office)), directory)
    check_offices(draft_overlay("LA", 1, suspended("LANRM001", "VNCON001")), directory)


def test_suspensions_are_added_once() -> None:
    source = suspend(NO_BIRTH_DATE, [Suspension("LANRM001"), Suspension("LANRM001", DIGEST)])
    assert suspend(source, [Suspension("LANRM001")]) == source
    overlay = draft_overlay("LA", 1, source)
    assert overlay.offices == {"LANRM001"}
    assert overlay.officials("LANRM001") == {DIGEST}
    assert len(overlay.suspended) == 2


CLOSING = {
    "everything": rule("all", "refuse", ""),
    "withdrawals": rule("all", "refuse", 'natures = ["withdrawal"]'),
    "one flow": rule("all", "refuse", 'flows = ["sharing-consent-withdrawn", "victim-referral"]'),
    "answers of desks": rule("all", "refuse", 'flows = ["receipt"]'),
    "answers of the hop": rule("all", "refuse", 'natures = ["decision"]'),
    "whoever receives": rule("all", "refuse", 'to_roles = ["consular-office"]'),
    "the day alone": rule("all", "strip", 'fields = ["withdrawn_on"]'),
    "what must go along": rule("all", "keep", 'fields = ["items"]'),
}


@pytest.mark.parametrize("name", CLOSING)
def test_an_overlay_that_keeps_a_person_from_withdrawing(name: str) -> None:
    """It opens no field, and yet all that has gone would stay where it is."""
    overlay = draft_overlay("LA", 1, CLOSING[name])
    with pytest.raises(ConfigError, match="which no Party may; name the flows or natures"):
        narrowed(signed_bundle(), overlay)


def test_everything_but_what_ends_a_sharing_consent_can_be_closed() -> None:
    closed = rule("all", "refuse", 'natures = ["contact", "domestic", "home"]')
    overlay = draft_overlay("LA", 1, closed)
    rulebook = tightened(signed_bundle().policy.rulebook, overlay)
    assert "overlay-la/all" in {each.rule.id for each in rulebook.forbids}
