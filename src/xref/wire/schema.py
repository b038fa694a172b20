"""Schemas: which fields a message may have, and the one encoding of each. See docs/spec/schema.md.

A schema is an Avro record whose fields are `["null", T]`, each atomic and committed on its own. It
is named by the SHA-256 of its normalised form (RFC 8785 JSON, names resolved, all attributes kept).
"""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Final, NoReturn

import rfc8785

from xref.errors import ConfigError, MalformedError
from xref.wire.avro import AvroCodec
from xref.wire.normal import (
    CATEGORIES,
    PRIMITIVES,
    SENSITIVITIES,
    check_record,
    named_types,
    normalise,
    read_json,
)
from xref.wire.value_kind import ValueKind, fault_in, kind_of

__all__ = ["CATEGORIES", "SENSITIVITIES", "Derivation", "Schema", "SchemaField", "normalise"]


_MASKS_CACHED_MAX: Final = 1024


@dataclass(frozen=True, slots=True)
class Derivation:
    """How a coarser sibling is made: `function` applied to the record's field `source`."""

    function: str
    source: str


@dataclass(frozen=True, slots=True)
class SchemaField:
    """One field. `bit` is its place (from 0) among the fields by ascending id, so in every mask."""

    name: str
    id: int
    bit: int
    category: str
    sensitivity: str
    required: bool
    derived: Derivation | None
    source: str
    doc: str
    type: Any = field(compare=False)
    symbols: tuple[str, ...] = ()
    open: bool = False
    """Whether a symbol that a reader does not know is kept: its enum has a default."""
    value: ValueKind | None = None
    """What the text stands for, where the schema says so; its form is checked on both ends."""
    bytes_max: int | None = None
    _codec: AvroCodec = field(compare=False, repr=False, kw_only=True)

    @property
    def kind(self) -> str:
        """The Avro type's name: `string`, `enum`, `array`, ..."""
        return self.type if isinstance(self.type, str) else str(self.type["type"])

    @property
    def mask(self) -> int:
        """This field alone, as a mask."""
        return 1 << self.bit

    def encode(self, value: object) -> bytes:
        """Return the value's bytes with its union branch, or raise `MalformedError`."""
        data = self._codec.encode(value)
        self._check_value(value)
        return data

    def decode(self, data: bytes) -> object:
        """Return the value (None when absent), or raise `MalformedError` unless canonical."""
        value = self._codec.decode(data)
        self._check_value(value)
        return value

    def _check_value(self, value: object) -> None:
        if value is None:
            return
        if self.bytes_max is not None and isinstance(value, bytes) and len(value) > self.bytes_max:
            self._wrong_value(f"is longer than {self.bytes_max} bytes")
        if self.value is not None and (fault := fault_in(self.value, value)) is not None:
            self._wrong_value(fault)

    def _wrong_value(self, fault: str) -> NoReturn:
        message = f"field {self.name}: {fault}"
        raise MalformedError(message, fault="wrong-value")


@dataclass(frozen=True, slots=True)
class Schema:
    """A checked schema; `fields` by ascending `xref.id`."""

    name: str
    canonical: bytes = field(repr=False)
    digest32: bytes
    fields: tuple[SchemaField, ...] = field(repr=False)
    by_name: Mapping[str, SchemaField] = field(repr=False, compare=False)
    by_id: Mapping[int, SchemaField] = field(repr=False, compare=False)
    field_ids: tuple[int, ...] = field(repr=False, compare=False)

    def __hash__(self) -> int:
        """Go by the digest, which names all the rest."""
        return hash(self.digest32)

    @classmethod
    def parse(cls, data: bytes, where: str = "schema") -> "Schema":
        """Return the schema in the bytes of an .avsc file; raise `ConfigError` naming `where`."""
        return _parse(bytes(data), where)

    @property
    def full_mask(self) -> int:
        """The mask of all fields."""
        return (1 << len(self.fields)) - 1

    def mask_of(self, names: Iterable[str]) -> int:
        """Return the mask of the named fields; raise `ConfigError` for a name it does not have."""
        mask = 0
        for name in names:
            found = self.by_name.get(name)
            if found is None:
                raise ConfigError(f"schema {self.name} has no field {name!r}; use its own names")
            mask |= found.mask
        return mask

    def mask_of_categories(self, categories: Iterable[str]) -> int:
        """Return the mask of all fields of these categories."""
        wanted = frozenset(categories)
        return sum(each.mask for each in self.fields if each.category in wanted)

    def names_of(self, mask: int) -> tuple[str, ...]:
        """Return the names behind a mask, by ascending id; an unused bit is `MalformedError`."""
        return _names_of(self, mask)


@lru_cache(maxsize=_MASKS_CACHED_MAX)
def _names_of(schema: Schema, mask: int) -> tuple[str, ...]:
    if mask < 0 or mask > schema.full_mask:
        raise MalformedError(f"mask: a bit beyond the {len(schema.fields)} fields of {schema.name}")
    return tuple(each.name for each in schema.fields if mask & each.mask)


@lru_cache(maxsize=256)
def _parse(data: bytes, where: str) -> Schema:
    try:
        return _build(normalise(read_json(data)))
    except ConfigError as error:
        message = f"{where}: {error}"
        raise ConfigError(message) from None
    except (rfc8785.CanonicalizationError, UnicodeEncodeError, RecursionError):
        # In what no rule reads, such as a doc: half a character, a number without one form, depth.
        message = f"{where}: it has no canonical form (file/json): correct the file"
        raise ConfigError(message) from None


def _build(document: dict[str, Any]) -> Schema:
    named = dict(named_types(document))
    check_record(document)
    ordered = sorted(document["fields"], key=lambda each: each["xref.id"])
    fields = tuple(_field(each, bit, named) for bit, each in enumerate(ordered))
    canonical = rfc8785.dumps(document)
    return Schema(
        name=document["name"],
        canonical=canonical,
        digest32=hashlib.sha256(canonical).digest(),
        fields=fields,
        by_name={each.name: each for each in fields},
        by_id={each.id: each for each in fields},
        field_ids=tuple(each.id for each in fields),
    )


def _field(document: dict[str, Any], bit: int, named: Mapping[str, Any]) -> SchemaField:
    type_document = document["type"][1]
    enum = _enum_of(type_document, named)
    derived = document.get("xref.derived")
    kind = document.get("xref.value")
    return SchemaField(
        name=document["name"],
        id=document["xref.id"],
        bit=bit,
        category=document["xref.category"],
        sensitivity=document["xref.sensitivity"],
        required=document.get("xref.required", False),
        derived=None if derived is None else Derivation(derived["function"], derived["from"]),
        source=document.get("xref.source", "ours"),
        doc=document.get("doc", ""),
        type=type_document,
        symbols=tuple(enum.get("symbols", ())),
        open="default" in enum,
        value=None if kind is None else kind_of(kind, type_document),
        bytes_max=document.get("xref.max_bytes"),
        _codec=AvroCodec(type_document, named, document["name"]),
    )


def _enum_of(document: Any, named: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the enum of a type or of a list of one, else nothing."""
    if isinstance(document, str):
        return {} if document in PRIMITIVES else _enum_of(named[document], named)
    if document["type"] == "array":
        return _enum_of(document["items"], named)
    return document if document["type"] == "enum" else {}
