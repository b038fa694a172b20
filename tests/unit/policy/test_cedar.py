"""Cedar, another engine, agrees with ours: on what goes, and on every rule that settles it."""

import os
from random import Random
from typing import Final

from unit.bundle.signed_bundle import draft
from unit.policy.cedar_rules import CedarRules, expected, request
from xref.policy.passages import passages_of
from xref.policy.search import kinds_of
from xref.policy.tiling import Box, boxes_of

RULEBOOK: Final = draft().policy.rulebook
EVERY: Final = 1 if os.environ.get("XREF_LONG") else 12
"""Every how manyth box is asked of; all, and more facts of each, in the long run."""


def facts_in(box: Box, random: Random, count: int) -> list[bytes]:
    """Return facts of a box: the one with most unknown, and some at random."""

    def one() -> bytes:
        codes = [[at for at in range(bits.bit_length()) if bits >> at & 1] for bits in box.answers]
        return bytes(random.choice(each) for each in codes)

    return [box.first(), *(one() for _ in range(count))]


def test_cedar_agrees_on_every_class_of_facts() -> None:
    cedar, random = CedarRules(RULEBOOK), Random(8)
    asked, engine = [], []
    for passage in passages_of(RULEBOOK, []):
        corridor = passage.corridor
        boxes = boxes_of(corridor, RULEBOOK.facts)
        fields = [
            next(each for each in corridor.schema.fields if each.mask & kind)
            for kind in kinds_of(corridor)
        ]
        for box in boxes[random.randrange(min(EVERY, len(boxes))) :: EVERY]:
            for codes in facts_in(box, random, 1):
                for field in fields:
                    asked.append(request(passage, field, codes, RULEBOOK.facts))
                    engine.append(expected(corridor, field, codes))
    for question, ours, theirs in zip(asked, engine, cedar.decide(asked), strict=True):
        assert theirs == ours, question["context"]
    assert {each.goes for each in engine} == {True, False}
