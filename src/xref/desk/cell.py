"""One cell of an office's form: from its own words to a canonical value, and back. Pure.

Faults name what is wrong and how to cure it, never what the cell holds.
"""

import re
import unicodedata
from collections.abc import Mapping
from datetime import date
from typing import Annotated, Final, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from xref import limits

PATH: Final = " / "  # in a header: a key in the object under another key
_YEAR_FIRST: Final = 1900
_BUDDHIST_YEARS: Final = 543
_DIGITS_MAX: Final = 9
_JOINERS: Final = "\u200c\u200d"
_ISO: Final = re.compile(r"([0-9]{4})(?:-([0-9]{2})(?:-([0-9]{2}))?)?")
_PATTERNS: Final = {
    "dd/mm/yyyy": re.compile(r"(?:(?:(?P<d>[0-9]{1,2})/)?(?P<m>[0-9]{1,2})/)?(?P<y>[0-9]{4})"),
    "yyyy-mm-dd": re.compile(r"(?P<y>[0-9]{4})(?:-(?P<m>[0-9]{1,2})(?:-(?P<d>[0-9]{1,2}))?)?"),
}
_YES_NO: Final = {"yes": True, "no": False}


class CellFault(Exception):  # noqa: N818 - it is what the office has to put right
    """What is wrong with one cell, and the cure; never with its content."""

    def __init__(self, problem: str, cure: str) -> None:
        super().__init__(problem)
        self.problem = problem
        self.cure = cure


def _one_or_more(value: object) -> object:
    return (value,) if isinstance(value, str) else value


