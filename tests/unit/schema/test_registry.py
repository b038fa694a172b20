"""A country's own registry: the record for its systems, and what is asked and never told."""

import http.server
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import releases
from attacks.hostile import minimised_at_home, settled
from generated import Generator
from world import REPOSITORY, draft_bundle
from xref.cli import main
from xref.drivers.registry_http import HttpRegistry
from xref.errors import ConfigError, MalformedError, UnavailableError
from xref.registry import (
    Registered,
    decode_record,
    encode_record,
    register,
    schema_id_of,
    schema_under,
)
from xref.wire.schema import Schema

VECTORS = REPOSITORY / "tests" / "vectors" / "registry-record" / "decode.json"
FILE = json.loads(VECTORS.read_text(encoding="utf-8"))
PROBE = Schema.parse(FILE["bases"]["schema"].encode())
NUMBER = 0x5A17_C0DE


def known(schema_id: int) -> Schema:
    if schema_id != FILE["bases"]["number"]:
        raise MalformedError("not here", fault="unknown-schema")
    return PROBE


@pytest.mark.parametrize("case", FILE["cases"], ids=[each["name"] for each in FILE["cases"]])
def test_vectors(case: dict[str, Any]) -> None:
    data = bytes.fromhex(case["bytes"])
    if case["expect"] == "ok":
        values = decode_record(data, known)
        assert values == case["values"]
        assert encode_record(schema_id_of(data), PROBE, values) == data
    else:
        with pytest.raises(MalformedError) as refused:
            decode_record(data, known)
        assert refused.value.fault == case["expect"]


def test_every_record_goes_there_and_back() -> None:
    made = Generator(3)
    for schema in draft_bundle().policy.schemas.values():
        for _ in range(10):
            values = made.values(schema)
            data = encode_record(NUMBER, schema, values)
            assert decode_record(data, lambda _, found=schema: found) == values  # type: ignore[misc] # bound as a default, of which mypy knows nothing


def test_record_with_a_field_or_number_that_cannot_be() -> None:
    with pytest.raises(MalformedError, match="does not have"):
        encode_record(1, PROBE, {"unheard": 1})
    with pytest.raises(MalformedError, match="31 bits"):
        encode_record(2**31, PROBE, {})
    with pytest.raises(MalformedError, match="too many"):
        decode_record(bytes(481 * 1024), known)


def test_code_that_is_new_to_an_open_enum_is_written_as_its_default() -> None:
    opened = [
        (schema, field)
        for schema in draft_bundle().policy.schemas.values()
        for field in schema.fields
        if field.open
    ]
    assert opened
    for schema, field in opened:
        known = field.symbols[0]
        given: object = [known, "NEWER"] if field.kind == "array" else "NEWER"
        data = encode_record(1, schema, {field.name: given})
        read = decode_record(data, lambda _, found=schema: found)[field.name]  # type: ignore[misc] # as above
        codes = read if isinstance(read, list) else [known, read]
        assert codes[0] == known
        assert f'"default":"{codes[1]}"' in schema.canonical.decode()


def test_registrys_number_stays_in_the_country() -> None:
    """A case system hands in a record with its registry's number, and gets one with another."""
    world = settled()
    record = world.read("la", "referrals.csv").records[0]
    schema = next(
        s for n, s in draft_bundle().policy.schemas.items() if n.endswith("victim_referral")
    )
    given = {name: value for name, value in record.values.items() if name in schema.by_name}
    framed = encode_record(NUMBER, schema, given)
    read = decode_record(framed, lambda _: schema)
    across = minimised_at_home(world, replace(record, values={**record.values, **read}))
    world.settle()
    (content,) = world.inbox("VNNRM001").values()
    number = b"\0" + NUMBER.to_bytes(4)  # as framed: four bytes may be sealed ones
    assert schema.digest32 in {envelope.header.schema for envelope in across}
    assert not any(number in envelope.encode() for envelope in across)
    assert str(NUMBER) not in json.dumps(content)
    assert NUMBER.to_bytes(4).hex() not in json.dumps(content)
    values: dict[str, object] = dict(content["values"])  # type: ignore[call-overload] # from JSON
    assert decode_record(encode_record(7, schema, values), lambda _: schema) == values


# The driver, against a small server that speaks the API.


class Counter(http.server.BaseHTTPRequestHandler):
    """Answers as `answers` says by verb and path, and keeps what it was asked."""

    answers: dict[str, tuple[int, object]]
    asked: list[tuple[str, object]]

    def _answer(self) -> None:
        size = int(self.headers.get("Content-Length") or 0)
        body = json.loads(self.rfile.read(size)) if size else None
        self.asked.append((f"{self.command} {self.path}", body))
        status, said = self.answers.get(f"{self.command} {self.path}", (404, {}))
        data = said if isinstance(said, bytes) else json.dumps(said).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    do_GET = do_POST = do_PUT = _answer  # noqa: N815 - the names that the server looks for

    def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002 - its own name
        del format, arguments


@contextmanager
def served(**answers: Any) -> Iterator[tuple[str, type[Counter]]]:
    """Serve the answers, by verb and path, and yield the address."""
    handler = type("Handler", (Counter,), {"answers": answers.pop("by"), "asked": []})
    with http.server.HTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/apis", handler
        finally:
            server.shutdown()
            thread.join()


