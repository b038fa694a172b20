"""What the other side and the transport can see: nothing of a refusal, and sizes in steps."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from attacks.hostile import (
    BETWEEN_HOPS,
    BORDER,
    LA_DESK,
    LA_HOP,
    VN_DESK,
    VN_HOP,
    carried,
    entries,
    minimised_at_home,
    records,
    referral,
    settled,
    slot_of,
    turn,
    written,
)
from world import DAY_MS, World
from xref.desk.read_form import Record
from xref.desk.spool import Act, AsylumAnswer, Withdrawal
from xref.limits import FIELD_STEP, PARCEL_BUCKETS
from xref.wire.body import parse_body
from xref.wire.office import party_of
from xref.wire.parcel import parse_parcel


def seen_abroad(*rows: Record) -> list[object]:
    """Everything that the Vietnamese side and the transport on the border can observe."""
    world = settled()
    world.publish(LA_DESK, list(rows))
    world.settle()
    return observed(world)


def observed(world: World) -> list[object]:
    held = world.transport._parcels  # type: ignore[attr-defined] # of the memory transport
    parcels = [
        (link.name, parse_parcel(data).clear.kind, parse_parcel(data).clear.sequence, len(data))
        for link, some in sorted(held.items())
        for data in some
        if not (party_of(link.sender) == party_of(link.receiver) == "LA")
    ]
    trail = [(e["kind"], e.get("index"), e.get("disclosed")) for e in entries(world, VN_HOP)]
    mirrors = [
        (link.name, end.size, end.generation)
        for link, end in world.hops[VN_HOP].endpoint.incoming.items()
    ]
    inboxes = [
        sorted((str(m["type"]), len(repr(m["values"]))) for m in world.inbox(office).values())
        for office in ("VNNRM001", "VNSVC001")
    ]
    return [parcels, trail, mirrors, inboxes]


def test_refused_person_is_invisible_abroad() -> None:
    crossing, held = records()
    assert seen_abroad(crossing, held) == seen_abroad(crossing)
    assert seen_abroad(held, crossing) == seen_abroad(crossing)


def test_refused_person_alone_is_invisible_abroad() -> None:
    _, held = records()
    assert seen_abroad(held) == seen_abroad()


def test_rejected_message_is_invisible_abroad() -> None:
    crossing, held = records()
    incomplete = replace(held, values={**held.values, "languages": None})
    assert seen_abroad(crossing, incomplete) == seen_abroad(crossing)


REFUSED_FOR: dict[str, dict[str, str]] = {
    "asylum claimed": {"asylum": "pending"},
    "never told of asylum": {"asylum": "not-informed"},
    "fears the authorities": {"origin_fear": "authorities"},
    "refused": {"disclosure_ground": "unknown"},
    "warned too late": {"confidentiality_warning": "late"},
    "a court's order that nobody approved": {"disclosure_ground": "court-order"},
    "another status than the record's": {"victim_status": "not-established"},
    "somebody of the mission is involved": {"consular_conflict": "alleged"},
}


@given(
    names=st.sets(st.sampled_from(sorted(REFUSED_FOR)), min_size=1),
    absent=st.sets(st.sampled_from(["dependants", "service_province", "exploitation_types"])),
    first=st.booleans(),
)
@settings(max_examples=3, deadline=None)
def test_whatever_it_is_refused_for_nothing_is_seen_abroad(
    names: set[str], absent: set[str], first: bool
) -> None:
    """Message by message: whoever is held, for whatever reasons, the others' look the same."""
    crossing, _ = records()
    crossing = replace(crossing, values={**crossing.values, **dict.fromkeys(absent)})
    facts = {**crossing.facts}
    for name in names:
        facts |= REFUSED_FOR[name]
    held = replace(crossing, case="held", facts=facts)
    rows = (held, crossing) if first else (crossing, held)
    assert seen_abroad(*rows) == seen_abroad(crossing)


STAGES = ("at the desk", "at the own hop", "on the border", "at their hop", "opened")


def ended(stage: str, act: Act) -> World:
    """A referral, ended by an act of its own office when it had come so far."""
    world = settled()
    world.publish(LA_DESK, [referral()])
    for office in (LA_HOP, VN_HOP)[: max(0, STAGES.index(stage) - 1)]:
        turn(world, office)
    if stage == "opened":
        world.settle()
    world.now_ms = settled().now_ms + 1000
    world.publish(LA_DESK, [act])
    world.settle()
    return world


