"""What the text of a field stands for, and the one form it has. See docs/spec/value.md.

A schema names the kind of each text (`xref.value`). The form is part of the format: both desks
check it, and neither sends nor takes another. Whether a code is on today's list (a province, a
language) is asked at the sending office alone, by `xref.code_lists`: lists grow, and a newer list
there must not cost a person the message here. Faults never say which value was there.
"""

import re
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

from xref.errors import ConfigError, MalformedError
from xref.limits import TEXT_CHARS_MAX, VALUE_NAME_CHARS_MAX
from xref.wire import mrz

Fault = Callable[[Any], str | None]
"""Returns what is wrong with a value that its type allows, or None."""

CODE_LIST: Final = re.compile(r"code-list:([a-z][a-z0-9-]{0,63})")
_YEAR_FIRST: Final = 1800
_YEAR_LAST: Final = 2199
_PARTIAL_DATE: Final = re.compile(r"([0-9]{4})(?:-([0-9]{2})(?:-([0-9]{2}))?)?")
_DATE_CHARS: Final = 10
_JPEG: Final = (b"\xff\xd8\xff", b"\xff\xd9")


@dataclass(frozen=True, slots=True)
class ValueKind:
    """A kind of value: a sentence for people, an example, its check, and the list it is held to."""

    says: str
    example: str
    fault: Fault
    listed: str = ""
    type: str = "string"


def _form(pattern: str, chars_max: int, wanted: str) -> Fault:
    compiled = re.compile(pattern)

    def fault(value: str) -> str | None:
        if len(value) > chars_max:
            return f"is longer than {chars_max} characters"
        return None if compiled.fullmatch(value) else f"is not {wanted}"

    return fault


def _text(value: str) -> str | None:
    if len(value) > TEXT_CHARS_MAX:
        return f"is longer than {TEXT_CHARS_MAX} characters"
    return None if value and value == value.strip() else "is empty or has blanks at its ends"


def _name(value: str) -> str | None:
    if len(value) > VALUE_NAME_CHARS_MAX:
        return f"is longer than {VALUE_NAME_CHARS_MAX} characters"
    if value != " ".join(value.split()):
        return "has blanks at its ends, two in a row, or more than one line"
    has_letter = any(unicodedata.category(character)[0] == "L" for character in value)
    return None if has_letter else "has no letter"


def _partial_date(value: str) -> str | None:
    found = _PARTIAL_DATE.fullmatch(value)
    if found is None:
        return "is not YYYY, YYYY-MM or YYYY-MM-DD"
    if not _YEAR_FIRST <= int(found[1]) <= _YEAR_LAST:
        return f"has a year outside {_YEAR_FIRST} to {_YEAR_LAST} of the Gregorian calendar"
    try:
        date(int(found[1]), int(found[2] or 1), int(found[3] or 1))
    except ValueError:
        return "is no day of the Gregorian calendar"
    return None


def _date(value: str) -> str | None:
    return _partial_date(value) if len(value) == _DATE_CHARS else "is not YYYY-MM-DD"


def _mrz(value: str) -> str | None:
    try:
        mrz.read(value)
    except MalformedError as error:
        return error.detail
    return None


def _jpeg(value: bytes) -> str | None:
    good = value.startswith(_JPEG[0]) and value.endswith(_JPEG[1])
    return None if good else "is not a JPEG picture"


