"""Every version of a schema reads every other: among the releases, and with what stands now."""

import json
from collections.abc import Iterator, Mapping
from itertools import combinations
from pathlib import Path
from typing import Any

import avro.schema
import pytest
from avro.compatibility import ReaderWriterCompatibilityChecker, SchemaCompatibilityType

import releases
from world import draft_bundle
from xref.bundle import Draft
from xref.evolution import compare_all
from xref.flow_evolution import compare_flows
from xref.wire.normal import named_types
from xref.wire.schema import Schema

Version = tuple[str, Mapping[str, Schema]]


def drafts() -> list[tuple[str, Draft]]:
    """Return all releases and what stands now."""
    found = [(str(each.number), each.draft()) for each in releases.releases()]
    return [*found, ("now", draft_bundle())]


def versions() -> list[Version]:
    """Return all releases and what stands now, each with its schemas by full name."""
    return [(name, each.policy.schemas) for name, each in drafts()]


def avro_faults(reader: Schema, writer: Schema) -> list[str]:
    """Return why `reader` cannot read what `writer` wrote, by Avro's own rules."""
    checker = ReaderWriterCompatibilityChecker()  # type: ignore[no-untyped-call] # avro is typed in part
    found = checker.get_compatibility(_for_avro(reader, writer), _for_avro(writer, reader))
    if found.compatibility is SchemaCompatibilityType.compatible:
        return []
    return sorted(found.messages) or [found.compatibility.value]


def _for_avro(schema: Schema, other: Schema) -> Any:
    """Return a schema as the checker wants it.

    It does not know the default of an enum, by which a reader takes what it has no symbol for: an
    open enum gets the other side's symbols. That none of them moves, `xref.evolution` checks.
    """
    document = json.loads(schema.canonical)
    known = dict(named_types(json.loads(other.canonical)))
    for name, each in named_types(document):
        if "default" in each:
            more = known.get(name, {}).get("symbols", ())
            each["symbols"] += [symbol for symbol in more if symbol not in each["symbols"]]
    return avro.schema.parse(json.dumps(document))


def faults(old: Version, new: Version) -> Iterator[str]:
    """Yield whatever forbids that both versions are in use at once."""
    for change in compare_all(old[1], new[1]):
        if change.breaks:
            field = f" {change.field}:" if change.field else ""
            yield f"{old[0]} to {new[0]}: {change.schema}:{field} {change.says}"
    for name in sorted(old[1].keys() & new[1].keys()):
        for reader, writer in ((old, new), (new, old)):
            for said in avro_faults(reader[1][name], writer[1][name]):
                yield f"{name}: {reader[0]} cannot read {writer[0]}: {said}"


def test_every_version_reads_every_other_version() -> None:
    found = [said for old, new in combinations(versions(), 2) for said in faults(old, new)]
    assert not found


def test_a_code_means_one_flow_of_one_record_in_every_version() -> None:
    found = [
        change
        for (_, old), (_, new) in combinations(drafts(), 2)
        for pair in ((old, new), (new, old))
        for change in compare_flows(pair[0].policy, pair[1].policy)
        if change.breaks
    ]
    assert found == []


def test_what_a_release_opens_or_closes_is_told_in_the_repository() -> None:
    for each in releases.releases():
        told = (each.folder / releases.CHANGES).read_text(encoding="utf-8")
        assert told == releases.told(each), "run `make pages`"


def test_a_release_stays_as_it_was_signed() -> None:
    changed = [each.number for each in releases.releases() if each.is_final]
    assert [number for number in changed if not releases.is_whole(release_of(number))] == []


def release_of(number: int) -> releases.Release:
    return next(each for each in releases.releases() if each.number == number)


def test_the_release_to_come_is_what_stands_now() -> None:
    newest = releases.releases()[-1]
    assert newest.files() == releases.present(), "run `make pages`"


def test_freezing_replaces_the_release_to_come_and_never_a_final_one(tmp_path: Path) -> None:
    first = releases.freeze({"schemas/a.avsc": b"1"}, tmp_path)
    again = releases.freeze({"schemas/b.avsc": b"2"}, tmp_path)
    assert (first.number, again.number) == (1, 1)
    assert again.files() == {"schemas/b.avsc": b"2"}
    releases._finish(again)
    assert releases.is_whole(again)
    second = releases.freeze({"schemas/b.avsc": b"3"}, tmp_path)
    assert second.number == 2
    assert [each.is_final for each in releases.releases(tmp_path)] == [True, False]
    (again.folder / "schemas" / "b.avsc").write_bytes(b"4")
    assert not releases.is_whole(again)


# The gate itself, on made-up versions.


def one_field(**changes: Any) -> dict[str, Any]:
    return {
        "name": "code",
        "type": ["null", "string"],
        "default": None,
        "xref.id": 1,
        "xref.category": "identity",
        "xref.sensitivity": "personal",
    } | changes


def schema_of(*fields: dict[str, Any], **members: Any) -> Schema:
    document = {"type": "record", "name": "probe", "namespace": "xref", "fields": list(fields)}
    return Schema.parse(json.dumps(document | members).encode())


def listed(items_max: int, *symbols: str, **members: Any) -> list[Any]:
    enum = {"type": "enum", "name": "kind", "symbols": list(symbols)} | members
    enum = {name.replace("xref_", "xref."): value for name, value in enum.items()}
    return ["null", {"type": "array", "items": enum, "xref.max_items": items_max}]


def holding(*members: tuple[str, str]) -> list[Any]:
    fields = [{"name": name, "type": kind} for name, kind in members]
    return ["null", {"type": "record", "name": "part", "fields": fields}]


