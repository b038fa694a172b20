"""The published vectors of the trail, run one by one, and made again from nothing."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rfc6962 import naive_root
from vectors import make_trail
from xref.audit_entry import read_entry, read_opening
from xref.errors import MalformedError
from xref.limits import TRAIL_ENTRY_BYTES_MAX
from xref.tlog.checkpoint import open_checkpoint
from xref.tlog.note import SignatureError, Verifier
from xref.trail import MEMBERS, encode_entry, entry_leaf

FILE = Path(make_trail.__file__).parent / "trail" / "cases.json"
CASES: list[dict[str, Any]] = json.loads(FILE.read_text(encoding="utf-8"))


def outcome(case: dict[str, Any]) -> str:
    if case["operation"] == "entry":
        encoded = case["entry"].encode()
        try:
            entry = read_entry(encoded)
        except MalformedError:
            return "malformed"
        assert encode_entry(entry) == encoded
        return "ok"
    try:
        head = open_checkpoint(
            case["note"], Verifier(case["origin"], bytes.fromhex(case["public"]))
        )
    except SignatureError:
        return "unsigned"
    leaves = [bytes.fromhex(each) for each in case["leaves"]]
    same = (head.size, head.root) == (len(leaves), naive_root(leaves))
    return "ok" if same else "unproved"


@pytest.mark.parametrize("case", CASES, ids=[case["name"] for case in CASES])
def test_vector(case: dict[str, Any]) -> None:
    assert outcome(case) == case["expect"]
    if "leaf" in case:
        opening = bytes.fromhex(case["nonce"]) + case["entry"].encode()
        assert entry_leaf(*read_opening(opening)).hex() == case["leaf"]


def test_vectors_are_what_the_maker_writes() -> None:
    assert FILE.read_text(encoding="utf-8") == make_trail.written()


def test_every_kind_of_entry_has_a_vector() -> None:
    good = {case["name"] for case in CASES if case["expect"] == "ok"}
    assert good >= MEMBERS.keys()
    assert len({case["name"] for case in CASES}) == len(CASES)


@pytest.mark.parametrize("size", [0, 31, 32, 32 + TRAIL_ENTRY_BYTES_MAX + 1])
def test_opening_of_a_wrong_length(size: int) -> None:
    with pytest.raises(MalformedError, match="length"):
        read_opening(bytes(size))


@given(st.binary(max_size=200))
def test_any_bytes_are_an_entry_or_malformed(encoded: bytes) -> None:
    with pytest.raises(MalformedError):
        read_entry(encoded)


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner),
    max_leaves=5,
)


@given(st.sampled_from(sorted(MEMBERS)), st.data())
def test_any_member_of_any_form_is_read_back_or_malformed(kind: str, data: Any) -> None:
    entry = dict(make_trail.GOOD[kind])
    entry[data.draw(st.sampled_from(sorted(entry)))] = data.draw(_JSON)
    text = json.dumps(entry, separators=(",", ":"), sort_keys=True, ensure_ascii=False)
    encoded = text.encode("utf-8", "replace")
    try:
        assert encode_entry(read_entry(encoded)) == encoded
    except MalformedError:
        return


def test_deeply_nested_entry_is_malformed() -> None:
    with pytest.raises(MalformedError):
        read_entry(b"[" * 100_000 + b"]" * 100_000)
