"""The closed facts: what a sending office attests, one byte a fact. See docs/spec/policy.md."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from xref.errors import ConfigError, MalformedError, RecordError
from xref.limits import FACT_VALUES_MAX, FACTS_MAX
from xref.policy.reading import Entry, read_toml
from xref.policy.vocabulary import UNKNOWN

_NAME: Final = re.compile(r"[a-z][a-z0-9_]{0,63}")
_VALUE: Final = re.compile(r"[a-z][a-z0-9-]{0,63}")
_KNOWN_AT: Final = ("origin", "destination", "both")


@dataclass(frozen=True, slots=True)
class Fact:
    """One question with its closed answers; code i is `values[i - 1]`, code 0 is unknown."""

    name: str
    values: tuple[str, ...]
    known_at: str
    explain: str


class FactTable:
    """All facts of a bundle, in the order in which they travel."""

    __slots__ = ("_codes", "_places", "facts", "names")

    def __init__(self, facts: tuple[Fact, ...]) -> None:
        """Keep `facts` in their order."""
        self.facts = facts
        self.names = tuple(fact.name for fact in facts)
        self._places = {name: place for place, name in enumerate(self.names)}
        self._codes = {
            fact.name: {UNKNOWN: 0} | {value: code for code, value in enumerate(fact.values, 1)}
            for fact in facts
        }

    @classmethod
    def parse(cls, data: bytes, path: str) -> "FactTable":
        """Return the table in the bytes of facts.toml, or raise `ConfigError`."""
        file = read_toml(data, path)
        facts = tuple(_fact(entry) for entry in file.entries("fact"))
        file.finish()
        if not 0 < len(facts) <= FACTS_MAX:
            raise file.fault(f"{len(facts)} facts", f"give 1 to {FACTS_MAX}")
        if len({fact.name for fact in facts}) != len(facts):
            raise file.fault("a fact is given twice", "keep one")
        return cls(facts)

    def encode(self, answers: Mapping[str, str]) -> bytes:
        """Return one byte a fact; a fact that is not answered is unknown.

        Raises:
            RecordError: for a fact or an answer that is not in the table, naming it and the cure.

        """
        codes = bytearray(len(self.names))
        for name, answer in answers.items():
            if name not in self._codes:
                raise RecordError(f"fact {name!r} is unknown; use one of {', '.join(self.names)}")
            codes[self._places[name]] = self._code(name, answer)
        return bytes(codes)

    def _code(self, name: str, answer: str) -> int:
        code = self._codes[name].get(answer)
        if code is None:
            known = ", ".join(self._codes[name])
            raise RecordError(f"fact {name}: no such answer; use one of {known}")
        return code

    def decode(self, codes: bytes) -> dict[str, str]:
        """Return all answers, or raise `MalformedError` naming the fact with a wrong code."""
        if len(codes) != len(self.facts):
            message = f"facts: {len(codes)} codes, the bundle has {len(self.facts)} facts"
            raise MalformedError(message)
        answers = {}
        for fact, code in zip(self.facts, codes, strict=True):
            if code > len(fact.values):
                raise MalformedError(f"facts: {fact.name} has no answer with this code")
            answers[fact.name] = fact.values[code - 1] if code else UNKNOWN
        return answers

    def index(self, name: str) -> int | None:
        """Return the place of a fact, None for an unknown one."""
        return self.names.index(name) if name in self._codes else None


def _fact(entry: Entry) -> Fact:
    name = entry.text("name")
    entry.where = f"{entry.where} {name}"
    if not _NAME.fullmatch(name):
        raise entry.fault("the name is not lower case words", "join them by underscores")
    values = entry.texts("values")
    for value in values:
        if not _VALUE.fullmatch(value) or value == UNKNOWN:
            raise entry.fault(
                f"value {value!r} is not allowed", "use lower case; unknown is implied"
            )
    if len(values) > FACT_VALUES_MAX:
        raise entry.fault(f"{len(values)} values", f"give at most {FACT_VALUES_MAX}")
    fact = Fact(
        name=name,
        values=values,
        known_at=entry.word("known_at", _KNOWN_AT),
        explain=entry.text("explain"),
    )
    entry.finish()
    return fact


def check_table(table: FactTable, reserved: str) -> None:
    """Refuse a table that takes a name which the engine keeps for itself."""
    if table.index(reserved) is not None:
        raise ConfigError(f"fact {reserved} is the engine's own; rename it")
