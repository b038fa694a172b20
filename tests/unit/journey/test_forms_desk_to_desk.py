"""Generated records of every shipped form, from the office's file to the other office's file.

Real desks and hops in one process: what the sender wrote in its own words is what the receiver
reads in its own, for every field that went.
"""

import json
from collections.abc import Iterator, Mapping
from typing import Any, Final

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from shipped import shipped
from unit.desk.test_form_round_trip import fixed, sheet, values_of
from unit.journey.test_every_message import CONSENT, FACTS
from world import World, draft_bundle
from xref.desk.adapter import Adapter, Publication
from xref.desk.adapter_samples import read_written
from xref.desk.consent import parse_sharing_consent
from xref.desk.form_file import Row
from xref.desk.json_file import json_rows
from xref.desk.publish import DESK_FILLS
from xref.desk.read_form import Record, read_form
from xref.desk.write_form import Received, write_form
from xref.record_check import check_record
from xref.wire.value_kind import KINDS

CORRIDORS: Final = ("la-vn-2010", "kh-th-2003")
PARTIES: Final = ("LA", "VN", "KH", "TH")
ADAPTERS: Final = {party: shipped(party.lower()) for party in PARTIES}
IS_FUZZ: Final = settings.default is not None and settings.default.max_examples > 1_000
AGREED: Final = {
    "birth_date": "2011-05-02",
    "birth_year": "2011",
    "age_band": "FROM_12_TO_17",
    "age_status": str(FACTS["age_status"]).upper().replace("-", "_"),
    "victim_status": str(FACTS["victim_status"]).upper().replace("-", "_"),
    "outcome": str(FACTS["nationality_outcome"]).upper().replace("-", "_"),
    "return_decision": str(FACTS["return_decision"]).upper().replace("-", "_"),
    "document_valid_to": "2031-01-01",
    "free_to_leave": True,
    "identification_basis": "PARTY_EVIDENCE",
}
"""What must not contradict the facts, which are always those of a child to whom all is open."""
FEW = settings(
    max_examples=50 if IS_FUZZ else 1,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
    deadline=None,
    database=None,
)


class Corridor(World):
    """A world of all offices of two Parties, in which each hands in what its own forms say."""

    def __init__(self, agreement: str, data: st.DataObject) -> None:
        self.data, self.numbers = data, 0
        offices = tuple(sorted(draft_bundle(1, agreement).directory.offices))
        super().__init__(offices=offices, agreement=agreement)
        self.settle()

    def play(self) -> None:
        """Ask everything from both Parties, then act on and answer whatever was received."""
        publications = self.draft.policy.publications.values()
        for kind in publications:
            if not (kind.answers or kind.follows):
                for code, office in sorted(self.draft.directory.offices.items()):
                    if office.role in kind.from_roles:
                        self.hand_in(code, kind.kind, None)
        self.settle()
        for follows in (True, False):
            for code, name, message in list(self.answerable(follows=follows)):
                self.hand_in(code, name, message)
            self.settle()

    def answerable(self, *, follows: bool) -> Iterator[tuple[str, str, bytes]]:
        for code, office in sorted(self.draft.directory.offices.items()):
            for kind in self.draft.policy.publications.values():
                about = (kind.follows,) if follows else kind.answers
                if office.role == "hop" or office.role not in kind.from_roles:
                    continue
                for message, content in self.inbox(code).items():
                    if content["type"] in about:
                        yield code, kind.kind, message
                        break

    def hand_in(self, office: str, kind: str, message: bytes | None) -> None:
        adapter = ADAPTERS[office[:2]]
        if kind not in adapter.file.publications:
            return
        self.now_ms += 1000
        self.publish(office, [self.record(adapter, office, kind, message)])

    def record(self, adapter: Adapter, office: str, kind: str, message: bytes | None) -> Record:
        """A record that was written into the office's form and read from it, and that may go."""
        form = adapter.file.publications[kind]
        cells = self.cells(adapter, form, message)
        data = sheet(adapter, form, cells)
        reading = read_form(adapter, f"f.{form.format}", data, today=adapter.day_at(self.now_ms))
        assert reading.problems == []
        (record,) = reading.records
        own = self.draft.directory.office(office)
        consent = parse_sharing_consent(json.dumps(CONSENT, separators=(",", ":")).encode())
        made = Record(
            source=record.source,
            line=record.line,
            publication=kind,
            case=record.case,
            values=record.values,
            facts=FACTS,
            sharing_consent=consent,
            named=self.named(kind, own.party),
            reply_to=message,
        )
        assert check_record(made, self.draft.policy, adapter.day_at(self.now_ms)) == []
        return made

    def named(self, kind: str, party: str) -> dict[str, str]:
        return {
            each.record_key: code
            for each in self.draft.policy.publications[kind].deliveries
            for code, office in sorted(self.draft.directory.offices.items())
            if each.choose == "named"
            and office.role == each.role
            and (office.party == party) == (each.party == "own")
        }

    def cells(self, adapter: Adapter, form: Publication, message: bytes | None) -> dict[str, Any]:
        """Canonical values by header, with every required field and what the schemas want."""
        cells: dict[str, Any] = {}
        fields = {
            each.name: each
            for schema in self.draft.policy.schemas.values()
            for each in schema.fields
        }
        self.numbers += 1
        for column in form.columns:
            name = column.ends[0].removeprefix("field/")
            always = fixed(column, form)
            if "case" in column.ends:
                always = f"{adapter.file.party} {self.numbers}"
            if "reply-to" in column.ends and message is not None:
                always = message.hex()
            if column.ends == ("stays",):
                continue
            if name in AGREED and column.ends[0] != name:
                always = AGREED[name]
            if name == "nationality_claimed":
                always = [p for p in self.draft.directory.parties if p != adapter.file.party]
            if always is None and name in fields and column.kind in {"text", "texts"}:
                always = self.example(fields[name])
            if name.endswith(("province", "receiving_office")):
                # The form's list has those of all its country's corridors.
                codes = sorted(adapter.by_code[str(column.codes)])
                here = [each for each in codes if each[:2] in self.draft.directory.parties]
                always = self.data.draw(st.sampled_from(here))
            made = values_of(adapter, column) if always is None else st.just(always)
            cells[column.header] = self.data.draw(made)
        return cells

    def example(self, field: Any) -> Any:
        """A text of the kind that the schema names, None where any text will do."""
        if field.value is None or field.value in (KINDS["text"], KINDS["name"]):
            return None
        example = field.value.example.splitlines()[0]
        return [example] if field.kind == "array" else example