FIRST = schema_of(
    one_field(),
    one_field(name="kinds", type=listed(8, "A", "B"), **{"xref.id": 2}),
    one_field(name="part", type=holding(("a", "string")), **{"xref.id": 3}),
    one_field(
        name="key", type=["null", {"type": "fixed", "name": "key", "size": 16}], **{"xref.id": 4}
    ),
)


def later(field_id: int, **changes: Any) -> Schema:
    """Return FIRST with one field changed."""
    document = json.loads(FIRST.canonical)
    for field in document["fields"]:
        field.update(changes if field["xref.id"] == field_id else {})
    return Schema.parse(json.dumps(document).encode())


def without(field_id: int, **members: Any) -> Schema:
    document = json.loads(FIRST.canonical)
    document["fields"] = [each for each in document["fields"] if each["xref.id"] != field_id]
    return Schema.parse(json.dumps(document | members).encode())


def with_more(old: Schema, **changes: Any) -> Schema:
    document = json.loads(old.canonical)
    document["fields"].append(one_field(name="more", **{"xref.id": 9}) | changes)
    return Schema.parse(json.dumps(document).encode())


BREAKING = {
    "renamed": (FIRST, later(1, name="token"), "never moves to another name"),
    "retyped": (FIRST, later(1, type=["null", "int"]), "never moves to another type"),
    "recategorised": (FIRST, later(1, **{"xref.category": "contact"}), "rules go by it"),
    "less sensitive": (FIRST, later(1, **{"xref.sensitivity": "operational"}), "never lowered"),
    "required": (FIRST, later(1, **{"xref.required": True}), "became required"),
    "narrowed": (FIRST, later(2, type=listed(7, "A", "B")), "never narrowed"),
    "symbol gone": (FIRST, later(2, type=listed(8, "A")), "new ones go to the end"),
    "symbols moved": (FIRST, later(2, type=listed(8, "B", "A")), "new ones go to the end"),
    "symbol added to closed": (FIRST, later(2, type=listed(8, "A", "B", "C")), "closed enum"),
    "symbol that means something else": (
        later(2, type=listed(8, "A", "B", xref_meanings=["One.", "Two."])),
        later(2, type=listed(8, "A", "B", xref_meanings=["One.", "Three."])),
        "B meant 'Two.' and now 'Three.'",
    ),
    "meanings gone": (
        later(2, type=listed(8, "A", "B", xref_meanings=["One.", "Two."])),
        FIRST,
        "no longer said",
    ),
    "no longer neutral": (
        schema_of(one_field(), **{"xref.neutral": True}),
        schema_of(one_field()),
        "no longer neutral",
    ),
    "member added": (FIRST, later(3, type=holding(("a", "string"), ("b", "string"))), "members"),
    "member retyped": (FIRST, later(3, type=holding(("a", "long"))), "a: type string became long"),
    "fixed resized": (
        FIRST,
        later(4, type=["null", {"type": "fixed", "name": "key", "size": 8}]),
        "keeps its size",
    ),
    "type renamed": (
        FIRST,
        later(4, type=["null", {"type": "fixed", "name": "seal", "size": 16}]),
        "a type keeps its name",
    ),
    "removed": (FIRST, without(1), "put its id 1 into xref.retired_ids"),
    "added as required": (FIRST, with_more(FIRST, **{"xref.required": True}), "added as required"),
    "moved": (
        FIRST,
        with_more(without(1, **{"xref.retired_ids": [1]}), name="code"),
        "moved from id 1",
    ),
    "id used again": (
        without(1, **{"xref.retired_ids": [1]}),
        with_more(without(1), **{"xref.id": 1}),
        "was retired",
    ),
    "no longer retired": (
        without(1, **{"xref.retired_ids": [1]}),
        without(1),
        "no longer retired",
    ),
}


@pytest.mark.parametrize("name", BREAKING)
def test_a_change_that_the_older_side_cannot_live_with_is_refused(name: str) -> None:
    old, new, says = BREAKING[name]
    found = list(faults(("1", {old.name: old}), ("2", {new.name: new})))
    assert any(says in said for said in found), found


ALLOWED = {
    "added": (with_more(FIRST), "added with id 9: identity, personal"),
    "retired": (without(1, **{"xref.retired_ids": [1]}), "removed, id 1 retired"),
    "widened": (later(2, type=listed(9, "A", "B")), "at most 8 items became 9"),
    "more sensitive": (
        later(1, **{"xref.sensitivity": "sensitive"}),
        "sensitivity personal became sensitive",
    ),
    "meanings said": (later(2, type=listed(8, "A", "B", xref_meanings=["One.", "Two."])), ""),
    "told better": (later(1, doc="A code."), "doc changed"),
}


@pytest.mark.parametrize("name", ALLOWED)
def test_a_change_that_both_sides_can_live_with_is_told(name: str) -> None:
    new, says = ALLOWED[name]
    assert list(faults(("1", {FIRST.name: FIRST}), ("2", {new.name: new}))) == []
    told = [change.says for change in compare_all({FIRST.name: FIRST}, {new.name: new})]
    assert told == [says] * bool(says)


def test_a_field_that_became_optional_and_a_record_that_came_or_went_are_told() -> None:
    required = later(1, **{"xref.required": True})
    (change,) = compare_all({"p": required}, {"p": FIRST})
    assert (change.breaks, change.says) == (False, "became optional")
    assert [each.says for each in compare_all({}, {"p": FIRST})] == ["record added"]
    assert [each.says for each in compare_all({"p": FIRST}, {})] == ["record is no longer there"]
    assert compare_all({"p": FIRST}, {"p": FIRST}) == []


def test_avro_alone_refuses_a_record_under_another_name() -> None:
    other = schema_of(one_field(), name="other")
    assert avro_faults(FIRST, other)
    assert any(
        "keeps its name" in said for said in faults(("1", {"p": FIRST}), ("2", {"p": other}))
    )
