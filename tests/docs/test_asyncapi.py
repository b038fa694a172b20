"""The AsyncAPI document is what the bundle says, and what AsyncAPI's own tools accept."""

import json
from pathlib import Path
from typing import Any

import fastavro
import pytest

import node_packages
from docs import make_asyncapi
from docs.make_flows import shipped
from xref.kafka_plan import links_on, topic_name


def judged(document: object, folder: Path) -> dict[str, Any]:
    """Return what AsyncAPI's parser says of a document."""
    folder.mkdir()
    file = folder / "asyncapi.json"
    file.write_text(json.dumps(document), encoding="utf-8")
    said: dict[str, Any] = json.loads(
        node_packages.run("check_asyncapi.mjs", file.name, folder=folder)
    )
    return said


def test_the_document_is_what_the_bundle_says() -> None:
    assert make_asyncapi.PAGE.read_text("utf-8") == make_asyncapi.page(), "run `make pages`"


def test_every_payload_is_an_avro_schema() -> None:
    schemas = make_asyncapi.document()["components"]["schemas"]
    assert len(schemas) == len(shipped().policy.schemas)
    for each in schemas.values():
        parsed = fastavro.parse_schema(each["schema"])
        assert isinstance(parsed, dict)
        assert parsed["name"].startswith("xref.")


def test_type_that_avro_does_not_have() -> None:
    """AsyncAPI's Avro plugin lets such a type pass."""
    document = make_asyncapi.document()["components"]["schemas"]["departure"]["schema"]
    document["fields"][0]["type"][1] = "txet"
    with pytest.raises(fastavro.schema.UnknownType):
        fastavro.parse_schema(document)


@pytest.mark.needs_node
@pytest.mark.slow
def test_asyncapis_own_parser_accepts_it_and_refuses_a_broken_one(tmp_path: Path) -> None:
    document = make_asyncapi.document()
    said = judged(document, tmp_path / "good")
    assert said["accepted"], said["found"]
    draft = shipped()
    topics = {topic_name("xref", link) for link in links_on(draft.directory, ())}
    assert set(said["channels"]) == topics
    assert set(said["messages"]) == {flow.name for flow in draft.policy.flows.values()}
    broken = {"channels": {"one": {"messages": {"departure": {"$ref": "#/nowhere"}}}}}
    head = {"asyncapi": document["asyncapi"], "info": document["info"]}
    assert not judged(head | broken, tmp_path / "broken")["accepted"]
