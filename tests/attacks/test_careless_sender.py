"""A sending desk of other software that asks nothing: what it lets through is shown to a person."""

import json
from dataclasses import fields, replace
from functools import cache
from typing import Any

import pytest

from shipped import shipped
from unit.journey.test_every_message import POLICY, Exchange, members
from world import NOW_MS, signed_bundle
from xref.desk.intake import Intake
from xref.desk.look import to_look_at
from xref.desk.plain_form import read_plain_form
from xref.desk.publish import Publisher
from xref.desk.read_form import Record
from xref.desk.write_form import Received, write_form
from xref.policy import Flow
from xref.wire.header import NO_ID, Header

LA, VN = "LANRM001", "VNNRM001"
ADAPTER = shipped("vn")
CANARY = "VN9ZZ"


class Careless(Publisher):
    """A desk that does not hold a record to the agreement."""

    def _check_agreed(self, record: Record, flow: Flow) -> None:
        pass


def handed_in(kind: str, **values: Any) -> tuple[bytes, dict[str, Any]]:
    """Send a record past every check of the sending desk; return what Viet Nam's NRM has of it."""
    world = Exchange()
    form = members(POLICY.publications[kind], "LA", None)
    today = shipped("la").day_at(world.now_ms)
    (record,) = read_plain_form(POLICY, "r.json", json.dumps(form).encode(), today=today).records
    record = replace(record, values={**record.values, **values})
    desk = world.desks[LA]
    honest = desk._publisher(world.now_ms)
    careless = Careless(**{each.name: getattr(honest, each.name) for each in fields(honest)})
    addressed = Intake(desk.cabinet, careless, world.now_ms).take(record)
    desk._send([each for each in addressed if each.recipient == VN], world.now_ms)
    desk._commit(world.now_ms)
    desk.flush()
    world.settle()
    ((message, content),) = world.inbox(VN).items()
    return message, content


@cache
def spoilt_evidence() -> tuple[bytes, dict[str, Any]]:
    return handed_in(
        "identification-evidence",
        identification_basis="SCREENING_RESULT",
        source_office="LASVC001",
    )


def test_screening_by_an_office_that_the_agreement_does_not_name_is_shown_and_counts() -> None:
    _, content = spoilt_evidence()
    assert content["values"]["identification_basis"] == "SCREENING_RESULT"
    ((field, why),) = content["look"]
    assert field == "identification_basis"
    assert "LA police, VN police, VN border-guard" in why


def test_material_of_an_organisation_is_doubted_at_the_receiver_too() -> None:
    _, content = handed_in(
        "identification-evidence", identification_basis="OTHER_SOURCE", source_office="LASVC001"
    )
    assert [field for field, _ in content["look"]] == ["identification_basis"]


def test_an_unknown_crossing_is_shown_and_not_repeated() -> None:
    _, content = handed_in("return", crossing_point=CANARY)
    ((field, why),) = content["look"]
    assert field == "crossing_point"
    assert CANARY not in why


def test_a_sibling_that_may_be_right_after_all_is_shown() -> None:
    """A year or a province leaves no choice: a message with another is refused."""
    _, content = handed_in("referral", initials="X.", full_name_native="Ví Dụ Khác")
    assert dict(content["look"]).keys() == {"initials", "full_name_native"}


@pytest.mark.parametrize(
    ("kind", "field"),
    [("status-consultation", "reply_by"), ("welfare-check", "check_by")],
)
def test_a_due_day_of_another_century_is_due_at_once_and_stops_no_desk(
    kind: str, field: str
) -> None:
    """A slip of the pen in a year: times are kept as unsigned numbers."""
    _, content = handed_in(kind, **{field: "1926-12-01"})
    assert content["values"][field] == "1926-12-01"


def test_an_honest_message_asks_nobody_to_look() -> None:
    _, content = handed_in("identification-evidence")
    assert "look" not in content


def test_the_office_reads_it_in_its_own_form_and_in_xrefs() -> None:
    message, content = spoilt_evidence()
    received = Received(
        message,
        content["type"],
        content["values"],
        content["from"],
        NOW_MS,
        look=tuple((field, why) for field, why in content["look"]),
    )
    plain = json.loads(write_form(ADAPTER, received))
    if content["type"] not in ADAPTER.file.received:
        assert plain["look"] == [{"field": f, "why": why} for f, why in content["look"]]
    referral = Received(bytes(16), "victim-referral", {"sex": "F"}, LA, 0, look=(("sex", "why"),))
    form = ADAPTER.file.received["victim-referral"]
    (header,) = [each.header for each in form.columns if "field/sex" in each.ends]
    (unlisted,) = [each.header for each in form.columns if each.ends == ("unlisted",)]
    written = json.loads(write_form(ADAPTER, referral))
    for key in unlisted.split(" / "):
        written = written[key]
    assert written == [header]


HEADER = Header(
    message=b"m" * 16,
    thread=b"t" * 16,
    reply_to=NO_ID,
    flow=POLICY.flow_named("victim-referral").code,
    sender=LA,
    recipient=VN,
    schema=bytes(32),
    bundle=signed_bundle().digest32,
    consent_ref=b"c" * 16,
    created_ms=NOW_MS,
    expires_ms=NOW_MS + 1,
    desk_key=bytes(8),
    seal_key=bytes(8),
)


def test_a_code_that_is_on_no_list_here_is_kept_and_shown() -> None:
    flow = POLICY.flow_named("victim-referral")
    values: dict[str, object] = {"service_province": "VN-99", "languages": ["vi", "qqq"]}
    told = to_look_at(values, HEADER, flow, POLICY.schema_for(flow), signed_bundle())
    assert [field for field, _ in told] == ["languages", "service_province"]
