"""xref's own form: a record or a message as JSON by the names of the schemas. Pure.

Every desk reads and writes it beside the forms of its adapter: so an office can use a type for
which its adapter has no form yet. See docs/reference/plain-form.md.
"""

import unicodedata
from collections.abc import Iterator, Mapping
from datetime import date
from pathlib import PurePath
from typing import Final

import rfc8785

from xref import limits
from xref.desk.cell import PATH, ascii_digits, clean
from xref.desk.consent import SharingConsent, parse_sharing_consent
from xref.desk.derive import SIBLINGS, siblings
from xref.desk.form_file import Problem, Row, RowFault
from xref.desk.json_file import json_rows
from xref.desk.publish import DESK_FILLS
from xref.desk.read_form import MESSAGE_ID_BYTES, Reading, Record
from xref.errors import MalformedError
from xref.policy import DESK_FACTS, Policy
from xref.wire.schema import SchemaField

MARK: Final = "xref_form"
VERSION: Final = 1
_OBJECTS: Final = ("fields", "facts", "sharing_consent", "named")
_PLAIN: Final = (MARK, "publication", "case", "reply_to")
_DESKS_OWN: Final = ("sharing_consent", *DESK_FACTS)
_UNKNOWN: Final = "unknown"


class _FormFault(Exception):  # noqa: N818 - it is what the office has to put right
    """Field, problem and cure of a record; never what the record says."""


def is_plain_form(file_name: str, data: bytes) -> bool:
    """Say whether a file's first record is in this form: it has the member `xref_form`."""
    if PurePath(file_name).suffix.lower() != ".json" or len(data) > limits.FORM_WHOLE_BYTES_MAX:
        return False
    first = next(json_rows(data), None)
    return isinstance(first, Row) and MARK in first.cells


def read_plain_form(policy: Policy, file_name: str, data: bytes, *, today: date) -> Reading:
    """Return the records and problems of a file that `is_plain_form`."""
    source = PurePath(file_name).name
    records: list[Record] = []
    problems: list[Problem] = []
    for row in json_rows(data):
        if len(records) + len(problems) == limits.FORM_RECORDS_MAX:
            cure = f"split it; {limits.FORM_RECORDS_MAX} records go at once"
            problems.append(Problem(source, row.line, "", "reading stopped here", cure))
            break
        if isinstance(row, RowFault):
            problems.append(Problem(source, row.line, "", row.problem, row.cure))
            continue
        try:
            records.append(_record(policy, source, row, today))
        except _FormFault as fault:
            field, problem, cure = fault.args
            problems.append(Problem(source, row.line, field, problem, cure))
    return Reading(records, problems)


def _record(policy: Policy, source: str, row: Row, today: date) -> Record:
    plain, objects = _members(row.cells)
    if plain.get(MARK) != VERSION:
        raise _FormFault(MARK, "it is of another version", f"write {VERSION}")
    publication = _text("publication", plain.get("publication"))
    named = {role: _text(f"named{PATH}{role}", code) for role, code in objects["named"].items()}
    return Record(
        source=source,
        line=row.line,
        publication=publication,
        case=_case(plain.get("case")),
        values=_values(policy, publication, objects["fields"], today),
        facts=dict(_facts(objects["facts"])),
        sharing_consent=_sharing_consent(objects["sharing_consent"]),
        named=named,
        reply_to=_message(plain.get("reply_to")),
    )


def _members(
    cells: Mapping[str, object],
) -> tuple[dict[str, object], dict[str, dict[str, object]]]:
    """Return a record's plain members by name, and its objects."""
    plain: dict[str, object] = {}
    objects: dict[str, dict[str, object]] = {name: {} for name in _OBJECTS}
    for header, cell in cells.items():
        name, nested, key = header.partition(PATH)
        if nested and name in objects:
            objects[name][key] = cell
        elif name in _PLAIN and not nested:
            plain[name] = cell
        elif name not in objects or cell is not None:
            known = ", ".join((*_PLAIN, *_OBJECTS))
            raise _FormFault("", "it has a member that the form has not", f"use {known}")
    return plain, objects


def _text(name: str, value: object) -> str:
    if not isinstance(value, str) or not 0 < len(value) <= limits.CELL_CHARS_MAX:
        raise _FormFault(name, "it is missing, or no text", "write it as text")
    return unicodedata.normalize("NFC", value)


def _case(value: object) -> str:
    """Return the case number as other forms have it: in ASCII digits, without odd spaces."""
    return _text("case", ascii_digits(clean(_text("case", value))))


def _message(value: object) -> bytes | None:
    if value is None:
        return None
    try:
        message = bytes.fromhex(_text("reply_to", value))
    except ValueError:
        message = b""
    if len(message) != MESSAGE_ID_BYTES:
        cure = "copy the member message of the message received"
        raise _FormFault("reply_to", "it is no message number", cure)
    return message


def _values(
    policy: Policy, publication: str, given: Mapping[str, object], today: date
) -> dict[str, object]:
    """Return the fields as schemas want them, with the siblings that the desk derives.

    Another name than the records have is refused: it may be a contact restriction, misspelt.
    """
    fields = _fields_of(policy, publication)
    sources = {each.derived.source for each in fields.values() if each.derived}
    for name in given:
        if name in DESK_FILLS:
            raise _FormFault(name, "the desk fills it in", "leave it out")
        if fields and name not in fields.keys() | sources:
            cure = "correct its name; docs/reference/flows.md lists them"
            raise _FormFault("", "no record of this publication has one of the fields", cure)
    derived = tuple(name for name, each in fields.items() if each.derived and name in SIBLINGS)
    values = {name: _normal(value) for name, value in given.items() if value is not None}
    return siblings(values, derived, today=today)


def _fields_of(policy: Policy, publication: str) -> dict[str, SchemaField]:
    """Return the fields of all records that a publication becomes; none for one not known."""
    return {
        each.name: each for one in policy.rulebook.schemas_of(publication) for each in one.fields
    }


def _normal(value: object) -> object:
    if isinstance(value, list):
        return [_normal(each) for each in value]
    return unicodedata.normalize("NFC", value) if isinstance(value, str) else value


def _facts(given: Mapping[str, object]) -> Iterator[tuple[str, str]]:
    for name, value in given.items():
        if name in _DESKS_OWN:
            raise _FormFault(f"facts{PATH}{name}", "the desk states it", "leave it out")
        said = _text(f"facts{PATH}{name}", value)
        if said != _UNKNOWN:
            yield name, said


def _sharing_consent(given: Mapping[str, object]) -> SharingConsent | None:
    if not given:
        return None
    try:
        return parse_sharing_consent(rfc8785.dumps(dict(given)))  # type: ignore[arg-type] # from JSON
    except (MalformedError, rfc8785.CanonicalizationError) as error:
        cure = "write the members of docs/spec/sharing-consent.md"
        raise _FormFault("sharing_consent", str(error), cure) from error
