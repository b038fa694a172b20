"""Acceptance vectors from the sources, played through real desks and hops, not the engine alone."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

import pytest

from unit.journey.played import Played

NRM: Final = "LANRM001"
TOLD: Final = ("LANAT001", "LAIMM001", "VNNRM001", "VNSVC001", "VNBOR001", "VNCON001", "VNNAT001")
AUTHORITY: Final = {
    "return_initiative": "authority",
    "risk_outcome": "favourable",
    "risk_evidence": "individual",
    "risk_to_family": "none",
    "proceedings": "none",
    "presence_required": "no",
    "origin_assurance": "given",
    "departure_penalty": "excluded",
    "alternatives": "offered-declined",
    "reception": "ready",
    "nationality_outcome": "national",
    "travel_document": "issued",
    "reflection": "ended",
}

NOT_YET_A_CHILDS: Final = {"guardian": "none", "best_interests": "none", "child_views": "not-heard"}


@dataclass(frozen=True, slots=True)
class Vector:
    """A situation, and the rules that must be among the reasons for which nothing goes."""

    form: str
    facts: Mapping[str, str]
    reasons: tuple[str, ...]


VECTORS: Final = {
    "passport says 19, social worker believes 16": Vector(
        "referrals.csv",
        {"age_status": "presumed-child", **NOT_YET_A_CHILDS},
        ("floor/child",),
    ),
    "asylum claim pending, consulate subscribed": Vector(
        "returns.csv", {"asylum": "pending", "consular_contact": "requested"}, ("floor/asylum",)
    ),
    "asylum never asked about, identity check": Vector(
        "identity-checks.csv", {"asylum": "not-informed"}, ("floor/asylum",)
    ),
    "authority's return on a general country report": Vector(
        "returns.csv", AUTHORITY | {"risk_evidence": "general-only"}, ("floor/return-risk",)
    ),
    "compensation claim pending, authority's return": Vector(
        "returns.csv", AUTHORITY | {"proceedings": "pending"}, ("floor/return-proceedings",)
    ),
    "risk to the family only": Vector(
        "returns.csv", AUTHORITY | {"risk_to_family": "present"}, ("floor/return-risk",)
    ),
    "authority's return during reflection": Vector(
        "returns.csv", AUTHORITY | {"reflection": "running"}, ("floor/reflection",)
    ),
    "authority's return, no alternatives examined": Vector(
        "returns.csv", AUTHORITY | {"alternatives": "not-examined"}, ("floor/return-alternatives",)
    ),
    "authority's return, departure may be punished": Vector(
        "returns.csv",
        AUTHORITY | {"departure_penalty": "not-excluded"},
        ("floor/return-assurance",),
    ),
    "child without guardian, no emergency": Vector(
        "returns.csv",
        {"age_status": "verified-child", **NOT_YET_A_CHILDS},
        ("floor/child", "floor/child-return-guardian", "floor/child-return"),
    ),
    "domestic worker in a diplomat's household": Vector(
        "referrals.csv", {"consular_conflict": "alleged"}, ("floor/consular-conflict",)
    ),
    "warned only after the agreement": Vector(
        "referrals.csv", {"confidentiality_warning": "late"}, ("floor/warned",)
    ),
    "persecutor is no State": Vector(
        "referrals.csv", {"origin_fear": "non-state"}, ("floor/origin-fear",)
    ),
}


def hand_in(world: Played, form: str, case: str, facts: Mapping[str, str]) -> None:
    [record] = world.records("la", form)
    world.now_ms += 1000
    values = dict(record.values)
    if "age_status" in facts:  # the record says what the fact says; no adult's birth
        values["age_status"] = facts["age_status"].upper().replace("-", "_")
        values |= {"birth_date": None, "birth_year": None, "age_band": None}
    facts = {**record.facts, **facts}
    world.publish(NRM, [replace(record, case=case, values=values, facts=facts)])
    world.settle()


def contents(world: Played) -> dict[str, int]:
    return {office: len(world.stories(office)) for office in TOLD}


@pytest.fixture(scope="module")
def world() -> Played:
    return Played()


@pytest.mark.parametrize("name", VECTORS)
def test_nothing_reaches_anybody_and_every_reason_is_told(world: Played, name: str) -> None:
    vector = VECTORS[name]
    before = contents(world)
    hand_in(world, vector.form, name, vector.facts)
    [held] = [each for each in world.held(NRM) if each.case == name]
    assert set(held.reasons) >= set(vector.reasons)
    assert contents(world) == before


def test_the_same_return_with_every_element_goes(world: Played) -> None:
    """Or the refusals above would show nothing."""
    before = contents(world)
    hand_in(world, "returns.csv", "complete", AUTHORITY)
    assert "complete" not in {each.case for each in world.held(NRM)}
    after = contents(world)
    assert after["VNNRM001"] == before["VNNRM001"] + 1
    assert after["LAIMM001"] == before["LAIMM001"] + 1
