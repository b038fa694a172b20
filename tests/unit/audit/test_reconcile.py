"""Several offices' accounts beside each other: whose is missing, and whose has changed."""

import copy
import json
from collections.abc import Mapping

import pytest

from unit.audit import tampering as t
from world import OFFICES, World
from xref.audit import OfficeReport, Reconciliation, reconcile
from xref.ports import Store

HOPS = (t.LA, t.VN)


@pytest.fixture
def stores() -> dict[str, Store]:
    return t.stores()


def reports(stores: Mapping[str, Store], offices: tuple[str, ...] = HOPS) -> list[OfficeReport]:
    return [
        t.hop(stores[each], each) if "HOP" in each else t.desk(stores[each], each)
        for each in offices
    ]


def compared(stores: Mapping[str, Store], offices: tuple[str, ...] = HOPS) -> Reconciliation:
    return reconcile(reports(stores, offices))


def differs(found: Reconciliation, *words: str) -> bool:
    return not found.verified and any(
        all(word in each for word in words) for each in found.differences
    )


def unsettled(found: Reconciliation, *words: str) -> bool:
    return any(all(word in each for word in words) for each in found.unsettled)


def later_entry(store: Store) -> list[tuple[bytes, t.Entry]]:
    """Return the trail's history with one more entry, an hour later."""
    history = t.openings(store)
    nonce, last = history[-1]
    entry = {"kind": "keyring", "at_ms": last["at_ms"] + 3_600_000}
    entry |= {"party": "LA", "version": 1}
    return [*history, (nonce, entry)]


def test_untouched_accounts_reconcile(stores: dict[str, Store]) -> None:
    found = compared(stores, OFFICES)
    assert found.verified
    assert found.differences == found.unsettled == ()
    # The directory lists offices whose desks nobody runs here.
    assert not [name for name in found.one_sided if len([o for o in OFFICES if o in name]) > 1]
    assert len(found.links) == 8
    assert all(each.agreed and each.sent == each.received for each in found.links)
    json.dumps(found.as_json())


def test_two_parties_see_what_became_of_each_release(stores: dict[str, Store]) -> None:
    found = compared(stores)
    link = next(each for each in found.links if each.link.name == t.LA_TO_VN)
    assert link.outcomes == {"released": link.sent}
    assert t.DESK_TO_LA in found.one_sided


def test_sender_changed_its_own_log_afterwards(stores: dict[str, Store]) -> None:
    tiles = t.leaves(stores[t.LA], t.LA_TO_VN)
    t.rewrite_outgoing(stores[t.LA], t.LA_TO_VN, [tiles[0], bytes(32)])
    found = compared(stores)
    assert differs(found, t.LA_TO_VN, "from leaf 1 on", f"{t.LA} has changed its account")
    assert differs(found, t.LA_TO_VN, f"{t.VN} countersigned other leaves than it now shows")


def test_receiver_invented_what_it_received(stores: dict[str, Store]) -> None:
    tiles = [bytes(32), *t.leaves(stores[t.VN], t.LA_TO_VN)[1:]]
    t.store_leaves(stores[t.VN], t.LA_TO_VN, tiles)
    found = compared(stores)
    assert differs(found, t.LA_TO_VN, "from leaf 0 on", f"{t.LA} did not sign what {t.VN} holds")


def test_receiver_forgot_what_it_countersigned(stores: dict[str, Store]) -> None:
    t.rewrite_mirror(stores[t.VN], t.LA_TO_VN, t.leaves(stores[t.VN], t.LA_TO_VN)[:-1])
    assert unsettled(
        compared(stores), t.LA_TO_VN, f"leaves 1 to 1 are missing from {t.VN}'s account"
    )
    t.rewrite_trail(stores[t.VN], later_entry(stores[t.VN]), t.VN)
    assert differs(compared(stores), t.LA_TO_VN, t.VN, "which goes on after it countersigned")


def test_sender_forgot_what_it_sent(stores: dict[str, Store]) -> None:
    store = stores[t.LA]
    t.rewrite_outgoing(store, t.LA_TO_VN, t.leaves(store, t.LA_TO_VN)[:-1])
    assert unsettled(
        compared(stores), t.LA_TO_VN, f"leaves 1 to 1 are missing from {t.LA}'s account"
    )
    t.rewrite_trail(store, later_entry(store))
    assert differs(compared(stores), t.LA_TO_VN, t.LA, "which goes on after they were received")


def test_older_copy_is_unsettled_and_accuses_nobody() -> None:
    world = World()
    world.settle()
    before = copy.deepcopy(world.stores)
    world.publish("LANRM001", list(world.read("la", "referrals.csv").records))
    world.settle()
    for early, late in (HOPS, HOPS[::-1]):
        found = compared({early: before[early], late: world.stores[late]})
        assert found.verified, found.differences
        assert found.unsettled


def test_two_parties_accounts_name_different_messages(stores: dict[str, Store]) -> None:
    t.rewrite_entry(
        stores[t.LA],
        lambda e: e["kind"] == "released" and e["out_link"] == t.LA_TO_VN,
        lambda e: e | {"message": "ab" * 16},
    )
    found = compared(stores)
    assert differs(found, t.LA_TO_VN, "of leaf 0", t.LA, "one message (released)", t.VN, "another")


def test_receiver_has_no_account_of_a_release(stores: dict[str, Store]) -> None:
    history = [pair for pair in t.openings(stores[t.VN]) if pair[1].get("link") != t.LA_TO_VN]
    t.rewrite_trail(stores[t.VN], history, t.VN)
    found = compared(stores)
    assert differs(found, t.LA_TO_VN, f"leaf 0 has no entry in {t.VN}'s account")


def test_receiver_says_it_could_not_read_what_was_sent(stores: dict[str, Store]) -> None:
    def rejected(entry: t.Entry) -> t.Entry:
        kept = {name: entry[name] for name in ("at_ms", "link", "index")}
        return kept | {"kind": "rejected", "fault": "wrong-mask"}

    t.rewrite_entry(stores[t.VN], lambda e: e.get("link") == t.LA_TO_VN, rejected, t.VN)
    link = next(each for each in compared(stores).links if each.link.name == t.LA_TO_VN)
    assert link.outcomes == {"released": 1, "rejected": 1}


def test_erased_openings_are_no_difference(stores: dict[str, Store]) -> None:
    for index, (_, entry) in enumerate(t.openings(stores[t.VN])):
        if entry.get("link") == t.LA_TO_VN:
            t.put_opening(stores[t.VN], index, b"")
    assert compared(stores).verified


def test_one_office_given_twice_is_named(stores: dict[str, Store]) -> None:
    assert differs(compared(stores, (t.LA, t.LA)), t.LA, "given twice")


def test_nothing_to_compare_is_said(stores: dict[str, Store]) -> None:
    found = compared(stores, (t.LA,))
    assert found.links == ()
    assert t.LA_TO_VN in found.one_sided
