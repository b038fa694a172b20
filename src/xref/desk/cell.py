"""One cell of an office's form: from its own words to a canonical value, and back. Pure.

Faults name what is wrong and how to cure it, never what the cell holds.
"""

import re
import unicodedata
from collections.abc import Mapping
from datetime import date
from functools import cache
from typing import Annotated, Final, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from xref import limits

PATH: Final = " / "  # in a header: a key in the object under another key
MANY: Final = "[]"  # in a header, after a key: each object of the array under it
LIKE: Final = "like"  # in a form's column: the shared column that it changes
_YEAR_FIRST: Final = 1900
_BUDDHIST_YEARS: Final = 543
_DIGITS_MAX: Final = 9
_WORDS_SHOWN: Final = 12
_JOINERS: Final = "\u200c\u200d"
# Where Unicode has format characters: the first two planes as far as U+1FFFF, and the tags.
_FORMATS_MAY_BE: Final = (*range(0x20000), *range(0xE0000, 0xE0080))
_FORBIDDEN: Final = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff]")  # Cc and Cs
_ISO: Final = re.compile(r"([0-9]{4})(?:-([0-9]{2})(?:-([0-9]{2}))?)?")
_WRITTEN: Final = {
    "dd/mm/yyyy": ("/", False),
    "dd-mm-yyyy": ("-", False),
    "dd.mm.yyyy": (".", False),
    "yyyy-mm-dd": ("-", True),
    "yyyy/mm/dd": ("/", True),
}
"""What stands between the parts, and whether the year comes first. No form writes the month first:
no cell tells such a date from one with the day first."""
_GROUPING: Final = dict.fromkeys(map(ord, " -.\uff0d\uff0e\u2010\u2011\u2013"))
_WIDE_MARKS: Final = {0xFF0F: "/", 0xFF0D: "-", 0xFF0E: "."}


def _pattern(mark: str, *, year_first: bool) -> re.Pattern[str]:
    day, month, year = r"(?P<d>[0-9]{1,2})", r"(?P<m>[0-9]{1,2})", r"(?P<y>[0-9]{4})"
    mark = re.escape(mark)
    return re.compile(
        f"{year}(?:{mark}{month}(?:{mark}{day})?)?"
        if year_first
        else f"(?:(?:{day}{mark})?{month}{mark})?{year}"
    )


_PATTERNS: Final = {
    name: _pattern(mark, year_first=first) for name, (mark, first) in _WRITTEN.items()
}
_YES_NO: Final = {"yes": True, "no": False}
_JSON_BOOLEANS: Final = {"true": True, "false": False}


class CellFault(Exception):  # noqa: N818 - it is what the office has to put right
    """What is wrong with one cell, and the cure; never with its content."""

    def __init__(self, problem: str, cure: str) -> None:
        super().__init__(problem)
        self.problem = problem
        self.cure = cure


def _one_or_more(value: object) -> object:
    return (value,) if isinstance(value, str | int) else value


