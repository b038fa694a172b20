"""Messages of any schema, made by chance: every type and kind, four scripts, bounds at the limit.

Made by a seeded generator and not by hypothesis, which takes ten times as long: what a seed makes
is always the same, and a failure names the seed.
"""

import json
import random
import unicodedata
import uuid
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Any, Final, TypeVar

from xref.wire.normal import named_types
from xref.wire.schema import Schema

Choice = TypeVar("Choice")
_TEXT_CHARS_MAX: Final = 1_000
_NAME_CHARS_MAX: Final = 200
_BYTES_MAX: Final = 8_000
# Whole syllables, so that marks stand on letters as they do in the languages themselves.
_SYLLABLES: Final = (
    *("ສົມ", "ໃຈ", "ວົງ", "ຄຳ", "ເພັດ", "ນ້ອຍ", "ຫຼ້າ", "ພູ"),
    *("Nguyễn", "Đỗ", "Thị", "Ước", "ờ", "ẵng", "Quỳnh", "y\u0301"),
    *("สม", "ใจ", "น้ำ", "ผึ้ง", "กี่", "ศรี", "เพ็ญ"),
    *("សុខ", "ភ្នំ", "ពេញ", "ស្រី", "ក្រុង", "ង៉ែត"),
    *("မြန်", "မာ", "A", "e\u0301", "ß", "z", "李", "明", "\U0001f9ad"),
)
_LETTERS: Final = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
_DIGITS: Final = "0123456789"
_BOUNDARY_CHANCE: Final = 0.05
_ABSENT_CHANCE: Final = 0.25


@cache
def _parts(schema: Schema) -> tuple[list[dict[str, Any]], Mapping[str, Any]]:
    """Return the fields of a schema's document, and its named types by full name."""
    document = json.loads(schema.canonical)
    return document["fields"], dict(named_types(document))


class Generator:
    """Makes the values of one message after another."""

    def __init__(self, seed: int) -> None:
        """Begin with a seed."""
        self.chance = random.Random(seed)
        self._random = self.chance.random

    def pick(self, choices: Sequence[Choice]) -> Choice:
        """Return one of some; a good deal faster than `random.choice`."""
        return choices[int(self._random() * len(choices))]

    def count(self, least: int, most: int) -> int:
        """Return a number between two, both possible."""
        return least + int(self._random() * (most - least + 1))

    def values(self, schema: Schema) -> dict[str, object]:
        """Return values by field name: some absent, and now and then one at its bound."""
        fields, named = _parts(schema)
        at_bound = self.count(0, len(fields) - 1)
        has_bound = self.chance.random() < _BOUNDARY_CHANCE
        return {
            each["name"]: self._value(
                each["type"][1], named, each, at_bound=has_bound and place == at_bound
            )
            for place, each in enumerate(fields)
            if (has_bound and place == at_bound) or self.chance.random() > _ABSENT_CHANCE
        }

    def at_bounds(self, schema: Schema) -> dict[str, object]:
        """Return a value for every field, each at its bound; too much for one message."""
        fields, named = _parts(schema)
        return {
            each["name"]: self._value(each["type"][1], named, each, at_bound=True)
            for each in fields
        }

    def entropy(self, size: int) -> bytes:
        """Return bytes by chance."""
        return self.chance.randbytes(size)

    def _value(
        self, kind: Any, named: Mapping[str, Any], field: Mapping[str, Any], *, at_bound: bool
    ) -> object:
        if isinstance(kind, str) and kind in named:
            kind = named[kind]
        if isinstance(kind, str):
            return self._scalar(kind, field, at_bound=at_bound)
        match kind["type"]:
            case "enum":
                return self.pick(kind["symbols"])
            case "fixed":
                return self.entropy(kind["size"])
            case "array":
                most = kind["xref.max_items"]
                count = most if at_bound else self.count(0, min(most, 4))
                return [
                    self._value(kind["items"], named, field, at_bound=False) for _ in range(count)
                ]
            case _:
                return {
                    each["name"]: self._value(each["type"], named, {}, at_bound=at_bound)
                    for each in kind["fields"]
                }

    def _scalar(self, kind: str, field: Mapping[str, Any], *, at_bound: bool) -> object:
        match kind:
            case "boolean":
                return self.chance.random() < 0.5
            case "int" | "long":
                most = 2**31 - 1 if kind == "int" else 2**63 - 1
                edges = (-most - 1, most, 0, -1)
                return self.pick(edges) if at_bound else self.chance.randint(-most, most)
            case "bytes":
                most = field.get("xref.max_bytes", _BYTES_MAX)
                return self._bytes(most if at_bound else self.count(0, 64), field)
            case _:
                if "xref.id" not in field:  # a member of many in one field
                    return self.words(self.count(1, 12))
                return self._string(field.get("xref.value"), at_bound=at_bound)

    def _bytes(self, size: int, field: Mapping[str, Any]) -> bytes:
        if field.get("xref.value") == "jpeg":
            return b"\xff\xd8\xff" + self.entropy(max(0, size - 5)) + b"\xff\xd9"
        return self.entropy(size)

    def _string(self, kind: str | None, *, at_bound: bool) -> str:
        if kind is None or kind == "text":
            made = self.words(_TEXT_CHARS_MAX if at_bound else self.count(1, 60))
            return made if kind or self.chance.random() > 0.1 else ""
        if kind == "name":
            return self.words(_NAME_CHARS_MAX if at_bound else self.count(1, 40))
        if kind.startswith("code-list:"):
            kind = "code-list"
        return _BY_KIND[kind](self)

    def words(self, chars_max: int) -> str:
        """Return words in several scripts, in NFC, with single blanks; a letter is the first."""
        made = self.pick("ກĐกក")
        while len(made) < chars_max and self.chance.random() < 0.98:
            blank = " " if self.chance.random() < 0.3 else ""
            longer = unicodedata.normalize("NFC", made + blank + self.pick(_SYLLABLES))
            if len(longer) > chars_max:
                return made
            made = longer
        return made

    def some(self, alphabet: str, least: int, most: int) -> str:
        """Return some characters of an alphabet."""
        return "".join(self.chance.choices(alphabet, k=self.count(least, most)))

    def year(self) -> str:
        """Return a year."""
        return str(self.count(1800, 2199))

    def month(self) -> str:
        """Return a month of a year."""
        return f"{self.year()}-{self.count(1, 12):02}"

    def day(self) -> str:
        """Return a day."""
        return f"{self.month()}-{self.count(1, 28):02}"

    def one_of(self, *choices: str) -> str:
        """Return one of some texts."""
        return self.pick(choices)


