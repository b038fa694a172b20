"""A lying author: whatever a schema lets through must be filed, shown and handed over, or refused.

Each value is one that its field accepts, and no two of them go together. What fails here would end
the receiving desk at every start.
"""

import json
import random
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from functools import cache
from typing import Any

import pytest

from shipped import shipped
from unit.journey.test_relayed import HEADER
from unit.schema.value_cases import GOOD
from world import NOW_MS, SeededEntropy, signed_bundle
from xref.desk.adapter import Adapter
from xref.desk.cabinet import Cabinet
from xref.desk.definitions import mismatches
from xref.desk.filing import take_content
from xref.desk.look import to_look_at
from xref.desk.receive import Opened, check_body
from xref.desk.write_form import Received, write_form
from xref.drivers.memory import MemoryStore
from xref.errors import MalformedError, MessageError
from xref.policy import Flow
from xref.state import State
from xref.wire.normal import named_types
from xref.wire.schema import Schema, SchemaField

POLICY = signed_bundle().policy
RECEIVED = [flow for flow in POLICY.flows.values() if flow.receipted]
TEXTS = [text for texts in GOOD.values() for text in texts]
TEXTS += ["0001-01-01", "9999-12-31", "2026-W01-1", "x" * 200, "ß" * 9, "İ", "-1", "𝒳", "0" * 30]
WHOLE = [0, 1, -1, 1999, 2**31 - 1, -(2**31), 2**63 - 1]
PLAIN: dict[str, list[Any]] = {
    "string": TEXTS,
    "int": WHOLE,
    "long": WHOLE,
    "boolean": [True, False],
    "bytes": [b"", bytes(16), b"\xff" * 32],
}
TRIES = 8


@cache
def adapters() -> list[Adapter]:
    return [shipped(name) for name in ("la", "vn", "th", "kh", "primero")]


def some(kind: Any, named: Mapping[str, Any], chance: random.Random) -> Any:
    """A value of an Avro type, as likely as not one that its field refuses."""
    if isinstance(kind, list):
        return None if chance.random() < 0.3 else some(kind[-1], named, chance)
    if isinstance(kind, str):
        return some(named[kind], named, chance) if kind in named else chance.choice(PLAIN[kind])
    match kind["type"]:
        case "array":
            return [some(kind["items"], named, chance) for _ in range(chance.randint(0, 4))]
        case "enum":
            return chance.choice(kind["symbols"])
        case "fixed":
            return chance.randbytes(kind["size"])
    return {each["name"]: some(each["type"], named, chance) for each in kind["fields"]}


def accepted(field: SchemaField, named: Mapping[str, Any], chance: random.Random) -> object:
    for _ in range(TRIES):
        value: object = some(field.type, named, chance)
        try:
            return field.decode(field.encode(value))
        except MalformedError:
            continue
    return None


def opened(flow: Flow, schema: Schema, chance: random.Random) -> Opened:
    named = dict(named_types(json.loads(schema.canonical)))
    values = {field.name: accepted(field, named, chance) for field in schema.fields}
    header = replace(
        HEADER,
        message=chance.randbytes(16),
        thread=chance.randbytes(16),
        flow=flow.code,
        sender=chance.choice(["LANRM001", "VNNRM001", "LAPOL001", "VNCON001"]),
        consent_ref=chance.randbytes(16),
        created_ms=NOW_MS,
    )
    look = tuple(to_look_at(values, header, flow, schema, signed_bundle()))
    return Opened(header, flow, values, NOW_MS, schema, look=look)


@pytest.mark.parametrize("flow", RECEIVED, ids=lambda flow: flow.name)
def test_writes_values_that_fields_accept_and_that_do_not_go_together(flow: Flow) -> None:
    chance, bundle = random.Random(flow.name), signed_bundle()
    cabinet = Cabinet(State(MemoryStore()), SeededEntropy(flow.name))
    for _ in range(3):
        each = opened(flow, POLICY.schema_for(flow), chance).placed_in(bundle)
        with suppress(MessageError):  # what is refused here is tried further all the same
            check_body(each.header, each.values)
        take_content(cabinet, each, 0, bundle, NOW_MS)
        content = json.loads(json.dumps(each.as_record(0, NOW_MS)))
        form = Received(
            message=each.header.message,
            type=content["type"],
            values=content["values"],
            from_office=content["from"],
            received_at_ms=content["received_ms"],
            reply_to=None,
            look=each.look,
        )
        for adapter in adapters():
            assert json.loads(write_form(adapter, form))
            mismatches(adapter, form.type, form.values)
