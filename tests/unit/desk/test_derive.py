"""Coarser siblings: never finer, never older than what is known."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xref.desk.derive import (
    SIBLINGS,
    age_band,
    birth_year,
    full_name_native,
    initials,
    province,
    siblings,
)

TODAY = date(2026, 11, 23)
CHILD_BANDS = {"UNDER_12", "FROM_12_TO_17"}


@pytest.mark.parametrize(
    ("birth_date", "year", "band"),
    [
        ("1999-02-14", "1999", "FROM_25_TO_39"),
        ("2008-11-23", "2008", "FROM_18_TO_24"),
        ("2008-11-24", "2008", "FROM_12_TO_17"),
        ("2014-11-24", "2014", "UNDER_12"),
        ("1966-11", "1966", "FROM_40_TO_59"),
        ("1950", "1950", "FROM_60"),
        ("2026-11-24", "2026", None),
        ("1999-02-30", "1999", None),
        ("14/02/1999", None, None),
        ("๑๙๙๙", None, None),
        ("", None, None),
        (None, None, None),
        (1999, None, None),
    ],
)
def test_year_and_band(birth_date: object, year: str | None, band: str | None) -> None:
    assert birth_year(birth_date) == year
    assert age_band(birth_date, TODAY) == band


@pytest.mark.parametrize("partial", ["2008", "2008-12", "2008-11"])
def test_a_day_that_is_not_known_never_takes_a_possible_child_off_the_child_path(
    partial: str,
) -> None:
    assert age_band(partial, TODAY) in CHILD_BANDS


@given(st.dates(date(1900, 1, 1), date(2026, 11, 23)))
def test_a_partial_date_never_makes_older(born: date) -> None:
    order = ["UNDER_12", "FROM_12_TO_17", "FROM_18_TO_24", "FROM_25_TO_39"]
    order += ["FROM_40_TO_59", "FROM_60"]
    known = age_band(born.isoformat(), TODAY)
    assert known is not None
    for length in (4, 7):
        coarse = age_band(born.isoformat()[:length], TODAY)
        assert coarse is None or order.index(coarse) <= order.index(known)


@given(st.text(max_size=12), st.dates())
def test_no_text_breaks_the_derivations(text: str, today: date) -> None:
    values = dict.fromkeys(("birth_date", "given_names_native", "service_district"), text)
    siblings(values, tuple(sorted(SIBLINGS)), today=today)


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({"family_name_romanised": "NGUYEN", "given_names_romanised": "THI VI DU"}, "T.V.D.N."),
        ({"given_names_romanised": "đức-anh", "family_name_romanised": "- Ấu"}, "Đ.Ấ."),
        ({"given_names_romanised": "-"}, None),
        ({"given_names_native": "ທິ"}, None),
        ({}, None),
    ],
)
def test_initials(values: dict[str, object], expected: str | None) -> None:
    assert initials(values) == expected


def test_full_name_is_in_the_order_of_the_source() -> None:
    assert (
        full_name_native({"family_name_native": "Trần", "given_names_native": "Văn"}) == "Trần Văn"
    )
    assert full_name_native({"given_names_native": "ບົວ"}) == "ບົວ"
    assert full_name_native({}) is None


@pytest.mark.parametrize(
    ("place", "expected"),
    [("VN-22", "VN-22"), ("LA-VT-01", "LA-VT"), ("VN", None), ("ເງ້ອານ", None), (None, None)],
)
def test_province(place: object, expected: str | None) -> None:
    assert province(place) == expected


def test_a_sibling_that_the_office_wrote_stays() -> None:
    values = {"birth_date": "1999-02-14", "birth_year": "1998"}
    assert siblings(values, ("birth_year",), today=TODAY)["birth_year"] == "1998"


def test_only_declared_siblings_are_added() -> None:
    assert siblings({"birth_date": "1999-02-14"}, ("age_band",), today=TODAY) == {
        "birth_date": "1999-02-14",
        "age_band": "FROM_25_TO_39",
    }


def test_a_name_beyond_its_bound_is_left_to_the_office() -> None:
    """A sibling that the schema would refuse must not stop the record."""
    long = {"family_name_native": "n" * 120, "given_names_native": "n" * 120}
    assert "full_name_native" not in siblings(long, ("full_name_native",), today=date(2026, 1, 1))
    words = {"given_names_romanised": "A " * 99 + "A", "family_name_romanised": "B"}
    assert "initials" not in siblings(words, ("initials",), today=date(2026, 1, 1))