def read_back(adapter: Adapter, written: bytes, kind: str) -> dict[str, object] | None:
    """The values in a received form, by field; None for xref's own form."""
    form = adapter.file.received.get(kind)
    row = next(json_rows(written))
    assert isinstance(row, Row)
    if form is None or "xref_form" in row.cells:
        return None
    found: dict[str, object] = {}
    for column in form.columns:
        name = column.ends[0].removeprefix("field/")
        if name != column.ends[0]:
            found[name] = read_written(adapter, column, row.cells.get(column.header))
    return found


def same(one: object, other: object) -> bool:
    def plain(value: object) -> object:
        return list(value) if isinstance(value, tuple) else value

    return plain(one) == plain(other)


@pytest.mark.parametrize("agreement", CORRIDORS)
@FEW
@given(data=st.data())
def test_what_one_office_wrote_is_what_the_other_reads(agreement: str, data: st.DataObject) -> None:
    world = Corridor(agreement, data)
    world.play()
    forms: set[tuple[str, str]] = set()
    for office in world.desks:
        for message, content in world.inbox(office).items():
            story = sent_story(world, str(content["from"]), message)
            said: Mapping[str, Any] = story["values"]
            values: Mapping[str, Any] = content["values"]  # type: ignore[assignment] # of the cabinet
            for name, value in values.items():
                if value is not None and name not in DESK_FILLS:
                    assert same(value, said[name]), (content["type"], name)
            kind, adapter = str(content["type"]), ADAPTERS[office[:2]]
            received = Received(message, kind, values, str(content["from"]), world.now_ms)
            back = read_back(adapter, write_form(adapter, received), kind)
            if back is not None:
                forms.add((office[:2], kind))
                for name, value in back.items():
                    assert same(value, values.get(name)), (kind, name)
    expected = {
        (party, kind)
        for party in world.draft.directory.parties
        for kind in ADAPTERS[party].file.received
    }
    assert forms <= expected
    assert len(forms) >= 0.8 * len(expected), sorted(expected - forms)


def sent_story(world: Corridor, office: str, message: bytes) -> Mapping[str, Any]:
    """The record that a message was made from, as its sender's desk keeps it."""
    cabinet = world.desks[office].cabinet
    story = cabinet.get("sent", message)
    assert story is not None
    record = cabinet.get("record", bytes.fromhex(story["record"]))
    assert record is not None
    found: Mapping[str, Any] = record["record"]
    return found
