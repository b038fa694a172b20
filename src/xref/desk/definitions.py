"""Whether an office's form can hold what protects a person, and means the same by it. Pure.

Two things follow (floor/no-downgrade). A message whose contact restrictions, status or age the form
cannot hold is written in xref's own form, which holds everything. And the sender is told in which
terms the two offices' definitions differ, since what one calls a victim the other may not.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from xref.desk.adapter import Adapter, Publication, Received
from xref.desk.cell import Column
from xref.wire.schema import Schema, SchemaField

NEVER_LOST: Final = ("contact_restrictions", "victim_status", "age_status")
"""What a form must have a place and all words for, where the message has it: else someone is called
who must not be, or a status is lowered."""
DEFINED: Final = ("victim_status", "age_status", "exploitation_types", "contact_restrictions")
"""The fields whose codes are terms of a law, in the order of the schema `definition_mismatch`."""

Form = Publication | Received


def column_of(form: Form, field: str) -> Column | None:
    """Return the form's column for a field, None where it has none."""
    end = f"field/{field}"
    return next((column for column in form.columns if end in column.ends), None)


def codes_lost(adapter: Adapter, column: Column, field: SchemaField) -> tuple[str, ...]:
    """Return the codes of a field for which a column has no word."""
    words = adapter.by_code.get(column.codes or "", {})
    return tuple(code for code in field.symbols if column.codes and code not in words)


def protection_lost(adapter: Adapter, form: Form, schemas: Iterable[Schema]) -> Iterator[str]:
    """Yield a sentence for each field of `NEVER_LOST` that a form has no place or word for."""
    told: set[str] = set()
    for field in (field for schema in schemas for field in schema.fields):
        if field.name not in NEVER_LOST or field.name in told:
            continue
        told.add(field.name)
        column = column_of(form, field.name)
        if column is None:
            yield f"the form has no place for {field.name}"
        elif lost := codes_lost(adapter, column, field):
            yield f"the form has no word for {field.name} {', '.join(lost)}"


def cannot_hold(adapter: Adapter, form: Received, values: Mapping[str, object]) -> tuple[str, ...]:
    """Return the fields of a message that its form would lose, though they protect the person."""
    return tuple(name for name in NEVER_LOST if not _says(adapter, form, name, values.get(name)))


def mismatches(adapter: Adapter, flow: str, values: Mapping[str, object]) -> tuple[str, ...]:
    """Return the fields of a received message in which a code is another thing here, or nothing.

    A code without a word in the form of this flow, or one that the adapter declares to be narrower
    in the country's law. A type without a form is written as it came: then the law alone counts.
    """
    form = adapter.file.received.get(flow)
    return tuple(
        name
        for name in DEFINED
        if _is_narrower(adapter, name, values.get(name))
        or (form is not None and not _says(adapter, form, name, values.get(name)))
    )


def _codes(value: object) -> list[str]:
    if value is None:
        return []
    return [str(code) for code in value] if isinstance(value, list | tuple) else [str(value)]


def _says(adapter: Adapter, form: Received, field: str, value: object) -> bool:
    codes, column = _codes(value), column_of(form, field)
    if column is None:
        return not codes
    words = adapter.by_code.get(column.codes or "", {})
    return column.codes is None or all(code in words for code in codes)


def _is_narrower(adapter: Adapter, field: str, value: object) -> bool:
    narrower = [each for each in adapter.file.definitions if each.field == field]
    return any(code in each.codes for each in narrower for code in _codes(value))
