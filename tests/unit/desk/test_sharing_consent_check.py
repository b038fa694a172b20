"""What ISO/IEC TS 27560 asks of a consent record: each has a member, and each is seen to.

Forms are handed in as an office does; what goes is asked of the hop that lets it.
"""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from attacks.hostile import LA_DESK, outcomes, referral, settled
from shipped import shipped
from unit.desk.test_plain_form import CONSENT, GOOD, POLICY
from unit.desk.test_told import DRAFT, digest, submitted
from world import DAY_MS
from xref.desk.consent import SharingConsent
from xref.desk.read_form import Record
from xref.desk.sharing_consent_check import is_without_guardian
from xref.limits import SHARING_CONSENT_LIFE_MS_MAX

TOLD: dict[str, Any] = {
    **CONSENT,
    "version": 2,
    "notice_version": DRAFT,
    "explained_how": "read-aloud",
    "interpreted_by": "interpreter",
    "notice_sha256": "",
    "withdrawal_routes": ["telephone", "this-office"],
}


def handed_in(folder: Path, facts: dict[str, str] | None = None, **members: Any) -> list[str]:
    """Hand a record in xref's own form in; return the members with a problem, or a doubt."""
    form = {**GOOD, "sharing_consent": {**TOLD, **members}}
    form["facts"] = {**GOOD["facts"], **(facts or {})}
    done, records = submitted(folder, shipped("la"), "x.json", json.dumps([form]).encode())
    assert len(records) == (0 if done.problems else 1)
    said = [*done.problems, *done.doubts]
    assert "Somchai" not in repr(said)
    assert "somchai" not in repr(said)
    assert all(each.cure for each in said)
    return [f"{each.field} {each.problem}" for each in said if "sharing" in each.field]


REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "no purpose": ({"purposes": []}, "purposes"),
    "no category": ({"categories": []}, "categories"),
    "no recipient": ({"recipients": []}, "recipients"),
    "a language that is none": ({"language": "Lao"}, "language"),
    "a language without a text or interpreter": (
        {"language": "hmn", "interpreted_by": ""},
        "language",
    ),
    "a notice that nobody has": ({"notice_version": "LA-2020"}, "notice_version"),
    "other words than the notice's": ({"notice_sha256": "00" * 32}, "notice_sha256"),
    "explained in no known way": ({"explained_how": "in-passing"}, "explained_how"),
    "explained by a name": ({"explained_by": "somchai"}, "explained_by"),
    "explained by a name in words": ({"explained_by": "Somchai P."}, "explained_by"),
    "interpreted by a name": ({"interpreted_by": "somchai"}, "interpreted_by"),
    "a warning that is no moment": ({"warned_on_ms": 0}, "warned_on_ms"),
    "a guardian for an adult": ({"guardian": True}, "guardian"),
    "a guardian who may have agreed": ({"guardian": "perhaps"}, "guardian"),
    "an end before its beginning": ({"valid_until_ms": 1}, "ends before"),
    "an end out of sight": ({"valid_until_ms": 3 + SHARING_CONSENT_LIFE_MS_MAX}, "valid_until"),
    "no way to withdraw": ({"withdrawal_routes": []}, "withdrawal_routes"),
    "a way that there is not": ({"withdrawal_routes": ["never"]}, "withdrawal_routes"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_no_office_may_record_is_refused_by_its_member(name: str, tmp_path: Path) -> None:
    members, said = REFUSED[name]
    problems = handed_in(tmp_path, {"age_status": "verified-adult"}, **members)
    assert len(problems) == 1
    assert said in problems[0]


def test_a_record_of_version_2_has_every_member(tmp_path: Path) -> None:
    for member in TOLD:
        left = {name: value for name, value in TOLD.items() if name != member}
        form = json.dumps([{**GOOD, "sharing_consent": left}]).encode()
        done, records = submitted(tmp_path, shipped("la"), "x.json", form)
        assert (len(done.problems), records) == (1, []), member


@pytest.mark.parametrize(
    ("member", "words"),
    [
        ("purposes", ["detention"]),
        ("purposes", ["holiday"]),
        ("categories", ["secrets"]),
        ("recipients", ["VNXXX999"]),
        ("recipients", ["hop"]),
    ],
)
def test_a_word_that_covers_nothing_is_pointed_out(
    member: str, words: list[str], tmp_path: Path
) -> None:
    """The person may have agreed to it under another bundle; it goes as it was agreed."""
    members: dict[str, Any] = {member: words}
    [doubt] = handed_in(tmp_path, **members)
    assert doubt.startswith(f"sharing consent: {member} it names one that the bundle does not know")
    assert handed_in(tmp_path) == []


# -- what a hop makes of it ------------------------------------------------------------------------


def sent(sharing_consent: SharingConsent | None = None, **facts: str) -> list[str]:
    """What becomes of a referral, for which every gate is open but what is changed here."""
    world, plain = settled(), referral()
    agreed = sharing_consent or plain.sharing_consent
    values = dict(plain.values)
    if "age_status" in facts:
        born = ("birth_date", "birth_year", "age_band")
        values = {name: value for name, value in values.items() if name not in born}
        values["age_status"] = facts["age_status"].upper().replace("-", "_")
    record: Record = replace(
        plain, sharing_consent=agreed, values=values, facts={**plain.facts, **facts}
    )
    world.publish(LA_DESK, [record])
    world.settle()
    return outcomes(world)


def given(**changes: Any) -> SharingConsent:
    plain = referral().sharing_consent
    assert plain
    return replace(plain, **changes)


A_CHILD = {
    "age_status": "verified-child",
    "guardian": "appointed",
    "best_interests": "assessed",
    "child_views": "heard",
}


@pytest.mark.parametrize("age", ["verified-child", "presumed-child"])
def test_a_childs_agreement_without_the_guardians(age: str) -> None:
    """A guardian who is appointed and was not asked has not agreed."""
    assert sent(given(guardian=False), **{**A_CHILD, "age_status": age}) == ["refused"]
    assert sent(given(guardian=True), **{**A_CHILD, "age_status": age}) == ["opened"]


def test_a_childs_agreement_without_the_guardians_is_pointed_out(tmp_path: Path) -> None:
    [doubt] = handed_in(tmp_path, A_CHILD)
    assert doubt.startswith("sharing consent: guardian a child's counts with the guardian's")
    assert handed_in(tmp_path, A_CHILD, guardian=True) == []


def test_a_childs_withdrawn_agreement_does_not_become_one_that_never_counted() -> None:
    """Else another ground would open what the child has closed."""
    flow = POLICY.flow_named("victim-referral")
    for said, is_ended in (("granted", True), ("withdrawn", False), ("expired", False)):
        facts = {**A_CHILD, "sharing_consent": said}
        assert is_without_guardian(given(guardian=False), facts, flow) is is_ended


def test_who_says_nothing_of_the_age_is_not_better_off() -> None:
    """Where a child's agreement alone does not count, an age that is not known opens nothing."""
    [floor] = [each for each in POLICY.rulebook.forbids if each.rule.id == "floor/child"]
    facts = {**A_CHILD, "sharing_consent": "granted"}
    for flow in POLICY.flows.values():
        found = is_without_guardian(given(guardian=False), facts, flow)
        assert found is floor.selector.takes(flow), flow.name


def test_what_the_person_did_not_agree_to() -> None:
    plain = given()
    day = plain.given_on_ms
    for changes in (
        {"purposes": ("statistics",)},
        {"categories": ("status",), "recipients": ("VNSVC001",)},
        {"recipients": ("consular-office",)},
        {"warned_on_ms": None},
        {"warned_on_ms": day + 1},
        {"given_on_ms": day + 400 * DAY_MS, "valid_until_ms": day + 500 * DAY_MS},
        {"valid_until_ms": day + 1},
    ):
        assert sent(given(**changes)) == ["refused"], changes
    assert sent(plain) == ["opened"]


def test_the_digest_that_is_bound_is_of_the_words_that_were_told(tmp_path: Path) -> None:
    form = json.dumps([{**GOOD, "sharing_consent": TOLD}]).encode()
    _, [record] = submitted(tmp_path, shipped("la"), "x.json", form)
    assert record.sharing_consent
    assert record.sharing_consent.explanation
    assert record.sharing_consent.explanation.notice_sha256 == digest("lo")
