"""A unique canary in every field: no hop's store, outbox, trail, log, error or memory holds one."""

import gc
import random
import types
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from functools import cache

import pytest
import structlog

from attacks.hostile import (
    BETWEEN_HOPS,
    BORDER,
    LA_DESK,
    LA_HOP,
    VN_DESK,
    VN_HOP,
    VN_SERVICE,
    carried,
    entries,
    outcomes,
    records,
    settled,
    turn,
)
from world import World, signed_bundle
from xref.desk.read_form import Record
from xref.drivers.memory import MemoryStore
from xref.errors import MalformedError
from xref.wire.body import parse_body
from xref.wire.office import Link
from xref.wire.schema import SchemaField


def fitting_canary(fields: Sequence[SchemaField], value: object, rng: random.Random) -> str | None:
    """Return a canary of a form that these fields take in place of a value; None if none is."""
    number = f"{rng.randrange(10**12):012}"
    letters = "".join(chr(ord("A") + int(digit)) for digit in number)
    shapes = (
        f"Chim vàng ອນ {number}",
        f"CHIM VANG {letters}",
        f"D{number}",
        f"CANARY_{letters}",
        ".".join(letters) + ".",
        f"6a1f0c52-9f6e-4f57-8a53-{number}",
    )
    for canary in shapes:
        changed: object = [canary] if isinstance(value, list) else canary
        try:
            for field in fields:
                field.encode(changed)
        except MalformedError:
            continue
        return canary if fields else None
    return None  # what is enumerated, or a date, cannot hold one


@cache
def canary_record() -> tuple[Record, tuple[str, ...]]:
    """The sample record with a canary wherever a field holds a string, and the canaries."""
    record = records()[0]
    policy = signed_bundle().policy
    fields: dict[str, SchemaField] = {}
    for flow in policy.flows.values():
        fields |= dict(policy.schema_for(flow).by_name)
    values = dict(record.values)
    canaries: list[str] = []
    rng = random.Random(20261120)
    for name, value in record.values.items():
        canary = fitting_canary([fields[name]] if name in fields else [], value, rng)
        if canary is not None:
            values[name] = [canary] if isinstance(value, list) else canary
            canaries.append(canary)
    case = f"case canary {rng.randrange(10**12)}"
    source = f"source canary {rng.randrange(10**12)}.csv"
    changed_record = replace(record, values=values, case=case, source=source)
    return changed_record, (*canaries, case, source)


