"""The vectors of overlays."""

import json
from functools import cache
from typing import Any

import pytest

from world import REPOSITORY
from xref import bundle as bundles
from xref.errors import ConfigError
from xref.overlay import draft_overlay, open_overlay, tightened
from xref.policy.rulebook import Rulebook

FOLDER = REPOSITORY / "tests" / "vectors" / "overlay"
OPEN = json.loads((FOLDER / "open.json").read_text("utf-8"))
NARROW = json.loads((FOLDER / "narrow.json").read_text("utf-8"))


@cache
def rulebook() -> Rulebook:
    document = json.loads((FOLDER / NARROW["bases"]["bundle"]).read_text("utf-8"))
    files = {path: text.encode() for path, text in document["bases"]["files"].items()}
    return bundles.build(files).policy.rulebook


@pytest.mark.parametrize("case", OPEN["cases"], ids=lambda case: case["name"])
def test_open(case: dict[str, Any]) -> None:
    public = bytes.fromhex(OPEN["bases"]["keys"][case["party"]])
    if case["expect"] == "refused":
        with pytest.raises(ConfigError):
            open_overlay(case["note"], case["party"], public)
        return
    overlay = open_overlay(case["note"], case["party"], public)
    shows = {
        "version": overlay.version,
        "digest": overlay.digest,
        "suspended": [{"office": e.office, "official": e.official} for e in overlay.suspended],
        "rules": sorted(overlay.rule_ids),
    }
    assert shows == case["shows"]


@pytest.mark.parametrize("case", NARROW["cases"], ids=lambda case: case["name"])
def test_narrow(case: dict[str, Any]) -> None:
    if case["expect"] == "ok":
        tightened(rulebook(), draft_overlay("LA", 1, case["source"]))
        return
    with pytest.raises(ConfigError) as caught:
        tightened(rulebook(), draft_overlay("LA", 1, case["source"]))
    assert case["opens"] in str(caught.value)
    assert ("would go" in str(caught.value)) is bool(case["opens"])
