"""The normal form of a schema, and what a schema of ours must be. See docs/spec/schema.md."""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final, TypeAlias

from xref.errors import ConfigError
from xref.limits import (
    FIELD_VALUE_BYTES_MAX,
    FIELDS_MAX,
    SCHEMA_BYTES_MAX,
    SCHEMA_ITEMS_MAX,
)
from xref.wire.schema_fault import SchemaError
from xref.wire.value_kind import kind_of

Document: TypeAlias = Any
"""A JSON value that nobody has checked yet."""

CATEGORIES: Final = frozenset(
    {
        "reference",
        "status",
        "identity",
        "safeguard",
        "language",
        "needs",
        "exploitation",
        "family",
        "contact",
        "consent",
        "travel",
        "travel-document",
        "biometric",
        "outcome",
        # Never in a message; named so that the floor can forbid them by name.
        "asylum",
        "cooperation",
        "disease-test",
        "refusal",
        "shelter-location",
        "status-offence",
        "suspect",
    }
)
SENSITIVITIES: Final = ("operational", "personal", "sensitive")
"""In rising order: tells nothing of a person; about a person; harms if it leaks."""

PRIMITIVES: Final = frozenset({"string", "int", "long", "boolean", "bytes"})
NAME: Final = re.compile(r"[a-z][a-z0-9_]{0,63}")
_FULL_NAME: Final = re.compile(r"[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)+")
_SYMBOL: Final = re.compile(r"[A-Z][A-Z0-9_]{0,63}")
_CITE: Final = re.compile(r"00[1-4]:[1-9][0-9]*(-[1-9][0-9]*)?")
_ID_MAX: Final = 2**16 - 1
_RECORD_ATTRIBUTES: Final = frozenset(
    {"type", "name", "namespace", "doc", "fields", "xref.retired_ids", "xref.neutral"}
)
_FIELD_ATTRIBUTES: Final = frozenset(
    {"name", "type", "default", "doc", "xref.id", "xref.category", "xref.sensitivity"}
    | {"xref.derived", "xref.required", "xref.source", "xref.value", "xref.max_bytes"}
)


def read_json(data: bytes) -> object:
    """Return the JSON value in some bytes, or raise `SchemaError`."""
    if len(data) > SCHEMA_BYTES_MAX:
        raise _file_fault(f"{len(data)} bytes, at most {SCHEMA_BYTES_MAX} are allowed")
    try:
        return json.loads(
            data.decode(),
            object_pairs_hook=_members,
            parse_float=_no_float,
            parse_constant=_no_float,
        )
    except (ValueError, RecursionError) as error:
        raise _file_fault(f"not JSON ({type(error).__name__})") from None


def _file_fault(problem: str) -> SchemaError:
    return SchemaError("file/json", problem, "correct the file")


def _members(pairs: list[tuple[str, object]]) -> dict[str, object]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise SchemaError("file/json", "a member is given twice", "keep one")
    return members


def _no_float(_text: str) -> float:
    raise SchemaError("file/json", "a number with a fraction", "use whole numbers only")


# The normal form.


def normalise(document: object) -> dict[str, Any]:
    """Return the normal form: names resolved to full names, namespaces gone, the rest kept."""
    if not isinstance(document, dict) or document.get("type") != "record":
        raise SchemaError("file/record", "not a record", "write one Avro record")
    normal: dict[str, Any] = _normal_named(document, "", set(), where="")
    return normal


def _normal(document: Document, namespace: str, defined: set[str]) -> Document:
    if isinstance(document, str):
        return _named(document, namespace, defined)
    if isinstance(document, list):
        return [_normal(each, namespace, defined) for each in document]
    if not isinstance(document, dict) or "type" not in document:
        raise SchemaError("type/known", "no type", "write a name, a list or an object with a type")
    kind = document["type"]
    if kind == "map":
        raise SchemaError("type/map", "a map", "use an array of codes, or fields of their own")
    if kind == "array":
        return {**document, "items": _normal(document.get("items"), namespace, defined)}
    if kind in ("record", "enum", "fixed"):
        return _normal_named(document, namespace, defined)
    if len(document) == 1:
        return _normal(kind, namespace, defined)
    raise SchemaError("type/known", "a type with attributes", "give them to the field instead")


def _named(name: str, namespace: str, defined: set[str]) -> str:
    if name in PRIMITIVES | {"null"}:
        return name
    if name in ("float", "double"):
        raise SchemaError(
            "type/float", f"a {name}", "use a whole number, with its unit in the name"
        )
    full = _full_name(name, namespace)
    if full not in defined:
        raise SchemaError("type/known", f"type {full} is not defined before its use", "define it")
    return full


