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
from xref.wire.schema import Schema


def changed(schema: Schema, kind: object, field_id: int) -> Schema:
    """Return a schema with a field of this type and id, in place of one of that id or anew."""
    document = json.loads(schema.canonical)
    first = document["fields"][0]
    field = {**first, "name": f"field_{field_id}", "xref.id": field_id, "type": ["null", kind]}
    if field_id == first["xref.id"]:
        document["fields"][0] = field | {"name": first["name"]}
    else:
        document["fields"].append(field)
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

        some = next(iter(schemas.values()))
        assert not registry.fits(some.name, changed(some, "int", some.fields[0].id).canonical)
        with pytest.raises(ConfigError, match="409"):
            registry.register(some.name, changed(some, "int", some.fields[0].id).canonical)
        grown = changed(some, "string", 60_000)
        assert registry.fits(some.name, grown.canonical)
        (now,) = register([grown], registry)
        assert now.id not in numbers.values()
        assert registry.schema(now.id or 0) is not None
        assert registry.schema(2**31 - 1) is None
