"""A value of every field of a record, of one invented person, with its bytes: for the pages."""

import json
from collections.abc import Mapping
from datetime import date
from typing import Any

from xref.desk.derive import siblings
from xref.wire.normal import named_types
from xref.wire.schema import Schema
from xref.wire.value_kind import ValueKind

_SAMPLES: Mapping[str, object] = {
    "string": "ສົມໃຈ",
    "bytes": b"\xff\xd8\xff\xd9",
    "int": 3,
    "long": 1_763_625_600_000,
    "boolean": True,
}
_TODAY = date(2026, 11, 20)
_WRITTEN: Mapping[str, object] = {
    "status_authority": "ຄະນະກຳມະການຕ້ານການຄ້າມະນຸດ",
    "family_name_native": "Nguyễn",
    "given_names_native": "Thị Ví Dụ",
    "name_script": "Latn",
    "family_name_romanised": "NGUYEN",
    "given_names_romanised": "THI VI DU",
    "name_as_registered": "Nguyễn Thị Ví Dụ",
    "other_names": ["Ví Dụ Nguyễn"],
    "birth_date": "1999-02-14",
    "birth_place": "Vinh",
    "age_status": "UNDISPUTED_ADULT",
    "victim_status": "PRESUMED",
    "father_name": "Nguyễn Văn Mẫu",
    "mother_name": "Trần Thị Mẫu",
    "relative_name": "Nguyễn Văn Mẫu",
    "residence_reference_year": 2019,
    "dependants": 1,
    "document_type": "P",
    "crossing_point": "VNLAO",
    "reply_office": "LANRM001",
    "sharing_consent_ref": "0f1e2d3c4b5a69788796a5b4c3d2e1f0",
    "case_ref": "9a8b7c6d5e4f30211203f4e5d6c7b8a9",
    "confidentiality_warned_on": "2026-11-18",
}
"""What a value of the kind alone would not show well; invented, and of one person."""


def _sample(kind: Any, named: Mapping[str, Any], value: ValueKind | None) -> object:
    """Return a value of a type, in the example of its kind."""
    if isinstance(kind, str):
        if kind in named:
            return _sample(named[kind], named, value)
        return value.example if value and kind == "string" else _SAMPLES[kind]
    match kind["type"]:
        case "array":
            return [_sample(kind["items"], named, value)]
        case "enum":
            return kind["symbols"][0]
        case "fixed":
            return bytes(range(kind["size"]))
        case _:
            return {each["name"]: _sample(each["type"], named, None) for each in kind["fields"]}


def _shown(value: object) -> object:
    """Return a value as JSON can show it; bytes in hexadecimal."""
    match value:
        case bytes():
            return value.hex()
        case list():
            return [_shown(each) for each in value]
        case dict():
            return {name: _shown(each) for name, each in value.items()}
        case _:
            return value


def worked_example(schema: Schema) -> list[str]:
    """Return a section with a value of every field, and its bytes."""
    named = dict(named_types(json.loads(schema.canonical)))
    lines = [
        "",
        "## A value of every field",
        "",
        "Of an invented person, written on 20 November 2026. A message seldom has them all.",
        "",
        "| field | value | bytes |",
        "| --- | --- | --- |",
    ]
    written = {
        field.name: _WRITTEN.get(field.name, _sample(field.type, named, field.value))
        for field in schema.fields
    }
    for field in schema.fields:
        beside = {n: v for n, v in {**_WRITTEN, **written}.items() if n != field.name}
        made = siblings(beside, (field.name,), today=_TODAY) if field.derived else {}
        value = made.get(field.name, written[field.name])
        shown = json.dumps(_shown(value), ensure_ascii=False)
        lines.append(f"| `{field.name}` | `{shown}` | `{field.encode(value).hex(' ')}` |")
    return lines
