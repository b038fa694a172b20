"""TOML tables read strictly, by name: what is missing, mistyped or left over is a `ConfigError`."""

import re
import tomllib
from collections.abc import Iterable, Sequence
from typing import Any, Final

from xref.errors import ConfigError
from xref.limits import POLICY_FILE_BYTES_MAX

_CITE: Final = re.compile(r"00[1-4]:([1-9][0-9]*)(?:-([1-9][0-9]*))?")
_ARTICLE: Final = re.compile(r"article:[1-9][0-9]*(?:\.[1-9][0-9]*)*")
_TEXT_MAX: Final = 600
_LIST_MAX: Final = 256


class Entry:
    """One table. Every read takes the member out; `finish` refuses what nobody read."""

    __slots__ = ("_table", "where")

    def __init__(self, table: dict[str, Any], where: str) -> None:
        """Read from `table`; `where` names file and rule in errors."""
        self._table = dict(table)
        self.where = where

    def fault(self, detail: str, cure: str) -> ConfigError:
        """Return the error that says what is wrong here and what to do."""
        return ConfigError(f"{self.where}: {detail}; {cure}")

    def has(self, name: str) -> bool:
        """Return whether the member is given and not yet read."""
        return name in self._table

    def text(self, name: str, default: str | None = None) -> str:
        """Return a text that is not empty."""
        value = self._table.pop(name, default)
        if value is None:
            raise self.fault(f"{name} is missing", "add it")
        # Only a default may be empty.
        right = isinstance(value, str) and len(value) <= _TEXT_MAX and (value or default == "")
        if not right:
            raise self.fault(f"{name} must be a short text", "correct it")
        return str(value)

    def texts(self, name: str, default: Sequence[str] | None = None) -> tuple[str, ...]:
        """Return a list of different texts; given, it is not empty."""
        if name not in self._table and default is not None:
            return tuple(default)
        values = self._table.pop(name, None)
        well_formed = isinstance(values, list) and 0 < len(values) <= _LIST_MAX
        if not well_formed or not all(isinstance(each, str) and each for each in values):
            raise self.fault(f"{name} must be a list of texts, not empty", "correct it")
        if len(set(values)) != len(values):
            raise self.fault(f"{name} holds a text twice", "keep one")
        return tuple(values)

    def words(
        self, name: str, allowed: Iterable[str], default: Sequence[str] | None = None
    ) -> tuple[str, ...]:
        """Return a list of texts that are all in the closed vocabulary `allowed`."""
        values = self.texts(name, default)
        known = tuple(allowed)
        for value in values:
            if value not in known:
                raise self.fault(f"{name}: unknown {value!r}", f"use one of {', '.join(known)}")
        return values

    def word(self, name: str, allowed: Iterable[str]) -> str:
        """Return one text of the closed vocabulary `allowed`."""
        value = self.text(name)
        known = tuple(allowed)
        if value not in known:
            raise self.fault(f"{name}: unknown {value!r}", f"use one of {', '.join(known)}")
        return value

    def number(self, name: str, low: int, high: int, default: int | None = None) -> int:
        """Return a whole number from `low` to `high`."""
        value = self._table.pop(name, default)
        if type(value) is not int or not low <= value <= high:
            raise self.fault(f"{name} must be a whole number from {low} to {high}", "correct it")
        return value

    def flag(self, name: str) -> bool | None:
        """Return true, false or None where it is not given."""
        value = self._table.pop(name, None)
        if value is not None and not isinstance(value, bool):
            raise self.fault(f"{name} must be true or false", "correct it")
        return value

    def cites(self, *, own_text: bool = False) -> tuple[str, ...]:
        """Return the member `cite`: line ranges of the sources, such as `001:933-951`.

        What an agreement says can also cite its `own_text`, by article, such as `article:7.2`.
        """
        values = self.texts("cite")
        for value in values:
            if own_text and _ARTICLE.fullmatch(value):
                continue
            match = _CITE.fullmatch(value)
            if match is None or int(match[2] or match[1]) < int(match[1]):
                raise self.fault(f"cite: {value!r} is no line range", "write it like 001:933-951")
        return values

    def entry(self, name: str) -> "Entry":
        """Return a table inside this one."""
        value = self._table.pop(name, None)
        if not isinstance(value, dict):
            raise self.fault(f"{name} must be a table", "add it")
        return Entry(value, f"{self.where}: {name}")

    def entries(self, name: str) -> list["Entry"]:
        """Return a list of tables inside this one, empty where it is not given."""
        values = self._table.pop(name, [])
        well_formed = isinstance(values, list) and len(values) <= _LIST_MAX
        if not well_formed or not all(isinstance(each, dict) for each in values):
            raise self.fault(f"{name} must be a list of tables", "correct it")
        return [Entry(each, f"{self.where}: {name}") for each in values]

    def members(self) -> list[str]:
        """Return the names that are left, for tables whose names are data."""
        return list(self._table)

    def finish(self) -> None:
        """Refuse members that nobody read: a misspelt condition must not be ignored."""
        if self._table:
            raise self.fault(f"unknown member {next(iter(self._table))!r}", "remove or correct it")


def read_toml(data: bytes, path: str) -> Entry:
    """Return the whole of a TOML file."""
    if len(data) > POLICY_FILE_BYTES_MAX:
        raise ConfigError(
            f"{path}: {len(data)} bytes; split it, {POLICY_FILE_BYTES_MAX} are allowed"
        )
    try:
        return Entry(tomllib.loads(data.decode()), path)
    except (ValueError, RecursionError) as error:
        raise ConfigError(f"{path}: not TOML ({error}); correct the file") from None
