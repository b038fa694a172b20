"""The committed vectors of schemas, bundles and decisions, read as another implementation would."""

import json
from collections.abc import Mapping
from typing import Any

import pytest

from unit.bundle.signed_bundle import ROOT
from xref.bundle import Bundle, open_bundle, read_directory
from xref.errors import ConfigError, MalformedError
from xref.policy import Permit, Question
from xref.wire.schema import Schema

VECTORS = ROOT / "tests" / "vectors"


def read(name: str) -> tuple[Mapping[str, Any], list[Mapping[str, Any]]]:
    document = json.loads((VECTORS / name).read_text(encoding="utf-8"))
    return document["bases"], document["cases"]


def cases(name: str) -> pytest.MarkDecorator:
    found = read(name)[1]
    return pytest.mark.parametrize("case", found, ids=[case["name"] for case in found])


@cases("schema/parse.json")
def test_schema_file(case: Mapping[str, Any]) -> None:
    text = case["inputs"]["schema"].encode()
    if case["expect"] == "ok":
        schema = Schema.parse(text)
        assert schema.digest32.hex() == case["shows"]["digest"]
        assert schema.canonical.decode() == case["shows"]["canonical"]
    else:
        with pytest.raises(ConfigError):
            Schema.parse(text)


@cases("schema/value.json")
def test_value(case: Mapping[str, Any]) -> None:
    schema = Schema.parse(read("schema/value.json")[0]["schema"].encode())
    field = schema.by_name[case["inputs"]["field"]]
    data = bytes.fromhex(case["inputs"]["bytes"])
    if case["expect"] == "ok":
        value = field.decode(data)
        assert value == case["shows"].get("value")
        assert field.encode(value) == data
    else:
        with pytest.raises(MalformedError):
            field.decode(data)


def opened(note: str) -> Bundle:
    bases, _ = read("bundle/open.json")
    files = {path: text.encode() for path, text in bases["files"].items()}
    return open_bundle(files, note, {p: bytes.fromhex(key) for p, key in bases["keys"].items()})


@cases("bundle/open.json")
def test_bundle(case: Mapping[str, Any]) -> None:
    if case["expect"] == "ok":
        bundle = opened(case["inputs"]["note"])
        assert bundle.manifest.decode() == case["shows"]["manifest"]
        assert bundle.digest32.hex() == case["shows"]["digest"]
        assert bundle.valid_from_ms == case["shows"]["valid_from_ms"]
        assert bundle.valid_until_ms == case["shows"]["valid_until_ms"]
    else:
        with pytest.raises(ConfigError):
            opened(case["inputs"]["note"])


@cases("bundle/directory.json")
def test_directory(case: Mapping[str, Any]) -> None:
    data = case["inputs"]["directory"].encode()
    if case["expect"] == "ok":
        assert read_directory(data).shards == case["shows"]["shards"]
    else:
        with pytest.raises(ConfigError):
            read_directory(data)


@cases("policy/decide.json")
def test_decision(case: Mapping[str, Any]) -> None:
    policy = opened(read("bundle/open.json")[1][0]["inputs"]["note"]).policy
    asked = case["inputs"]
    schema = policy.schema_for(policy.flows.get(asked["flow"], policy.flows[16]))
    answer = policy.decide(
        Question(
            flow=asked["flow"],
            from_role=asked["from_role"],
            to_role=asked["to_role"],
            same_party=asked["same_party"],
            facts=bytes.fromhex(asked["facts"]),
            carried_mask=schema.mask_of(asked["carried"]),
            sharing_consent_mask=schema.mask_of(asked["scope"]),
            sharing_consent_live=asked["live"],
            cause_flow=asked["cause"],
        )
    )
    shows = case["shows"]
    if isinstance(answer, Permit):
        assert case["expect"] == "permit"
        assert list(schema.names_of(answer.mask)) == shows["disclosed"]
        assert {each.field: list(each.rules) for each in answer.withheld} == shows["withheld"]
        assert answer.retention_days == shows["retention_days"]
        assert list(answer.obligations) == shows["obligations"]
    else:
        assert case["expect"] == "refusal"
        assert [reason.rule for reason in answer.reasons] == shows["reasons"]
