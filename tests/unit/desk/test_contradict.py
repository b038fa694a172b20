"""A body does not say two things: every sibling is held to what it is derived from."""

from datetime import date

import pytest

from xref.desk.contradict import contradicts, impossible_siblings
from xref.desk.derive import SIBLINGS, siblings

TODAY = date(2026, 11, 20)
PERSON = {
    "birth_date": "1999-02-14",
    "given_names_romanised": "THI HOA",
    "family_name_romanised": "DO",
    "given_names_native": "Thị Hoa",
    "family_name_native": "Đỗ",
    "service_district": "VN-22-07",
    "birth_district": "LA-VT-01",
    "destination_district": "VN-24-11",
    "last_residence_district": "LA-SV-02",
}
WRONG = {
    "birth_year": "1998",
    "age_band": "UNDER_12",
    "initials": "K.P.",
    "full_name_native": "Đỗ Thị Lan",
    "service_province": "VN-23",
    "birth_province": "LA-SV",
    "destination_province": "VN-25",
    "last_residence_province": "LA-VT",
}


def test_there_is_a_wrong_one_of_every_sibling() -> None:
    assert WRONG.keys() == SIBLINGS.keys()


@pytest.mark.parametrize("name", WRONG)
def test_a_sibling_that_says_something_else_is_found(name: str) -> None:
    derived = siblings(PERSON, (name,), today=TODAY)
    assert derived[name]
    assert list(impossible_siblings(derived, TODAY)) == []
    assert list(impossible_siblings(PERSON | {name: WRONG[name]}, TODAY)) == [
        (name, SIBLINGS[name].source)
    ]
    assert not contradicts(name, {name: WRONG[name]}, TODAY), "nothing is beside it"


@pytest.mark.parametrize("name", SIBLINGS)
def test_what_the_desk_derives_never_contradicts(name: str) -> None:
    for person in (PERSON, {**PERSON, "birth_date": "1999"}, {"given_names_native": "ບົວ"}, {}):
        assert not contradicts(name, siblings(person, (name,), today=TODAY), TODAY)


@pytest.mark.parametrize(
    "initials", ["T.H.D.", "D.T.H.", "Đ.H.", "H.", "Đ.T.H."], ids=lambda text: f"{text}"
)
def test_initials_may_be_fewer_and_in_any_order(initials: str) -> None:
    assert not contradicts("initials", PERSON | {"initials": initials}, TODAY)


@pytest.mark.parametrize("initials", ["ພ.", "ເ."])
def test_initials_of_a_lao_name_may_leave_the_vowel_before_it_out(initials: str) -> None:
    person = {"given_names_native": "ເພັດ", "initials": initials}
    assert not contradicts("initials", person, TODAY)
    assert contradicts("initials", person | {"initials": "ກ."}, TODAY)


def test_a_whole_name_may_be_in_another_order_and_without_blanks() -> None:
    for whole in ("Thị Hoa Đỗ", "ĐỖ THỊ HOA", "ĐỗThịHoa", "Đỗ Quyên Thị Hoa"):
        assert not contradicts("full_name_native", PERSON | {"full_name_native": whole}, TODAY)


def test_a_band_may_be_that_of_the_day_before_or_after() -> None:
    person = {"birth_date": "2008-11-21"}
    for band in ("FROM_12_TO_17", "FROM_18_TO_24"):
        assert not contradicts("age_band", person | {"age_band": band}, TODAY)
    later = date(2026, 11, 23)
    assert contradicts("age_band", person | {"age_band": "FROM_12_TO_17"}, later)


def test_nobody_is_written_out_of_the_child_path_by_a_year_alone() -> None:
    person = {"birth_date": "2008", "age_band": "FROM_18_TO_24"}
    assert contradicts("age_band", person, TODAY)
