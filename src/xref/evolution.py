"""What changed between two versions of a schema, in words, and what of it must never happen. Pure.

A later version reads whatever an earlier one wrote, and the other way round (docs/spec/schema.md,
"Versions"). What Avro's own rules cannot know stands here: ids, categories, sensitivities, bounds.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from xref.limits import FIELD_VALUE_BYTES_MAX
from xref.wire.normal import named_types, spelled_out
from xref.wire.schema import SENSITIVITIES, Schema

Document: TypeAlias = Any
"""A part of a schema that was checked."""
_Said: TypeAlias = tuple[bool, str]
"""Whether it breaks a rule, and the sentence."""
_COMPARED: Final = frozenset(
    {"name", "type", "default", "xref.id", "xref.category", "xref.sensitivity", "xref.required"}
    | {"xref.value", "xref.max_bytes"}
)
_RECORD_COMPARED: Final = frozenset({"name", "type", "fields", "xref.retired_ids"})
_TYPE_COMPARED: Final = frozenset(
    {"type", "name", "items", "symbols", "default", "size", "fields", "xref.max_items"}
    | {"xref.meanings"}
)


@dataclass(frozen=True, slots=True)
class Change:
    """One difference; `field` is empty where it concerns the record; `breaks` forbids it."""

    schema: str
    field: str
    breaks: bool
    says: str


def compare_all(old: Mapping[str, Schema], new: Mapping[str, Schema]) -> list[Change]:
    """Return what changed between two sets of schemas by full name."""
    found: list[Change] = []
    for name in sorted(old.keys() | new.keys()):
        if name not in new:
            found.append(Change(name, "", breaks=False, says="record is no longer there"))
        elif name not in old:
            found.append(Change(name, "", breaks=False, says="record added"))
        else:
            found += compare(old[name], new[name])
    return found


def compare(old: Schema, new: Schema) -> list[Change]:
    """Return what changed between an earlier and a later version of a schema."""
    if old.digest32 == new.digest32:
        return []
    before, after = _Version.of(old), _Version.of(new)
    changes = [Change(new.name, "", *said) for said in _of_record(before, after)]
    for field_id in sorted(before.fields.keys() | after.fields.keys()):
        was, is_now = before.fields.get(field_id), after.fields.get(field_id)
        name = str((is_now or was or {})["name"])
        said = _of_field(field_id, was, is_now, before, after)
        changes += [Change(new.name, name, *each) for each in said]
    return changes


@dataclass(frozen=True, slots=True)
class _Version:
    document: Mapping[str, Any]
    fields: Mapping[int, Mapping[str, Any]]
    """By id, each type with its names replaced by what they stand for."""
    retired: frozenset[int]

    @classmethod
    def of(cls, schema: Schema) -> "_Version":
        document = json.loads(schema.canonical)
        named = dict(named_types(document))
        fields = {
            each["xref.id"]: {**each, "type": spelled_out(each["type"][1], named)}
            for each in document["fields"]
        }
        return cls(document, fields, frozenset(document.get("xref.retired_ids", ())))

    def id_of(self, name: str) -> int | None:
        return next((key for key, each in self.fields.items() if each["name"] == name), None)


def _of_record(old: _Version, new: _Version) -> Iterator[_Said]:
    if old.document["name"] != new.document["name"]:
        yield True, f"renamed from {old.document['name']}; a record keeps its name"
    for field_id in sorted(old.retired - new.retired):
        yield True, f"id {field_id} is no longer retired; keep it in xref.retired_ids"
    if old.document.get("xref.neutral") and not new.document.get("xref.neutral"):
        yield True, "no longer neutral; a record of checks that tells more is another record"
    yield from _other(old.document, new.document, _RECORD_COMPARED)


def _of_field(
    field_id: int,
    was: Mapping[str, Any] | None,
    is_now: Mapping[str, Any] | None,
    old: _Version,
    new: _Version,
) -> Iterator[_Said]:
    if is_now is None:
        kept = field_id in new.retired
        yield (
            not kept,
            f"removed, id {field_id} retired"
            if kept
            else f"removed; put its id {field_id} into xref.retired_ids",
        )
    elif was is None:
        yield from _added(field_id, is_now, old)
    else:
        yield from _kept(field_id, was, is_now)


def _added(field_id: int, field: Mapping[str, Any], old: _Version) -> Iterator[_Said]:
    said = f"added with id {field_id}: {field['xref.category']}, {field['xref.sensitivity']}"
    yield False, said
    if field_id in old.retired:
        yield True, f"id {field_id} was retired; an id is never used again, take a new one"
    before = old.id_of(field["name"])
    if before is not None:
        yield True, f"moved from id {before} to id {field_id}; a name keeps its id"
    if field.get("xref.required", False):
        yield True, "added as required; what an earlier version did not ask for stays optional"


def _kept(field_id: int, was: Mapping[str, Any], is_now: Mapping[str, Any]) -> Iterator[_Said]:
    if was["name"] != is_now["name"]:
        yield True, f"id {field_id} was {was['name']}; an id never moves to another name"
    if was["xref.category"] != is_now["xref.category"]:
        said = f"category {was['xref.category']} became {is_now['xref.category']}"
        yield True, f"{said}; rules go by it: retire the field and add another"
    levels = [SENSITIVITIES.index(each["xref.sensitivity"]) for each in (was, is_now)]
    if levels[0] != levels[1]:
        said = f"sensitivity {was['xref.sensitivity']} became {is_now['xref.sensitivity']}"
        lowered = levels[1] < levels[0]
        yield lowered, said + ("; it is never lowered" if lowered else "")
    required = [each.get("xref.required", False) for each in (was, is_now)]
    if required[0] != required[1]:
        added = bool(required[1])
        yield added, "became required; senders do not give it yet" if added else "became optional"
    yield from _of_type(was["type"], is_now["type"])
    yield from _of_value(was, is_now)
    yield from _other(was, is_now, _COMPARED)


def _of_value(was: Mapping[str, Any], is_now: Mapping[str, Any]) -> Iterator[_Said]:
    kinds = [each.get("xref.value") for each in (was, is_now)]
    if kinds[0] != kinds[1]:
        said = f"value {kinds[0] or 'of any kind'} became {kinds[1] or 'of any kind'}"
        yield True, f"{said}; one side would refuse what the other sends"
    bounds = [each.get("xref.max_bytes", FIELD_VALUE_BYTES_MAX) for each in (was, is_now)]
    if bounds[0] != bounds[1]:
        narrowed = bounds[1] < bounds[0]
        said = f"at most {bounds[0]} bytes became {bounds[1]}"
        yield narrowed, said + ("; a bound is never narrowed" if narrowed else "")


def _other(
    was: Mapping[str, Any], is_now: Mapping[str, Any], but: frozenset[str]
) -> Iterator[_Said]:
    """Yield the attributes that are new, gone or say something else: to be read, not refused."""
    for attribute in sorted((was.keys() | is_now.keys()) - but):
        if was.get(attribute) != is_now.get(attribute):
            yield False, f"{attribute} changed"


def _of_type(old: Document, new: Document) -> Iterator[_Said]:
    kinds = [each if isinstance(each, str) else each["type"] for each in (old, new)]
    if kinds[0] != kinds[1]:
        yield True, f"type {kinds[0]} became {kinds[1]}; an id never moves to another type"
        return
    if isinstance(old, str):
        return
    if old.get("name") != new.get("name"):
        yield True, f"type {old.get('name')} became {new.get('name')}; a type keeps its name"
    yield from _BY_KIND[kinds[0]](old, new)
    yield from _other(old, new, _TYPE_COMPARED)


def _of_array(old: Document, new: Document) -> Iterator[_Said]:
    counts = old["xref.max_items"], new["xref.max_items"]
    if counts[0] != counts[1]:
        narrowed = counts[1] < counts[0]
        said = f"at most {counts[0]} items became {counts[1]}"
        yield narrowed, said + ("; a bound is never narrowed" if narrowed else "")
    yield from _of_type(old["items"], new["items"])


def _of_enum(old: Document, new: Document) -> Iterator[_Said]:
    symbols: tuple[Sequence[str], Sequence[str]] = old["symbols"], new["symbols"]
    if old.get("default") != new.get("default"):
        yield (
            True,
            "default changed; whether an unknown code survives is settled at the first version",
        )
    if list(symbols[1][: len(symbols[0])]) != list(symbols[0]):
        yield True, "symbols were removed, renamed or moved; new ones go to the end"
        return
    yield from _of_meanings(old, new)
    added = symbols[1][len(symbols[0]) :]
    if added and "default" not in new:
        yield (
            True,
            f"{', '.join(added)} added to a closed enum; it has no default for the older side",
        )
    elif added:
        yield False, f"{', '.join(added)} added"


def _of_meanings(old: Document, new: Document) -> Iterator[_Said]:
    """Yield each kept symbol that means something else; that nothing was said before is no change.

    Two offices would act differently on one code, and nothing on the way could tell.
    """
    before, after = old.get("xref.meanings"), new.get("xref.meanings")
    if before is None or after is None:
        if before is not None:
            yield True, "the meanings of the symbols are no longer said; keep them"
        return
    for symbol, was, is_now in zip(old["symbols"], before, after, strict=False):
        if was != is_now:
            yield True, f"{symbol} meant {was!r} and now {is_now!r}; retire the field, add another"


def _of_fixed(old: Document, new: Document) -> Iterator[_Said]:
    if old["size"] != new["size"]:
        yield True, f"{old['size']} bytes became {new['size']}; a fixed keeps its size"


def _of_members(old: Document, new: Document) -> Iterator[_Said]:
    names = [[each["name"] for each in version["fields"]] for version in (old, new)]
    if names[0] != names[1]:
        yield True, "members changed; they are never null, so add a field of its own instead"
        return
    for was, is_now in zip(old["fields"], new["fields"], strict=True):
        for breaks, said in _of_type(was["type"], is_now["type"]):
            yield breaks, f"{was['name']}: {said}"


_BY_KIND: Final = {
    "array": _of_array,
    "enum": _of_enum,
    "fixed": _of_fixed,
    "record": _of_members,
}
