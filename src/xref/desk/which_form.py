"""Which form a row is of where a file may hold several, and which forms cannot be told apart. Pure.

A table or sheet is of one form as a whole, known by its headers (`form_source`). In JSON each
object is known by its title where its form has one, and else by its keys. What may be of two forms
is of none: read as the wrong one, it would say something that the office did not.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import combinations
from typing import Final, Self

from xref.desk.adapter import Publication
from xref.desk.cell import clean
from xref.desk.form_file import Row, RowFault
from xref.desk.form_source import fit

_TABLES: Final = ("csv", "xlsx")


@dataclass(frozen=True, slots=True)
class _Known:
    """By what a form's rows are known: its keys, and those that none of them can lack.

    `title` is the key of the title, and what stands there.
    """

    name: str
    form: Publication
    keys: frozenset[str]
    needed: frozenset[str]
    title: tuple[str, str] | None

    @classmethod
    def of(cls, name: str, form: Publication) -> Self:
        wanted = {
            "case",
            "reply-to",
            "title",
            "must",
            *(f"field/{field}" for field in form.required),
        }
        title = next((column.header for column in form.columns if "title" in column.ends), None)
        return cls(
            name,
            form,
            frozenset(column.header for column in form.columns),
            frozenset(c.header for c in form.columns if not wanted.isdisjoint(c.ends)),
            None if title is None else (title, form.title),
        )

    def may_hold(self, row: Row) -> bool:
        """Say whether a row has the title and all that is needed, and no key besides the form's."""
        if self.title is not None and _title_in(row, self.title[0]) != self.title[1]:
            return False
        return row.cells.keys() <= self.keys and all(
            clean(str(row.cells.get(key) or "")) for key in self.needed
        )

    def is_apart(self, other: Self) -> bool:
        """Say whether no row can be of both forms."""
        if self.form.format in _TABLES:
            return self.keys != other.keys or self.form.delimiter != other.form.delimiter
        if self.title and other.title and self.title[0] == other.title[0]:
            return self.title[1] != other.title[1]
        return not self.needed | other.needed <= self.keys & other.keys


@dataclass(frozen=True, slots=True)
class Forms:
    """The forms of one format, to find the one that a row is of."""

    known: tuple[_Known, ...]
    titled: Mapping[str, Mapping[str, list[_Known]]]
    """By the key of the title and by the title."""

    @classmethod
    def of(cls, forms: Mapping[str, Publication]) -> Self:
        """Return the forms, given by name."""
        known = tuple(_Known.of(name, form) for name, form in forms.items())
        titled: dict[str, dict[str, list[_Known]]] = {}
        for each in known:
            if each.title is not None:
                header, title = each.title
                titled.setdefault(header, {}).setdefault(title, []).append(each)
        return cls(known, titled)

    def name_of(self, row: Row) -> str | RowFault:
        """Return the name of the row's form, of the most alike if it is of none, or a fault."""
        among = [
            each
            for header, titles in self.titled.items()
            for each in titles.get(_title_in(row, header), ())
        ]
        if len(among) == 1:
            return among[0].name
        among = among or list(self.known)
        found = [each.name for each in among if each.may_hold(row)]
        if len(found) > 1:
            said = f"it may be of several forms: {', '.join(found)}"
            return RowFault(row.line, said, "write all keys of its form, with its title")
        return found[0] if found else max(among, key=lambda each: fit(each.form, row.cells)).name


def _title_in(row: Row, header: str) -> str:
    return clean(str(row.cells.get(header)))


def not_apart(forms: Mapping[str, Publication]) -> Iterator[tuple[str, str]]:
    """Yield each two forms of one format that a row may be of, the later one last."""
    for one, other in combinations((_Known.of(*item) for item in forms.items()), 2):
        if one.form.format == other.form.format and not one.is_apart(other):
            yield one.name, other.name
