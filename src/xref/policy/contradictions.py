"""What a record must not say beside its facts: data, read strictly. See docs/spec/policy.md.

Not a rule of the floor: it opens and closes nothing at a hop, which reads no body. The sending desk
looks when a record is handed in and again when it is sealed, as its office attests both.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from xref.errors import ConfigError
from xref.policy.conditions import Condition, any_holds, read_condition
from xref.policy.facts import FactTable
from xref.policy.reading import Entry, read_toml
from xref.policy.rules import Rule, Words, read_rule

VALUE_TESTS: Final = (
    "given",
    "codes",
    "no-other-code",
    "true",
    "false",
    "certainly-under-18",
    "certainly-18",
    "day-past",
    "not-of-recipient",
)
"""What may be asked of a field's value; `no-other-code` is any code but the fact's own answer."""


@dataclass(frozen=True, slots=True)
class Contradiction:
    """What cannot be true at once: facts where `when` holds (always, if empty), and a value.

    Without `fields` the facts alone contradict each other. Where a clause of `unless` holds there
    is no contradiction.
    """

    rule: Rule
    fields: tuple[str, ...]
    test: str
    codes: tuple[str, ...]
    fact: str
    when: Condition
    unless: Condition

    def may_apply(self, codes: bytes) -> bool:
        """Return whether the facts leave this contradiction possible. Unknown contradicts none."""
        return (not self.when or any_holds(self.when, codes)) and not any_holds(self.unless, codes)


def read_contradictions(
    data: bytes, path: str, table: FactTable, words: Words
) -> tuple[Contradiction, ...]:
    """Return the contradictions in a file, or raise `ConfigError`."""
    file = read_toml(data, path)
    found = tuple(_contradiction(entry, table, words) for entry in file.entries("contradiction"))
    file.finish()
    _check_ids(found, path)
    return found


def _contradiction(entry: Entry, table: FactTable, words: Words) -> Contradiction:
    fields = entry.words("fields", words.fields, ())
    contradiction = Contradiction(
        rule=read_rule(entry, "record", "contradiction"),
        fields=fields,
        test=entry.word("value", VALUE_TESTS) if fields else "",
        codes=entry.texts("codes", ()),
        fact=entry.word("fact", table.names) if entry.has("fact") else "",
        when=read_condition(entry, "when", table.facts, matches_unknown=False),
        unless=read_condition(entry, "unless", table.facts, matches_unknown=False),
    )
    entry.finish()
    if bool(contradiction.codes) != (contradiction.test == "codes"):
        raise entry.fault("codes belongs to the value codes, and it to that", "correct one")
    if bool(contradiction.fact) != (contradiction.test == "no-other-code"):
        raise entry.fault("fact belongs to no-other-code, and it to that", "correct one")
    if not (contradiction.when or contradiction.test in ("no-other-code", "not-of-recipient")):
        raise entry.fault("no fact is named", "add a when table")
    return contradiction


def _check_ids(found: Iterable[Contradiction], path: str) -> None:
    ids = [each.rule.id for each in found]
    twice = {each for each in ids if ids.count(each) > 1}
    if twice:
        raise ConfigError(f"{path}: {min(twice)} is given twice; keep one")
