"""The normal form of a schema, and what a schema of ours must be. See docs/spec/schema.md."""

import json
import re
from collections.abc import Iterable, Mapping
from typing import Any, Final, TypeAlias

from xref.errors import ConfigError
from xref.limits import FIELDS_MAX, SCHEMA_BYTES_MAX, SCHEMA_ITEMS_MAX

Document: TypeAlias = Any
"""A JSON value that nobody has checked yet."""

PRIMITIVES: Final = frozenset({"string", "int", "long", "boolean", "bytes"})
NAME: Final = re.compile(r"[a-z][a-z0-9_]{0,63}")
_FULL_NAME: Final = re.compile(r"[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)+")
_SYMBOL: Final = re.compile(r"[A-Z][A-Z0-9_]{0,63}")
_CITE: Final = re.compile(r"00[1-4]:[1-9][0-9]*(-[1-9][0-9]*)?")
_ID_MAX: Final = 2**16 - 1
_RECORD_ATTRIBUTES: Final = frozenset(
    {"type", "name", "namespace", "doc", "fields", "xref.retired_ids"}
)
_FIELD_ATTRIBUTES: Final = frozenset(
    {"name", "type", "default", "doc", "xref.id", "xref.category", "xref.sensitivity"}
    | {"xref.derived", "xref.required", "xref.source"}
)
_NEEDED_ATTRIBUTES: Final = ("xref.id", "xref.category", "xref.sensitivity")


def read_json(data: bytes) -> object:
    """Return the JSON value in some bytes, or raise `ConfigError`."""
    if len(data) > SCHEMA_BYTES_MAX:
        raise ConfigError(f"{len(data)} bytes, at most {SCHEMA_BYTES_MAX} are allowed")
    try:
        return json.loads(
            data.decode(),
            object_pairs_hook=_members,
            parse_float=_no_float,
            parse_constant=_no_float,
        )
    except (ValueError, RecursionError) as error:
        raise ConfigError(f"not JSON ({type(error).__name__}); correct the file") from None


def _members(pairs: list[tuple[str, object]]) -> dict[str, object]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ConfigError("a member is given twice; keep one")
    return members


def _no_float(_text: str) -> float:
    raise ConfigError("a number with a fraction; a schema needs whole numbers only")


# The normal form.


def normalise(document: object) -> dict[str, Any]:
    """Return the normal form: names resolved to full names, namespaces gone, the rest kept."""
    if not isinstance(document, dict) or document.get("type") != "record":
        raise ConfigError("a schema is one Avro record")
    normal = _normal(document, "", set())
    if not isinstance(normal, dict):
        raise ConfigError("a schema is one Avro record")
    return normal


def _normal(document: Document, namespace: str, defined: set[str]) -> Document:
    if isinstance(document, str):
        return (
            document if document in PRIMITIVES | {"null"} else _known(document, namespace, defined)
        )
    if isinstance(document, list):
        return [_normal(each, namespace, defined) for each in document]
    if not isinstance(document, dict) or "type" not in document:
        raise ConfigError("a type is a name, a list or an object with a type")
    kind = document["type"]
    if kind == "array":
        return {**document, "items": _normal(document.get("items"), namespace, defined)}
    if kind in ("record", "enum", "fixed"):
        return _normal_named(document, namespace, defined)
    if len(document) == 1:
        return _normal(kind, namespace, defined)
    raise ConfigError("attributes belong to the field, not to its type")


def _normal_named(document: dict[str, Any], namespace: str, defined: set[str]) -> dict[str, Any]:
    namespace = document.get("namespace", namespace)
    name = _full_name(document.get("name"), namespace)
    if name in defined:
        raise ConfigError(f"{name} is defined twice; refer to the first by its name")
    normal = {key: value for key, value in document.items() if key != "namespace"} | {"name": name}
    if document["type"] == "record":
        inner = name.rpartition(".")[0]
        # A record's own name is not known inside it: recursive types have no bound.
        normal["fields"] = [
            {**_object(each), "type": _normal(_object(each).get("type"), inner, defined)}
            for each in _list(document.get("fields"))
        ]
    defined.add(name)
    return normal


def _full_name(name: object, namespace: object) -> str:
    if not isinstance(name, str) or not isinstance(namespace, str):
        raise ConfigError("a name and a namespace are text")
    full = name if "." in name or not namespace else f"{namespace}.{name}"
    if not _FULL_NAME.fullmatch(full):
        raise ConfigError(f"{full!r} is not a full name in lower case with a namespace")
    return full


def _known(name: str, namespace: str, defined: set[str]) -> str:
    full = _full_name(name, namespace)
    if full not in defined:
        raise ConfigError(f"type {full} is not allowed or not defined before its use")
    return full


def _object(value: object) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise ConfigError("a field is an object")
    return value


def _list(value: object) -> list[Any]:
    if not isinstance(value, list) or not value:
        raise ConfigError("fields and symbols are lists with at least one item")
    return value


def named_types(document: Document) -> Iterable[tuple[str, Any]]:
    """Yield all named types of a normal form, by full name."""
    if isinstance(document, list):
        for each in document:
            yield from named_types(each)
    elif isinstance(document, dict):
        if document["type"] == "array":
            yield from named_types(document["items"])
        elif "name" in document:
            yield document["name"], document
            for each in document.get("fields", ()):
                yield from named_types(each["type"])


