"""A real registry (Apicurio) takes the bundle's schemas, gives them back, refuses what breaks."""

import json
from pathlib import Path

import pytest
from local_registry import LocalRegistry

from generated import Generator
from world import draft_bundle
from xref.drivers.registry_http import HttpRegistry
from xref.errors import ConfigError
from xref.registry import decode_record, encode_record, register, schema_under
from xref.wire.normal import named_types
from xref.wire.schema import Schema


def grown(schema: Schema) -> Schema:
    """Return a schema with one more field."""
    document = json.loads(schema.canonical)
    document["fields"].append({**document["fields"][0], "name": "one_more", "xref.id": 60_000})
    return Schema.parse(json.dumps(document).encode())


def broken(schema: Schema) -> Schema:
    """Return a schema whose first field is a number."""
    document = json.loads(schema.canonical)
    first = {**document["fields"][0], "type": ["null", "int"]}
    first.pop("xref.value", None)
    document["fields"][0] = first
    return Schema.parse(json.dumps(document).encode())


def with_one_more_symbol(schema: Schema) -> Schema:
    """Return a schema with a symbol at the end of each open enum."""
    document = json.loads(schema.canonical)
    for _, kind in named_types(document):
        if "default" in kind:
            kind["symbols"].append("ONE_MORE")
            kind["xref.meanings"].append("One more.")
    return Schema.parse(json.dumps(document).encode())


@pytest.mark.needs_registry
@pytest.mark.slow
def test_schemas_and_records_of_the_bundle_in_a_real_registry(tmp_path: Path) -> None:
    schemas = draft_bundle().schemas
    with LocalRegistry(tmp_path) as running:
        registry = HttpRegistry(running.url, timeout_seconds=60)
        done = register(schemas.values(), registry)
        assert register(schemas.values(), registry) == done, "again is the same"
        numbers = {each.sha256: each.id for each in done}
        assert len(set(numbers.values())) == len(schemas)

        made = Generator(5)
        for schema in list(schemas.values())[:5]:
            number, values = numbers[schema.digest32.hex()], made.values(schema)
            assert number is not None
            data = encode_record(number, schema, values)
            assert decode_record(data, lambda n: schema_under(registry, n, schemas)) == values

        some = next(each for each in schemas.values() if each.fields[0].kind == "string")
        assert not registry.fits(some.name, broken(some).canonical)
        with pytest.raises(ConfigError, match="409"):
            registry.register(some.name, broken(some).canonical)
        assert registry.fits(some.name, grown(some).canonical)
        (now,) = register([grown(some)], registry)
        assert now.id not in numbers.values()
        assert registry.schema(now.id or 0) is not None
        assert registry.schema(2**31 - 1) is None

        opened = next(s for s in schemas.values() if any(each.open for each in s.fields))
        assert with_one_more_symbol(opened) != opened
        register([with_one_more_symbol(opened)], registry)
