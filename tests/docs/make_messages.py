"""Writes docs/reference/messages from the shipped bundle: `python tests/docs/make_messages.py`."""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from docs.make_flows import ROOT, shipped
from docs.worked_example import worked_example
from xref.code_lists import shipped_lists
from xref.desk.publish import DESK_FILLS
from xref.policy import ROLES, Flow, Policy
from xref.wire.avro import AvroCodec
from xref.wire.normal import named_types
from xref.wire.schema import Schema, SchemaField
from xref.wire.value_kind import CODE_LIST

FOLDER = ROOT / "docs" / "reference" / "messages"
_MADE = (
    "Made from `schemas/` and `policies/` by `python tests/docs/make_messages.py`; a test compares."
)
_INDEX = """# Messages

Every record that crosses between offices: which fields it has, and who may ever receive each. With
these pages and [the wire](../../spec/README.md) another State can write its side without us.
{made}

## How to read a page

- **id** places a field in the mask of a message and in its commitments
  ([schema](../../spec/schema.md)).
- **must**: the origin must give a value. It may still be withheld on the way, and then looks
  absent.
- **who may ever receive it**: the roles that some facts could open the field to, by the rules of
  this bundle ([policy](../../spec/policy.md)). What one office gets of one case is that or less:
  the facts and the person's sharing consent decide. *Nobody* means that no rule opens it.
- **source**: `ours`, or lines of the documents that the project was given.
- The digest of a schema is what a message names; a change of any byte is another one.

What a message is around its fields: [header](../../spec/header.md),
[statement](../../spec/statement.md) with a commitment to every field,
[body](../../spec/body.md) with the sealed ones, [envelope](../../spec/envelope.md).
What a text stands for, and its form: [kinds of values](../value-kinds.md).
The whole as an [AsyncAPI document](../asyncapi.json).

## How a value is written

One field's value is Avro's binary form behind the branch of its union, `02`; absence is `00` and is
never sealed. There is exactly one form of each value ([schema](../../spec/schema.md), "A value").

| type | example | bytes |
| --- | --- | --- |
{encodings}

## What the sending desk fills in

{filled}

A receiver shows a person where these say something else than the header, where a sibling does not
follow from what it is derived from, where a code is on no list that it has, and where the agreement
asks for another basis or crossing. The message counts all the same.

## All records

| record | sent as | fields | what it is |
| --- | --- | --- | --- |
{records}
"""
_ENUM = {"type": "enum", "name": "xref.example", "symbols": ["FIRST", "SECOND", "THIRD"]}
_MEMBERS = [{"name": "place", "type": "string"}, {"name": "days", "type": "int"}]
_EXAMPLES: tuple[tuple[str, Any, object], ...] = (
    ("text", "string", "ສົມໃຈ"),
    ("text", "string", "Nguyễn"),
    ("bytes", "bytes", b"\xff\xd8"),
    ("whole number, 32 bits", "int", -2),
    ("whole number, 64 bits", "long", 300),
    ("true or false", "boolean", True),
    ("code: the place of its symbol, from 0", _ENUM, "SECOND"),
    ("fixed bytes", {"type": "fixed", "name": "xref.key", "size": 4}, b"\x01\x02\x03\x04"),
    ("list", {"type": "array", "items": "string", "xref.max_items": 8}, ["lo", "vi"]),
    ("list, empty", {"type": "array", "items": "string", "xref.max_items": 8}, []),
    (
        "members, in their order",
        {"type": "record", "name": "xref.stay", "fields": _MEMBERS},
        {"place": "Paksé", "days": 3},
    ),
)
_TITLES = (
    *("id", "field", "type", "must", "category", "sensitivity"),
    *("who may ever receive it", "source", "what it is"),
)
_OPEN = (
    "Open: codes may be added at the end, and one that a reader's version lacks stays as it came. "
    "A reader that can hold its own codes alone takes `{}`."
)
_CLOSED = "Closed: nothing is ever added; a place beyond the last is refused."
_FILLED: Mapping[str, str] = {
    "referral_id": "a fresh random UUID for every message; an answer repeats the one it answers",
    "request_id": "as `referral_id`",
    "notice_id": "as `referral_id`",
    "case_ref": "32 hexadecimal digits, random, the same for one case and one recipient, and "
    "repeated by whoever answers; a desk shows it to no other office",
    "reply_office": "the sender of the header",
    "sharing_consent_ref": "`consent_ref` of the header in hexadecimal; absent where that is zeros",
    "answered_by": "the sender of the header",
    "answered_on": "the day of `created` in the header, UTC",
}
_REACH = {"crossing": "abroad", "domestic": "at home", "any": "abroad or at home"}


