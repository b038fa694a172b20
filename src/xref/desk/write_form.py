"""From an opened message to the receiving office's form: UTF-8 JSON in its own words. Pure."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, cast

from xref.desk.adapter import Adapter
from xref.desk.adapter import Received as ReceivedForm
from xref.desk.cell import MANY, PATH, Column, write_cell
from xref.desk.definitions import cannot_hold
from xref.desk.plain_form import MARK, VERSION

_NO_WORDS: Final[Mapping[str, str]] = {}


@dataclass(frozen=True, slots=True)
class Received:
    """What a desk opened: the message's 16 bytes, its flow's name, values by canonical name.

    A field that was withheld and one that never was look the same: None, or not there.
    """

    message: bytes
    type: str
    values: Mapping[str, object | None]
    from_office: str
    received_at_ms: int
    reply_to: bytes | None = None
    """The message of this office that is answered; None where it answers nothing."""
    beyond: tuple[str, ...] = ()
    """Names of fields that came and that the office's version of the record does not have."""
    look: tuple[tuple[str, str], ...] = ()
    """Fields at which a person should look, each with the reason (`xref.desk.look`)."""


def write_form(adapter: Adapter, message: Received) -> bytes:
    """Return the message in the form that the adapter has for its type, or in xref's own form.

    It is xref's own where there is no other, and where the other would lose what protects the
    person: a contact restriction, the status as a victim, whether this is a child.
    Every key of the form is there, null where nothing came. Codes for which the form has no word
    stand as they came, and the form's column for `unlisted` names their keys, so that a person
    looks; it also names fields of a later version, which the form cannot hold, and fields in which
    this desk found something. The message's number is in it for the answer.
    """
    form = adapter.file.received.get(message.type)
    if form is None or cannot_hold(adapter, form, message.values):
        return _json(_plain(adapter, message))
    written: dict[str, object] = {}
    unlisted = list(message.beyond)
    doubted = {f"field/{field}" for field, _ in message.look}
    for column in form.columns:
        table = adapter.by_code.get(column.codes or "", _NO_WORDS)
        cell, said = write_cell(column, table, _value(adapter, form, column, message))
        written[column.header] = cell
        if not said or doubted.intersection(column.ends):
            unlisted.append(column.header)
    for column in form.columns:
        if column.ends == ("unlisted",):
            written[column.header] = unlisted
    return _json(_nested(written))


def _json(members: Mapping[str, object]) -> bytes:
    return (json.dumps(members, ensure_ascii=False, indent=2) + "\n").encode()


def _plain(adapter: Adapter, message: Received) -> dict[str, object]:
    """Return the message in xref's own form: the fields that came, by the schema's names."""
    return {
        MARK: VERSION,
        "type": message.type,
        "message": message.message.hex(),
        "from": message.from_office,
        "received_on": adapter.day_at(message.received_at_ms).isoformat(),
        "reply_to": message.reply_to.hex() if message.reply_to else None,
        "fields": {name: value for name, value in message.values.items() if value is not None},
        "beyond": list(message.beyond),
        "look": [{"field": field, "why": why} for field, why in message.look],
    }


def _value(adapter: Adapter, form: ReceivedForm, column: Column, message: Received) -> object:
    end = column.ends[0]
    if end.startswith("field/"):
        return message.values.get(end.removeprefix("field/"))
    if end == "message":
        return message.message.hex()
    if end == "title":
        return form.title
    if end == "from-office":
        return message.from_office
    if end == "received-on":
        return adapter.day_at(message.received_at_ms).isoformat()
    return None


def _nested(flat: Mapping[str, object]) -> dict[str, object]:
    """Return objects in objects for keys that are joined by ` / `, and arrays of them for `[]`."""
    top: dict[str, object] = {}
    for header, cell in flat.items():
        *parents, key = header.split(PATH)
        place, value = top, cell
        if parents and parents[-1].endswith(MANY):
            several = cell if isinstance(cell, list) else []
            value, key = [{key: each} for each in several], parents.pop().removesuffix(MANY)
        for parent in parents:
            # No key is both a value and an object: the adapter was checked for that.
            place = cast("dict[str, object]", place.setdefault(parent, {}))
        place[key] = value
    return top