def _normal_named(
    document: dict[str, Any], namespace: str, defined: set[str], where: str | None = None
) -> dict[str, Any]:
    """Return a named type's normal form; `where` is given for the schema's own record alone."""
    namespace = document.get("namespace", namespace)
    name = _full_name(document.get("name"), namespace)
    if name in defined:
        raise SchemaError(
            "type/known", f"{name} is defined twice", "refer to the first by its name"
        )
    normal = {key: value for key, value in document.items() if key != "namespace"} | {"name": name}
    if document["type"] == "record":
        inner = name.rpartition(".")[0]
        # A record's own name is not known inside it: recursive types have no bound.
        normal["fields"] = [
            _normal_field(each, inner, defined, outermost=where is not None)
            for each in _list(document.get("fields"), "file/record")
        ]
    defined.add(name)
    return normal


def _normal_field(
    field: object, namespace: str, defined: set[str], *, outermost: bool
) -> dict[str, Any]:
    if not isinstance(field, dict):
        raise SchemaError("file/record", "a field is no object", "write it as one")
    try:
        return {**field, "type": _normal(field.get("type"), namespace, defined)}
    except SchemaError as fault:
        raise (fault.at(str(field.get("name"))[:64]) if outermost else fault) from None


def _full_name(name: object, namespace: object) -> str:
    full = ""
    if isinstance(name, str) and isinstance(namespace, str):
        full = name if "." in name or not namespace else f"{namespace}.{name}"
    if not _FULL_NAME.fullmatch(full):
        raise SchemaError(
            "type/known", f"{full!r} is no full name", "use lower case, and give a namespace"
        )
    return full


def _list(value: object, rule: str) -> list[Any]:
    if not isinstance(value, list) or not value:
        raise SchemaError(rule, "no list with at least one item", "list fields and symbols")
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


def spelled_out(document: Document, named: Mapping[str, Any]) -> Document:
    """Return a type of a normal form with all named types written where they are used."""
    if isinstance(document, str):
        return spelled_out(named[document], named) if document in named else document
    if document["type"] == "array":
        return {**document, "items": spelled_out(document["items"], named)}
    if document["type"] == "record":
        members = [
            {**each, "type": spelled_out(each["type"], named)} for each in document["fields"]
        ]
        return {**document, "fields": members}
    return document


# What a schema of ours must be.


def check_record(document: dict[str, Any]) -> None:
    """Raise `SchemaError` unless a normal form is a schema of ours."""
    for fault in record_faults(document):
        raise fault


def record_faults(document: dict[str, Any]) -> Iterator[SchemaError]:
    """Yield what is wrong with a normal form: of each field the first fault."""
    try:
        _closed(document, _RECORD_ATTRIBUTES)
    except SchemaError as fault:
        yield fault
    if len(document["fields"]) > FIELDS_MAX:
        problem = f"{len(document['fields'])} fields, at most {FIELDS_MAX} are allowed"
        yield SchemaError("file/record", problem, "split the message")
    seen_names: set[object] = set()
    if document.get("xref.neutral", True) is not True:
        yield SchemaError("file/neutral", "xref.neutral is not true", "write true, or nothing")
    retired = document.get("xref.retired_ids", [])
    if not isinstance(retired, list) or not all(map(_is_id, retired)):
        yield SchemaError("field/id", "xref.retired_ids is no list of ids", "correct it")
        return
    seen_ids: set[object] = set(retired)
    if len(seen_ids) != len(retired):
        yield SchemaError("field/id", "an id is retired twice", "keep one")
    for each in document["fields"]:
        try:
            _check_field(each, seen_names, seen_ids)
        except SchemaError as fault:
            yield fault.at(str(each.get("name"))[:64])


def _check_field(document: dict[str, Any], seen_names: set[object], seen_ids: set[object]) -> None:
    name, identifier = document.get("name"), document.get("xref.id")
    if not isinstance(name, str) or not NAME.fullmatch(name) or name in seen_names:
        raise SchemaError(
            "field/name", "the name is used twice or is not lower-case words", "rename it"
        )
    seen_names.add(name)
    if not _is_id(identifier) or identifier in seen_ids:
        problem = "xref.id is missing, out of 1 to 65535, or was used before"
        raise SchemaError("field/id", problem, "take the next free number; ids are never reused")
    seen_ids.add(identifier)
    _closed(document, _FIELD_ATTRIBUTES)
    union = document["type"]
    nullable = isinstance(union, list) and len(union) == 2 and union[0] == "null"  # noqa: PLR2004 - null and T
    if not nullable or document.get("default", "") is not None:
        problem = "the type is not a union of null and one type, or the default is not null"
        raise SchemaError("field/nullable", problem, 'write ["null", T] and "default": null')
    _check_attributes(document)
    _check_type(union[1])
    _check_value(document, union[1])


