"""Entries of the trail are RFC 8785 JSON to the byte, whatever their closed members hold."""

import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from xref.limits import WIRE_NUMBER_MAX
from xref.trail import MEMBERS, Entry, EntryForm, encode_entry

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


@given(entries(), st.data())
def test_entries_alike_are_encoded_as_each_alone(entry: Entry, data: st.DataObject) -> None:
    """A form writes its fixed members once; what varies changes no byte of the rest."""
    free = sorted(set(entry) - {"kind"})
    names = sorted(data.draw(st.sets(st.sampled_from(free))))
    varying = {name: data.draw(st.integers(0, WIRE_NUMBER_MAX) | st.binary()) for name in names}
    fixed = {name: value for name, value in entry.items() if name not in names}
    form = EntryForm(fixed, {name: type(value) for name, value in varying.items()})
    said = {n: v.hex() if isinstance(v, bytes) else v for n, v in varying.items()}
    assert form.fill(*varying.values()) == rfc8785.dumps({**fixed, **said})


def test_form_takes_no_members_but_its_kinds() -> None:
    with pytest.raises(RuntimeError):
        EntryForm({"kind": "stubbed", "at_ms": 1, "link": "l"}, {"value": bytes})
    with pytest.raises(TypeError):
        EntryForm({"kind": "stubbed", "at_ms": 1, "link": "l"}, {"index": int}).fill(b"index")
