"""Keyrings and epochs: rotation without losing what is under way; rollback, forks and strangers."""

import hashlib
from dataclasses import replace

import pytest

from attacks.hostile import (
    BETWEEN_HOPS,
    BORDER,
    HOME,
    LA_DESK,
    LA_HOP,
    VN_DESK,
    VN_HOP,
    carried,
    entries,
    outcomes,
    parcel,
    publish,
    referral,
    send,
    settled,
    signed_by,
    slot_of,
    turn,
    waiting,
    written,
)
from world import (
    DAY_MS,
    NOW_MS,
    OFFICES,
    YEAR_MS,
    SeededEntropy,
    World,
    draft_bundle,
    keychain,
    keyring_notes,
    party_signer,
)
from xref.desk.desk import Desk
from xref.errors import UnavailableError
from xref.hop import Hop
from xref.issue_keys import key_lines, make_keyring, new_keys, sign_keyring
from xref.keychain import Keychain, OwnKey
from xref.tlog.note import Signer, sign
from xref.wire.key import KeyUse, SigningKey
from xref.wire.office import Link, party_name
from xref.wire.parcel import Kind
from xref.wire.payload import encode_note

ROTATED = (KeyUse.SEAL, KeyUse.PARCEL, KeyUse.DESK, KeyUse.COSIGN)
BEGINS_MS = NOW_MS + DAY_MS


def rotated(office: str) -> Keychain:
    """The office's keys with a second one of each use that rotates, good from tomorrow."""
    entropy = SeededEntropy(f"second epoch {office}")
    fresh = new_keys(ROTATED, BEGINS_MS, NOW_MS + YEAR_MS, entropy)
    return Keychain(office, [*keychain(office).keys, *fresh])


def retired(chain: Keychain, use: KeyUse, until_ms: int) -> Keychain:
    """The keychain with the first key of a use ending at `until_ms`."""
    first = min((k for k in chain.keys if k.use is use), key=lambda k: k.from_ms)
    kept = [k for k in chain.keys if k is not first]
    return Keychain(chain.office, [*kept, replace(first, until_ms=until_ms)])


def destroyed(chain: Keychain, use: KeyUse) -> Keychain:
    """The keychain without the first key of a use."""
    first = min((k for k in chain.keys if k.use is use), key=lambda k: k.from_ms)
    return Keychain(chain.office, [k for k in chain.keys if k is not first])


def keyring(party: str, version: int, chains: dict[str, Keychain], by: Signer | None = None) -> str:
    """A Party's keyring with some offices' keychains changed."""
    offices = [office for office in OFFICES if office.startswith(party)]
    lines = [line for o in offices for line in key_lines(chains.get(o, keychain(o)))]
    made = make_keyring(party, version, lines, draft_bundle().directory)
    return sign(made.text(), [by]) if by else sign_keyring(made, party_signer(party))


def use(world: World, office: str, chain: Keychain, *keyrings: str) -> None:
    """Restart an office with another keychain, and keyrings to make known."""
    store, transport = world.stores[office], world.transport
    entropy = SeededEntropy(f"again {next(world._spooled)}")
    if office in world.hops:
        setup = replace(world.hops[office].setup, keychain=chain)
        world.hops[office] = Hop(setup, store, transport, entropy)
        world.hops[office].start(keyrings, world.now_ms)
    else:
        desk_setup = replace(world.desks[office].setup, keychain=chain)
        world.desks[office] = Desk(desk_setup, store, transport, entropy)
        world.desks[office].start(keyrings, world.now_ms)


def send_keyring(world: World, link: Link, note: str) -> None:
    payload = encode_note(Kind.KEYRING, note)
    publish(world, link, parcel(world, link, Kind.KEYRING, payload))


def versions(world: World, party: str) -> set[int]:
    return {p.endpoint.directory.keyrings[party].version for p in world.everyone}


def test_new_keyring_reaches_everybody_by_the_links() -> None:
    world = settled()
    note = keyring("VN", 2, {VN_DESK: rotated(VN_DESK)})
    send_keyring(world, Link(VN_DESK, VN_HOP), note)
    world.settle()
    assert versions(world, "VN") == {2}
    assert versions(world, "LA") == {1}
    assert [(e["party"], e["version"]) for e in entries(world, LA_HOP, "keyring")][-1] == ("VN", 2)


