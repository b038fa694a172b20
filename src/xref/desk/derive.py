"""Coarser siblings of a field, which a desk always commits beside the finer one. Pure.

A rule that coarsens grants the sibling instead, so the coarse value carries the origin's proof.
Every function answers None where the finer value is missing or does not say enough.
"""

import re
import unicodedata
from collections.abc import Callable, Mapping
from datetime import date
from typing import Final

from xref.limits import DAY_MS, VALUE_NAME_CHARS_MAX
from xref.wire.schema import Derivation

ADULT_YEARS: Final = 18
# Upper ends are exclusive. Every one below 18 keeps the child path; above it the bands are broad.
_AGE_BANDS: Final = (
    (12, "UNDER_12"),
    (ADULT_YEARS, "FROM_12_TO_17"),
    (25, "FROM_18_TO_24"),
    (40, "FROM_25_TO_39"),
    (60, "FROM_40_TO_59"),
)
_OLDEST_BAND: Final = "FROM_60"
CHILD_BANDS: Final = tuple(band for end, band in _AGE_BANDS if end <= ADULT_YEARS)
ADULT_BANDS: Final = (*(band for end, band in _AGE_BANDS if end > ADULT_YEARS), _OLDEST_BAND)
_EPOCH: Final = date(1970, 1, 1)
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
    days = days_of(birth_date)
    if days is None or days[1] > today:
        return None
    years = years_between(days[1], today)
    return next((band for end, band in _AGE_BANDS if years < end), _OLDEST_BAND)


def years_between(birth: date, today: date) -> int:
    """Return how old who was born on a day is today."""
    birthday_to_come = (today.month, today.day) < (birth.month, birth.day)
    return today.year - birth.year - birthday_to_come


def days_of(partial: object) -> tuple[date, date] | None:
    """Return the first and the last day that a date in ISO 8601, which may be partial, can mean."""
    found = _PARTIAL_DATE.fullmatch(partial) if isinstance(partial, str) else None
    if found is None:
        return None
    year, month, day = int(found[1]), int(found[2] or 12), found[3]
    try:
        if day is not None:
            return date(year, month, int(day)), date(year, month, int(day))
        first_of_next = date(year + month // 12, month % 12 + 1, 1)
        last = date.fromordinal(first_of_next.toordinal() - 1)
        return date(year, int(found[2] or 1), 1), last
    except (ValueError, OverflowError):
        return None


def over_ms(day: object) -> int | None:
    """Return when a day in ISO 8601 is over in UTC (Unix ms), None for what is no day.

    0 for a day before 1970, which a slip of the pen makes: times are kept as unsigned numbers.
    """
    days = days_of(day)
    if days is None or days[0] != days[1]:
        return None
    return max(0, (days[1] - _EPOCH).days + 1) * DAY_MS


def initials(values: Mapping[str, object]) -> str | None:
    """Return the initials of the romanised name, given names first."""
    names = (values.get("given_names_romanised"), values.get("family_name_romanised"))
    words = [word for name in names for word in str(name or "").split()]
    letters = [unicodedata.normalize("NFC", word)[0].upper() for word in words]
    return _within("".join(f"{letter}." for letter in letters if letter.isalpha()))


def full_name_native(values: Mapping[str, object], *, given_first: bool = False) -> str | None:
    """Return the name in the order of the source where it was not given; a single name alone."""
    parts = [values.get("family_name_native"), values.get("given_names_native")]
    if given_first:
        parts.reverse()
    return _within(" ".join(str(part) for part in parts if part))


def _within(name: str) -> str | None:
    """Return a name that is one, within its bound; the office shortens a longer one itself."""
    return name if 0 < len(name) <= VALUE_NAME_CHARS_MAX else None


def province(place: object) -> str | None:
    """Return the ISO 3166-2 province of a code that goes on below it (`LA-VT-01` is in `LA-VT`)."""
    found = _PROVINCE.fullmatch(place) if isinstance(place, str) else None
    return found[1] if found else None


_FUNCTIONS: Final[Mapping[str, Callable[[Mapping[str, object], str, date], object | None]]] = {
    "birth_year": lambda values, source, _: birth_year(values.get(source)),
    "age_band": lambda values, source, today: age_band(values.get(source), today),
    "initials": lambda values, _source, _: initials(values),
    "full_name_native": lambda values, _source, _: full_name_native(values),
    "province": lambda values, source, _: province(values.get(source)),
}
SIBLINGS: Final[Mapping[str, Derivation]] = {
    "birth_year": Derivation("birth_year", "birth_date"),
    "age_band": Derivation("age_band", "birth_date"),
    "initials": Derivation("initials", "given_names_romanised"),
    "full_name_native": Derivation("full_name_native", "family_name_native"),
    "service_province": Derivation("province", "service_district"),
    "birth_province": Derivation("province", "birth_district"),
    "destination_province": Derivation("province", "destination_district"),
    "last_residence_province": Derivation("province", "last_residence_district"),
}
"""How each sibling is made; a schema that has one declares the same (`xref.derived`)."""
DERIVED_FROM: Final = frozenset(made.source for made in SIBLINGS.values()) | {
    "family_name_romanised",
    "given_names_native",
}
"""The finer fields that a form may have where the record itself has a coarser sibling alone."""


def siblings(
    values: Mapping[str, object], names: tuple[str, ...], *, today: date, given_first: bool = False
) -> dict[str, object]:
    """Return `values` with the siblings called `names`, where they say something.

    A sibling that the office wrote itself stays as it is: a person may know the year alone.
    """
    complete = dict(values)
    for name in names:
        made = SIBLINGS[name]
        found = _FUNCTIONS[made.function](complete, made.source, today)
        if name == "full_name_native":
            found = full_name_native(complete, given_first=given_first)
        if found is not None:
            complete.setdefault(name, found)
    return complete
