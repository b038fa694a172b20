"""Whether a record can be sealed under a bundle, told before it is handed to the desk.

Form, today's lists, siblings that disagree, facts, and what cannot be true beside them. No
problem says which value was there.
"""

from collections.abc import Collection, Iterator, Mapping
from datetime import date

from xref.code_lists import shipped_lists, unlisted
from xref.desk.contradictions import contradictions
from xref.desk.derive import contradicts
from xref.desk.form_file import Problem
from xref.desk.plain_values import of_plain
from xref.desk.read_form import Record
from xref.errors import ConfigError, MalformedError
from xref.policy import Policy
from xref.wire.schema import Schema, SchemaField


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
        for name, fault, cure in _value_problems(record.values, schema):
            problems[name] = Problem(record.source, record.line, name, fault, cure)
    try:
        for found in contradictions(policy, record.values, record.facts, abroad, today):
            problems.setdefault(
                found.field or "facts",
                Problem(record.source, record.line, found.field, found.problem, found.rule.cure),
            )
    except (ConfigError, MalformedError) as error:
        problems["facts"] = Problem(
            record.source, record.line, "facts", str(error), "use the listed values"
        )
    return list(problems.values())


def _value_problems(values: Mapping[str, object], schema: Schema) -> Iterator[tuple[str, str, str]]:
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
        elif field.derived is not None and contradicts(field.name, values):
            source = field.derived.source
            yield field.name, f"does not follow from {source}", "correct one of the two"


def _cure(field: SchemaField) -> str:
    if field.value is None:
        return "correct this field"
    return f"write it like {field.value.example.splitlines()[0]}"