def _encodings() -> str:
    rows = []
    for says, kind, value in _EXAMPLES:
        named = dict(named_types(kind)) if isinstance(kind, dict) else {}
        data = AvroCodec(kind, named, "example").encode(value).hex(" ")
        shown = (
            value.hex(" ") if isinstance(value, bytes) else json.dumps(value, ensure_ascii=False)
        )
        rows.append(f"| {says} | `{shown}` | `{data}` |")
    return "\n".join(rows)


def _filled() -> str:
    assert _FILLED.keys() == set(DESK_FILLS)
    rows = [f"| `{name}` | {rule} |" for name, rule in _FILLED.items()]
    return "\n".join(["| field | value |", "| --- | --- |", *rows])


def _short(name: str) -> str:
    return name.rpartition(".")[2]


def _flows_of(policy: Policy, schema: Schema) -> list[Flow]:
    found = [flow for flow in policy.flows.values() if policy.schema_for(flow) is schema]
    return sorted(found, key=lambda flow: flow.code)


def _roles(roles: Iterable[str]) -> str:
    found = tuple(roles)
    return "any" if set(found) == set(ROLES) else ", ".join(found)


def _receivers(policy: Policy, flows: Iterable[Flow], field: SchemaField) -> str:
    """Return who may ever receive a field: the roles within some ceiling."""
    opened: dict[str, set[str]] = {}
    for flow in flows:
        for role in flow.to_roles:
            for place, same in (("abroad", False), ("at home", True)):
                ways = [
                    policy.ceiling(flow.code, sender, role, same_party=same)
                    for sender in flow.from_roles
                ]
                if any(ceiling & field.mask for ceiling in ways):
                    opened.setdefault(place, set()).add(role)
    parts = [f"{_roles(r for r in ROLES if r in roles)} {place}" for place, roles in opened.items()]
    return "; ".join(parts) or "nobody"


def _type(kind: Any, named: Mapping[str, Any]) -> str:
    """Return a type in words; a code list and members are spelled out further down."""
    if isinstance(kind, str):
        return _PLAIN.get(kind) or _type(named[kind], named)
    match kind["type"]:
        case "array":
            return f"list of {_type(kind['items'], named)}, at most {kind['xref.max_items']}"
        case "enum":
            return f"code [{_short(kind['name'])}](#{_anchor(kind)})"
        case "fixed":
            return f"{kind['size']} bytes"
        case _:
            return f"members [{_short(kind['name'])}](#{_anchor(kind)})"


_PLAIN = {
    "string": "text",
    "bytes": "bytes",
    "int": "whole number, 32 bits",
    "long": "whole number, 64 bits",
    "boolean": "true or false",
}


def _anchor(kind: Mapping[str, Any]) -> str:
    words = "code-list" if kind["type"] == "enum" else "members"
    return f"{words}-{_short(kind['name'])}"


def _value(document: Mapping[str, Any]) -> str:
    """Return what kind of value a field holds, where the schema says so."""
    kind = document.get("xref.value")
    if kind is None:
        return ""
    listed = CODE_LIST.fullmatch(kind)
    target = f"#open-list-{listed[1]}" if listed else "../value-kinds.md"
    return f", [{kind}]({target})"


def _field_rows(policy: Policy, schema: Schema) -> list[str]:
    document = json.loads(schema.canonical)
    named = dict(named_types(document))
    documents = {each["xref.id"]: each for each in document["fields"]}
    flows = _flows_of(policy, schema)
    rows = []
    for field in schema.fields:
        said = documents[field.id]
        derived = _derived(field)
        largest = f", at most {said['xref.max_bytes']} bytes" if "xref.max_bytes" in said else ""
        rows.append(
            f"| {field.id} | `{field.name}` | {_type(field.type, named)}{_value(said)}{largest} |"
            f" {'must' if field.required else ''} | {field.category} | {field.sensitivity} |"
            f" {_receivers(policy, flows, field)} | {field.source} | {field.doc}{derived} |"
        )
    return rows


def _derived(field: SchemaField) -> str:
    if field.name in DESK_FILLS:
        return " [The desk fills it](README.md#what-the-sending-desk-fills-in)."
    if field.derived is None:
        return ""
    made = f"[`{field.derived.function}`](../../spec/value.md#siblings)"
    return f" Derived from `{field.derived.source}` by {made}."