class Column(BaseModel):
    """A column of a form: its header, what it means, and how its cells are written.

    In JSON a header `a / b` is the key `b` in the object under the key `a`. `to` and `from` are
    the same member for forms that are read and written. `cure` says what to do where a cell that
    is needed is empty.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    header: Annotated[str, Field(min_length=1, max_length=200)]
    to: Annotated[tuple[str, ...] | None, BeforeValidator(_one_or_more)] = None
    source: Annotated[str | None, Field(alias="from")] = None
    kind: Literal["text", "texts", "code", "codes", "date", "number", "yes-no"] = "text"
    codes: str | None = None
    separator: Annotated[str, Field(min_length=1, max_length=1)] = ";"
    pattern: Literal["dd/mm/yyyy", "yyyy-mm-dd"] = "dd/mm/yyyy"
    calendar: Literal["gregorian", "buddhist"] = "gregorian"
    partial: bool = False
    future: bool = False
    cure: Annotated[str, Field(min_length=4, max_length=200)] = "add it"
    characters_max: Annotated[int, Field(gt=0, le=limits.CELL_CHARS_MAX)] = 200
    items_max: Annotated[int, Field(gt=0, le=limits.CELL_ITEMS_MAX)] = limits.CELL_ITEMS_MAX
    least: int = 0
    most: int = 99

    @model_validator(mode="after")
    def _says_one_thing(self) -> Self:
        if clean(self.header) != self.header:
            raise ValueError("header: write it in NFC without spaces at its ends")
        if (self.to is None) == (self.source is None):
            raise ValueError("a column that is read has to = ..., one that is written from = ...")
        if (self.kind in {"code", "codes", "yes-no"}) != (self.codes is not None):
            raise ValueError("codes = TABLE goes with the kinds code, codes and yes-no")
        return self

    @property
    def ends(self) -> tuple[str, ...]:
        """What the column means, read or written."""
        return self.to if self.to is not None else (str(self.source),)


def clean(text: str) -> str:
    """Return NFC text with single spaces, and without invisible characters that strayed in.

    The two joiners stay inside a word, where some scripts need them.
    """
    kept = (
        character
        for character in text
        if character in _JOINERS or unicodedata.category(character) != "Cf"
    )
    return unicodedata.normalize("NFC", " ".join("".join(kept).split()).strip(_JOINERS + " "))


def ascii_digits(text: str) -> str:
    """Return the text with the decimal digits of every script as 0 to 9."""
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
    if column.kind in {"texts", "codes"}:
        return _read_items(column, table, value)
    if (column.kind == "yes-no" and isinstance(value, bool)) or (
        column.kind == "number" and type(value) is int
    ):
        return _within(column, value)
    text = _text_of(value, column.characters_max)
    return _read_text(column, table, text, today) if text else None


def _read_text(column: Column, table: Mapping[str, str], text: str, today: date) -> object:
    if column.kind == "date":
        return _read_date(column, text, today)
    if column.kind == "number":
        return _read_number(column, text)
    if column.kind == "text":
        return text
    code = _code_of(table, text)
    return _YES_NO.get(code, code) if column.kind == "yes-no" else code


def _text_of(value: object, characters_max: int) -> str:
    if not isinstance(value, str):
        raise CellFault("it is not a text", "write it as one text")
    if len(value) > limits.CELL_CHARS_MAX:
        raise CellFault("it is too long", f"write at most {characters_max} characters")
    for character in value:
        if unicodedata.category(character) in {"Cc", "Cs"} and character not in "\t\r\n":
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
    items = [text for cell in cells if (text := _text_of(cell, column.characters_max))]
    if column.kind == "codes":
        items = [_code_of(table, item) for item in items]
    if len(set(items)) != len(items):
        raise CellFault("it names the same item twice", "write each item once")
    return items or None


def _split(value: object, separator: str) -> list[str]:
    return _text_of(value, limits.CELL_CHARS_MAX).split(separator)


def _code_of(table: Mapping[str, str], text: str) -> str:
    code = table.get(text.casefold())
    if code is None:
        raise CellFault(
            "it is not a word of the form's list", "write one of the words in the adapter's list"
        )
    return code


def _read_number(column: Column, text: str) -> int:
    digits = ascii_digits(text)
    if not (digits.isascii() and digits.isdecimal() and len(digits) <= _DIGITS_MAX):
        raise CellFault("it is not a whole number", "write digits only")
    return _within(column, int(digits))


def _within(column: Column, number: int) -> int:
    if not column.least <= number <= column.most:
        raise CellFault(
            "it is out of range", f"write a number from {column.least} to {column.most}"
        )
    return number


def _read_date(column: Column, text: str, today: date) -> str:
    found = _PATTERNS[column.pattern].fullmatch(ascii_digits(text))
    if found is None or (found["d"] is None and not column.partial):
        raise CellFault("it is not a date of the form", f"write {column.pattern}")
    year, month, day = int(found["y"]), found["m"], found["d"]
    if column.calendar == "buddhist":
        year -= _BUDDHIST_YEARS
    if not _YEAR_FIRST <= year <= today.year + (20 if column.future else 0):
        raise CellFault("its year is out of range", f"write the year of the {column.calendar} era")
    try:
        first_day = date(year, int(month or 1), int(day or 1))
    except ValueError:
        raise CellFault("there is no such day", f"write {column.pattern}") from None
    if first_day > today and not column.future:
        raise CellFault("it lies in the future", "write the day on which it happened")
    return first_day.isoformat()[: 10 if day else 7 if month else 4]


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
        return table.get(str(value), str(value)), str(value) in table
    if column.kind == "date":
        return _write_date(column, str(value))
    if type(value) is int:
        return value, True
    return unicodedata.normalize("NFC", str(value)), isinstance(value, str)


def _write_date(column: Column, text: str) -> tuple[str, bool]:
    found = _ISO.fullmatch(text)
    if found is None:
        return unicodedata.normalize("NFC", text), False
    year = str(int(found[1]) + (_BUDDHIST_YEARS if column.calendar == "buddhist" else 0)).zfill(4)
    parts = [year, *(part for part in found.groups()[1:] if part)]
    return ("/".join(reversed(parts)) if column.pattern == "dd/mm/yyyy" else "-".join(parts)), True
