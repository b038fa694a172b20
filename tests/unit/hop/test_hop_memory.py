"""What a hop remembers and forgets, how it answers, and what its trail takes."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from attacks.hostile import (
    HOME,
    LA_DESK,
    LA_HOP,
    VN_HOP,
    entries,
    outcomes,
    referral,
    send,
    settled,
    slot_of,
    turn,
    written,
)
from unit.journey.played import CASE, Played
from world import DAY_MS, World
from xref.answers import DECISION, Answer, Item, Said, _that_fit, compose_answers
from xref.desk.spool import Withdrawal
from xref.disclose import open_message
from xref.drivers.memory import MemoryStore, MemoryTransport
from xref.errors import MalformedError, UnavailableError
from xref.knowledge import _RELEASED
from xref.limits import (
    ANSWER_ITEMS_MAX,
    MESSAGE_LIFE_MS_MAX,
    RELEASED_KEPT_MS,
    SHARING_CONSENT_LIFE_MS_MAX,
    TIME_MS_MAX,
)
from xref.outbox import Outbox
from xref.policy import Withheld
from xref.ports import Outbound
from xref.state import State
from xref.trail import Trail, check_members, encode_entry, entry_leaf, read_openings
from xref.wire.body import parse_body
from xref.wire.key import KeyUse
from xref.wire.office import Link

SPACES = ("message", "scope", "released", "expiry")
EVERYTHING = (*SPACES, "withdrawn", "request", "replaced", "caused")


def crossed() -> World:
    world = settled()
    world.publish(LA_DESK, [referral()])
    world.settle()
    return world


def test_what_has_expired_is_forgotten() -> None:
    """Ids and facts go with the message's life, the sharing consent's scope with its own."""
    world = crossed()
    hop = world.hops[LA_HOP]
    assert all(hop.state.scan(space) for space in SPACES)
    world.now_ms += 20 * DAY_MS
    hop.tick(world.now_ms)
    assert [len(value) for _, value in hop.state.scan("message")] == [_RELEASED.size]
    assert len(hop.state.scan("scope")) == 1
    world.now_ms += RELEASED_KEPT_MS + 60 * DAY_MS
    hop.tick(world.now_ms)
    assert [link for link, _ in hop.state.scan("released")] == []
    world.now_ms += MESSAGE_LIFE_MS_MAX
    hop.tick(world.now_ms)
    assert hop.state.scan("message") == []


def test_forgetting_is_bounded() -> None:
    """Some at a time, so that no batch waits for it; the rest with the next."""
    world = crossed()
    hop = world.hops[LA_HOP]
    live = len(hop.state.scan("expiry"))
    for number in range(100):
        hop.knowledge._expire(number * 3_600_000, "facts", number.to_bytes(16))
        hop.state.put("message", number.to_bytes(16), b"")
    hop.knowledge.purge(world.now_ms)
    left = len(hop.state.scan("expiry")) - live
    assert 0 < left < 100
    for _ in range(3):
        hop.knowledge.purge(world.now_ms)
    assert len(hop.state.scan("expiry")) == live
    assert len(hop.state.scan("message")) == 1


def test_forgotten_id_is_expired_by_then() -> None:
    """When an id is forgotten its message is refused for its age: there is no gap to replay in."""
    world = settled()
    world.publish(LA_DESK, [referral()])
    hop = world.hops[LA_HOP]
    turn(world, LA_HOP)
    [(message, _)] = hop.state.scan("message")
    [released] = [e for e in entries(world, LA_HOP, "released") if e["message"] == message.hex()]
    assert released
    noted = hop.state.scan("expiry")
    expiries = [key for key, keys in noted if key[8:14] == b"facts\0" and message in keys]
    assert expiries
    [story] = world.sent(LA_DESK).values()
    expires_ms = story["expires_ms"]
    assert isinstance(expires_ms, int)
    assert all(int.from_bytes(key[:8]) > expires_ms for key in expiries)


def test_everything_that_is_remembered_is_forgotten_in_the_end() -> None:
    """A referral, its withdrawal, and a request at home that a newer one replaces."""
    world = Played()
    world.refer()
    for form in ("returns.csv", "returns-changed.csv"):
        world.publish(LA_DESK, world.read("la", form).records)
        world.settle()
    world.hand_in("LAIMM001", "travel.json", answers="travel-asked")
    world.publish(LA_DESK, [Withdrawal(CASE)])
    world.settle()
    knowledge = world.hops[LA_HOP].knowledge
    state = world.hops[LA_HOP].state
    assert all(state.scan(space) for space in EVERYTHING), "each has something to forget"
    last_ms = max(int.from_bytes(key[:8]) for key, _ in state.scan("expiry"))
    while state.scan("expiry"):
        knowledge.purge(last_ms)
    assert not any(state.scan(space) for space in EVERYTHING)


def test_a_reference_is_a_row_however_many_messages_go_by_it() -> None:
    """One for a sharing consent, a flow and a recipient: they are what a hop keeps longest."""
    world = crossed()
    before = world.hops[LA_HOP].state.scan("scope")
    for number in range(5):
        world.now_ms += DAY_MS
        changed = {**referral().values, "dependants": 10 + number}
        world.publish(LA_DESK, [replace(referral(), values=changed)])
        world.settle()
    assert len(world.sent(LA_DESK)) == 6
    assert world.hops[LA_HOP].state.scan("scope") == before
    assert len(before) == 1


def test_a_sharing_consent_without_an_end_in_sight() -> None:
    """It is refused, and its reference is forgotten like those of others."""
    world = settled()
    given = referral().sharing_consent
    assert given
    endless = replace(given, valid_until_ms=TIME_MS_MAX)
    [envelope] = written(world, replace(referral(), sharing_consent=endless))
    send(world, HOME, [slot_of(envelope)])
    turn(world, LA_HOP)
    [refused] = entries(world, LA_HOP, "refused")
    assert "floor/sharing-consent" in repr(refused)
    noted = world.hops[LA_HOP].state.scan("expiry")
    [row] = [key for key, _ in noted if key[8:14] == b"scope\0"]
    kept_ms = int.from_bytes(row[:8]) - world.now_ms
    assert 0 < kept_ms < SHARING_CONSENT_LIFE_MS_MAX + MESSAGE_LIFE_MS_MAX + 3_660 * DAY_MS


def test_the_longest_sharing_consent_that_counts() -> None:
    for more_ms, outcome in ((0, "opened"), (1, "refused")):
        world = settled()
        given = referral().sharing_consent
        assert given
        until_ms = given.given_on_ms + SHARING_CONSENT_LIFE_MS_MAX + more_ms
        longest = replace(given, valid_until_ms=until_ms)
        world.publish(LA_DESK, [replace(referral(), sharing_consent=longest)])
        world.settle()
        assert outcomes(world) == [outcome]


@given(st.lists(st.integers(0, 40_000), max_size=600))
def test_answers_are_split_without_loss(sizes: list[int]) -> None:
    items = [bytes([n % 256]) * (size + 1) for n, size in enumerate(sizes)]
    runs = list(_that_fit(items))
    assert [item for run in runs for item in run] == items
    assert all(0 < len(run) <= ANSWER_ITEMS_MAX for run in runs)
    assert all(len(run) == 1 or sum(map(len, run)) <= 64 * 1024 for run in runs)


def test_hundreds_of_decisions_with_every_field_withheld_fit_their_receipts() -> None:
    """What a bad form can cause, a hop must be able to answer."""
    world = settled()
    hop = world.hops[LA_HOP]
    bundle = hop._bundle(world.now_ms)
    withheld = tuple(
        Withheld(f"a_long_field_name_{n}", ("floor/a-rule-of-some-length",) * 3) for n in range(30)
    )
    said = Said(withheld=withheld)
    items = [Item("FORWARDED", bytes([n % 256]) * 16, said=said) for n in range(256)]
    composed = compose_answers(
        [Answer(LA_DESK, DECISION, item) for item in items],
        bundle,
        hop.setup.keychain,
        hop.endpoint.directory,
        world.now_ms,
        hop._entropy,
    )
    assert sum(each.items for each in composed) == 256
    schema = bundle.policy.schema_for(bundle.policy.flow_named("decision"))
    opening = world.desks[LA_DESK].setup.keychain.opening(composed[0].envelope.header.seal_key)
    assert opening is not None
    total = 0
    for each in composed:
        values = open_message(
            each.envelope,
            parse_body(each.envelope.body),
            each.envelope.statement(),
            schema,
            opening,
        )
        assert isinstance(values["items"], list)
        total += len(values["items"])
    assert total == 256


def test_trail_takes_no_entry_of_unknown_members() -> None:
    with pytest.raises(RuntimeError):
        encode_entry({"kind": "stubbed", "at_ms": 1})
    with pytest.raises(RuntimeError):
        encode_entry({"kind": "stubbed", "at_ms": 1, "link": "l", "index": 1, "value": "x"})
    with pytest.raises(MalformedError):
        check_members({"kind": "unheard-of", "at_ms": 1})
    with pytest.raises(MalformedError):
        check_members(["kind"])


def test_trails_leaf_commits_to_nonce_and_entry() -> None:
    entry = encode_entry({"kind": "acknowledged", "at_ms": 1, "link": "l", "size": 2})
    assert entry == b'{"at_ms":1,"kind":"acknowledged","link":"l","size":2}'
    leaves = {entry_leaf(nonce, data) for nonce in (b"a", b"b") for data in (entry, entry + b" ")}
    assert len(leaves) == 4


def test_openings_and_trail_agree() -> None:
    world = crossed()
    for hop in (world.hops[LA_HOP], world.hops[VN_HOP]):
        stored = [each for _, row in hop.state.scan("opening") for each in read_openings(row)]
        assert len(stored) == hop.trail.size == hop.trail.tree.size
        leaves = [entry_leaf(each[:32], each[32:]) for each in stored]
        assert hop.trail.tree.leaves(0, hop.trail.size) == leaves
        assert all(check_members(entry) for entry in entries(world, hop.office))
        reloaded = Trail(State(hop._store), hop.trail.origin)
        assert reloaded.tree.root() == hop.trail.tree.root()


def test_erased_opening_leaves_the_trail_whole() -> None:
    world = crossed()
    hop = world.hops[LA_HOP]
    root = hop.trail.tree.root()
    hop.state.delete("opening", hop.state.scan("opening")[1][0])
    hop.state.commit()
    assert Trail(State(hop._store), hop.trail.origin).tree.root() == root


def test_acknowledgements_follow_the_parcels_and_nothing_is_lost() -> None:
    """On a failure both queues stay as they were."""
    outbox, transport, link = Outbox(), MemoryTransport(), Link("LAHOP001", "VNHOP001")
    outbox.add((Outbound(link, b"parcel"),), (Outbound(link.back, b"acknowledgement"),))
    gone = MemoryTransport()
    gone.close()
    with pytest.raises(UnavailableError):
        outbox.publish_parcels(gone)
    assert len(outbox) == 2
    assert (outbox.publish_parcels(transport), len(outbox)) == (1, 1)
    assert (outbox.publish_acknowledgements(transport), len(outbox)) == (1, 0)
    assert outbox.publish_parcels(transport) == 0


def test_hop_keeps_keys_that_only_open_what_is_its_own() -> None:
    world = crossed()
    for hop in world.hops.values():
        assert {key.use for key in hop.setup.keychain.keys} == set(KeyUse)
        assert hop.setup.keychain.opening(bytes(8)) is None
    assert isinstance(world.stores[LA_HOP], MemoryStore)