def test_rotation_while_messages_are_under_way() -> None:
    """A message to the old key is opened; later ones use the new; then the old is destroyed."""
    world = settled()
    chain = rotated(VN_DESK)
    note = keyring("VN", 2, {VN_DESK: chain})
    world.publish(LA_DESK, [referral("before")])
    turn(world, LA_HOP)
    [old] = carried(world, BORDER, BETWEEN_HOPS)
    use(world, VN_DESK, chain, note)
    world.now_ms = BEGINS_MS + 1000
    world.settle()
    assert outcomes(world) == ["opened"]
    world.publish(LA_DESK, [referral("after")])
    turn(world, LA_HOP)
    [new] = carried(world, BORDER, BETWEEN_HOPS)
    assert new.header.seal_key != old.header.seal_key
    world.settle()
    assert outcomes(world) == ["opened"] * 2
    use(world, VN_DESK, destroyed(chain, KeyUse.SEAL))
    world.publish(LA_DESK, [referral("last")])
    world.settle()
    assert outcomes(world) == ["opened"] * 3


def test_sealed_to_a_destroyed_key() -> None:
    """The desk answers what it can no longer open; it does not stop."""
    world = settled()
    world.publish(LA_DESK, [referral("before")])
    turn(world, LA_HOP)
    turn(world, VN_HOP)
    chain = rotated(VN_DESK)
    note = keyring("VN", 2, {VN_DESK: chain})
    world.now_ms = BEGINS_MS + 1000
    use(world, VN_DESK, destroyed(chain, KeyUse.SEAL), note)
    turn(world, VN_HOP)
    world.settle()
    # The parcels to the destroyed key cannot be read: they are sent again, to the new key.
    world.now_ms += 3_600_000
    world.hops[VN_HOP].tick(world.now_ms)
    world.settle()
    assert world.inbox(VN_DESK) == {}
    assert outcomes(world) == ["rejected"]


@pytest.mark.parametrize("office", [VN_HOP, LA_HOP])
def test_hop_rotates_every_key_but_its_logs(office: str) -> None:
    """The keyring goes first, by the key that is known already, and then everything by the new."""
    world = settled()
    chain = rotated(office)
    note = keyring(office[:2], 2, {office: chain})
    world.now_ms = BEGINS_MS + 1000  # nobody was told in time
    use(world, office, chain, note)
    world.settle()
    assert versions(world, office[:2]) == {2}
    world.publish(LA_DESK, [referral()])
    world.settle()
    assert outcomes(world) == ["opened"]
    assert not entries(world, VN_HOP, "stopped")
    assert not entries(world, LA_HOP, "stopped")
    use(world, office, destroyed(destroyed(chain, KeyUse.SEAL), KeyUse.PARCEL))
    world.settle()
    world.publish(LA_DESK, [referral("another")])
    world.settle()
    assert outcomes(world) == ["opened"] * 2


def test_desk_signs_with_a_retired_key() -> None:
    """What it signs as of today is by a key that is not good today; backdating is refused too."""
    world = settled()
    chain = rotated(LA_DESK)
    short = retired(chain, KeyUse.DESK, BEGINS_MS)
    use(world, LA_DESK, short, keyring("LA", 2, {LA_DESK: short}))
    world.settle()
    world.now_ms = BEGINS_MS + 20 * DAY_MS
    letters = written(world, referral("a"), referral("b"), referral("c"))
    old = keychain(LA_DESK).signing(KeyUse.DESK, NOW_MS)
    as_old = [
        signed_by(old, replace(e, header=replace(e.header, desk_key=old.public.key_id)))
        for e in letters
    ]
    backdated = replace(as_old[1].header, created_ms=BEGINS_MS - 1, expires_ms=world.now_ms + 1000)
    forged = replace(letters[2], author=as_old[2].author)
    send(
        world,
        HOME,
        [
            slot_of(as_old[0]),
            slot_of(signed_by(old, replace(as_old[1], header=backdated))),
            slot_of(forged),
        ],
    )
    turn(world, LA_HOP)
    faults = [e["fault"] for e in entries(world, LA_HOP, "rejected")]
    assert faults[0] == "unknown-desk-key"
    assert faults[1] in ("wrong-validity", "backdated")
    assert faults[2] == "wrong-author"


