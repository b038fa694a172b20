"""The machine-readable zone of a travel document, ICAO 9303 parts 3 to 6. See docs/spec/value.md.

Sizes TD1 (three lines of 30), TD2 (two of 36) and TD3 (two of 44). Every check digit is checked,
also that of a document number too long for its nine places. Names are as the zone has them: Latin
capitals, cut off where they did not fit. Whether the document is genuine is not checked.
"""

import re
from dataclasses import dataclass
from datetime import date
from typing import Final

from xref.errors import MalformedError

_CHARACTERS: Final = {
    character: value for value, character in enumerate("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ")
} | {"<": 0}
_WEIGHTS: Final = (7, 3, 1)
_SIZES: Final = {(3, 30): "TD1", (2, 36): "TD2", (2, 44): "TD3"}
_NUMBER_PLACES: Final = 9
_LINE: Final = re.compile(r"[A-Z0-9<]+")
_CODE: Final = re.compile(r"[A-Z][A-Z<]")
_STATE: Final = re.compile(r"[A-Z]{3}|[A-Z]{2}<|[A-Z]<<")
_NAMES: Final = re.compile(r"[A-Z]+(?:<[A-Z]+)*(?:<<[A-Z]+(?:<[A-Z]+)*)?<*")
_DAY: Final = re.compile(r"(?:[0-9]{2}|<<){3}")
_LEAP_YEAR: Final = 2000


@dataclass(frozen=True, slots=True)
class TravelDocument:
    """What the zone says; dates as `YYMMDD` with `<` for what is not known."""

    size: str
    code: str
    issuer: str
    number: str
    nationality: str
    birth: str
    sex: str
    valid_to: str
    optional: tuple[str, ...]
    family_name: str
    given_names: str


@dataclass(frozen=True, slots=True)
class _Parts:
    """The places of a zone, with what its composite check digit covers."""

    head: str
    number: str
    number_digit: str
    optional: str
    optional_digit: str | None
    more_optional: str
    birth: str
    sex: str
    valid_to: str
    nationality: str
    covered: str
    composite: str
    names: str


def check_digit(text: str) -> str:
    """Return the check digit of some characters: weights 7, 3, 1, modulo 10."""
    total = sum(
        _CHARACTERS[character] * _WEIGHTS[place % 3] for place, character in enumerate(text)
    )
    return str(total % 10)


def read(text: str) -> TravelDocument:
    """Return what a zone says, its lines joined by a newline, or raise `MalformedError`."""
    lines = text.split("\n")
    size = _SIZES.get((len(lines), len(lines[0])))
    if size is None or {len(line) for line in lines} != {len(lines[0])}:
        raise MalformedError("is not two lines of 36 or 44 characters, or three of 30")
    if not all(_LINE.fullmatch(line) for line in lines):
        raise MalformedError("holds another character than A to Z, 0 to 9 and <")
    parts = _PARTS[size](lines)
    number, rest = _number(parts)
    _check(parts)
    family_name, _, given_names = parts.names.rstrip("<").partition("<<")
    return TravelDocument(
        size=size,
        code=parts.head[:2].rstrip("<"),
        issuer=parts.head[2:5].rstrip("<"),
        number=number,
        nationality=parts.nationality.rstrip("<"),
        birth=parts.birth[:6],
        sex=parts.sex,
        valid_to=parts.valid_to[:6],
        optional=(rest, parts.more_optional.rstrip("<")),
        family_name=family_name.replace("<", " "),
        given_names=given_names.replace("<", " "),
    )


def _td1(lines: list[str]) -> _Parts:
    first, second, third = lines
    return _Parts(
        head=first[:5],
        number=first[5:14],
        number_digit=first[14],
        optional=first[15:],
        optional_digit=None,
        more_optional=second[18:29],
        birth=second[:7],
        sex=second[7],
        valid_to=second[8:15],
        nationality=second[15:18],
        covered=first[5:] + second[:7] + second[8:15] + second[18:29],
        composite=second[29],
        names=third,
    )


