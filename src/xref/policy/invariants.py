"""Invariants: sentences about what the rules let through, read strictly from invariants.toml.

A rule says what one mechanism does; an invariant says what a person can rely on, whichever rule
sees to it. They are in the bundle, so that the Parties sign them with the rules that they bind.
See docs/spec/policy.md.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from xref.errors import ConfigError
from xref.limits import INVARIANTS_MAX
from xref.policy.conditions import Clause, Condition
from xref.policy.facts import Fact
from xref.policy.reading import Entry, read_toml
from xref.policy.rulebook import AGREEMENT_INVARIANTS, INVARIANTS_PATH, Rulebook, words_of
from xref.policy.rules import Selector, Words, read_selector
from xref.policy.vocabulary import UNKNOWN
from xref.wire.schema import CATEGORIES

KINDS: Final = ("never", "always", "alike", "told", "kept", "scoped", "narrows")
"""`never`: these fields go on none of these facts. `always`: nothing refuses, and these fields go.
`alike`: what goes, where anything does, depends on no fact but these. `told`: this rule is among
the reasons. `kept`: the message stays unless these fields go with it. `scoped`: these fields go
only where the sharing consent covers them. `narrows`: to change this fact to one of these answers
opens nothing."""

_HOLDS_FOR: Final = ("any-agreement", "this-bundle")


@dataclass(frozen=True, slots=True)
class Invariant:
    """One sentence and what it means; `any_agreement` is for all that the floor would let pass."""

    id: str
    kind: str
    says: str
    cite: tuple[str, ...]
    rules: tuple[str, ...]
    selector: Selector
    any_agreement: bool
    fields: tuple[str, ...]
    categories: tuple[str, ...]
    where: Condition
    unless: Condition
    fact: int = 0
    answers: int = 0
    but: tuple[int, ...] = ()


def read_invariants(files: Mapping[str, bytes], rulebook: Rulebook) -> tuple[Invariant, ...]:
    """Return the invariants in a bundle's files, or raise `ConfigError` naming what is wrong."""
    if INVARIANTS_PATH not in files:
        raise ConfigError(f"{INVARIANTS_PATH} is missing; add what the rules are to keep to")
    paths = [
        INVARIANTS_PATH,
        *sorted(path for path in files if AGREEMENT_INVARIANTS.fullmatch(path)),
    ]
    words, rules = words_of(rulebook), {rule.id for rule in rulebook.rules}
    found = [each for path in paths for each in _in_file(files[path], path, words, rules)]
    if not 0 < len(found) <= INVARIANTS_MAX:
        raise ConfigError(f"{INVARIANTS_PATH}: {len(found)} invariants; give 1 to {INVARIANTS_MAX}")
    if len({each.id for each in found}) != len(found):
        raise ConfigError(f"{INVARIANTS_PATH}: an id is given twice; choose another")
    return tuple(found)


def _in_file(data: bytes, path: str, words: Words, rules: Collection[str]) -> Iterator[Invariant]:
    source = read_toml(data, path)
    for kind in KINDS:
        for entry in source.entries(kind):
            invariant = _invariant(entry, kind, words, rules)
            if invariant.any_agreement and path != INVARIANTS_PATH:
                raise entry.fault("an agreement promises for itself alone", "hold for this-bundle")
            yield invariant
    source.finish()


def _invariant(entry: Entry, kind: str, words: Words, rules: Collection[str]) -> Invariant:
    name = entry.text("id")
    entry.where = f"{entry.where} {name}"
    fact, answers = _change(entry, words.facts) if kind == "narrows" else (0, 0)
    invariant = Invariant(
        id=name,
        kind=kind,
        says=entry.text("says"),
        cite=entry.cites(),
        rules=entry.words("rules", sorted(rules), None if kind == "told" else ()),
        selector=read_selector(entry, words),
        any_agreement=entry.word("holds_for", _HOLDS_FOR) == _HOLDS_FOR[0],
        fields=entry.words("fields", words.fields, ()),
        categories=entry.words("categories", sorted(CATEGORIES), ()),
        where=_condition(entry, "where", words.facts),
        unless=_condition(entry, "unless", words.facts) if kind == "never" else (),
        fact=fact,
        answers=answers,
        but=_but(entry, words.facts) if kind == "alike" else (),
    )
    entry.finish()
    if kind in ("kept", "scoped") and not (invariant.fields or invariant.categories):
        raise entry.fault("no field is named", "add fields or categories")
    if invariant.any_agreement and invariant.selector.flows is not None:
        raise entry.fault("any agreement may name its flows as it likes", "select by nature")
    return invariant


def _change(entry: Entry, facts: Sequence[Fact]) -> tuple[int, int]:
    name = entry.word("fact", [fact.name for fact in facts])
    place = [fact.name for fact in facts].index(name)
    return place, _bits(entry, "to", facts[place])


def _but(entry: Entry, facts: Sequence[Fact]) -> tuple[int, ...]:
    names = [fact.name for fact in facts]
    return tuple(names.index(each) for each in entry.words("but", names, ()))


def _condition(entry: Entry, name: str, facts: Sequence[Fact]) -> Condition:
    """Return a list of tables fact = [answers]; unlike in a rule, unknown can be named."""
    places = {fact.name: place for place, fact in enumerate(facts)}
    condition = []
    for clause in entry.entries(name):
        members = clause.members()
        if not members or set(members) - places.keys():
            raise clause.fault("names no fact, or an unknown one", f"use {', '.join(places)}")
        terms = [(places[each], _bits(clause, each, facts[places[each]])) for each in members]
        condition.append(Clause(tuple(sorted(terms))))
    return tuple(condition)


def _bits(entry: Entry, name: str, fact: Fact) -> int:
    answers = (UNKNOWN, *fact.values)
    return sum(1 << answers.index(each) for each in entry.words(name, answers))
