"""Coarser siblings of a field, which a desk always commits beside the finer one. Pure.

A rule that coarsens grants the sibling instead, so the coarse value carries the origin's proof.
Every function answers None where the finer value is missing or does not say enough.
"""

import re
import unicodedata
from collections.abc import Callable, Mapping
from datetime import date
from typing import Final

_ADULT_YEARS: Final = 18
# Upper ends are exclusive. Every one below 18 keeps the child path; above it the bands are broad.
_AGE_BANDS: Final = (
    (12, "UNDER_12"),
    (_ADULT_YEARS, "FROM_12_TO_17"),
    (25, "FROM_18_TO_24"),
    (40, "FROM_25_TO_39"),
    (60, "FROM_40_TO_59"),
)
_OLDEST_BAND: Final = "FROM_60"
_PARTIAL_DATE: Final = re.compile(r"([0-9]{4})(?:-([0-9]{2})(?:-([0-9]{2}))?)?")
_PROVINCE: Final = re.compile(r"([A-Z]{2}-[A-Z0-9]{1,3})(?:-[A-Z0-9]{1,12})*")


def birth_year(birth_date: object) -> str | None:
    """Return the year of a birth date in ISO 8601, which may be partial."""
    found = _PARTIAL_DATE.fullmatch(birth_date) if isinstance(birth_date, str) else None
    return found[1] if found else None


def age_band(birth_date: object, today: date) -> str | None:
    """Return the age band on `today`; a partial date counts as the youngest it can mean.

    Nobody leaves the child path because a day or month of birth is not known.
    """
    latest = _latest_birth(birth_date)
    if latest is None or latest > today:
        return None
    birthday_to_come = (today.month, today.day) < (latest.month, latest.day)
    years = today.year - latest.year - birthday_to_come
    return next((band for end, band in _AGE_BANDS if years < end), _OLDEST_BAND)


def _latest_birth(birth_date: object) -> date | None:
    found = _PARTIAL_DATE.fullmatch(birth_date) if isinstance(birth_date, str) else None
    if found is None:
        return None
    year, month, day = int(found[1]), int(found[2] or 12), found[3]
    try:
        if day is not None:
            return date(year, month, int(day))
        first_of_next = date(year + month // 12, month % 12 + 1, 1)
        return date.fromordinal(first_of_next.toordinal() - 1)
    except (ValueError, OverflowError):
        return None


def initials(values: Mapping[str, object]) -> str | None:
    """Return the initials of the romanised name, given names first."""
    names = (values.get("given_names_romanised"), values.get("family_name_romanised"))
    words = [word for name in names for word in str(name or "").split()]
    letters = [unicodedata.normalize("NFC", word)[0].upper() for word in words]
    return "".join(f"{letter}." for letter in letters if letter.isalpha()) or None


def full_name_native(values: Mapping[str, object]) -> str | None:
    """Return the name in the order of the source where it was not given: family name first."""
    parts = (values.get("family_name_native"), values.get("given_names_native"))
    return " ".join(str(part) for part in parts if part) or None


def province(place: object) -> str | None:
    """Return the ISO 3166-2 province of a code that goes on below it (`LA-VT-01` is in `LA-VT`)."""
    found = _PROVINCE.fullmatch(place) if isinstance(place, str) else None
    return found[1] if found else None


_SIBLINGS: Final[Mapping[str, Callable[[Mapping[str, object], date], object | None]]] = {
    "birth_year": lambda values, _: birth_year(values.get("birth_date")),
    "age_band": lambda values, today: age_band(values.get("birth_date"), today),
    "initials": lambda values, _: initials(values),
    "full_name_native": lambda values, _: full_name_native(values),
    "service_province": lambda values, _: province(values.get("service_district")),
    "birth_province": lambda values, _: province(values.get("birth_district")),
    "destination_province": lambda values, _: province(values.get("destination_district")),
    "last_residence_province": lambda values, _: province(values.get("last_residence_district")),
}
SIBLINGS: Final = frozenset(_SIBLINGS)
DERIVED_FROM: Final = frozenset(
    {
        "birth_date",
        "birth_district",
        "destination_district",
        "family_name_native",
        "family_name_romanised",
        "given_names_native",
        "given_names_romanised",
        "last_residence_district",
        "service_district",
    }
)
"""The finer fields that a form may have where the record itself has a coarser sibling alone."""


def siblings(
    values: Mapping[str, object], names: tuple[str, ...], *, today: date
) -> dict[str, object]:
    """Return `values` with the siblings called `names`, where they say something.

    A sibling that the office wrote itself stays as it is: a person may know the year alone.
    """
    complete = dict(values)
    for name in names:
        found = _SIBLINGS[name](complete, today)
        if found is not None:
            complete.setdefault(name, found)
    return complete