def _td2(lines: list[str]) -> _Parts:
    first, second = lines
    return _two_lines(first, second, second[28:35], None)


def _td3(lines: list[str]) -> _Parts:
    first, second = lines
    return _two_lines(first, second, second[28:42], second[42])


def _two_lines(first: str, second: str, optional: str, optional_digit: str | None) -> _Parts:
    return _Parts(
        head=first[:5],
        number=second[:9],
        number_digit=second[9],
        optional=optional,
        optional_digit=optional_digit,
        more_optional="",
        birth=second[13:20],
        sex=second[20],
        valid_to=second[21:28],
        nationality=second[10:13],
        covered=second[:10] + second[13:20] + second[21:-1],
        composite=second[-1],
        names=first[5:],
    )


_PARTS: Final = {"TD1": _td1, "TD2": _td2, "TD3": _td3}


def _number(parts: _Parts) -> tuple[str, str]:
    """Return the document number and what is left of the optional data.

    A number of more than nine characters goes on at the start of the optional data, its check digit
    behind it, and `<` stands where the digit would (9303-5, 9303-6). A TD3 has none.
    """
    long = parts.number_digit == "<" and parts.optional_digit is None and parts.optional[0] != "<"
    if not long:
        _digit("document number", parts.number, parts.number_digit)
        return parts.number.rstrip("<"), parts.optional.rstrip("<")
    tail, _, rest = parts.optional.partition("<")
    number = parts.number + tail[:-1]
    if "<" in number or len(number) == _NUMBER_PLACES:
        raise MalformedError("the document number is not written as ICAO 9303 writes a long one")
    # 9303 does not say whether the < counts as a place, and its example fits both readings.
    if check_digit(f"{parts.number}<{tail[:-1]}") != tail[-1]:
        _digit("document number", number, tail[-1])
    return number, rest.strip("<")


def _check(parts: _Parts) -> None:
    if not _CODE.fullmatch(parts.head[:2]):
        raise MalformedError("the document code is not one or two letters")
    for place, state in (("issuer", parts.head[2:5]), ("nationality", parts.nationality)):
        if not _STATE.fullmatch(state):
            raise MalformedError(f"the {place} is no code of letters")
    if parts.sex not in "MFX<":
        raise MalformedError("the sex is not M, F, X or <")
    if not _NAMES.fullmatch(parts.names):
        raise MalformedError("the names are not letters with < between and behind them")
    for place, day in (("day of birth", parts.birth), ("last day of validity", parts.valid_to)):
        _digit(place, day[:6], day[6])
        _check_day(place, day[:6])
    empty = not parts.optional.strip("<")
    if parts.optional_digit is not None and not (empty and parts.optional_digit == "<"):
        _digit("optional data", parts.optional, parts.optional_digit)
    _digit("whole", parts.covered, parts.composite)


def _digit(place: str, text: str, digit: str) -> None:
    if check_digit(text) != digit:
        raise MalformedError(f"the check digit of the {place} is wrong")


def _check_day(place: str, day: str) -> None:
    year, month, of_month = day[:2], day[2:4], day[4:]
    known = [part != "<<" for part in (year, month, of_month)]
    # What is not known is the day, the month too, or all (9303-3 4.8): never a part before another.
    if not _DAY.fullmatch(day) or known != sorted(known, reverse=True):
        raise MalformedError(f"the {place} is no date")
    try:
        # The century is not in it; a leap year lets 29 February pass where the year is not known.
        leap = year == "<<" or int(year) % 4 == 0
        date(
            _LEAP_YEAR if leap else _LEAP_YEAR + 1,
            int(month) if known[1] else 1,
            int(of_month) if known[2] else 1,
        )
    except ValueError:
        raise MalformedError(f"the {place} is no date") from None