def _spelled_out(schema: Schema) -> list[str]:
    """Return a section for every code list and every record of members."""
    lines: list[str] = []
    document = json.loads(schema.canonical)
    named = dict(named_types(document))
    for name, kind in named.items():
        if name == document["name"] or kind["type"] == "fixed":
            continue
        title = "Code list" if kind["type"] == "enum" else "Members"
        lines += ["", f"## {title} `{_short(name)}`", ""]
        if "doc" in kind:
            lines += [kind["doc"], ""]
        if kind["type"] == "enum":
            meanings = kind["xref.meanings"]
            lines += [
                f"{place}. `{symbol}`: {meaning}"
                for place, (symbol, meaning) in enumerate(
                    zip(kind["symbols"], meanings, strict=True)
                )
            ]
            lines += ["", _OPEN.format(kind["default"]) if "default" in kind else _CLOSED]
        else:
            lines += ["| member | type | what it is |", "| --- | --- | --- |"]
            lines += [
                f"| `{each['name']}` | {_type(each['type'], named)} | {each.get('doc', '')} |"
                for each in kind["fields"]
            ]
    return lines


def _open_lists(schema: Schema) -> list[str]:
    """Return a section for every open list that a field's codes come from, as it is today."""
    kinds = [each.get("xref.value", "") for each in json.loads(schema.canonical)["fields"]]
    names = {listed[1] for kind in kinds if (listed := CODE_LIST.fullmatch(kind))}
    lines: list[str] = []
    for name in sorted(names):
        found = shipped_lists()[name]
        lines += ["", f"## Open list `{name}`", ""]
        lines += [
            f"From {found.standard}. Today's codes are below. A Party's own code stands behind"
        ]
        lines += [
            "its letters and a colon; one that the reader does not know stays as it came.",
            "",
        ]
        lines += [", ".join(f"`{code}`" for code in sorted(found.codes)) + "."]
    return lines


def _page(policy: Policy, schema: Schema) -> str:
    document = json.loads(schema.canonical)
    retired = document.get("xref.retired_ids", [])
    lines = [f"# `{_short(schema.name)}`", "", document.get("doc", ""), "", _MADE, ""]
    file = f"[`{_short(schema.name)}.avsc`](../../../schemas/{_short(schema.name)}.avsc)"
    normal_form = "[normal form](../../spec/schema.md#normal-form-and-digest)"
    lines += [
        f"Schema `{schema.name}` ({file}), SHA-256 of its {normal_form} `{schema.digest32.hex()}`.",
        "How to read this page, how a value is written and what goes around the fields:",
        "[README](README.md). When it is sent and what must be true: the flows below.",
    ]
    if retired:
        lines += [f"Ids that no field may take again: {', '.join(map(str, retired))}."]
    lines += ["", "| sent as | code | from | to | where | purpose |"]
    lines += ["| --- | --- | --- | --- | --- | --- |"]
    for flow in _flows_of(policy, schema):
        purpose = policy.purposes[flow.purpose]
        iri = f" (`{purpose.iri}`)" if purpose.iri else ""
        ends = f"{_roles(flow.from_roles)} | {_roles(flow.to_roles)} | {_REACH[flow.reach]}"
        name = f"[`{flow.name}`](../flows.md#{flow.name})"
        lines.append(f"| {name} | {flow.code} | {ends} | {flow.purpose}{iri} |")
    lines += ["", "## Fields", ""]
    lines += [f"| {' | '.join(_TITLES)} |", "| --- " * len(_TITLES) + "|"]
    lines += _field_rows(policy, schema)
    more = [*_spelled_out(schema), *_open_lists(schema), *worked_example(schema)]
    return "\n".join([*lines, *more]) + "\n"


def _index(policy: Policy, schemas: Iterable[Schema]) -> str:
    rows = []
    for schema in schemas:
        name = _short(schema.name)
        flows = ", ".join(f"`{flow.name}`" for flow in _flows_of(policy, schema))
        doc = json.loads(schema.canonical).get("doc", "")
        rows.append(f"| [`{name}`]({name}.md) | {flows} | {len(schema.fields)} | {doc} |")
    return _INDEX.format(
        made=_MADE, encodings=_encodings(), filled=_filled(), records="\n".join(rows)
    )


def pages() -> dict[str, str]:
    """Return all pages by file name."""
    policy = shipped().policy
    schemas = sorted(policy.schemas.values(), key=lambda schema: schema.name)
    found = {f"{_short(schema.name)}.md": _page(policy, schema) for schema in schemas}
    return {"README.md": _index(policy, schemas), **found}


def written() -> dict[str, str]:
    """Return the pages that are there, by file name."""
    return {file.name: file.read_text(encoding="utf-8") for file in FOLDER.glob("*.md")}


def write(folder: Path = FOLDER) -> None:
    """Write all pages, and remove those of records that are gone."""
    folder.mkdir(exist_ok=True)
    made = pages()
    for name in written().keys() - made.keys():
        (folder / name).unlink()
    for name, text in made.items():
        (folder / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    write()
