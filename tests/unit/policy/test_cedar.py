"""Cedar, another engine, agrees with ours: on what goes, and on every rule that settles it."""

import os
from dataclasses import replace
from random import Random
from typing import Final

import pytest

from unit.bundle.signed_bundle import ROOT, draft
from unit.policy.cedar_rules import CedarRules, expected, request
from xref.policy.passages import passages_of
from xref.policy.rulebook import Rulebook, read_rulebook
from xref.policy.search import kinds_of
from xref.policy.tiling import Box, boxes_of
from xref.sources import read_sources

RULEBOOK: Final = draft().policy.rulebook
EVERY: Final = 1 if os.environ.get("XREF_LONG") else 12
"""Every how manyth box is asked of; all, and more facts of each, in the long run."""


def facts_in(box: Box, random: Random, count: int) -> list[bytes]:
    """Return facts of a box: the one with most unknown, and some at random."""

    def one() -> bytes:
        codes = [[at for at in range(bits.bit_length()) if bits >> at & 1] for bits in box.answers]
        return bytes(random.choice(each) for each in codes)

    return [box.first(), *(one() for _ in range(count))]


def police_and_providers() -> Rulebook:
    """The one agreement that ships with flows of its own, without what it shares with others."""
    read = read_sources(ROOT / "policies", ROOT / "schemas", None, ("police-ngo",))
    rulebook = read_rulebook(read)
    own = {name: flow for name, flow in rulebook.flows.items() if flow.owner != "operation"}
    return replace(rulebook, flows=own)


@pytest.mark.parametrize("rulebook", [RULEBOOK, police_and_providers()], ids=["shared", "own"])
def test_cedar_agrees_on_every_class_of_facts(rulebook: Rulebook) -> None:
    cedar, random = CedarRules(rulebook), Random(8)
    asked, engine = [], []
    for passage in passages_of(rulebook, []):
        corridor = passage.corridor
        boxes = boxes_of(corridor, rulebook.facts)
        fields = [
            next(each for each in corridor.schema.fields if each.mask & kind)
            for kind in kinds_of(corridor)
        ]
        for box in boxes[random.randrange(min(EVERY, len(boxes))) :: EVERY]:
            for codes in facts_in(box, random, 1):
                for field in fields:
                    asked.append(request(passage, field, codes, rulebook.facts))
                    engine.append(expected(corridor, field, codes))
    for question, ours, theirs in zip(asked, engine, cedar.decide(asked), strict=True):
        assert theirs == ours, question["context"]
    assert {each.goes for each in engine} == {True, False}
