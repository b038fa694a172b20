"""Whether a record can be sealed under a bundle, told before it is handed to the desk. Pure."""

from xref.desk.form_file import Problem
from xref.desk.plain_values import of_plain
from xref.desk.read_form import Record
from xref.errors import ConfigError, MalformedError
from xref.policy import Policy


def check_record(record: Record, policy: Policy) -> list[Problem]:
    """Return what keeps a record from being sealed, before it is handed to the desk."""
    publication = policy.publications.get(record.publication)
    if publication is None:
        cure = f"use one of {', '.join(policy.publications)}"
        return [Problem(record.source, record.line, "", "no such publication", cure)]
    problems: dict[str, Problem] = {}
    for delivery in publication.deliveries:
        schema = policy.schema_for(policy.flow_named(delivery.flow))
        for field in schema.fields:
            try:
                field.encode(of_plain(field, record.values.get(field.name)))
            except MalformedError as error:
                problems[field.name] = Problem(
                    record.source, record.line, field.name, error.detail, "correct this field"
                )
    try:
        policy.facts.encode(record.facts)
    except (ConfigError, MalformedError) as error:
        problems["facts"] = Problem(
            record.source, record.line, "facts", str(error), "use the listed values"
        )
    return list(problems.values())