def _check_attributes(document: dict[str, Any]) -> None:
    _word(document, "category", sorted(CATEGORIES))
    _word(document, "sensitivity", SENSITIVITIES)
    if not isinstance(document.get("xref.required", False), bool):
        raise SchemaError("field/required", "xref.required is neither true nor false", "correct it")
    source = document.get("xref.source", "ours")
    cites = source.split(", ") if isinstance(source, str) else [""]
    if source != "ours" and not all(_CITE.fullmatch(cite) for cite in cites):
        cure = 'write "ours" or lines such as "001:933, 003:684-687"'
        raise SchemaError("field/source", "xref.source names no lines of the sources", cure)
    derived = document.get("xref.derived")
    if derived is not None:
        members = derived if isinstance(derived, dict) else {}
        names = [members.get("function"), members.get("from")]
        if len(members) != len(names) or not all(
            isinstance(each, str) and NAME.fullmatch(each) for each in names
        ):
            cure = 'write {"function": ..., "from": ...}'
            raise SchemaError("field/derived", "xref.derived is of another form", cure)


def _word(document: dict[str, Any], attribute: str, allowed: Iterable[str]) -> None:
    word = document.get(f"xref.{attribute}")
    if not isinstance(word, str) or word not in allowed:
        cure = f"use one of {', '.join(allowed)}"
        raise SchemaError(f"field/{attribute}", f"xref.{attribute} is missing or unknown", cure)


def _check_value(document: dict[str, Any], type_document: Document) -> None:
    if "xref.value" in document:
        try:
            kind_of(document["xref.value"], type_document)
        except ConfigError as error:
            raise SchemaError("value/kind", str(error), "see docs/spec/value.md") from None
    most = document.get("xref.max_bytes")
    if most is None:
        return
    if type_document != "bytes" or type(most) is not int or not 0 < most <= FIELD_VALUE_BYTES_MAX:
        cure = f"give it to bytes alone, from 1 to {FIELD_VALUE_BYTES_MAX}"
        raise SchemaError("type/bytes", "xref.max_bytes is no bound of bytes", cure)


def _check_type(document: Document) -> None:
    if isinstance(document, list) or document == "null":
        raise SchemaError("type/union", "a union or null inside a value", "use one type")
    if isinstance(document, dict):
        _TYPE_CHECKS[document["type"]](document)


def _check_array(document: dict[str, Any]) -> None:
    _closed(document, frozenset({"type", "items", "xref.max_items"}))
    items_max = document.get("xref.max_items")
    if type(items_max) is not int or not 0 < items_max <= SCHEMA_ITEMS_MAX:
        cure = f"give xref.max_items from 1 to {SCHEMA_ITEMS_MAX}"
        raise SchemaError("type/array", "an array without a bound", cure)
    _check_type(document["items"])


_MEANINGS: Final = "xref.meanings"


def _check_enum(document: dict[str, Any]) -> None:
    _closed(document, frozenset({"type", "name", "doc", "symbols", "default", _MEANINGS}))
    symbols = _list(document.get("symbols"), "type/enum")
    if not all(isinstance(each, str) and _SYMBOL.fullmatch(each) for each in symbols):
        cure = "write capital words joined by underscores"
        raise SchemaError("type/enum", "a symbol is written otherwise", cure)
    if len(set(symbols)) != len(symbols):
        raise SchemaError("type/enum", "a symbol is given twice", "keep one")
    if "default" in document and document["default"] not in symbols:
        raise SchemaError("type/enum", "the default is no symbol of the enum", "name one of them")
    meanings = document.get(_MEANINGS, ["-"] * len(symbols))
    if not isinstance(meanings, list) or len(meanings) != len(symbols):
        raise SchemaError("type/enum", f"{_MEANINGS} is not one for each symbol", "give as many")
    if not all(isinstance(each, str) and each for each in meanings):
        raise SchemaError("type/enum", f"{_MEANINGS} holds another thing than texts", "write texts")


def _check_fixed(document: dict[str, Any]) -> None:
    _closed(document, frozenset({"type", "name", "doc", "size"}))
    size = document.get("size")
    if type(size) is not int or not 0 < size <= SCHEMA_ITEMS_MAX:
        raise SchemaError("type/fixed", "a fixed of another size", f"use 1 to {SCHEMA_ITEMS_MAX}")


def _check_members(document: dict[str, Any]) -> None:
    _closed(document, frozenset({"type", "name", "doc", "fields"}))
    for member in document["fields"]:
        _closed(member, frozenset({"name", "type", "doc"}))
        if not isinstance(member.get("name"), str) or not NAME.fullmatch(member["name"]):
            raise SchemaError("type/record", "a member's name is not lower-case words", "rename it")
        _check_type(member["type"])
    if len({member["name"] for member in document["fields"]}) != len(document["fields"]):
        raise SchemaError("type/record", "a member is given twice", "keep one")


_TYPE_CHECKS: Final = {
    "array": _check_array,
    "enum": _check_enum,
    "fixed": _check_fixed,
    "record": _check_members,
}


def _closed(document: Mapping[str, Any], allowed: frozenset[str]) -> None:
    unknown = sorted(document.keys() - allowed)
    if unknown:
        raise SchemaError("file/attribute", f"unknown attribute {unknown[0]!r}", "remove it")
    if not isinstance(document.get("doc", ""), str):
        raise SchemaError("file/attribute", "doc is no text", "write a sentence")


def _is_id(value: object) -> bool:
    return type(value) is int and 0 < value <= _ID_MAX