@pytest.mark.parametrize("stage", STAGES)
def test_asylum_claimed_after_sending_looks_like_any_withdrawal(stage: str) -> None:
    """Bytes, sizes, heads, order and receipts: abroad nobody learns why it was taken back."""
    withdrawn = ended(stage, Withdrawal("case-1"))
    claimed = ended(stage, AsylumAnswer("case-1", "intends", "somebody"))
    assert observed(claimed) == observed(withdrawn)
    outcomes = [
        {story["outcome"] for story in world.sent(LA_DESK).values() if story["to"] == VN_DESK}
        for world in (withdrawn, claimed)
    ]
    assert outcomes[0] == outcomes[1]
    assert [e for e in entries(claimed, VN_HOP) if e["kind"] == "noted"] == []


def test_stubs_of_every_cause_look_the_same() -> None:
    """What expired, was withdrawn or recalled is a release and no content, whatever the reason."""
    seen = []
    for act in (Withdrawal("case-1"), AsylumAnswer("case-1", "intends", "somebody"), None):
        world = settled()
        world.publish(LA_DESK, [referral()])
        turn(world, LA_HOP)
        if act is None:
            world.now_ms += 40 * DAY_MS
        else:
            world.publish(LA_DESK, [act])
            turn(world, LA_HOP)
        backlog = world.hops[LA_HOP].endpoint.outgoing[BORDER].backlog
        [slot] = backlog.parcel(0, 1, world.now_ms)
        seen.append((len(b"".join(slot.parts())), slot.is_stub))
    assert seen == [(36, True)] * 3


def test_withheld_and_absent_fields_look_the_same() -> None:
    """Which bits are missing is all; why is said nowhere outside."""
    given = records()[0].sharing_consent
    assert given is not None
    narrow = replace(given, categories=tuple(c for c in given.categories if c != "exploitation"))
    withheld = replace(referral("a"), sharing_consent=narrow)
    values = dict(referral().values)
    absent = replace(withheld, values={**values, "exploitation_types": None})
    masks = []
    for row in (withheld, absent):
        [envelope] = minimised_at_home(settled(), row)
        masks.append((envelope.mask, envelope.count, len(envelope.body)))
    assert masks[0] == masks[1]


def sealed_sizes(world: World, name: str) -> list[int]:
    values = {**referral().values, "full_name_native": name}
    [envelope] = written(world, replace(referral(name), values=values))
    return [len(sealed) for _, sealed in parse_body(envelope.body).sealed]


def test_names_of_like_length_are_sealed_to_one_size() -> None:
    """A sealed field's size rises in steps of 32: it does not tell one name from another."""
    world = settled()
    sizes = [sealed_sizes(world, "n" * length) for length in range(1, 9)]
    assert all(each == sizes[0] for each in sizes)
    assert all((size - 16) % FIELD_STEP == 0 for each in sizes for size in each)


def test_parcels_have_the_sizes_of_buckets() -> None:
    world = settled()
    world.publish(LA_DESK, [referral(f"case {n}") for n in range(9)])
    world.settle()
    held = world.transport._parcels  # type: ignore[attr-defined] # of the memory transport
    sizes = {len(data) - 46 - 64 - 1136 for some in held.values() for data in some}
    assert sizes <= set(PARCEL_BUCKETS)
    assert len(sizes) > 1


def test_messages_of_one_case_are_not_linkable_abroad() -> None:
    """Three recipients of one record get three ids, threads, references, salts and commitments."""
    crossing, _ = records()
    world = settled()
    world.publish(LA_DESK, [crossing])
    turn(world, LA_HOP)
    first, second = carried(world, BORDER, BETWEEN_HOPS)
    for name in ("message", "thread", "consent_ref"):
        assert getattr(first.header, name) != getattr(second.header, name)
    one, other = ({e.commitment(n) for n in range(e.count)} for e in (first, second))
    assert not one & other
    assert first.facts != second.facts
    assert first.header_salt != second.header_salt
    assert first.author.signature != second.author.signature
    assert parse_body(first.body).key_box != parse_body(second.body).key_box


def test_number_of_messages_in_an_authors_batch_is_hidden() -> None:
    """Whether a desk wrote one message or twenty, what each shows of its batch has one size."""
    world = settled()
    many = written(world, *[referral(f"case {n}") for n in range(20)])
    [one] = written(world, referral("alone"))
    assert {len(e.author.encode()) for e in (*many, one)} == {257}
    assert len({slot_of(e).size for e in many}) == 1
    assert LA_HOP != VN_DESK
