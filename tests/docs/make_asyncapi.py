"""Writes docs/reference/asyncapi.json by `python tests/docs/make_asyncapi.py`.

An AsyncAPI 3 document: a channel a link with its Kafka topic, a message a flow with its record.
"""

import json
from typing import Any

import xref
from docs.make_flows import ROOT, shipped
from xref.bundle import Directory, Office
from xref.kafka_plan import links_on, topic_name
from xref.policy import Flow, Policy
from xref.wire.office import Link
from xref.wire.schema import Schema

PAGE = ROOT / "docs" / "reference" / "asyncapi.json"
_PREFIX = "xref"
_AVRO = "application/vnd.apache.avro+json;version=1.9.0"
_SAYS = """What the offices of the demonstration's directory send one another with xref.

Every channel is a link: one sender, one receiver, a log that the receiver mirrors and countersigns.
On Kafka it is a topic with a partition for each shard; an office has the right to write its own
links and to read those to it.

What a topic carries is a parcel, sealed to its receiver and padded to a few sizes, so a broker sees
no message. A parcel opens to slots, a slot to an envelope; an envelope holds the fields of one
record, sealed one by one to the receiving office. The payloads here are those records, as the
receiving office has them after all checks. Each field is written by itself, in Avro's binary form;
absent and withheld are both null. The formats, to the byte, are in docs/spec; each record, and who
may ever receive which of its fields, is in docs/reference/messages."""


def _ends(link: Link, directory: Directory) -> tuple[Office, Office]:
    return directory.office(link.sender), directory.office(link.receiver)


def _goes_on(flow: Flow, link: Link, directory: Directory) -> bool:
    """Return whether messages of a flow ever go on a link, by the roles of its ends."""
    sender, receiver = _ends(link, directory)
    if sender.party != receiver.party:
        return flow.reach != "domestic"
    if sender.role != "hop":
        return sender.role in flow.from_roles
    return receiver.role in flow.to_roles


def _channel(link: Link, policy: Policy, directory: Directory) -> dict[str, Any]:
    sender, receiver = _ends(link, directory)
    flows = sorted(policy.flows.values(), key=lambda flow: flow.code)
    return {
        "address": topic_name(_PREFIX, link),
        "title": f"{link.sender} to {link.receiver}",
        "description": f"The link from {sender.name} to {receiver.name}.",
        "messages": {
            flow.name: {"$ref": f"#/components/messages/{flow.name}"}
            for flow in flows
            if _goes_on(flow, link, directory)
        },
        "bindings": {"kafka": {"topic": topic_name(_PREFIX, link)}},
    }


def _message(flow: Flow, policy: Policy) -> dict[str, Any]:
    schema = policy.schema_for(flow)
    return {
        "name": flow.name,
        "title": flow.name,
        "summary": flow.explain,
        "contentType": "application/octet-stream",
        "tags": [{"name": flow.owner}, {"name": flow.purpose}, {"name": flow.nature}],
        "x-schema-sha-256": schema.digest32.hex(),
        "payload": {"$ref": f"#/components/schemas/{_key(schema)}"},
    }


def _within_namespace(document: Any) -> Any:
    """Return a schema's document with simple names, as AsyncAPI's own schema of Avro wants them."""
    if isinstance(document, list):
        return [_within_namespace(each) for each in document]
    if isinstance(document, str):
        return document.rpartition(".")[2]
    inner = {key: _within_namespace(document[key]) for key in ("type", "items") if key in document}
    if "fields" in document:
        inner["fields"] = [
            {**each, "type": _within_namespace(each["type"])} for each in document["fields"]
        ]
    if "name" in document:
        space, _, name = document["name"].rpartition(".")
        inner |= {"namespace": space, "name": name}
    return {**document, **inner}


def _key(schema: Schema) -> str:
    return schema.name.rpartition(".")[2]


def document() -> dict[str, Any]:
    """Return the whole document."""
    draft = shipped()
    policy, directory = draft.policy, draft.directory
    links = links_on(directory, ())
    channels = {f"{link.sender}-{link.receiver}": link for link in links}
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "xref between two Parties",
            "version": xref.__version__,
            "description": _SAYS,
            "license": {"name": "Apache-2.0"},
        },
        "defaultContentType": "application/octet-stream",
        "channels": {key: _channel(link, policy, directory) for key, link in channels.items()},
        "operations": {
            f"{link.sender}-{verb}-{key}": {
                "action": verb,
                "channel": {"$ref": f"#/channels/{key}"},
                "summary": f"{office} {verb}s on this link.",
            }
            for key, link in channels.items()
            for office, verb in ((link.sender, "send"), (link.receiver, "receive"))
        },
        "components": {
            "messages": {flow.name: _message(flow, policy) for flow in policy.flows.values()},
            "schemas": {
                _key(schema): {
                    "schemaFormat": _AVRO,
                    "schema": _within_namespace(json.loads(schema.canonical)),
                }
                for schema in policy.schemas.values()
            },
        },
    }


def page() -> str:
    """Return the document as it is written."""
    return json.dumps(document(), ensure_ascii=False, indent=1) + "\n"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
