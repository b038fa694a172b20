"""Writes docs/reference/rules.md: seed line, rule, test. `python tests/docs/make_rules.py`."""

import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from xref.bundle import build
from xref.policy.invariants import Invariant, read_invariants
from xref.policy.rules import Rule
from xref.sources import read_sources

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "reference" / "rules.md"
SOURCES = Path(__file__).with_name("source_rules.toml")
_ANY_RULE = "tests/unit/policy/test_mutation.py"
_ANY_PERMIT = "tests/unit/policy/test_ceilings.py"
_HEAD = """# Rules

From the line of a source to the rule and to what shows that it is kept. Made from `policies/` and
the tests by `python tests/docs/make_rules.py`, which fails where one of the three is missing.
`001:933` is line 933 of the first seed document. A rule of the weight `derived` is ours: no source
gives it word for word.

Every rule of the floor is weakened in every single way by `tests/unit/policy/test_mutation.py`, and
an invariant that names it must notice. Every permit opens what it says, and no more, in
`tests/unit/policy/test_ceilings.py`; Cedar agrees with each in
`tests/unit/policy/test_cedar.py`.
"""
_NOT = """## What the sources ask for and no rule does

The numbers are those of our reading of the sources: 1 is the first document, 2 the other three.
"""
_DONE = """## Which rule answers which rule of the sources
"""


class Rules:
    """The shipped rules with their invariants and the tests that name them."""

    def __init__(self) -> None:
        draft = build(read_sources(ROOT / "policies", ROOT / "schemas"))
        self.rulebook = draft.policy.rulebook
        self.invariants = read_invariants(draft.files, self.rulebook)
        self._texts = {
            path.relative_to(ROOT).as_posix(): path.read_text(encoding="utf-8")
            for folder in ("unit", "attacks", "simulation")
            for path in sorted((ROOT / "tests" / folder).rglob("test_*.py"))
        }

    def proved_by(self, rule: Rule) -> list[Invariant]:
        """Return the invariants that would fail without the rule."""
        return [each for each in self.invariants if rule.id in each.rules]

    def tests(self, rule: Rule) -> list[str]:
        """Return the files of tests that name the rule, after the one that tries all of them."""
        named = [path for path, text in self._texts.items() if f'"{rule.id}"' in text]
        return [_ANY_PERMIT if rule.kind == "permit" else _ANY_RULE, *named]


def page() -> str:
    """Return the page, or raise `LookupError` where something is missing."""
    rules, sources = Rules(), tomllib.loads(SOURCES.read_text(encoding="utf-8"))
    parts = [_HEAD, *_floor(rules), *_permits(rules), *_sources(sources, rules)]
    return "\n".join(parts).rstrip() + "\n"


def _floor(rules: Rules) -> Iterator[str]:
    yield "## The floor\n\n| source | weight | rule | in words | proved as | tests |"
    yield "| --- | --- | --- | --- | --- | --- |"
    for forbid in rules.rulebook.forbids:
        rule = forbid.rule
        proved = [f"`{each.id}`" for each in rules.proved_by(rule)]
        if not proved or not rule.cite:
            raise LookupError(f"{rule.id}: no invariant names it, or it cites nothing")
        yield (
            f"| {', '.join(rule.cite)} | {rule.weight} | `{rule.id}` | {rule.explain} "
            f"| {', '.join(proved)} | {_links(rules.tests(rule))} |"
        )
    yield ""


def _permits(rules: Rules) -> Iterator[str]:
    yield "## What agreements permit\n\n| source | weight | rule | in words | tests |"
    yield "| --- | --- | --- | --- | --- |"
    for permit in rules.rulebook.permits:
        rule = permit.rule
        yield (
            f"| {', '.join(rule.cite)} | {rule.weight} | `{rule.id}` | {rule.explain} "
            f"| {_links(rules.tests(rule))} |"
        )
    yield ""


def _links(paths: list[str]) -> str:
    return ", ".join(f"[{Path(path).stem}](../../{path})" for path in dict.fromkeys(paths))


def _sources(sources: dict[str, dict[str, Any]], rules: Rules) -> Iterator[str]:
    known = {rule.id for rule in rules.rulebook.rules}
    yield f"{_DONE}\n| number | asks | source | rules |\n| --- | --- | --- | --- |"
    for number, each in sources.items():
        if unknown := set(each.get("by", ())) - known:
            raise LookupError(f"{number}: no rule {min(unknown)}")
        if ("by" in each) is ("why" in each):
            raise LookupError(f"{number}: either a rule or a reason")
        if "by" in each:
            by = ", ".join(f"`{rule}`" for rule in each["by"])
            yield f"| {number} | {each['says']} | {each['cite']} | {by} |"
    yield f"\n{_NOT}\n| number | asks | source | why there is no rule |\n| --- | --- | --- | --- |"
    for number, each in sources.items():
        if "why" in each:
            yield f"| {number} | {each['says']} | {each['cite']} | {each['why']} |"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
