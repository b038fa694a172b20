"""Every type is sent, received and answered by shipped offices, in xref's own form."""

import json
from collections.abc import Iterator
from functools import cache
from typing import Any, Final

from shipped import shipped
from unit.bundle.signed_bundle import CHILD_RETURN_FACTS
from world import NOW_MS, YEAR_MS, World, draft_bundle
from xref.desk.plain_form import is_plain_form, read_plain_form
from xref.desk.publish import DESK_FILLS
from xref.desk.write_form import Received, write_form
from xref.policy import ROLES, Publication
from xref.wire.schema import CATEGORIES, SchemaField

POLICY: Final = draft_bundle().policy
OFFICES: Final = draft_bundle().directory.offices
PARTIES: Final = ("LA", "VN")
FLOWS: Final = sorted(f.name for f in POLICY.flows.values() if f.owner != "operation")
# A child for whom everything was asked, assessed and determined: all of it may go.
FACTS: Final = {
    name: value
    for name, value in (CHILD_RETURN_FACTS | {"tracing_risk": "favourable"}).items()
    if name != "sharing_consent"
}
CONSENT: Final = {
    "categories": sorted(CATEGORIES),
    "explained_by": "nrm",
    "given_on_ms": NOW_MS - 2000,
    "guardian": True,
    "language": "lo",
    "notice_version": "1",
    "purposes": sorted(name for name, each in POLICY.purposes.items() if not each.prohibited),
    "recipients": sorted(ROLES),
    "valid_until_ms": NOW_MS + YEAR_MS // 2,
    "version": 1,
    "warned_on_ms": NOW_MS - 3000,
}
TEXTS: Final = {
    "identification_basis": "PARTY_EVIDENCE",
    "birth_date": "2011-05-02",
    "photograph": "ffd8ffe0ffd9",
}


def value_of(field: SchemaField) -> object:
    """A value of the field's type, such as an office would give."""
    if field.name in TEXTS:
        return TEXTS[field.name]
    if field.value is not None:
        example = field.value.example.splitlines()[0]
        return [example] if field.kind == "array" else example
    if field.symbols:
        return [field.symbols[0]] if field.kind == "array" else field.symbols[0]
    return {"int": 2020, "boolean": True}.get(field.kind, "AB12")


def members(publication: Publication, party: str, reply_to: str | None) -> dict[str, Any]:
    """One record of a publication in xref's own form, with every field of everybody's record."""
    fields = {
        each.name: value_of(each)
        for delivery in publication.deliveries
        for each in POLICY.schema_for(POLICY.flow_named(delivery.flow)).fields
        if each.name not in DESK_FILLS and each.derived is None
    }
    for name in ("age_status", "victim_status"):
        fields |= {name: FACTS[name].upper().replace("-", "_")} if name in fields else {}
    if "nationality_claimed" in fields:
        fields["nationality_claimed"] = [each for each in PARTIES if each != party]
    chosen = {
        delivery.role: code
        for delivery in publication.deliveries
        for code, office in sorted(OFFICES.items())
        if delivery.choose == "named"
        and office.role == delivery.role
        and (office.party == party) == (delivery.party == "own")
    }
    return {
        "xref_form": 1,
        "publication": publication.kind,
        "case": f"{party} 7",
        "fields": fields,
        "facts": FACTS,
        "sharing_consent": CONSENT,
        "named": chosen,
        "reply_to": reply_to,
    }


