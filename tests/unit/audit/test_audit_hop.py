"""One office's own state: what holds together, and every way in which it may not."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from unit.audit import tampering as t
from world import NOW_MS, OFFICES, YEAR_MS, World, party_keys, signed_bundle
from xref.audit import OfficeReport, audit_desk, audit_hop
from xref.drivers.memory import MemoryStore
from xref.drivers.sqlite_store import SqliteStore
from xref.errors import ConfigError, UnavailableError
from xref.limits import LOG_SIZE_MAX
from xref.link import tile_key
from xref.ports import Store, Write
from xref.tlog import note
from xref.tlog.cosignature import cosign
from xref.trail import entry_leaf, openings_row


def one_says(report: OfficeReport, *words: str) -> bool:
    """Tell whether one problem holds all the words."""
    return not report.verified and any(
        all(word in problem for word in words) for problem in report.problems
    )


def audited(store: Store, office: str) -> OfficeReport:
    return t.hop(store, office) if "HOP" in office else t.desk(store, office)


def released(entry: t.Entry) -> bool:
    return (entry["kind"], entry.get("out_link")) == ("released", t.LA_TO_VN)


@pytest.fixture
def store() -> Store:
    return t.stores()[t.LA]


# What is good.


@pytest.mark.parametrize("office", OFFICES)
def test_untouched_state_verifies(office: str) -> None:
    report = audited(t.stores()[office], office)
    assert report.problems == ()
    assert report.verified


def test_report_gives_sizes_heads_and_accounts(store: Store) -> None:
    report = t.hop(store)
    assert report.keyrings == {"LA": 1, "VN": 1}
    assert report.trail.size == sum(report.trail.kinds.values())
    assert report.trail.signed is not None
    assert report.trail.witnessed is not None
    assert report.trail.signed.size == report.trail.witnessed.size == report.trail.size
    for link in report.links:
        assert link.unaccounted == 0
        if not {link.link.sender, link.link.receiver} <= set(OFFICES):
            assert (link.size, link.signed) == (0, None), "nobody has this desk"
            continue
        assert link.signed is not None
        assert link.signed.size == link.size
        assert not link.outgoing or (link.acknowledged and link.acknowledged.size == link.size)
    json.dumps(report.as_json())


def test_report_holds_no_value_of_a_message(store: Store) -> None:
    spoken = json.dumps(t.hop(store).as_json())
    assert not any(message.hex() in spoken for message in _messages(store))


def _messages(store: Store) -> list[bytes]:
    return [bytes.fromhex(e["message"]) for _, e in t.openings(store) if "message" in e]


def test_restarted_hop_verifies() -> None:
    world = World()
    world.settle()
    world.publish("LANRM001", list(world.read("la", "referrals.csv").records))
    world.settle()
    world.start(t.LA)
    world.settle()
    report = t.hop(world.stores[t.LA])
    assert report.verified, report.problems


def test_sent_and_not_yet_acknowledged_verifies() -> None:
    world = World()
    world.settle()
    world.publish("LANRM001", list(world.read("la", "referrals.csv").records))
    hop = world.hops[t.LA]
    hop.handle(world.transport.read(hop.positions(), 64, 0), world.now_ms)
    report = t.hop(world.stores[t.LA])
    link = next(each for each in report.links if each.link.name == t.LA_TO_VN)
    assert report.verified, report.problems
    assert link.size
    assert link.acknowledged is None


def test_erased_opening_is_counted_and_still_verifies(store: Store) -> None:
    index = next(i for i, (_, e) in enumerate(t.openings(store)) if e["kind"] == "refused")
    t.put_opening(store, index, b"")
    report = t.hop(store)
    assert report.verified, report.problems
    assert report.trail.erased == 1
    assert sum(link.unaccounted for link in report.links) == 1


# The trail.


def test_opening_changed(store: Store) -> None:
    t.put_opening(store, 3, t.opening(store, 3).replace(b'"at_ms":1', b'"at_ms":2'))
    assert one_says(t.hop(store), "entry 3", "its opening was changed")


def test_two_openings_swapped(store: Store) -> None:
    one, other = t.opening(store, 3), t.opening(store, 4)
    t.put_opening(store, 3, other)
    t.put_opening(store, 4, one)
    report = t.hop(store)
    assert one_says(report, "entry 3", "changed")
    assert one_says(report, "entry 4", "changed")


def test_trail_tile_removed(store: Store) -> None:
    t.put(store, "tile", tile_key(t.LA_TRAIL, 0, 0), None)
    assert one_says(t.hop(store), t.LA_TRAIL, "missing or short")


def test_trail_leaf_swapped(store: Store) -> None:
    tiles = t.leaves(store, t.LA_TRAIL)
    tiles[2], tiles[3] = tiles[3], tiles[2]
    t.store_leaves(store, t.LA_TRAIL, tiles)
    report = t.hop(store)
    assert one_says(report, "entry 2", "changed")
    assert one_says(report, t.LA_TRAIL, "its own checkpoint", "another root")


def test_trail_checkpoint_of_another_log(store: Store) -> None:
    other = t.record(t.stores()[t.VN], "trail", "head")["checkpoint"]
    t.change(store, "trail", "head", checkpoint=other)
    assert one_says(t.hop(store), t.LA_TRAIL, "its own checkpoint is of another log")


def test_trail_signed_by_somebody_else(store: Store) -> None:
    head = t.signed(t.LA_TRAIL, t.leaves(store, t.LA_TRAIL), t.OTHER_KEY)
    t.change(store, "trail", "head", checkpoint=head)
    assert one_says(t.hop(store), t.LA_TRAIL, "not signed by a key that the keyrings list")


def test_trail_head_left_unsigned(store: Store) -> None:
    t.change(store, "trail", "head", checkpoint="")
    assert one_says(t.hop(store), t.LA_TRAIL, "not under a signed checkpoint")


def test_trail_removed_altogether(store: Store) -> None:
    t.put(store, "trail", b"head", None)
    report = t.hop(store)
    assert one_says(report, t.LA_TRAIL, "openings are stored behind the trail's end")
    assert one_says(report, t.LA_TRAIL, "was longer than it says")


def test_trail_truncated_and_signed_again_then_the_witness_tells(store: Store) -> None:
    history = t.openings(store)
    assert history[-1][1]["kind"] == "acknowledged"
    t.rewrite_trail(store, history[:-1])
    report = t.hop(store)
    assert one_says(report, t.LA_TRAIL, "the witnessed head", "1 were removed")


def test_trail_truncated_and_its_witnessed_head_removed_then_the_witness_still_tells(
    store: Store,
) -> None:
    kept_by_witness = (store.get("witnessed", t.LA_TRAIL.encode()) or b"").decode()
    t.rewrite_trail(store, t.openings(store)[:-1])
    t.unwitness(store)
    alone = t.hop(store)
    assert alone.verified
    assert alone.trail.witnessed is None
    assert one_says(t.hop(store, heads=[kept_by_witness]), t.LA_TRAIL, "1 were removed")


def test_trail_rewritten_and_signed_again_then_the_witness_tells(store: Store) -> None:
    t.rewrite_entry(
        store, lambda e: e["kind"] == "refused", lambda e: e | {"reasons": ["floor/child"]}
    )
    assert one_says(t.hop(store), t.LA_TRAIL, "the witnessed head", "another root")


def test_whole_log_removed_then_its_witnessed_head_tells(store: Store) -> None:
    t.put(store, "out", t.LA_TO_VN.encode(), None)
    assert one_says(t.hop(store), t.LA_TO_VN, "the log is not here")


# Entries and leaves: exactly one account of each.


def test_delivery_off_the_record(store: Store) -> None:
    t.rewrite_outgoing(store, t.LA_TO_VN, [*t.leaves(store, t.LA_TO_VN), bytes(32)])
    assert one_says(t.hop(store), t.LA_TO_VN, "1 of 3 leaves sent", "off the record")


def test_delivery_off_the_record_hidden_behind_an_erased_opening(store: Store) -> None:
    index = next(i for i, (_, e) in enumerate(t.openings(store)) if released(e))
    t.put_opening(store, index, b"")
    t.rewrite_outgoing(store, t.LA_TO_VN, [*t.leaves(store, t.LA_TO_VN), bytes(32)])
    assert one_says(t.hop(store), t.LA_TO_VN, "2 of 3 leaves sent", "off the record")


def test_received_and_left_out_of_the_trail(store: Store) -> None:
    t.rewrite_entry(store, lambda e: e["kind"] == "refused", lambda _: None)
    assert one_says(t.hop(store), t.DESK_TO_LA, "leaves received", "off the record")


def test_leaf_replaced_after_the_entry_was_made(store: Store) -> None:
    tiles = t.leaves(store, t.LA_TO_VN)
    t.rewrite_outgoing(store, t.LA_TO_VN, [bytes(32), *tiles[1:]])
    assert one_says(t.hop(store), "names another release than leaf 0", t.LA_TO_VN)


def test_entry_that_names_a_leaf_that_does_not_exist(store: Store) -> None:
    t.rewrite_entry(store, released, lambda e: e | {"out_index": 99})
    assert one_says(t.hop(store), "names leaf 99 of", t.LA_TO_VN)


def test_released_without_a_sharing_consent_and_the_event_left_out(store: Store) -> None:
    """Whoever keeps the trail cannot keep the count of such releases low by leaving events out."""
    other = {"disclosure_ground": "vital-interest"}
    t.rewrite_entry(store, released, lambda e: e | {"facts": e["facts"] | other})
    report = t.hop(store)
    assert one_says(report, "1 messages were released on another ground", "without an entry for it")
    assert report.trail.grounds == {}


def test_event_of_a_release_that_was_not(store: Store) -> None:
    event = {"kind": "ground", "at_ms": NOW_MS, "message": "00" * 16, "flow": 23}
    t.rewrite_trail(store, [*t.openings(store), (bytes(32), event | {"ground": "court-order"})])
    assert one_says(t.hop(store), "said to go on another ground without such a release")


def test_entry_that_names_a_link_that_does_not_exist(store: Store) -> None:
    other = "xref/link/v1/LAHOP001/VNSVC001/0"
    t.rewrite_entry(store, released, lambda e: e | {"out_link": other})
    assert one_says(t.hop(store), other, "not on that link here")


def test_one_leaf_accounted_for_twice(store: Store) -> None:
    nonce, entry = next(pair for pair in t.openings(store) if released(pair[1]))
    t.rewrite_trail(store, [*t.openings(store), (nonce, entry)])
    assert one_says(t.hop(store), "a second account of leaf", t.LA_TO_VN)


def test_acknowledgement_invented_on_the_trail(store: Store) -> None:
    t.rewrite_entry(store, lambda e: e["kind"] == "acknowledged", lambda e: e | {"size": 99})
    assert one_says(t.hop(store), "99 leaves", "were acknowledged")


@pytest.mark.parametrize(
    ("changed", "problem"),
    [
        ({"note": "met the family"}, "members that are not known"),
        ({"kind": "lost"}, "members that are not known"),
        ({"message": "Nguyen"}, "member message does not have its form"),
        ({"index": True}, "member index does not have its form"),
        ({"index": -1}, "member index does not have its form"),
        ({"link": ["a"]}, "member link does not have its form"),
        ({"facts": {"name": "Nguyen Thi"}}, "member facts does not have its form"),
        ({"facts": {"name": "nguyen"}}, "a fact or an answer that its bundle does not have"),
        (
            {"rules": ["floor/nguyen"]},
            "a rule that neither its bundle nor the overlay",
        ),
        ({"disclosed": ["nguyen"]}, "a field that its schema does not have"),
        ({"obligations": ["nguyen"]}, "an obligation that its bundle does not have"),
        ({"flow": 999}, "a flow that its bundle does not have"),
        ({"bundle": "00" * 32}, "a bundle that was not given"),
        ({"to": "VNCON001"}, "more was disclosed than its bundle can ever allow"),
    ],
)
def test_entry_with_words_of_its_own(store: Store, changed: t.Entry, problem: str) -> None:
    t.rewrite_entry(store, released, lambda e: e | changed)
    report = t.hop(store)
    assert one_says(report, t.LA_TRAIL, problem)
    assert not any("nguyen" in each.lower() for each in report.problems)


@pytest.mark.parametrize("encoded", [b'{"kind":"stubbed"}', b"{}", b"[]", b'{"a":1,"a":1}', b" 1"])
def test_entry_that_is_no_entry(store: Store, encoded: bytes) -> None:
    history = t.openings(store)
    t.rewrite_trail(store, history)
    tiles = t.leaves(store, t.LA_TRAIL)
    tiles.append(entry_leaf(bytes(32), encoded))
    t.store_leaves(store, t.LA_TRAIL, tiles)
    t.put(store, "opening", len(history).to_bytes(8), openings_row([bytes(32) + encoded]))
    head = t.signed(t.LA_TRAIL, tiles)
    t.change(store, "trail", "head", size=len(tiles), checkpoint=head)
    report = t.hop(store)
    assert len(report.problems) == 1
    assert one_says(report, f"entry {len(history)}: ")


# Links.


def test_link_tile_flipped(store: Store) -> None:
    key = tile_key(t.LA_TO_VN, 0, 0)
    tile = store.get("tile", key) or b""
    t.put(store, "tile", key, bytes([tile[0] ^ 1]) + tile[1:])
    report = t.hop(store)
    assert one_says(report, t.LA_TO_VN, "its own checkpoint", "another root")
    assert one_says(report, t.LA_TO_VN, "countersigned", "another root")
    assert one_says(report, "names another release than leaf 0")


@pytest.mark.parametrize(("level", "place"), [(0, 0), (0, 1), (1, 0)])
def test_flipped_hash_in_a_long_log_deep_inside_its_tiles(
    store: Store, level: int, place: int
) -> None:
    tiles = [bytes([i % 256]) * 32 for i in range(700)]
    t.rewrite_mirror(store, t.VN_TO_LA, tiles)
    key = tile_key(t.VN_TO_LA, level, place)
    tile = store.get("tile", key) or b""
    clean = t.hop(store).problems
    t.put(store, "tile", key, tile[:-1] + bytes([tile[-1] ^ 1]))
    new = set(t.hop(store).problems) - set(clean)
    assert any(t.VN_TO_LA in problem and "level 1" in problem for problem in new)


def test_link_checkpoint_of_another_log(store: Store) -> None:
    t.change(store, "out", t.LA_TO_VN, checkpoint=t.record(store, "in", t.VN_TO_LA)["checkpoint"])
    assert one_says(t.hop(store), t.LA_TO_VN, "its own checkpoint is of another log")


def test_acknowledgement_invented_by_the_sender(store: Store) -> None:
    tiles = t.leaves(store, t.LA_TO_VN)
    own = cosign(t.signed(t.LA_TO_VN, tiles), f"xref/office/v1/{t.VN}", t.OTHER_KEY, 1)
    t.change(store, "out", t.LA_TO_VN, cosigned=own)
    assert one_says(t.hop(store), t.LA_TO_VN, "not countersigned by its receiver alone")


def test_acknowledgement_claimed_and_not_kept(store: Store) -> None:
    t.change(store, "out", t.LA_TO_VN, cosigned="")
    assert one_says(t.hop(store), t.LA_TO_VN, "2 leaves are said to be acknowledged")


def test_own_link_truncated_then_the_countersigned_head_tells(store: Store) -> None:
    tiles = t.leaves(store, t.LA_TO_VN)[:-1]
    t.store_leaves(store, t.LA_TO_VN, tiles)
    head = t.signed(t.LA_TO_VN, tiles)
    t.change(store, "out", t.LA_TO_VN, size=len(tiles), checkpoint=head)
    report = t.hop(store)
    assert one_says(report, t.LA_TO_VN, "countersigned is of 2 leaves, 1 are here")
    assert one_says(report, t.LA_TO_VN, "the witnessed head", "1 were removed")
    assert one_says(report, "names leaf 1 of", t.LA_TO_VN)


def test_leaves_stored_behind_the_end_of_a_link(store: Store) -> None:
    tiles = t.leaves(store, t.LA_TO_VN)[:-1]
    t.change(store, "out", t.LA_TO_VN, size=len(tiles), checkpoint=t.signed(t.LA_TO_VN, tiles))
    assert one_says(t.hop(store), t.LA_TO_VN, "was longer than it says")


def test_mirror_shortened(store: Store) -> None:
    t.rewrite_mirror(store, t.DESK_TO_LA, t.leaves(store, t.DESK_TO_LA)[:-1])
    assert one_says(t.hop(store), "which is not on that link here", t.DESK_TO_LA)


def test_mirror_lengthened_by_the_receiver(store: Store) -> None:
    tiles = [*t.leaves(store, t.DESK_TO_LA), bytes(32)]
    t.store_leaves(store, t.DESK_TO_LA, tiles)
    head = t.signed(t.DESK_TO_LA, tiles, t.OTHER_KEY)
    t.change(store, "in", t.DESK_TO_LA, size=len(tiles), checkpoint=head)
    assert one_says(t.hop(store), t.DESK_TO_LA, "its sender's checkpoint is not signed by a key")


def test_mirror_of_a_link_that_no_bundle_gives(store: Store) -> None:
    name = "xref/link/v1/VNNRM001/LAHOP001/0"
    t.put(store, "in", name.encode(), b"{}")
    assert one_says(t.hop(store), name, "no such link")


def test_stopped_link_without_an_entry(store: Store) -> None:
    t.change(store, "in", t.VN_TO_LA, stopped="a gap")
    assert one_says(t.hop(store), t.VN_TO_LA, "was stopped")


def test_claimed_size_beyond_all_tiles(store: Store) -> None:
    t.change(store, "out", t.LA_TO_VN, size=LOG_SIZE_MAX, acknowledged=LOG_SIZE_MAX)
    report = t.hop(store)
    assert one_says(report, t.LA_TO_VN, "missing or short")


def test_desks_mirror_shortened_without_its_hop() -> None:
    origin = f"xref/link/v1/{t.LA}/LANRM001/0"
    desk = t.stores()["LANRM001"]
    tiles = t.leaves(desk, origin)[:-1]
    t.store_leaves(desk, origin, tiles)
    t.change(desk, "in", origin, size=len(tiles))
    report = t.desk(desk, "LANRM001")
    assert one_says(report, origin, "its sender's checkpoint is of 4 leaves, 3 are here")


def test_desks_own_link_rewritten_after_its_hop_countersigned() -> None:
    desk = t.stores()["LANRM001"]
    tiles = [bytes(32), *t.leaves(desk, t.DESK_TO_LA)[1:]]
    t.store_leaves(desk, t.DESK_TO_LA, tiles)
    t.change(desk, "out", t.DESK_TO_LA, checkpoint=t.signed(t.DESK_TO_LA, tiles))
    report = t.desk(desk, "LANRM001")
    assert one_says(report, t.DESK_TO_LA, "countersigned of 4 leaves has another root")


# Witnesses and keys.


def test_witnessed_by_a_wrong_key(store: Store) -> None:
    t.witnessed(store, t.LA_TRAIL, t.OTHER_KEY)
    report = t.hop(store)
    assert one_says(report, t.LA_TRAIL, t.WITNESS, "is not by its key")
    assert report.trail.witnessed is None


def test_witnessed_by_nobody_who_is_known(store: Store) -> None:
    head = t.signed(t.LA_TRAIL, t.leaves(store, t.LA_TRAIL))
    cosigned = cosign(head, "witness.example/two", t.OTHER_KEY, 1)
    t.put(store, "witnessed", t.LA_TRAIL.encode(), cosigned.encode())
    assert one_says(t.hop(store), t.LA_TRAIL, "no witness whose key was given")


def test_witnessed_head_of_another_log(store: Store) -> None:
    t.put(
        store, "witnessed", t.LA_TRAIL.encode(), store.get("witnessed", t.LA_TO_VN.encode()) or b""
    )
    assert one_says(t.hop(store), t.LA_TRAIL, "the witnessed head is of another log")


def test_keyring_not_signed_by_its_party(store: Store) -> None:
    text, _ = (store.get("keyring", b"VN") or b"").decode().rsplit("\n\n", 1)
    forged = note.sign(text + "\n", [note.Signer("xref/party/v1/VN", t.OTHER_KEY)])
    t.put(store, "keyring", b"VN", forged.encode())
    report = t.hop(store)
    assert one_says(report, "the keyring of VN is not signed by its Party's pinned key")
    assert one_says(report, t.VN_TO_LA, "not signed by a key that the keyrings list")
    assert report.keyrings == {"LA": 1}


def test_keyring_of_one_party_stored_as_anothers(store: Store) -> None:
    t.put(store, "keyring", b"LA", store.get("keyring", b"VN") or b"")
    assert one_says(t.hop(store), "the keyring of LA is not signed by its Party's pinned key")


def test_trail_signed_by_a_key_that_was_no_longer_good(store: Store) -> None:
    history = t.openings(store)
    nonce, last = history[-1]
    t.rewrite_trail(store, [*history[:-1], (nonce, last | {"at_ms": NOW_MS + 2 * YEAR_MS})])
    assert one_says(t.hop(store), t.LA_TRAIL, "not signed by a key that the keyrings list")


def test_keyring_put_back_to_an_older_version(store: Store) -> None:
    t.rewrite_entry(store, lambda e: e["kind"] == "keyring", lambda e: e | {"version": 2})
    assert one_says(t.hop(store), "version 2 of the keyring of", "it was put back")


def test_keyring_used_off_the_record(store: Store) -> None:
    t.rewrite_entry(store, lambda e: e["kind"] == "keyring", lambda _: None)
    assert one_says(t.hop(store), "no entry says that the keyring of")


# What cannot be audited, and what must never raise.


def test_missing_state_names_the_cure() -> None:
    with pytest.raises(ConfigError, match="give the state of a started office"):
        t.hop(MemoryStore())


def test_unreadable_state_is_the_worlds_fault(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "state")
    store.commit([Write("trail", b"head", b"{}")])
    store.close()
    with pytest.raises(UnavailableError, match="state"):
        t.hop(store)


def test_office_that_no_bundle_lists_names_the_cure(store: Store) -> None:
    with pytest.raises(ConfigError, match="give the bundle"):
        t.hop(store, "LAHOP009")


def test_desk_and_hop_are_not_taken_for_each_other(store: Store) -> None:
    with pytest.raises(ConfigError, match="is a hop"):
        t.desk(store, t.LA)
    with pytest.raises(ConfigError, match="is a desk"):
        t.hop(store, "LANRM001")


def test_malformed_witness_key_names_the_cure(store: Store) -> None:
    bundle = signed_bundle()
    with pytest.raises(ConfigError, match="correct it"):
        audit_hop(store, t.LA, {bundle.digest32: bundle}, party_keys(), {"a b": b""})
    with pytest.raises(ConfigError, match="correct it"):
        audit_desk(store, "LANRM001", {bundle.digest32: bundle}, party_keys(), {"w": b""})


def test_without_witness_keys_nothing_is_called_witnessed(store: Store) -> None:
    bundle = signed_bundle()
    report = audit_hop(store, t.LA, {bundle.digest32: bundle}, party_keys())
    assert report.verified
    assert report.trail.witnessed is None


_SPACES = ("trail", "out", "in", "keyring", "witnessed", "opening", "tile")


def _pairs() -> list[tuple[str, bytes, bytes]]:
    store = t.stores()[t.LA]
    return [
        (space, key, value)
        for space in _SPACES
        for key, value in store.scan(space, b"", t.BEYOND, 1_000)
    ]


@given(st.data())
def test_spoilt_state_is_named_and_never_raises(data: Any) -> None:
    store = t.stores()[t.LA]
    pairs = _pairs()
    space, key, value = pairs[data.draw(st.integers(0, len(pairs) - 1))]
    spoilt = data.draw(
        st.one_of(
            st.binary(max_size=64),
            st.integers(0, max(0, len(value) - 1)).map(lambda n: value[:n]),
            st.integers(0, max(0, len(value) - 1)).map(
                lambda n: value[:n] + bytes([value[n] ^ 1]) + value[n + 1 :]
            ),
            st.sampled_from([b"{}", b"[]", b'{"size":"a"}', b'{"size":-1}', b"\xff"]),
        )
    )
    t.put(store, space, key, spoilt)
    report = t.hop(store)
    # A stored record has members that nothing signed is about (its sequence, its white space).
    assert spoilt == value or not report.verified or space in ("out", "in", "trail")
