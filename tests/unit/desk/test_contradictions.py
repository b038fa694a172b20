"""Facts and body: what cannot both be true does not go, and nothing else is held back for it."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from attacks.hostile import LA_DESK, VN_DESK, entries, records, referral, settled, written
from unit.bundle.signed_bundle import changed, sources
from world import REPOSITORY, draft_bundle
from xref.desk.contradictions import contradictions
from xref.desk.derive import siblings
from xref.desk.publish import Asked, Publisher
from xref.desk.read_form import Record
from xref.desk.receive import check_body
from xref.errors import ConfigError, MessageError
from xref.policy import Policy
from xref.policy.rulebook import CONTRADICTIONS_PATH
from xref.record_check import check_record
from xref.story import held_records
from xref.wire.schema import Schema

POLICY = draft_bundle().policy
TODAY = date(2026, 11, 23)
ADULTS = ("verified-adult", "undisputed-adult")
IDS = {each.rule.id for each in POLICY.rulebook.contradictions}


def found(
    values: Mapping[str, object],
    facts: Mapping[str, str],
    parties: Sequence[str] = ("VN",),
    today: date = TODAY,
) -> list[tuple[str, str]]:
    return [
        (each.field, each.rule.id) for each in contradictions(POLICY, values, facts, parties, today)
    ]


VECTORS = json.loads((REPOSITORY / "tests/vectors/policy/contradictions.json").read_bytes())
CASES = [case for case in VECTORS["cases"] if case["contradicts"]]


@pytest.mark.parametrize("case", VECTORS["cases"], ids=str)
def test_what_cannot_be_true_is_named_and_nothing_else(case: dict[str, Any]) -> None:
    values, facts = case["values"], case["facts"]
    assert TODAY.isoformat() == VECTORS["today"]
    assert [list(each) for each in found(values, facts, VECTORS["parties"])] == case["contradicts"]
    assert found(values, {}, parties=()) == [], "what is unknown contradicts nothing"


def test_every_contradiction_has_a_case() -> None:
    assert {rule for case in CASES for _, rule in case["contradicts"]} == IDS


def test_nobody_abroad_has_a_nationality_to_compare() -> None:
    assert found({"nationality_claimed": ["TH"]}, {}, parties=()) == []


days = st.dates(date(1900, 1, 1), date(2040, 1, 1))


@given(birth=days, today=st.dates(date(2020, 1, 1), date(2035, 1, 1)), parts=st.integers(1, 3))
def test_an_adult_is_never_held_for_a_birth_that_may_be_an_adults(
    birth: date, today: date, parts: int
) -> None:
    """And a child's birth passes as an adult's on no day of the part that is not known."""
    text = "-".join(birth.isoformat().split("-")[:parts])
    eighteenth = (
        date(birth.year + 18, 3, 1)
        if (birth.month, birth.day) == (2, 29)
        else (birth.replace(year=birth.year + 18))
    )
    as_adult = bool(found({"birth_date": text}, {"age_status": "verified-adult"}, today=today))
    as_child = bool(found({"birth_date": text}, {"age_status": "verified-child"}, today=today))
    assert not (as_adult and as_child)
    if parts == 3:
        assert as_adult == (today + timedelta(days=1) < eighteenth)
        assert as_child == (today - timedelta(days=1) >= eighteenth)
    else:
        assert not (as_adult and eighteenth <= today)
        assert not (as_child and today < eighteenth)


@given(birth=days, status=st.sampled_from([*ADULTS, "presumed-child", "verified-child"]))
def test_a_coarser_sibling_never_contradicts_where_the_finer_does_not(
    birth: date, status: str
) -> None:
    values = siblings({"birth_date": birth.isoformat()}, ("birth_year", "age_band"), today=TODAY)
    facts = {"age_status": status}
    fields = {field for field, rule in found(values, facts) if "born" in rule}
    assert "birth_date" in fields or not fields - {"age_band"}
    band = values.get("age_band")
    assert ("age_band" in fields) == bool(found({"age_band": band}, facts))


@given(
    facts=st.fixed_dictionaries(
        {}, optional={fact.name: st.sampled_from(fact.values) for fact in POLICY.facts.facts}
    )
)
def test_fewer_facts_contradict_no_more(facts: dict[str, str]) -> None:
    """Each contradiction but one needs facts; forgetting one adds none of the others."""
    values = {name: value for case in CASES for name, value in case["values"].items()}
    every = set(found(values, facts))
    for name in facts:
        fewer = {key: value for key, value in facts.items() if key != name}
        more = set(found(values, fewer)) - every
        assert more <= {("nationality_claimed", "record/nationality")}


def child_beside_adult() -> Record:
    given = referral()
    facts = {**given.facts, "age_status": "verified-adult"}
    values = {**given.values, "birth_date": "2012-03-01", "birth_year": "2012", "age_band": None}
    return replace(given, values={**values, "age_status": "VERIFIED_ADULT"}, facts=facts)


def test_a_contradiction_is_told_where_the_record_is_handed_in() -> None:
    problems = check_record(child_beside_adult(), POLICY, TODAY, {"VN"})
    assert {each.field for each in problems} == {"birth_date", "birth_year"}
    for each in problems:
        assert "age_status" in each.problem, "it names the fact"
        assert each.cure
        assert "2012" not in str(each), "and no value"


def test_a_record_that_came_past_the_check_is_not_sealed() -> None:
    """The desk looks itself: a spool filled by another program is no way around."""
    world = settled()
    world.publish(LA_DESK, [child_beside_adult()])
    world.settle()
    assert world.sent(LA_DESK) == {}
    [held] = held_records(world.stores[LA_DESK])
    assert held.problem.startswith("birth_date: ")
    assert "record/adult-born-as-child" in held.problem
    assert entries(world, "LAHOP001", "released", "refused") == []


def test_a_fact_corrected_into_a_contradiction_then_sent() -> None:
    """`desk fact` changes the facts alone: the body stays, and is looked at again."""
    world = settled()
    given = referral()
    facts = {**given.facts, "asylum": "pending"}
    world.publish(LA_DESK, [replace(given, facts=facts)])
    world.settle()
    known = {**given.facts, "victim_status": "not-established"}
    world.publish(LA_DESK, [replace(given, facts=known)])
    [held] = held_records(world.stores[LA_DESK])
    assert held.problem.startswith("victim_status: ")


def test_another_nationality_is_held_for_that_recipient() -> None:
    world = settled()
    values = {**referral().values, "nationality_claimed": ["KH"]}
    world.publish(LA_DESK, [replace(referral(), values=values)])
    [held] = held_records(world.stores[LA_DESK])
    assert held.problem.startswith("nationality_claimed: ")


def test_the_shipped_samples_contradict_nothing() -> None:
    for record in records():
        assert check_record(record, POLICY, datetime.now(UTC).date(), {"VN"}) == []


LIES = [
    ("reply_office", "LANAT001"),
    ("sharing_consent_ref", "00" * 16),
]


@pytest.mark.parametrize(("field", "lie"), LIES)
def test_lying_desk_then_body_beside_header(
    monkeypatch: pytest.MonkeyPatch, field: str, lie: str
) -> None:
    """A desk whose software writes another office or reference into the sealed body is found."""
    honest = Publisher._supplied

    def lying(
        self: Publisher, schema: Schema, asked: Asked | None, reference: bytes, now_ms: int
    ) -> dict[str, object]:
        return {**honest(self, schema, asked, reference, now_ms), field: lie}

    world = settled()
    monkeypatch.setattr(Publisher, "_supplied", lying)
    world.publish(LA_DESK, [referral()])
    world.settle()
    assert world.inbox(VN_DESK) == {}
    [story] = world.sent(LA_DESK).values()
    assert story["outcome"] == "rejected"


BODIES = [
    ({"birth_date": "1999-02-14", "birth_year": "1998"}, False),
    ({"birth_date": "1999-02-14", "birth_year": "1999"}, True),
    ({"birth_year": "1998"}, True),
    ({"answered_by": VN_DESK}, False),
    ({"answered_by": LA_DESK, "answered_on": "2026-11-21"}, True),
    ({"answered_on": "2026-11-25"}, False),
    ({"withdrawn_on": "yesterday"}, False),
    ({"reply_office": None, "sharing_consent_ref": None}, True),
]


@pytest.mark.parametrize(("values", "good"), BODIES)
def test_a_body_is_held_against_its_header_and_itself(
    values: dict[str, object], good: bool
) -> None:
    [envelope] = written(settled(), referral())
    if good:
        check_body(envelope.header, values)
    else:
        with pytest.raises(MessageError, match="wrong-body"):
            check_body(envelope.header, values)


BAD = {
    "unknown test": ('value = "day-past"', 'value = "day-gone"', "unknown 'day-gone'"),
    "unknown field": ('fields = ["readiness_ref"]', 'fields = ["readyness"]', "readyness"),
    "codes without a list": ('codes = ["WISHES_RETURN"]', "", "codes belongs"),
    "no fact": ('travel_document = ["issued"]', "", "empty clause"),
    "twice": ('id = "record/held"', 'id = "record/free-to-leave"', "given twice"),
    "another place": ('id = "record/held"', 'id = "floor/held"', "start it with record/"),
}


@pytest.mark.parametrize("name", BAD)
def test_a_malformed_table_does_not_load(name: str) -> None:
    old, new, says = BAD[name]
    assert CONTRADICTIONS_PATH in sources()
    with pytest.raises(ConfigError, match=says):
        Policy.load(changed(CONTRADICTIONS_PATH, old, new))
