"""An office's accesses for an independent reader: what it proves, and who it can be kept from."""

import json
from collections.abc import Callable
from functools import cache
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from unit.audit.tampering import LA, Entry, rewrite_entry, stores
from world import NOW_MS, SeededEntropy, party_keys
from xref.accesses import accesses_of, open_accesses, read_accesses, seal_accesses
from xref.drivers.memory import MemoryStore
from xref.errors import ConfigError, MalformedError
from xref.wire.key import OpeningKey

OFFICE = "LANRM001"
OTHER_ROOT = "the releases of the entries do not give the root that was signed"
READER = OpeningKey(SeededEntropy("reader")(32))
PARTY_KEY = party_keys()["LA"]


@cache
def exported() -> bytes:
    return accesses_of(stores()[LA], OFFICE, LA, 0, NOW_MS)


def changed(**members: Any) -> bytes:
    return json.dumps({**json.loads(exported()), **members}).encode()


def said(data: bytes) -> str:
    return "; ".join(read_accesses(data, PARTY_KEY).problems)


def test_reader_with_the_partys_key_alone_verifies_it() -> None:
    found = read_accesses(exported(), PARTY_KEY)
    assert found.problems == ()
    kinds = [entry["kind"] for _, entry in found.entries]
    assert {"bundle", "released", "refused", "answered", "acknowledged"} <= set(kinds)
    assert set(found.links) == {
        f"xref/link/v1/{OFFICE}/{LA}/0",
        f"xref/link/v1/{LA}/{OFFICE}/0",
    }
    assert all(found.links.values())


def test_office_abroad_is_exported_as_far_as_the_own_trail_goes() -> None:
    found = read_accesses(accesses_of(stores()[LA], "VNNRM001", LA, 0, NOW_MS), PARTY_KEY)
    assert found.problems == ()
    assert found.links == {}
    released = [e for _, e in found.entries if e["kind"] == "released"]
    assert released
    assert all("VNNRM001" in (e["from"], e["to"]) for e in released)


def test_nothing_of_another_office_is_in_it() -> None:
    kinds = {e["kind"] for _, e in read_accesses(exported(), PARTY_KEY).entries}
    assert "started" not in kinds
    assert "keyring" not in kinds
    assert len(json.loads(exported())["entries"]) < read_accesses(exported(), PARTY_KEY).head


@pytest.mark.parametrize("kind", ["released", "refused", "answered"])
def test_one_access_is_left_out(kind: str) -> None:
    entries = json.loads(exported())["entries"]
    place = next(i for i, e in enumerate(entries) if json.loads(e["entry"])["kind"] == kind)
    assert "left out, or erased" in said(changed(entries=[*entries[:place], *entries[place + 1 :]]))


def test_one_access_is_told_otherwise() -> None:
    entries = json.loads(exported())["entries"]
    other = {**entries[0], "entry": entries[0]["entry"].replace('at_ms":1', 'at_ms":2')}
    assert "is not what the trail has there" in said(changed(entries=[other, *entries[1:]]))


def test_one_access_is_told_twice() -> None:
    entries = json.loads(exported())["entries"]
    assert "there twice" in said(changed(entries=[*entries, entries[-1]]))


def rewritten(chosen: Callable[[Entry], bool], told: Callable[[Entry], Entry]) -> bytes:
    """An export of a trail that the hop's operator has written anew and signed."""
    store = stores()[LA]
    rewrite_entry(store, chosen, told)
    return accesses_of(store, OFFICE, LA, 0, NOW_MS)


def went_to_the_office(entry: Entry) -> bool:
    return entry.get("out_link") == f"xref/link/v1/{LA}/{OFFICE}/0" and "release" in entry


@pytest.mark.parametrize("kind", ["released", "answered"])
def test_hop_tells_another_release_than_it_gave_to_the_office(kind: str) -> None:
    """The entry is good and on the signed trail; the link's own head says otherwise."""
    data = rewritten(
        lambda entry: went_to_the_office(entry) and entry["kind"] == kind,
        lambda entry: {**entry, "release": "5a" * 32},
    )
    assert said(data) == f"xref/link/v1/{LA}/{OFFICE}/0: {OTHER_ROOT}"


def test_hop_tells_two_releases_for_one_leaf() -> None:
    entries = json.loads(rewritten(went_to_the_office, dict))["entries"]
    both = [e for e in entries if went_to_the_office(json.loads(e["entry"]))]
    assert OTHER_ROOT in said(changed(entries=[*entries, both[0]]))


def test_link_between_others_stands_for_the_offices_own() -> None:
    note = next(iter(json.loads(exported())["links"].values()))
    links = {f"xref/link/v1/{LA}/VNHOP001/0": note}
    assert "no link between" in said(changed(links=links))


@pytest.mark.parametrize(
    "members",
    [
        {"head": ""},
        {"keyring": ""},
        {"hop": "VNHOP001"},
        {"office": "la"},
        {"shard": 1},
        {"format": "xref/accesses/v2"},
        {"entries": [{}]},
        {"links": {"x": "y"}},
    ],
    ids=str,
)
def test_export_that_nobody_stands_for(members: dict[str, Any]) -> None:
    with pytest.raises(ConfigError):
        read_accesses(changed(**members), PARTY_KEY)


def test_link_head_stands_for_the_trails() -> None:
    head = next(iter(json.loads(exported())["links"].values()))
    with pytest.raises(ConfigError):
        read_accesses(changed(head=head), PARTY_KEY)


def test_other_partys_key() -> None:
    with pytest.raises(ConfigError):
        read_accesses(exported(), party_keys()["VN"])


@given(
    st.binary(max_size=64) | st.recursive(st.none() | st.integers() | st.text(max_size=9), st.lists)
)
def test_anything_else_is_no_export(value: Any) -> None:
    data = value if isinstance(value, bytes) else json.dumps(value).encode()
    with pytest.raises(ConfigError):
        read_accesses(data, PARTY_KEY)


def test_hop_that_never_started_has_nothing_to_export() -> None:
    with pytest.raises(ConfigError, match="nothing of LAHOP001"):
        accesses_of(MemoryStore(), OFFICE, LA, 0, NOW_MS)


# Sealed.


def test_only_its_reader_opens_it() -> None:
    sealed = seal_accesses(exported(), OFFICE, READER.public)
    assert open_accesses(sealed, READER) == exported()
    assert b"floor/" not in sealed
    other = OpeningKey(SeededEntropy("somebody else")(32))
    with pytest.raises(ConfigError, match="sealed to this key"):
        open_accesses(sealed, other)


@pytest.mark.parametrize("place", [0, 17, 20, 25, 33, 200, 1200, -1])
def test_any_byte_changed_on_the_way(place: int) -> None:
    sealed = bytearray(seal_accesses(exported(), OFFICE, READER.public))
    sealed[place] ^= 1
    with pytest.raises(ConfigError):
        open_accesses(bytes(sealed), READER)


def test_cut_off_anywhere() -> None:
    sealed = seal_accesses(exported(), OFFICE, READER.public)
    for size in (0, 16, 33, 1000, len(sealed) - 1):
        with pytest.raises(ConfigError):
            open_accesses(sealed[:size], READER)


def test_office_that_is_none() -> None:
    with pytest.raises(MalformedError):
        seal_accesses(exported(), "nobody", READER.public)