class Column(BaseModel):
    """A column of a form: its header, what it means, and how its cells are written.

    In JSON a header `a / b` is the key `b` in the object under the key `a`, and `a[] / b` that key
    in each object of the array under it. `to` and `from` are the same member for forms that are
    read and written. A column that `joins` adds to what an earlier one says of the same field. Of a
    date only the year counts where the yes-no key `year_only_if` says yes. `ignores` are words that
    the office's list has and no record carries. Where a cell says anything, that of `requires` must
    as well. `cure` says what to do where a cell that is needed is empty.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    header: Annotated[str, Field(min_length=1, max_length=200)]
    to: Annotated[tuple[str, ...] | None, BeforeValidator(_one_or_more)] = None
    source: Annotated[str | None, Field(alias="from")] = None
    kind: Literal["text", "texts", "code", "codes", "date", "number", "yes-no"] = "text"
    codes: str | None = None
    ignores: tuple[str, ...] = ()
    requires: str | None = None
    separator: Annotated[str, Field(min_length=1, max_length=1)] = ";"
    patterns: Annotated[
        tuple[Literal["dd/mm/yyyy", "dd-mm-yyyy", "dd.mm.yyyy", "yyyy-mm-dd", "yyyy/mm/dd"], ...],
        Field(alias="pattern", min_length=1),
        BeforeValidator(_one_or_more),
    ] = ("dd/mm/yyyy",)
    calendar: Literal["gregorian", "buddhist", "either"] = "gregorian"
    digits: Annotated[
        tuple[Annotated[int, Field(ge=1, le=32)], ...], BeforeValidator(_one_or_more)
    ] = ()
    check: Literal["mod-11"] | None = None
    partial: bool = False
    future: bool = False
    year_only_if: str | None = None
    joins: bool = False
    cure: Annotated[str, Field(min_length=4, max_length=200)] = "add it"
    characters_max: Annotated[int, Field(gt=0, le=limits.CELL_CHARS_MAX)] = 200
    items_max: Annotated[int, Field(gt=0, le=limits.CELL_ITEMS_MAX)] = limits.CELL_ITEMS_MAX
    least: int = 0
    most: int = 99

    @model_validator(mode="before")
    @classmethod
    def _is_written_out(cls, data: object) -> object:
        """Refuse the name of a shared column that the adapter does not have."""
        name = data.get(LIKE) if isinstance(data, dict) else data
        if isinstance(name, str):
            message = f"no shared column {name!r}; add it to [column], or correct its name"
            raise ValueError(message)  # noqa: TRY004 - pydantic turns no other error into a fault
        return data

    @model_validator(mode="after")
    def _says_one_thing(self) -> Self:
        if clean(self.header) != self.header:
            raise ValueError("header: write it in NFC without spaces at its ends")
        if (self.to is None) == (self.source is None):
            raise ValueError("a column that is read has to = ..., one that is written from = ...")
        if (self.kind in {"code", "codes", "yes-no"}) != (self.codes is not None):
            raise ValueError("codes = TABLE goes with the kinds code, codes and yes-no")
        if self.digits and self.kind != "text":
            raise ValueError("digits = N goes with the kind text: a number that identifies")
        if self.check is not None and not self.digits:
            raise ValueError("check = ... needs digits = N")
        if self.year_only_if is not None and not (self.kind == "date" and self.partial):
            raise ValueError("year_only_if = KEY goes with kind = date and partial = true")
        if self.ignores and self.kind != "codes":
            raise ValueError("ignores = [...] goes with the kind codes")
        if self.joins and (self.kind not in {"text", "texts", "codes"} or self.digits):
            raise ValueError("joins goes with text and with several: other cells say one thing")
        return self

    @property
    def ends(self) -> tuple[str, ...]:
        """What the column means, read or written."""
        return self.to if self.to is not None else (str(self.source),)


@cache
def _invisible() -> re.Pattern[str]:
    """Return what finds format characters (category Cf) other than the joiners."""
    found = (chr(code) for code in _FORMATS_MAY_BE if unicodedata.category(chr(code)) == "Cf")
    return re.compile(f"[{''.join(set(found) - set(_JOINERS))}]")


def clean(text: str) -> str:
    """Return NFC text with single spaces, and without invisible characters that strayed in.

    The two joiners stay inside a word, where some scripts need them.
    """
    if text.isascii():
        return " ".join(text.split())
    if not text.isprintable():  # it is by far the quicker to ask, and mostly true
        text = _invisible().sub("", text)
    return unicodedata.normalize("NFC", " ".join(text.split()).strip(_JOINERS + " "))


def ascii_digits(text: str) -> str:
    """Return the text with the decimal digits of every script as 0 to 9."""
    if text.isascii():
        return text
    return "".join(
        str(unicodedata.decimal(character)) if character.isdecimal() else character
        for character in text
    )


def read_cell(
    column: Column, table: Mapping[str, str], value: object, *, today: date
) -> object | None:
    """Return the canonical value of a cell, None for an empty one, or raise `CellFault`.

    `table` has the column's words, cleaned and without case, and their codes.
    """
    if value is None:
        return None
    if column.kind == "code" and type(value) is str and (code := table.get(value)) is not None:
        return code  # as most cells are written; the others are cleaned first
    if column.kind in {"texts", "codes"}:
        return _read_items(column, table, value)
    if column.kind == "code" and isinstance(value, int):
        value = str(value).lower()  # in JSON also true, false and whole numbers are words
    if (column.kind == "yes-no" and isinstance(value, bool)) or (
        column.kind == "number" and type(value) is int
    ):
        return _within(column, value)
    if column.kind == "date" and isinstance(value, date):
        return _checked_day(column, value, today).isoformat()
    text = _text_of(value, column.characters_max)
    return _read_text(column, table, text, today) if text else None


def _read_text(column: Column, table: Mapping[str, str], text: str, today: date) -> object:
    if column.kind == "date":
        return _read_date(column, text, today)
    if column.kind == "number":
        return _read_number(column, text)
    if column.kind == "text":
        return _read_identifier(column, text) if column.digits else text
    code = _code_of(table, text)
    return _YES_NO.get(code, code) if column.kind == "yes-no" else code


def _text_of(value: object, characters_max: int) -> str:
    if not isinstance(value, str):
        raise CellFault("it is not a text", "write it as one text")
    if len(value) > limits.CELL_CHARS_MAX:
        raise CellFault("it is too long", f"write at most {characters_max} characters")
    if not value.isprintable() and _FORBIDDEN.search(value):
        raise CellFault(
            "it holds a character that no text may hold", "save the form as UTF-8; retype it"
        )
    text = clean(value)
    if len(text) > characters_max:
        raise CellFault("it is too long", f"write at most {characters_max} characters")
    return text


def _read_items(column: Column, table: Mapping[str, str], value: object) -> list[str] | None:
    cells = value if isinstance(value, list) else _split(value, column.separator)
    if len(cells) > column.items_max:
        raise CellFault("it has too many items", f"write at most {column.items_max}")
    cells = [str(cell).lower() if isinstance(cell, int) else cell for cell in cells]
    items = [text for cell in cells if (text := _text_of(cell, column.characters_max))]
    if column.kind == "codes":
        items = [_code_of(table, item) for item in items if item not in column.ignores]
    if len(set(items)) != len(items):
        raise CellFault("it names the same item twice", "write each item once")
    return items or None


def _split(value: object, separator: str) -> list[str]:
    return _text_of(value, limits.CELL_CHARS_MAX).split(separator)


def _code_of(table: Mapping[str, str], text: str) -> str:
    code = table.get(text.casefold())
    if code is None:
        shown = ", ".join(list(table)[:_WORDS_SHOWN])
        more = f" or another of the {len(table)}" if len(table) > _WORDS_SHOWN else ""
        raise CellFault(
            "it is not a word of the form's list", f"write a word of the list: {shown}{more}"
        )
    return code


def _read_number(column: Column, text: str) -> int:
    digits = ascii_digits(text)
    if not (digits.isascii() and digits.isdecimal() and len(digits) <= _DIGITS_MAX):
        raise CellFault("it is not a whole number", "write digits only")
    return _within(column, int(digits))


def _read_identifier(column: Column, text: str) -> str:
    """Return a number that identifies, without the marks that group its digits."""
    number = ascii_digits(text).translate(_GROUPING)
    if not (number.isascii() and number.isdecimal() and len(number) in column.digits):
        digits = " or ".join(map(str, column.digits))
        raise CellFault("it is not a number of the form", f"write its {digits} digits")
    if column.check == "mod-11" and not _mod_11(number):
        raise CellFault("its check digit is wrong", "compare it with the document, digit by digit")
    return number


def _mod_11(number: str) -> bool:
    """Say whether the last digit is that of the others, weighted by their place from the right."""
    weighted = sum(
        int(digit) * weight
        for digit, weight in zip(number, range(len(number), 1, -1), strict=False)
    )
    return int(number[-1]) == (11 - weighted % 11) % 10


def _within(column: Column, number: int) -> int:
    if not column.least <= number <= column.most:
        raise CellFault(
            "it is out of range", f"write a number from {column.least} to {column.most}"
        )
    return number


def _read_date(column: Column, text: str, today: date) -> str:
    digits = ascii_digits(text).translate(_WIDE_MARKS).replace(" ", "")
    found = next((f for p in column.patterns if (f := _PATTERNS[p].fullmatch(digits))), None)
    written = " or ".join(column.patterns)
    if found is None or (found["d"] is None and not column.partial):
        raise CellFault("it is not a date of the form", f"write {written}")
    year, month, day = int(found["y"]), found["m"], found["d"]
    if column.calendar == "buddhist" or (
        # The two eras' years that may be meant lie five centuries apart: no year is in both.
        column.calendar == "either" and year >= _YEAR_FIRST + _BUDDHIST_YEARS
    ):
        year -= _BUDDHIST_YEARS
    _check_year(column, year, today)
    try:
        first_day = date(year, int(month or 1), int(day or 1))
    except ValueError:
        raise CellFault("there is no such day", f"write {written}") from None
    return _checked_day(column, first_day, today).isoformat()[: 10 if day else 7 if month else 4]


def _check_year(column: Column, year: int, today: date) -> None:
    if not _YEAR_FIRST <= year <= today.year + (20 if column.future else 0):
        era = "either" if column.calendar == "either" else f"the {column.calendar}"
        raise CellFault("its year is out of range", f"write the year of {era} era")


def _checked_day(column: Column, day: date, today: date) -> date:
    """Return a day, which in a sheet's date cell is Gregorian whatever the sheet shows."""
    _check_year(column, day.year, today)
    if day > today and not column.future:
        raise CellFault("it lies in the future", "write the day on which it happened")
    return day


