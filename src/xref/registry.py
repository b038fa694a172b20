"""A country's own schema registry: a bundle's schemas in it, and records as its systems read them.

What a desk opened may go on, inside the country, as one Avro record in the framing of Confluent's
registries: see docs/spec/registry-record.md. Between States the SHA-256 names a schema; a number
means something to the one registry that gave it, and never leaves the country.
"""

import io
import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

import fastavro

from xref.errors import ConfigError, MalformedError
from xref.limits import ENVELOPE_BYTES_MAX
from xref.ports import SchemaRegistry
from xref.wire.normal import named_types
from xref.wire.schema import Schema, SchemaField

_MAGIC: Final = b"\x00"
_HEAD_BYTES: Final = 5
_ID_MAX: Final = 2**31 - 1


@dataclass(frozen=True, slots=True)
class Registered:
    """A schema in a registry. `id` is None where it was only asked whether it would fit."""

    subject: str
    sha256: str
    id: int | None


def register(
    schemas: Iterable[Schema], registry: SchemaRegistry, *, only_check: bool = False
) -> list[Registered]:
    """Register schemas under their full names; all are checked before the first one is registered.

    Every subject is set to FULL_TRANSITIVE. Raises `ConfigError` naming the schemas that the
    registry holds to be incompatible, `UnavailableError` for a registry that does not answer.
    """
    ordered = sorted(schemas, key=lambda schema: schema.name)
    unfit = [each.name for each in ordered if not registry.fits(each.name, each.canonical)]
    if unfit:
        message = f"registry: {', '.join(unfit)} would break what is registered; compare with it"
        raise ConfigError(message)
    return [
        Registered(
            each.name,
            each.digest32.hex(),
            None if only_check else registry.register(each.name, each.canonical),
        )
        for each in ordered
    ]


def schema_under(registry: SchemaRegistry, schema_id: int, known: Mapping[bytes, Schema]) -> Schema:
    """Return the schema that a registry has under a number, if it is one of the `known` ones.

    `known` are a bundle's schemas by digest. Raises `MalformedError` for any other: a registry is
    not asked what a message between States means.
    """
    text = registry.schema(schema_id)
    try:
        found = known.get(Schema.parse(text, "registry").digest32) if text is not None else None
    except ConfigError:
        found = None
    if found is None:
        raise MalformedError("record: its schema is none of the bundle's", fault="unknown-schema")
    return found


def encode_record(schema_id: int, schema: Schema, values: Mapping[str, object]) -> bytes:
    """Return values as one record behind the registry's number of its schema; absent is null.

    A code that is new to this version of an open enum is written as the enum's default, as Avro's
    own reader would take it: the desk's own form keeps the code itself.
    Raises `MalformedError` for a name or a value that the schema does not have.
    """
    if not 0 <= schema_id <= _ID_MAX:
        raise MalformedError("record: a schema's number has 31 bits")
    if not values.keys() <= schema.by_name.keys():
        raise MalformedError(f"record: a field that {schema.name} does not have")
    fields = [schema.by_name[name] for name in _order(schema)]
    parts = (field.encode(_sayable(values.get(field.name), field, schema)) for field in fields)
    return b"".join((_MAGIC, schema_id.to_bytes(4), *parts))


def schema_id_of(data: bytes) -> int:
    """Return the registry's number of a record's schema, or raise `MalformedError`."""
    if data[:1] != _MAGIC or len(data) < _HEAD_BYTES:
        raise MalformedError("record: no byte 00 and number of 4 bytes in front")
    return int.from_bytes(data[1:_HEAD_BYTES])


def decode_record(data: bytes, schema_of: Callable[[int], Schema]) -> dict[str, object]:
    """Return the values that are there; `schema_of` gives the schema of a registry's number.

    Read in the one form that `encode_record` writes; anything else is `MalformedError`.
    """
    schema_id = schema_id_of(data)
    if len(data) > ENVELOPE_BYTES_MAX:
        raise MalformedError(f"record: {len(data)} bytes are too many for a message")
    schema = schema_of(schema_id)
    try:
        read: Any = fastavro.schemaless_reader(
            io.BytesIO(data[_HEAD_BYTES:]), _parsed(schema), None
        )
    except (ValueError, LookupError, EOFError, OverflowError, TypeError):
        # From None: the cause could quote a value.
        raise MalformedError("record: does not follow its schema") from None
    values = {name: value for name, value in read.items() if value is not None}
    if encode_record(schema_id, schema, values) != data:
        raise MalformedError("record: not in its one form, or with bytes behind it")
    return values


def _sayable(value: object, field: SchemaField, schema: Schema) -> object:
    """Return a value with the default in place of each code that an open enum does not have."""
    if not field.open or value is None:
        return value
    default = _defaults(schema)[field.name]
    if isinstance(value, list):
        return [each if each in field.symbols else default for each in value]
    return value if value in field.symbols else default


@lru_cache(maxsize=256)
def _defaults(schema: Schema) -> dict[str, str]:
    """Return the default of each field's enum, where it is an open one or a list of it."""
    document = json.loads(schema.canonical)
    named = dict(named_types(document))
    found = {}
    for each in document["fields"]:
        kind = each["type"][1]
        kind = kind["items"] if isinstance(kind, dict) and kind["type"] == "array" else kind
        kind = named.get(kind, {}) if isinstance(kind, str) else kind
        if "default" in kind:
            found[each["name"]] = kind["default"]
    return found


@lru_cache(maxsize=256)
def _order(schema: Schema) -> tuple[str, ...]:
    """Return the fields' names in the order of the schema's document, which is that of a record."""
    return tuple(each["name"] for each in json.loads(schema.canonical)["fields"])


@lru_cache(maxsize=256)
def _parsed(schema: Schema) -> Any:
    return fastavro.parse_schema(json.loads(schema.canonical))
