"""What the demonstration hands in on other corridors: forms that a desk there takes as they are."""

from datetime import date

import pytest

from unit.bundle.signed_bundle import draft
from xref.demo_cases import HandIn
from xref.demo_corridors import DIRECTIONS, case_on
from xref.demo_setup import adapter_of, in_time
from xref.desk.adapter import Adapter
from xref.desk.plain_form import read_plain_form
from xref.desk.publish import DESK_FILLS
from xref.desk.read_form import Record, read_form
from xref.record_check import check_record

TODAY = date(2026, 11, 26)


def records(step: HandIn) -> list[Record]:
    if step.content:
        reading = read_plain_form(draft().policy, step.form, step.content.encode(), today=TODAY)
    else:
        folder = adapter_of(step.office[:2])
        text = in_time((folder / "samples" / step.form).read_text("utf-8"), TODAY)
        reading = read_form(Adapter.load(folder), step.form, text.encode(), today=TODAY)
    assert not reading.problems
    return [each for each in reading.records if not step.case or each.case == step.case]


@pytest.mark.parametrize("corridor", DIRECTIONS)
def test_every_form_of_a_corridor_is_good(corridor: str) -> None:
    played = case_on(corridor, TODAY)
    found, origin = DIRECTIONS[corridor]
    steps = [step for step in played.case.steps if isinstance(step, HandIn)]
    for step in steps:
        [record] = records(step)
        assert not list(check_record(record, draft().policy, TODAY, {origin}))
        for each in draft().policy.rulebook.schemas_of(record.publication):
            needed = {field.name for field in each.fields if field.required} - {*DESK_FILLS}
            assert needed - record.values.keys() == set()
        if record.publication == "referral":
            assert record.named == {"service-provider": f"{origin}SVC001"}
            given = record.sharing_consent
            assert given is not None
            assert set(given.recipients) <= {f"{origin}NRM001", f"{origin}SVC001"}
            assert record.values["nationality_claimed"] == [origin]
    assert {each.office[:2] for each in played.offices} == {found, origin}


def test_a_country_without_an_adapter_is_named_with_the_command_that_makes_one() -> None:
    assert [each.split()[0] for each in case_on("cn-vn-2010", TODAY).missing] == ["CN"]
    [missing] = case_on("mm-th-2009", TODAY).missing
    assert missing.endswith("xref adapter new mm")
    assert case_on("la-th-2005", TODAY).missing == ()


@pytest.mark.parametrize("corridor", ["kh-th-2003", "kh-vn-2005"])
def test_where_men_are_left_out_a_man_is_played(corridor: str) -> None:
    steps = [s for s in case_on(corridor, TODAY).case.steps if isinstance(s, HandIn)]
    made = [record for step in steps for record in records(step)]
    assert [r.values["sex"] for r in made if r.publication == "referral"] == ["F", "M"]