def test_keyring_rollback_is_ignored() -> None:
    world = settled()
    send_keyring(world, Link(VN_DESK, VN_HOP), keyring("VN", 3, {VN_DESK: rotated(VN_DESK)}))
    world.settle()
    send_keyring(world, Link(VN_DESK, VN_HOP), keyring("VN", 2, {}))
    send_keyring(world, BORDER.back, next(n for n in keyring_notes() if "/v1/VN" in n))
    world.settle()
    assert versions(world, "VN") == {3}
    assert not entries(world, VN_HOP, "stopped")


def test_two_keyrings_of_one_version() -> None:
    """A Party that signs two keyrings of one version splits the view: that is evidence."""
    world = settled()
    send_keyring(world, BORDER.back, keyring("VN", 2, {}))
    send_keyring(world, BORDER.back, keyring("VN", 2, {VN_DESK: rotated(VN_DESK)}))
    handled = turn(world, LA_HOP)
    assert handled.stopped == ["two keyrings of VN have version 2"]


def test_keyring_signed_by_another_party() -> None:
    world = settled()
    other = Signer(party_name("VN"), SigningKey(hashlib.sha256(b"LA").digest()).private)
    send_keyring(world, BORDER, keyring("VN", 2, {}, by=other))
    assert "did not sign" in turn(world, VN_HOP).stopped[0]
    assert versions(world, "VN") == {1}


def test_keyring_with_an_office_of_another_party() -> None:
    world = settled()
    lines = [line for office in OFFICES for line in key_lines(keychain(office))]
    text = replace(make_keyring("LA", 2, [], draft_bundle().directory), keys=tuple(lines)).text()
    send_keyring(world, BORDER, sign(text, [party_signer("LA")]))
    assert turn(world, VN_HOP).stopped
    assert versions(world, "LA") == {1}


def test_keyring_of_a_party_that_is_not_known_here() -> None:
    """A neighbour that has more agreements passes on more keyrings: no fault, and no use."""
    world = settled()
    stranger = SigningKey(b"s" * 32)
    chain = Keychain("THHOP001", [OwnKey(KeyUse.DESK, b"t" * 32, NOW_MS, NOW_MS + YEAR_MS)])
    text = f"xref/keyring/v1\nTH\n1\n{key_lines(chain)[0].text()}\n"
    note = sign(text, [Signer(party_name("TH"), stranger.private)])
    send_keyring(world, BORDER, note)
    handled = turn(world, VN_HOP)
    assert (handled.stopped, len(handled.alarms)) == ([], 1)
    world.publish(LA_DESK, [referral()])
    world.settle()
    assert outcomes(world) == ["opened"]


def test_expired_bundle_stops_nothing_for_ever() -> None:
    """With no active bundle nothing is recorded and nothing lost; the batch is taken later."""
    world = settled()
    world.publish(LA_DESK, [referral()])
    hop = world.hops[LA_HOP]
    arrivals = world.transport.read(hop.positions(), 64, 0)
    size = hop.trail.size
    with pytest.raises(UnavailableError, match="no bundle is active"):
        hop.handle(arrivals, world.now_ms + 2 * YEAR_MS)
    assert hop.trail.size == size
    assert hop.handle(arrivals, world.now_ms).released == 1
    world.settle()
    assert outcomes(world) == ["opened"]


def test_own_key_that_ran_out_stops_nothing_for_ever() -> None:
    world = settled()
    chain = retired(keychain(LA_HOP), KeyUse.LOG, NOW_MS + 2 * DAY_MS)
    use(world, LA_HOP, chain)
    world.publish(LA_DESK, [referral()])
    hop = world.hops[LA_HOP]
    arrivals = world.transport.read(hop.positions(), 64, 0)
    with pytest.raises(UnavailableError, match="rotate"):
        hop.handle(arrivals, NOW_MS + 3 * DAY_MS)
    assert hop.handle(arrivals, world.now_ms).released == 1
    assert len(waiting(world, BORDER)) == 1
