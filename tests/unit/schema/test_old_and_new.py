"""Last version's offices and this version's exchange messages while both bundles hold."""

import json
from dataclasses import replace
from typing import Any

import pytest

from shipped import shipped
from unit.schema.test_releases import faults
from unit.schema.versions import ADDED, RETIRED, WIDENED, MixedWorld, versions
from world import DAY_MS
from xref.desk.read_form import Record
from xref.desk.write_form import Received, write_form
from xref.errors import MessageError
from xref.wire.resolve import resolve
from xref.wire.schema import Schema

LA, VN = "LANRM001", "VNNRM001"
CODE = "H-7"
TONGUES = ["lo", "vi", "th", "km", "en", "fr", "zh", "my", "kjg"]


def referral(world: MixedWorld, **values: Any) -> Record:
    record = world.read("la", "referrals.csv").records[0]
    return replace(record, values={**record.values, **values})


def answer(world: MixedWorld, message: bytes, **values: Any) -> Record:
    record = world.read("vn", "answer.json").records[0]
    return replace(record, reply_to=message, values={**record.values, **values})


def exchanged(world: MixedWorld) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return a referral as Viet Nam has it, and its answer as Lao PDR has it."""
    world.settle()
    world.publish(LA, [referral(world, **{ADDED: CODE, WIDENED: TONGUES[:8]})])
    world.settle()
    ((message, asked),) = world.inbox(VN).items()
    world.publish(VN, [answer(world, message, **{ADDED: CODE})])
    world.settle()
    (answered,) = [each for each in world.inbox(LA).values() if each["reply_to"]]
    return asked, answered


def test_this_version_is_a_lawful_successor_of_the_last() -> None:
    last, this = versions().last.policy.schemas, versions().this.policy.schemas
    assert list(faults(("last", last), ("this", this))) == []
    assert last["xref.victim_referral"] != this["xref.victim_referral"]


def test_last_versions_office_asks_and_this_versions_answers() -> None:
    world = MixedWorld(behind=(LA,))
    asked, answered = exchanged(world)
    assert asked["bundle"] == versions().last.digest32.hex()
    assert ADDED not in asked["values"]
    assert asked["beyond"] == {RETIRED: asked["beyond"][RETIRED]}
    assert asked["values"]["full_name_native"]
    assert answered["bundle"] == versions().this.digest32.hex()
    assert ADDED not in answered["values"]
    assert answered["beyond"] == {ADDED: CODE}
    assert answered["values"]["referral_id"] == asked["values"]["referral_id"]


def test_this_versions_office_asks_and_last_versions_answers() -> None:
    world = MixedWorld(behind=(VN,))
    asked, answered = exchanged(world)
    assert asked["bundle"] == versions().this.digest32.hex()
    assert RETIRED not in asked["values"]
    assert asked["beyond"] == {ADDED: CODE}
    assert asked["values"][WIDENED] == TONGUES[:8]
    assert answered["bundle"] == versions().last.digest32.hex()
    assert "beyond" not in answered
    assert answered["values"]["referral_id"] == asked["values"]["referral_id"]


def test_both_of_this_version_read_all_of_it() -> None:
    asked, answered = exchanged(MixedWorld())
    assert asked["values"][ADDED] == answered["values"][ADDED] == CODE
    assert "beyond" not in asked


def test_both_of_the_last_version_know_nothing_of_this_one() -> None:
    asked, answered = exchanged(MixedWorld(behind=(LA, VN)))
    assert asked["values"][RETIRED]
    assert {asked["bundle"], answered["bundle"]} == {versions().last.digest32.hex()}


def refused(world: MixedWorld) -> tuple[str, str]:
    """Send a referral; return outcome and fault of the message to the Vietnamese NRM."""
    world.settle()
    world.publish(LA, [referral(world)])
    world.settle()
    (story,) = [each for each in world.sent(LA).values() if each["to"] == VN]
    assert world.inbox(VN) == {}
    return str(story["outcome"]), str(story["fault"])


@pytest.mark.parametrize(
    ("office", "fault"),
    [
        ("LAHOP001", "unknown-bundle"),
        ("VNHOP001", "rejected-on-the-way"),
        (VN, "rejected-on-the-way"),
    ],
)
def test_bundle_that_somebody_on_the_way_does_not_have(office: str, fault: str) -> None:
    assert refused(MixedWorld(only_last=(office,))) == ("rejected", fault)


def test_message_that_arrives_after_its_bundle_has_ended() -> None:
    world = MixedWorld(behind=(LA,))
    world.settle()
    world.publish(LA, [referral(world)])
    world.now_ms += 10 * DAY_MS
    world.settle()
    assert world.inbox(VN) == {}
    assert {story["fault"] for story in world.sent(LA).values()} == {"inactive-bundle"}


def test_office_that_is_behind_goes_on_with_the_newest_when_its_bundle_has_ended() -> None:
    world = MixedWorld(behind=(LA, VN))
    world.now_ms += 10 * DAY_MS
    world.settle()
    world.publish(LA, [referral(world)])
    world.settle()
    (asked,) = world.inbox(VN).values()
    assert asked["bundle"] == versions().this.digest32.hex()


# The placing of fields, and what the office sees of it.


def schema(*fields: tuple[int, str, Any]) -> Schema:
    document = {
        "type": "record",
        "name": "probe",
        "namespace": "xref",
        "fields": [
            {
                "name": name,
                "type": ["null", kind],
                "default": None,
                "xref.id": number,
                "xref.category": "reference",
                "xref.sensitivity": "operational",
            }
            for number, name, kind in fields
        ],
    }
    return Schema.parse(json.dumps(document).encode())


def test_fields_go_by_id_and_never_by_name() -> None:
    written = schema((1, "first", "string"), (2, "second", "string"))
    own = schema((1, "former", "string"), (3, "second", "string"))
    placed = resolve({"first": "a", "second": "b"}, written, own)
    assert placed.values == {"former": "a"}
    assert placed.beyond == {"second": "b"}


def test_value_beyond_the_own_bound_or_type_is_kept_apart() -> None:
    written = schema(
        (1, "some", {"type": "array", "items": "int", "xref.max_items": 3}), (2, "n", "long")
    )
    own = schema(
        (1, "some", {"type": "array", "items": "int", "xref.max_items": 2}), (2, "n", "int")
    )
    assert resolve({"some": [1, 2], "n": 1}, written, own).values == {"some": [1, 2], "n": 1}
    placed = resolve({"some": [1, 2, 3], "n": 2**40}, written, own)
    assert (placed.values, placed.beyond) == ({}, {"some": [1, 2, 3], "n": 2**40})


def coded(*symbols: str, items_max: int = 0, default: str = "") -> Any:
    enum = {"type": "enum", "name": "code", "symbols": list(symbols)}
    enum |= {"default": default} if default else {}
    return {"type": "array", "items": enum, "xref.max_items": items_max} if items_max else enum


def test_a_new_code_of_an_open_list_stays_as_it_came() -> None:
    """The person keeps the need that the reader has no word for; the form shows it."""
    written = schema((1, "needs", coded("A", "OTHER", "B", items_max=3, default="OTHER")))
    own = schema((1, "needs", coded("A", "OTHER", items_max=2, default="OTHER")))
    assert resolve({"needs": ["B", "A"]}, written, own).values == {"needs": ["B", "A"]}
    placed = resolve({"needs": ["B", "A", "A"]}, written, own)
    assert placed.beyond == {"needs": ["B", "A", "A"]}


def test_a_new_code_of_an_open_enum_stays_as_it_came() -> None:
    written = schema((1, "urgency", coded("ROUTINE", "URGENT", "SOON", default="URGENT")))
    own = schema((1, "urgency", coded("ROUTINE", "URGENT", default="URGENT")))
    assert resolve({"urgency": "SOON"}, written, own).values == {"urgency": "SOON"}


@pytest.mark.parametrize("items_max", [0, 2])
def test_a_new_code_of_a_closed_enum_is_refused_and_named_by_no_fault(items_max: int) -> None:
    """Whoever reads a safeguard that he does not know must not act as if there were none."""
    written = schema((1, "age_status", coded("A", "B", "CANARY", items_max=items_max)))
    own = schema((1, "age_status", coded("A", "B", items_max=items_max)))
    known, new = ("B", "CANARY") if not items_max else (["B"], ["A", "CANARY"])
    assert resolve({"age_status": known}, written, own).values == {"age_status": known}
    with pytest.raises(MessageError) as refusal:
        resolve({"age_status": new}, written, own)
    assert refusal.value.fault == "unknown-code"
    assert "CANARY" not in str(refusal.value)


def test_an_enum_that_became_text_is_kept_apart() -> None:
    written = schema((1, "some", "int"))
    own = schema((1, "some", coded("A", "B")))
    assert resolve({"some": 1}, written, own).beyond == {"some": 1}


def test_form_names_what_it_cannot_hold() -> None:
    adapter = shipped("vn")
    received = Received(bytes(16), "victim-referral", {}, LA, 0, beyond=(ADDED,))
    written = json.loads(write_form(adapter, received))
    assert [value for value in written.values() if value == [ADDED]] == [[ADDED]]