SUBJECT = "/subjects/test.probe/versions"
VERSIONS = f"/apis{SUBJECT}"
NEW = {f"POST {VERSIONS}": (200, {"id": 5}), "PUT /apis/config/test.probe": (200, {})}
KNOWN = {
    **NEW,
    f"GET {VERSIONS}": (200, [1]),
    f"POST /apis/compatibility{SUBJECT}/latest": (200, {"is_compatible": True}),
}


def test_new_subject_is_registered_and_held_to_all_versions() -> None:
    with served(by=NEW) as (url, handler):
        done = register([PROBE], HttpRegistry(url))
    assert done == [Registered("test.probe", PROBE.digest32.hex(), 5)]
    assert handler.asked[-2:] == [
        (f"POST {VERSIONS}", {"schema": PROBE.canonical.decode()}),
        ("PUT /apis/config/test.probe", {"compatibility": "FULL_TRANSITIVE"}),
    ]


def test_asking_only_registers_nothing() -> None:
    with served(by=KNOWN) as (url, handler):
        assert register([PROBE], HttpRegistry(url), only_check=True)[0].id is None
    assert not [asked for asked, _ in handler.asked if asked == f"POST {VERSIONS}"]


def test_schema_that_would_break_another_keeps_all_from_being_registered() -> None:
    answers = {**KNOWN, f"POST /apis/compatibility{SUBJECT}/latest": (200, {})}
    with served(by=answers) as (url, handler), pytest.raises(ConfigError, match=r"test\.probe"):
        register([PROBE], HttpRegistry(url))
    assert not [asked for asked, _ in handler.asked if asked == f"POST {VERSIONS}"]


@pytest.mark.parametrize(
    ("answers", "error", "says"),
    [
        ({f"POST {VERSIONS}": (409, {})}, ConfigError, "refuses test.probe"),
        ({f"POST {VERSIONS}": (422, {})}, ConfigError, "refuses test.probe"),
        ({f"POST {VERSIONS}": (500, {})}, UnavailableError, "500"),
        ({f"POST {VERSIONS}": (200, {"id": "5"})}, UnavailableError, "200"),
        ({f"POST {VERSIONS}": (200, b"not json")}, UnavailableError, "JSONDecodeError"),
        ({f"POST {VERSIONS}": (200, b" " * 2**21)}, UnavailableError, "200"),
        ({"PUT /apis/config/test.probe": (500, {})}, UnavailableError, "FULL_TRANSITIVE"),
    ],
)
def test_registry_that_answers_otherwise(
    answers: dict[str, Any], error: type[Exception], says: str
) -> None:
    with served(by=NEW | answers) as (url, _), pytest.raises(error, match=says):
        register([PROBE], HttpRegistry(url))


def test_registry_that_fails_a_question() -> None:
    answers = {**KNOWN, f"POST /apis/compatibility{SUBJECT}/latest": (500, {})}
    with served(by=answers) as (url, _), pytest.raises(UnavailableError, match="500"):
        register([PROBE], HttpRegistry(url))


def test_registry_that_is_away() -> None:
    with served(by={}) as (url, _):
        pass
    with pytest.raises(UnavailableError, match="no answer"):
        register([PROBE], HttpRegistry(url))


@pytest.mark.parametrize("url", ["ftp://x", "registry", "http://", "https://u:p@registry.example"])
def test_address_that_is_none(url: str) -> None:
    with pytest.raises(ConfigError, match="registry:"):
        HttpRegistry(url)


def test_number_names_a_schema_of_the_bundle_or_nothing() -> None:
    texts = {
        "GET /apis/schemas/ids/1": (200, {"schema": PROBE.canonical.decode()}),
        "GET /apis/schemas/ids/2": (
            200,
            {"schema": PROBE.canonical.decode().replace("later", "l")},
        ),
        "GET /apis/schemas/ids/3": (200, {"schema": '"string"'}),
        "GET /apis/schemas/ids/5": (200, {"schema": 1}),
    }
    bundle = {PROBE.digest32: PROBE}
    with served(by=texts) as (url, _):
        registry = HttpRegistry(url)
        assert schema_under(registry, 1, bundle) == PROBE
        for number in (2, 3, 4):
            with pytest.raises(MalformedError) as refused:
                schema_under(registry, number, bundle)
            assert refused.value.fault == "unknown-schema"
        with pytest.raises(UnavailableError):
            schema_under(registry, 5, bundle)


def test_command_prints_the_numbers(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "probe.avsc").write_bytes(PROBE.canonical)
    with served(by=NEW) as (url, _):
        assert main(["schema", "register", str(tmp_path), "--registry", url]) == 0
        assert capsys.readouterr().out == "       5  test.probe\n"
        assert main(["schema", "register", str(tmp_path), "--registry", url, "--json"]) == 0
        assert json.loads(capsys.readouterr().out)[0]["id"] == 5
        assert main(["schema", "register", str(tmp_path), "--registry", url, "--check"]) == 0
        assert "fits" in capsys.readouterr().out
    assert main(["schema", "register", str(releases.FOLDER / "1"), "--registry", "nowhere"]) == 1
