"""Items of receipts and decisions are encoded from parts, to the byte as their schema would."""

from functools import cache

from hypothesis import given
from hypothesis import strategies as st

from attacks.hostile import LA_HOP, settled
from xref.answers import Item, Said
from xref.policy import Withheld
from xref.wire.avro import block
from xref.wire.schema import Schema

OUTCOMES = (
    "REJECTED",
    "REFUSED",
    "FORWARDED",
    "DELIVERED",
    "OPENED",
    "ERASED",
)  # those of both schemas
WORDS = st.text("abcdefghijklmnopqrstuvwxyz-/", max_size=20)
LISTS = st.lists(WORDS, max_size=4).map(tuple)


@cache
def schema(flow: str) -> Schema:
    world = settled()
    policy = world.hops[LA_HOP]._bundle(world.now_ms).policy
    return policy.schema_for(policy.flow_named(flow))


@st.composite
def items(draw: st.DrawFn) -> Item:
    withheld = tuple(
        Withheld(field, rules)
        for field, rules in draw(st.lists(st.tuples(WORDS, LISTS), max_size=3))
    )
    return Item(
        draw(st.sampled_from(OUTCOMES)),
        draw(st.binary(min_size=16, max_size=16)),
        draw(WORDS),
        draw(WORDS),
        draw(st.integers(0, 2**53)),
        Said(draw(LISTS), withheld, draw(LISTS)),
        draw(WORDS),
        draw(st.integers(0, 2**53)),
    )


@given(st.sampled_from(["receipt", "decision"]), st.lists(items(), min_size=1, max_size=3))
def test_items_are_encoded_as_their_schema_would(flow: str, some: list[Item]) -> None:
    whole = [
        {
            "message": item.message,
            "outcome": item.outcome,
            "fault": item.fault,
            "disclosed": list(item.said.disclosed),
            "withheld": [{"field": w.field, "rules": list(w.rules)} for w in item.said.withheld],
            "reasons": list(item.said.reasons),
            "link": item.link,
            "digest": item.digest,
            "until_ms": item.until_ms,
            "index": item.index,
        }
        for item in some
    ]
    field = schema(flow).by_name["items"]
    names = [member["name"] for member in field.type["items"]["fields"]]
    expected = field.encode([{name: item[name] for name in names} for item in whole])
    assert block([item.encode(schema(flow)) for item in some]) == expected