# What a schema of ours must be.


def check_record(document: dict[str, Any]) -> None:
    """Raise `ConfigError` unless a normal form is a schema of ours."""
    _closed(document, _RECORD_ATTRIBUTES, document["name"])
    if len(document["fields"]) > FIELDS_MAX:
        raise ConfigError(f"{len(document['fields'])} fields, at most {FIELDS_MAX} are allowed")
    for each in document["fields"]:
        _check_field(each)
    retired = document.get("xref.retired_ids", [])
    if not isinstance(retired, list):
        raise ConfigError("xref.retired_ids is a list of ids")
    ids = [each["xref.id"] for each in document["fields"]] + retired
    if not all(map(_is_id, ids)) or len(set(ids)) != len(ids):
        raise ConfigError("an xref.id is used twice or out of 1 to 65535; ids are never reused")
    names = [each["name"] for each in document["fields"]]
    if len(set(names)) != len(names):
        raise ConfigError("a field name is used twice")


def _check_field(document: dict[str, Any]) -> None:
    name = document.get("name")
    if not isinstance(name, str) or not NAME.fullmatch(name):
        raise ConfigError("a field's name is lower case words joined by underscores")
    _closed(document, _FIELD_ATTRIBUTES, name)
    for attribute in _NEEDED_ATTRIBUTES:
        if attribute not in document:
            raise ConfigError(f"field {name}: {attribute} is missing")
    union = document["type"]
    if not isinstance(union, list) or len(union) != 2 or union[0] != "null":  # noqa: PLR2004 - null and T
        raise ConfigError(f'field {name}: the type must be ["null", T]')
    if "default" not in document or document["default"] is not None:
        raise ConfigError(f"field {name}: the default must be null")
    if not isinstance(document.get("xref.required", False), bool):
        raise ConfigError(f"field {name}: xref.required is true or false")
    _check_source(document.get("xref.source", "ours"), name)
    _check_type(union[1], name)


def _check_source(source: object, name: str) -> None:
    cites = source.split(", ") if isinstance(source, str) else [""]
    if source != "ours" and not all(_CITE.fullmatch(cite) for cite in cites):
        raise ConfigError(f'field {name}: xref.source is "ours" or like "001:933, 003:684-687"')


def _check_type(document: Document, name: str) -> None:
    if isinstance(document, str):
        if document == "null":
            raise ConfigError(f"field {name}: null inside a value costs nothing to repeat")
        return
    if isinstance(document, list):
        raise ConfigError(f"field {name}: no union but the field's own")
    _TYPE_CHECKS[document["type"]](document, name)


def _check_array(document: dict[str, Any], name: str) -> None:
    _closed(document, frozenset({"type", "items", "xref.max_items"}), name)
    items_max = document.get("xref.max_items")
    if type(items_max) is not int or not 0 < items_max <= SCHEMA_ITEMS_MAX:
        raise ConfigError(f"field {name}: xref.max_items is from 1 to {SCHEMA_ITEMS_MAX}")
    _check_type(document["items"], name)


def _check_enum(document: dict[str, Any], name: str) -> None:
    _closed(document, frozenset({"type", "name", "doc", "symbols"}), name)
    symbols = _list(document.get("symbols"))
    if not all(isinstance(each, str) and _SYMBOL.fullmatch(each) for each in symbols):
        raise ConfigError(f"field {name}: symbols are capital words joined by underscores")
    if len(set(symbols)) != len(symbols):
        raise ConfigError(f"field {name}: a symbol is given twice")


def _check_fixed(document: dict[str, Any], name: str) -> None:
    _closed(document, frozenset({"type", "name", "doc", "size"}), name)
    size = document.get("size")
    if type(size) is not int or not 0 < size <= SCHEMA_ITEMS_MAX:
        raise ConfigError(f"field {name}: a fixed has 1 to {SCHEMA_ITEMS_MAX} bytes")


def _check_members(document: dict[str, Any], name: str) -> None:
    _closed(document, frozenset({"type", "name", "doc", "fields"}), name)
    for member in document["fields"]:
        _closed(member, frozenset({"name", "type", "doc"}), name)
        if not isinstance(member.get("name"), str) or not NAME.fullmatch(member["name"]):
            raise ConfigError(f"field {name}: a member's name is lower case words")
        _check_type(member["type"], name)
    if len({member["name"] for member in document["fields"]}) != len(document["fields"]):
        raise ConfigError(f"field {name}: a member is given twice")


_TYPE_CHECKS: Final = {
    "array": _check_array,
    "enum": _check_enum,
    "fixed": _check_fixed,
    "record": _check_members,
}


def _closed(document: Mapping[str, Any], allowed: frozenset[str], name: str) -> None:
    unknown = sorted(document.keys() - allowed)
    if unknown:
        raise ConfigError(f"{name}: unknown attribute {unknown[0]!r}; remove it")


def _is_id(value: object) -> bool:
    return type(value) is int and 0 < value <= _ID_MAX
