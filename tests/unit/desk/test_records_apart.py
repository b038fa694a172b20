"""One case may have several records of a publication: both of two sources of evidence are kept."""

import json
from dataclasses import replace
from typing import Any

import pytest

from shipped import shipped
from unit.journey.test_every_message import POLICY, Exchange, members
from world import signed_bundle
from xref.desk.plain_form import read_plain_form
from xref.desk.read_form import Record
from xref.desk.spool import Correction, Withdrawal
from xref.errors import ConfigError
from xref.operations import to_approve
from xref.policy.flows import read_publication
from xref.policy.reading import read_toml
from xref.story import held_records

LA, VN = "LANRM001", "VNNRM001"
KIND = "identification-evidence"


def evidence(reference: str, kind: str = "STATEMENT", **facts: str) -> Record:
    form = members(POLICY.publications[KIND], "LA", None)
    form["fields"] |= {
        "material_ref": reference,
        "material_kind": kind,
        "source_office": "LAPOL001",
    }
    form["facts"] = {**form["facts"], **facts}
    today = shipped("la").day_at(0)
    (record,) = read_plain_form(POLICY, "r.json", json.dumps(form).encode(), today=today).records
    return record


def told(world: Exchange) -> list[tuple[str, str]]:
    """What the desk keeps as the case's evidence."""
    stories = [story for _, story in world.desks[LA].cabinet.all("record")]
    values = [story["record"]["values"] for story in stories]
    return sorted((each["material_ref"], each["material_kind"]) for each in values)


def arrived(world: Exchange) -> list[str]:
    contents: list[Any] = list(world.inbox(VN).values())
    return sorted(content["values"]["material_ref"] for content in contents)


def test_two_sources_of_one_case_are_both_kept_and_both_go() -> None:
    world = Exchange()
    for reference in ("S-1", "S-2"):
        world.publish(LA, [evidence(reference)])
        world.settle()
    assert told(world) == [("S-1", "STATEMENT"), ("S-2", "STATEMENT")]
    assert arrived(world) == ["S-1", "S-2"]
    (one, other) = world.sent(LA).values()
    assert one["record"] != other["record"]
    assert world.desks[LA].cabinet.case_id("record", bytes.fromhex(str(one["record"])))


def test_the_same_source_again_takes_the_place_of_the_record_before() -> None:
    world = Exchange()
    world.publish(LA, [evidence("S-1")])
    world.publish(LA, [evidence("S-1")])
    world.publish(LA, [evidence("S-1", "DOCUMENT")])
    world.settle()
    assert told(world) == [("S-1", "DOCUMENT")]
    assert len(world.inbox(VN)) == 2, "the copy did not go, the change did"


def test_the_place_of_a_record_tells_nothing_of_its_source() -> None:
    world = Exchange()
    world.publish(LA, [evidence("S-1"), replace(evidence("S-1"), case="another")])
    (one, other) = [key for key, _ in world.desks[LA].cabinet.all("record")]
    assert b"S-1" not in one + other
    assert one[16:] != other[16:], "cases have keys of their own"


def test_a_corrected_fact_reaches_every_record_of_the_case() -> None:
    world = Exchange()
    for reference in ("S-1", "S-2"):
        world.publish(LA, [evidence(reference, asylum="unknown")])
    world.settle()
    assert arrived(world) == []
    case = evidence("S-1").case
    world.publish(LA, [Correction(case, KIND, {"asylum": "no"})])
    world.settle()
    assert arrived(world) == ["S-1", "S-2"]


def waiting_for_approval() -> Exchange:
    world = Exchange()
    for reference in ("S-1", "S-2"):
        stated = evidence(reference, disclosure_ground="vital-interest")
        world.publish(LA, [replace(stated, prepared_by=("Bounmy",))])
    return world


def test_approved_one_then_another_of_the_case_goes_unseen() -> None:
    """The second person names the one that was looked at, or how many were."""
    world = waiting_for_approval()
    case = evidence("S-1").case
    held = held_records(world.stores[LA])
    numbers = [each.number for each in held]
    assert len(set(numbers)) == 2
    with pytest.raises(ConfigError, match=r"wait 2: .*--record NUMBER, or --all 2") as several:
        to_approve(held, case)
    assert all(f"{number} ({KIND})" in str(several.value) for number in numbers)
    assert case not in str(several.value)
    for count in (0, 1, 3):
        with pytest.raises(ConfigError, match="--all 2"):
            to_approve(held, case, count=count)
    assert to_approve(held, case, count=2) == held
    assert to_approve(held, case, numbers[1]) == held[1:]
    for other in ("", numbers[1]):
        with pytest.raises(ConfigError, match="no record of that case number waits"):
            to_approve(held, "another", other)


def test_looked_at_then_changed_then_approved() -> None:
    world = waiting_for_approval()
    case = evidence("S-1").case
    [number, _] = [each.number for each in held_records(world.stores[LA])]
    for reference in ("S-1", "S-2"):
        stated = evidence(reference, "DOCUMENT", disclosure_ground="vital-interest")
        world.publish(LA, [replace(stated, prepared_by=("Bounmy",))])
    with pytest.raises(ConfigError, match="a change gives it another"):
        to_approve(held_records(world.stores[LA]), case, number)


def test_a_withdrawal_ends_what_went_by_each_record() -> None:
    world = Exchange()
    for reference in ("S-1", "S-2"):
        world.publish(LA, [evidence(reference)])
    world.settle()
    world.publish(LA, [Withdrawal(evidence("S-1").case)])
    world.settle()
    assert world.inbox(VN) == {}


@pytest.mark.parametrize("publication", POLICY.publications.values(), ids=lambda each: each.kind)
def test_what_keeps_records_apart_is_in_a_record(publication: Any) -> None:
    fields = {
        field.name
        for delivery in publication.deliveries
        for field in POLICY.schema_for(POLICY.flow_named(delivery.flow)).fields
    }
    assert fields.issuperset(publication.apart_by)


def test_a_publication_kept_apart_by_a_field_that_no_record_has() -> None:
    table = """
        kind = "x"
        explain = "X."
        from_roles = ["nrm"]
        apart_by = ["no_such_field"]
        [[deliver]]
        flow = "identification-evidence"
        party = "other"
        role = "nrm"
        choose = "every"
    """
    policy = signed_bundle().policy
    flows = {flow.name: flow for flow in policy.flows.values()}
    with pytest.raises(ConfigError, match="no record of it has 'no_such_field'"):
        read_publication(read_toml(table.encode(), "x.toml"), flows, policy.schemas)