def write_cell(column: Column, table: Mapping[str, str], value: object) -> tuple[object, bool]:
    """Return a canonical value in the form's own words, and whether the form has words for it.

    `table` has codes and their words. What the form cannot say is written as it came: a narrower
    form must not lose a person's status (floor/no-downgrade), it shows that something needs a look.
    """
    if value is None:
        return None, True
    if isinstance(value, list | tuple):
        written = [write_cell(column, table, item) for item in value]
        return [cell for cell, _ in written], all(said for _, said in written)
    if isinstance(value, bool):
        value = "yes" if value else "no"
    if column.kind in {"code", "codes", "yes-no"}:
        word = table.get(str(value), str(value))
        is_json = column.kind == "yes-no" and word in _JSON_BOOLEANS
        return _JSON_BOOLEANS[word] if is_json else word, str(value) in table
    if column.kind == "date":
        return _write_date(column, str(value))
    if type(value) is int:
        return value, True
    return unicodedata.normalize("NFC", str(value)), _is_said(column, value)


def _is_said(column: Column, value: object) -> bool:
    """Say whether a text is what the form has there: of a number, also its digits and check."""
    if not isinstance(value, str) or not column.digits:
        return isinstance(value, str)
    try:
        return _read_identifier(column, value) is not None
    except CellFault:
        return False


def _write_date(column: Column, text: str) -> tuple[str, bool]:
    found = _ISO.fullmatch(text)
    if found is None:
        return unicodedata.normalize("NFC", text), False
    year = str(int(found[1]) + (_BUDDHIST_YEARS if column.calendar == "buddhist" else 0)).zfill(4)
    parts = [year, *(part for part in found.groups()[1:] if part)]
    mark, year_first = _WRITTEN[column.patterns[0]]
    return mark.join(parts if year_first else reversed(parts)), True