KINDS: Final[Mapping[str, ValueKind]] = {
    "text": ValueKind(
        f"Free text of 1 to {TEXT_CHARS_MAX} characters, no blanks at its ends.",
        "Bus 51, seat 12",
        _text,
    ),
    "name": ValueKind(
        f"A name in any script: one line of 1 to {VALUE_NAME_CHARS_MAX} characters with a letter in"
        " it, single blanks.",
        "Nguyễn Thị Ví Dụ",
        _name,
    ),
    "romanised-name": ValueKind(
        "A name in the Latin capitals of ICAO 9303, words joined by a blank, hyphen or apostrophe.",
        "PHOMMA KEO",
        _form(r"[A-Z]+(?:[ '-][A-Z]+)*", VALUE_NAME_CHARS_MAX, "in the capitals A to Z"),
    ),
    "initials": ValueKind(
        "Capital initials, a point after each.",
        "K.P.",
        _form(r"(?:[^\W\d_a-z]\.)+", VALUE_NAME_CHARS_MAX, "initials with a point after each"),
    ),
    "date": ValueKind("A day of the Gregorian calendar, ISO 8601.", "2026-11-23", _date),
    "partial-date": ValueKind(
        "A day, month or year of the Gregorian calendar, ISO 8601: as much as is known.",
        "1999-02",
        _partial_date,
    ),
    "year": ValueKind(
        "A year of the Gregorian calendar.",
        "1999",
        lambda value: _partial_date(value) if value.isdecimal() else "is not YYYY",
    ),
    "country": ValueKind(
        "A country, ISO 3166-1 alpha-2.",
        "VN",
        _form(r"[A-Z]{2}", 2, "two capital letters"),
        "countries",
    ),
    "subdivision": ValueKind(
        "A province or the like, ISO 3166-2.",
        "VN-22",
        _form(
            r"[A-Z]{2}-[A-Z0-9]{1,3}", 6, "a country, a hyphen and one to three letters or digits"
        ),
        "subdivisions",
    ),
    "language": ValueKind(
        "A language, BCP 47: language, then script, region and variants where they matter.",
        "vi",
        _form(
            r"[a-z]{2,3}(?:-[A-Z][a-z]{3})?(?:-(?:[A-Z]{2}|[0-9]{3}))?"
            r"(?:-(?:[a-z0-9]{5,8}|[0-9][a-z0-9]{3}))*",
            35,
            "a BCP 47 tag in its usual case",
        ),
        "languages",
    ),
    "script": ValueKind(
        "A script, ISO 15924.",
        "Laoo",
        _form(r"[A-Z][a-z]{3}", 4, "four letters, the first a capital"),
        "scripts",
    ),
    "locode": ValueKind(
        "A place of trade and transport, UN/LOCODE without a blank.",
        "VNHAN",
        _form(r"[A-Z]{2}[A-Z2-9]{3}", 5, "a country and three capital letters or digits from 2"),
        "countries",
    ),
    "office": ValueKind(
        "An office's code in the directory.",
        "VNSVC001",
        _form(r"[A-Z]{2}[A-Z0-9]{6}", 8, "an office's code"),
    ),
    "uuid": ValueKind(
        "A random UUID (version 4) in lower case.",
        "6a1f0c52-9f6e-4f57-8a53-0c6a35f7b101",
        _form(
            r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}",
            36,
            "a random UUID in lower case",
        ),
    ),
    "token": ValueKind(
        "A reference that says nothing by itself: letters and digits of any script, and . _ / - in"
        " between; at most 64 characters.",
        "R7.4QW9-K2",
        _form(r"[^\W_](?:[\w./-]*[^\W_])?", 64, "letters and digits with . _ / - in between"),
    ),
    "document-type": ValueKind(
        "The kind of a travel document: the letters of ICAO 9303, without a filler.",
        "P",
        _form(r"[A-Z]{1,2}", 2, "one or two capital letters"),
    ),
    "document-number": ValueKind(
        "The number of a travel document as ICAO 9303 writes it, without blanks.",
        "B1234567",
        _form(r"[A-Z0-9]{1,22}", 22, "capital letters and digits"),
    ),
    "national-number": ValueKind(
        "A number of a national register: digits and capital letters, and . / - in between.",
        "001199000001",
        _form(r"[0-9A-Z](?:[0-9A-Z./-]*[0-9A-Z])?", 32, "digits and capital letters"),
    ),
    "mrz": ValueKind(
        "The machine-readable zone of a travel document, ICAO 9303 TD1, TD2 or TD3, with a newline"
        " between its lines; all check digits are checked.",
        "P<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<<<<<<<<<\n"
        "L898902C36UTO7408122F1204159ZE184226B<<<<<10",
        _mrz,
    ),
    "term": ValueKind(
        "A name that the agreement gives to a purpose, a category or a role, or an office's code.",
        "protection-and-assistance",
        _form(
            r"[a-z]+(?:-[a-z0-9]+)*|[A-Z]{2}[A-Z0-9]{6}",
            64,
            "small words joined by hyphens or an office's code",
        ),
    ),
    "sha-256": ValueKind(
        "A SHA-256 digest in hexadecimal.",
        "ab" * 32,
        _form(r"[0-9a-f]{64}", 64, "64 hexadecimal digits"),
    ),
    "jpeg": ValueKind("A JPEG picture.", "ff d8 ff ... ff d9", _jpeg, type="bytes"),
}
_OPEN_CODE: Final = ValueKind(
    "A code of the named list, or a Party's own behind its letters and a colon. The list is open: a"
    " code that the reader does not know stays as it came.",
    "LA:PLANTATION_DEBT",
    _form(
        r"(?:[A-Z]{2}:)?[A-Z][A-Z0-9_]{0,63}",
        67,
        "capital words joined by underscores, behind a Party's letters and a colon if they are its",
    ),
)


def kind_named(name: str) -> ValueKind | None:
    """Return the kind of this name, None if there is none; `code-list:NAME` is one for any list."""
    found = CODE_LIST.fullmatch(name)
    if found is None:
        return KINDS.get(name)
    return ValueKind(_OPEN_CODE.says, _OPEN_CODE.example, _OPEN_CODE.fault, listed=found[1])


def kind_of(name: object, type_document: Any) -> ValueKind:
    """Return the kind that a field of this type names, or raise `ConfigError`."""
    found = kind_named(name) if isinstance(name, str) else None
    if found is None:
        known = ", ".join(KINDS)
        raise ConfigError(f"xref.value is none of {known} or code-list:NAME")
    inner = type_document
    while isinstance(inner, dict) and inner["type"] == "array":
        inner = inner["items"]
    if inner != found.type:
        raise ConfigError(f"xref.value {name} goes with {found.type} or lists of it")
    return found


def fault_in(kind: ValueKind, value: object) -> str | None:
    """Return what is wrong with a value, or with the first such item of a list; None if nothing."""
    if type(value) is not list:
        return kind.fault(value)
    for index, each in enumerate(value):
        fault = fault_in(kind, each)
        if fault is not None:
            return f"item {index} {fault}"
    return None
