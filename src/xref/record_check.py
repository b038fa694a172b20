"""Whether a record can be sealed under a bundle, told before it is handed to the desk.

Form, today's lists, siblings that disagree, facts, and what cannot be true beside them. No
problem says which value was there.
"""

from collections.abc import Collection, Iterator, Mapping
from datetime import date
from typing import Final

from xref.code_lists import former, shipped_lists, unlisted
from xref.desk.contradict import contradicts
from xref.desk.contradictions import contradictions
from xref.desk.form_file import Problem
from xref.desk.plain_values import of_plain
from xref.desk.read_form import Record
from xref.desk.sharing_consent_check import faults
from xref.errors import ConfigError, MalformedError, RecordError
from xref.policy import Policy
from xref.wire.schema import Schema, SchemaField

_WHERE_TO: Final = "contact"
"""The category of a place to go to; a place of before, such as of birth, has another."""


def check_record(
    record: Record, policy: Policy, today: date, abroad: Collection[str] = ()
) -> list[Problem]:
    """Return what keeps a record from being sealed, before it is handed to the desk.

    `abroad` are the other Parties that may receive it, where they are known.
    """
    publication = policy.publications.get(record.publication)
    if publication is None:
        cure = f"use one of {', '.join(policy.publications)}"
        return [Problem(record.source, record.line, "", "no such publication", cure)]
    problems: dict[str, Problem] = {}
    for delivery in publication.deliveries:
        schema = policy.schema_for(policy.flow_named(delivery.flow))
        for name, fault, cure in _value_problems(record.values, schema, today):
            problems[name] = Problem(record.source, record.line, name, fault, cure)
    for member, fault, cure in faults(record):
        field = f"sharing consent: {member}"
        problems[field] = Problem(record.source, record.line, field, fault, cure)
    try:
        for found in contradictions(policy, record.values, record.facts, abroad, today):
            problems.setdefault(
                found.field or "facts",
                Problem(record.source, record.line, found.field, found.problem, found.rule.cure),
            )
    except RecordError:  # its words name what the file says
        known = ", ".join(policy.facts.names)
        problems["facts"] = Problem(
            record.source,
            record.line,
            "facts",
            "there is no such fact, or no such answer to it",
            f"use {known}, with the answers of docs/reference/plain-form.md",
        )
    except (ConfigError, MalformedError) as error:
        problems["facts"] = Problem(
            record.source, record.line, "facts", str(error), "use the listed values"
        )
    return list(problems.values())


def _value_problems(
    values: Mapping[str, object], schema: Schema, today: date
) -> Iterator[tuple[str, str, str]]:
    """Yield field, problem and cure for each value that cannot go."""
    for field in schema.fields:
        try:
            value = of_plain(field, values.get(field.name))
            field.encode(value)
        except MalformedError as error:
            yield field.name, error.detail.partition(": ")[2], _cure(field)
            continue
        fault = unlisted(field, value, shipped_lists())
        if fault is not None:
            yield field.name, fault, _cure(field)
        elif field.derived is not None and contradicts(field.name, values, today):
            source = field.derived.source
            yield field.name, f"does not follow from {source}", "correct one of the two"


def _cure(field: SchemaField) -> str:
    if field.value is None:
        return "correct this field"
    return f"write it like {field.value.example.splitlines()[0]}"


def doubtful_values(record: Record, policy: Policy) -> Iterator[tuple[str, str]]:
    """Yield each field whose code goes and is one of before, where a person is to go there."""
    publication = policy.publications.get(record.publication)
    flows = [policy.flow_named(each.flow) for each in publication.deliveries] if publication else []
    fields = {each.name: each for flow in flows for each in policy.schema_for(flow).fields}
    for name, field in fields.items():
        known = former(field, record.values.get(name), shipped_lists())
        if known is not None and field.category == _WHERE_TO:
            said = (
                f"since {known[1]} this is part of another; docs/reference/value-kinds.md names it"
            )
            yield name, said
