"""Whether a record's body and its facts can both be true. Pure; the day comes in.

What cannot be read, or leaves it open, contradicts nothing: what no field may hold is refused by
its schema, and what is in doubt is for the office to judge.
"""

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Final

from xref.desk.adapter import fact_value
from xref.desk.contradict import contradicts_exactly
from xref.desk.derive import (
    ADULT_BANDS,
    ADULT_YEARS,
    CHILD_BANDS,
    days_of,
    years_between,
)
from xref.errors import RecordError
from xref.policy import Contradiction, Policy, Rule
from xref.wire.schema import Schema

_DAY: Final = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Found:
    """A contradiction between a field and the facts, or with no field among the facts."""

    rule: Rule
    field: str

    @property
    def problem(self) -> str:
        """What is wrong, without any value."""
        return f"{self.rule.explain} ({self.rule.id})"


def contradictions(
    policy: Policy,
    values: Mapping[str, object],
    facts: Mapping[str, str],
    parties: Collection[str],
    today: date,
) -> Iterator[Found]:
    """Yield what cannot be true at once of values by field name and facts by name.

    `parties` are those of the offices that may receive the record; empty where none is abroad.
    """
    codes = policy.facts.encode(facts)
    for each in policy.rulebook.contradictions:
        if not each.may_apply(codes):
            continue
        if not each.fields:
            yield Found(each.rule, "")
        for name in each.fields:
            value = values.get(name)
            if value is not None and _cannot_be(each, value, facts, parties, today):
                yield Found(each.rule, name)


def check_sealed(
    policy: Policy,
    schema: Schema,
    values: Mapping[str, object],
    facts: Mapping[str, str],
    parties: Collection[str],
    now_ms: int,
) -> None:
    """Raise `RecordError` naming field, fact and cure for the first contradiction in a message.

    What was looked at when the record came is looked at again: the day or the facts moved on.
    """
    sent = {name: value for name, value in values.items() if name in schema.by_name}
    for name in sent:
        if contradicts_exactly(name, sent):
            raise RecordError(f"{name}: does not follow from its finer field; correct one")
    today = datetime.fromtimestamp(now_ms / 1000, UTC).date()
    for found in contradictions(policy, sent, facts, parties, today):
        where = f"{found.field}: " if found.field else ""
        raise RecordError(f"{where}{found.problem} {found.rule.cure}")


def _cannot_be(
    each: Contradiction,
    value: object,
    facts: Mapping[str, str],
    parties: Collection[str],
    today: date,
) -> bool:
    if each.test == "codes":
        return value in each.codes
    if each.test == "no-other-code":
        answer = facts.get(each.fact, "unknown")
        return answer != "unknown" and fact_value(str(value)) != answer
    if each.test == "not-of-recipient":
        claimed = value if isinstance(value, list | tuple) else [value]
        return bool(parties) and not set(parties).intersection(claimed)
    return _TESTS[each.test](value, today)


def _certainly_under_18(value: object, today: date) -> bool:
    """Return whether whoever was born then is a child wherever it is already tomorrow."""
    days = days_of(value)
    young = days is not None and years_between(days[0], today + _DAY) < ADULT_YEARS
    return young or value in CHILD_BANDS


def _certainly_18(value: object, today: date) -> bool:
    """Return whether whoever was born then is an adult wherever it is still yesterday."""
    days = days_of(value)
    grown = days is not None and years_between(days[1], today - _DAY) >= ADULT_YEARS
    return grown or value in ADULT_BANDS


def _day_past(value: object, today: date) -> bool:
    """Return whether a day is over everywhere; a partial date ends with its last day."""
    days = days_of(value)
    return days is not None and days[1] < today - _DAY


_TESTS: Final[Mapping[str, Callable[[object, date], bool]]] = {
    "given": lambda value, _: value not in ("", [], ()),
    "true": lambda value, _: value is True,
    "false": lambda value, _: value is False,
    "certainly-under-18": _certainly_under_18,
    "certainly-18": _certainly_18,
    "day-past": _day_past,
}