def needles(canaries: Iterable[str]) -> list[bytes]:
    """What to look for: UTF-8, UTF-16 and hex, and no less than half of a canary.

    Ten characters where it has as many: three bytes stand by chance in 16 MiB of sealed ones, and
    six or seven digits in the hex of digests.
    """
    found: list[bytes] = []
    for canary in canaries:
        assert len(canary.encode()) >= 6, canary
        text = canary[-max(10, (len(canary) + 1) // 2) :]
        found += [text.encode(), text.encode("utf-16-le"), text.encode().hex().encode()]
    return found


def holds(data: bytes, wanted: list[bytes]) -> bool:
    return any(needle in data for needle in wanted)


@pytest.fixture(scope="module")
def crossed(carried_by: str) -> World:
    """A world in which the canaries have crossed and were opened."""
    record, _ = canary_record()
    world = settled()
    world.publish(LA_DESK, [record])
    world.settle()
    return world


def test_canaries_arrive(crossed: World) -> None:
    """The test would prove nothing if they did not travel."""
    _, canaries = canary_record()
    received = repr(crossed.inbox(VN_DESK)) + repr(crossed.inbox(VN_SERVICE))
    arrived = [canary for canary in canaries if canary in received]
    assert len(arrived) >= 7
    assert outcomes(crossed) == ["opened"] * 2


def stored(store: object) -> Iterator[bytes]:
    assert isinstance(store, MemoryStore)
    for values in store._values.values():
        yield from values.keys()
        yield from values.values()


@pytest.mark.parametrize("office", [LA_HOP, VN_HOP, LA_DESK, VN_DESK, VN_SERVICE])
def test_no_store_holds_a_canary(crossed: World, office: str) -> None:
    """Not even a desk's: its records are sealed, a key for each case."""
    _, canaries = canary_record()
    everything = b"\0".join(stored(crossed.stores[office]))
    assert not holds(everything, needles(canaries))


def test_no_parcel_holds_a_canary(crossed: World) -> None:
    _, canaries = canary_record()
    held: dict[Link, list[bytes]] = crossed.transport._parcels  # type: ignore[attr-defined] # memory's
    everything = b"\0".join(data for parcels in held.values() for data in parcels)
    assert not holds(everything, needles(canaries))


def test_no_trail_entry_holds_a_canary(crossed: World) -> None:
    _, canaries = canary_record()
    for hop in (LA_HOP, VN_HOP):
        assert not holds(repr(entries(crossed, hop)).encode(), needles(canaries))


def test_trail_abroad_knows_no_fact() -> None:
    world = settled()
    world.publish(LA_DESK, list(records()))
    world.settle()
    assert all(not e.get("facts") for e in entries(world, VN_HOP))
    assert any(e.get("facts") for e in entries(world, LA_HOP))


OPAQUE = (type, types.ModuleType, types.FrameType, types.CodeType)


def reachable(root: object) -> Iterator[str | bytes]:
    """Every text and every bytes that can be reached from an object, without going into modules."""
    seen: set[int] = set()
    open_ends = [root]
    while open_ends:
        found = open_ends.pop()
        if id(found) in seen or isinstance(found, OPAQUE):
            continue
        seen.add(id(found))
        if isinstance(found, (str, bytes, bytearray)):
            yield bytes(found) if isinstance(found, bytearray) else found
        elif isinstance(found, types.FunctionType):
            open_ends += [cell.cell_contents for cell in found.__closure__ or ()]
            open_ends += list(found.__defaults__ or ())
        else:
            open_ends += gc.get_referents(found)


@pytest.mark.parametrize("hop", [LA_HOP, VN_HOP])
def test_no_hops_memory_holds_a_canary(crossed: World, hop: str) -> None:
    _, canaries = canary_record()
    wanted = needles(canaries)
    texts = list(reachable(crossed.hops[hop]))
    assert len(texts) > 1000, "the walk went somewhere"
    everything = b"\0".join(
        text.encode("utf-8", "surrogatepass") if isinstance(text, str) else text for text in texts
    )
    assert not holds(everything, wanted)


def test_the_walk_finds_what_is_there(crossed: World) -> None:
    """Were a plaintext left anywhere in a hop, the walk above would find it."""
    _, canaries = canary_record()
    hop = crossed.hops[LA_HOP]
    hop.knowledge.left_behind = {"deep": [(canaries[0].encode(),)]}  # type: ignore[attr-defined] # the test's
    try:
        assert canaries[0].encode() in list(reachable(hop))
    finally:
        del hop.knowledge.left_behind  # type: ignore[attr-defined] # the test's


def test_no_hop_has_a_key_that_opens_a_field() -> None:
    """The hops' keys open their parcels and their own receipts, and no key box of a message."""
    world = settled()
    world.publish(LA_DESK, [canary_record()[0]])
    turn(world, LA_HOP)
    for envelope in carried(world, BORDER, BETWEEN_HOPS):
        for hop in (LA_HOP, VN_HOP):
            for key in world.hops[hop].setup.keychain._opening.values():
                with pytest.raises(MalformedError):
                    key.open(
                        b"xref/desk/v1\0" + envelope.statement(),
                        parse_body(envelope.body).key_box,
                    )


def test_errors_alarms_and_logs_hold_no_canary() -> None:
    """Also when the record itself is what is wrong."""
    record, canaries = canary_record()
    wanted = needles(canaries)
    said: list[str] = []
    with structlog.testing.capture_logs() as logged:
        world = settled()
        broken = replace(record, values={**record.values, "sex": canaries[0], "languages": None})
        world.publish(LA_DESK, [broken, record])
        turns = (LA_HOP, VN_HOP, VN_DESK, VN_SERVICE, VN_HOP, LA_HOP, LA_DESK)
        said += [repr(turn(world, office)) for office in turns]
        kept = world.desks[LA_DESK].cabinet.all("record")
        said += [str(each["problem"]) for _, each in kept]
        said.append(repr(logged))
    assert not holds("\n".join(said).encode(), wanted)
    assert any(said)