_MRZ: Final = (
    "P<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<<<<<<<<<\nL898902C36UTO7408122F1204159ZE184226B<<<<<10",
    "I<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<\nD231458907UTO7408122F1204159<<<<<<<6",
    "I<UTOD231458907<<<<<<<<<<<<<<<\n7408122F1204159UTO<<<<<<<<<<<6\nERIKSSON<<ANNA<MARIA<<<<<<<<<<",
)
_BY_KIND: Final[Mapping[str, Callable[[Generator], str]]] = {
    "romanised-name": lambda g: " ".join(g.some(_LETTERS, 1, 9) for _ in range(3)),
    "initials": lambda g: "".join(f"{letter}." for letter in g.some(_LETTERS + "ĐกກÉ", 1, 6)),
    "date": Generator.day,
    "partial-date": lambda g: g.one_of(g.year(), g.month(), g.day()),
    "year": Generator.year,
    "country": lambda g: g.one_of("LA", "VN", "TH", "KH", "MM", "CN"),
    "subdivision": lambda g: g.one_of("LA-VT", "VN-22", "VN-HN", "TH-10", "KH-12"),
    "language": lambda g: g.one_of("lo", "vi", "th", "km", "kjg", "hmn-Latn", "zh-Hant-TW"),
    "script": lambda g: g.one_of("Laoo", "Latn", "Thai", "Khmr", "Mymr", "Hani"),
    "locode": lambda g: g.one_of("LAVTE", "VNHAN", "THBKK", "KHPNH", "VNSG2"),
    "office": lambda g: g.one_of("LANRM001", "VNNRM001", "VNSVC001"),
    "uuid": lambda g: str(uuid.UUID(bytes=g.entropy(16), version=4)),
    "token": lambda g: g.some(_LETTERS + _DIGITS + "ກĐ", 1, 30) + g.one_of("", "-1", "/2026", "_x"),
    "document-type": lambda g: g.some(_LETTERS, 1, 2),
    "document-number": lambda g: g.some(_LETTERS + _DIGITS, 1, 22),
    "national-number": lambda g: g.some(_DIGITS, 1, 15) + g.one_of("", "-9", "/7", ".A"),
    "mrz": lambda g: g.one_of(*_MRZ),
    "term": lambda g: g.one_of("nrm", "protection-and-assistance", "VNNRM001"),
    "sha-256": lambda g: g.entropy(32).hex(),
    "code-list": lambda g: (
        g.one_of("", "", "LA:", "VN:") + g.some(_LETTERS, 1, 1) + g.some(_LETTERS + "_0", 0, 63)
    ),
}