class Exchange(World):
    """A world of all shipped offices in which each hands in whatever it may."""

    def __init__(self) -> None:
        super().__init__(offices=tuple(sorted(OFFICES)))
        self.settle()

    def hand_in(self, office: str, publication: Publication, reply_to: str | None = None) -> None:
        record = members(publication, office[:2], reply_to)
        data = json.dumps(record, ensure_ascii=False).encode()
        assert is_plain_form("record.json", data)
        today = shipped("la").day_at(self.now_ms)
        reading = read_plain_form(POLICY, "record.json", data, today=today)
        assert reading.problems == []
        self.now_ms += 1000
        self.publish(office, list(reading.records))

    def play(self) -> None:
        """Ask everything from Lao PDR, then act on and answer whatever was received."""
        for kind in POLICY.publications.values():
            if not (kind.answers or kind.follows):
                for code, office in sorted(OFFICES.items()):
                    if office.party == "LA" and office.role in kind.from_roles:
                        self.hand_in(code, kind)
        self.settle()
        for follows in (True, False):
            for code, kind, message in list(self.answerable(follows=follows)):
                self.hand_in(code, kind, message.hex())
            self.settle()

    def answerable(self, *, follows: bool) -> Iterator[tuple[str, Publication, bytes]]:
        for code, office in sorted(OFFICES.items()):
            for kind in POLICY.publications.values():
                about = (kind.follows,) if follows else kind.answers
                if office.role == "hop" or office.role not in kind.from_roles:
                    continue
                for message, content in self.inbox(code).items():
                    if content["type"] in about:
                        yield code, kind, message
                        break


@cache
def exchange() -> Exchange:
    played = Exchange()
    played.play()
    return played


@cache
def received() -> dict[str, list[tuple[str, bytes, dict[str, Any]]]]:
    """What was received, by type: office, message and content."""
    found: dict[str, list[tuple[str, bytes, dict[str, Any]]]] = {}
    for office in exchange().desks:
        for message, content in exchange().inbox(office).items():
            found.setdefault(str(content["type"]), []).append((office, message, content))
    return found


def test_every_type_arrives_with_every_required_field() -> None:
    assert sorted(received()) == FLOWS
    for flow in FLOWS:
        schema = POLICY.schema_for(POLICY.flow_named(flow))
        needed = {each.name for each in schema.fields if each.required}
        for _, _, content in received()[flow]:
            missing = {name for name in needed if content["values"].get(name) is None}
            assert missing == set(), flow


def test_nothing_was_held_refused_or_rejected() -> None:
    for office, desk in exchange().desks.items():
        problems = {story["problem"] for _, story in desk.cabinet.all("record")}
        assert problems <= {""}, office
        outcomes = {story["outcome"] for _, story in desk.cabinet.all("sent")}
        assert outcomes <= {"opened", "delivered"}, office


def test_basis_of_an_unnamed_agency_that_passed_the_submission_by() -> None:
    """The desk that seals looks again: a row may have come into its spool under older rules."""
    world, kind = Exchange(), POLICY.publications["identification-evidence"]
    record = members(kind, "LA", None)
    record["fields"] |= {"identification_basis": "SCREENING_RESULT", "source_office": "LASVC001"}
    today = shipped("la").day_at(world.now_ms)
    data = json.dumps(record, ensure_ascii=False).encode()
    reading = read_plain_form(POLICY, "record.json", data, today=today)
    assert reading.problems == []
    world.publish("LANRM001", list(reading.records))
    [story] = [story for _, story in world.desks["LANRM001"].cabinet.all("record")]
    assert story["messages"] == []
    assert "identification_basis: SCREENING_RESULT counts for material of" in story["problem"]


def test_every_type_is_handed_over_in_the_adapters_form_or_xrefs_own() -> None:
    adapters = {party: shipped(party.lower()) for party in PARTIES}
    for flow in FLOWS:
        for office, message, content in received()[flow]:
            adapter = adapters[office[:2]]
            form = Received(message, flow, content["values"], content["from"], NOW_MS)
            written = json.loads(write_form(adapter, form))
            if flow not in adapter.file.received:
                came = {name: each for name, each in content["values"].items() if each is not None}
                assert written["fields"] == came
                assert written["message"] == message.hex()


def test_both_offices_know_a_case_by_one_token_that_is_no_number_of_theirs() -> None:
    def tokens(flow: str) -> set[str]:
        return {content["values"]["case_ref"] for _, _, content in received()[flow]}

    (token,) = tokens("status-consultation")
    assert tokens("determination") == tokens("consultation-answer") == {token}
    assert len(bytes.fromhex(token)) == 16
    assert tokens("provider-handover").isdisjoint({token})
