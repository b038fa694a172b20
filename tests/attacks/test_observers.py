"""What the other side and the transport can see: nothing of a refusal, and sizes in steps."""

from dataclasses import replace

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
from world import World
from xref.desk.read_form import Record
from xref.limits import FIELD_STEP, PARCEL_BUCKETS
from xref.wire.body import parse_body
from xref.wire.parcel import parse_parcel


def seen_abroad(*rows: Record) -> list[object]:
    """Everything that the Vietnamese side and the transport on the border can observe."""
    world = settled()
    world.publish(LA_DESK, list(rows))
    world.settle()
    held = world.transport._parcels  # type: ignore[attr-defined] # of the memory transport
    parcels = [
        (link.name, parse_parcel(data).clear.kind, parse_parcel(data).clear.sequence, len(data))
        for link, some in sorted(held.items())
        for data in some
        if "LANRM001" not in link.name
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
