"""Entries of the trail are RFC 8785 JSON to the byte, whatever their closed members hold."""

import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from xref.limits import WIRE_NUMBER_MAX
from xref.trail import MEMBERS, Entry, encode_entry

TEXTS = st.text(st.characters(exclude_categories=["Cs"]))
NUMBERS = st.integers(-WIRE_NUMBER_MAX, WIRE_NUMBER_MAX)
NAMES = st.text(st.characters(max_codepoint=127))
VALUES = st.recursive(
    TEXTS | NUMBERS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(NAMES, inner, max_size=4),
    max_leaves=12,
)


@st.composite
def entries(draw: st.DrawFn) -> Entry:
    kind = draw(st.sampled_from(sorted(MEMBERS)))
    return {name: draw(VALUES) for name in sorted(MEMBERS[kind])} | {"kind": kind}


@given(entries())
def test_entry_is_encoded_as_a_general_encoder_of_rfc_8785_does(entry: Entry) -> None:
    assert encode_entry(entry) == rfc8785.dumps(dict(entry))
