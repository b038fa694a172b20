"""Hostile material made with the offices' real keys: what a bribed desk or hop could send."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

from world import DAY_MS, NOW_MS, World, keychain
from xref.backlog import Queued, parse_row
from xref.compose import sign_drafts
from xref.desk.intake import Intake
from xref.desk.read_form import Record
from xref.ports import Outbound
from xref.trail import read_openings
from xref.wire.author import sign_batch
from xref.wire.envelope import Envelope, Shape, Slot, parse_envelope
from xref.wire.key import KeyUse, SigningKey
from xref.wire.office import Link
from xref.wire.parcel import Clear, Kind, close_parcel

LA_DESK, LA_HOP, VN_HOP = "LANRM001", "LAHOP001", "VNHOP001"
VN_DESK, VN_SERVICE = "VNNRM001", "VNSVC001"
HOME = Link(LA_DESK, LA_HOP)
BORDER = Link(LA_HOP, VN_HOP)
ABROAD = Link(VN_HOP, VN_DESK)
FROM_DESK = Shape(facts_open=True, has_passed=False)
BETWEEN_HOPS = Shape(facts_open=False, has_passed=False)
TO_DESK = Shape(facts_open=False, has_passed=True)


@cache
def records() -> tuple[Record, Record]:
    """The two records of the sample form: one that may cross, one that may not."""
    reading = World().read("la", "referrals.csv")
    assert not reading.problems
    crossing, held = reading.records
    return crossing, held


def referral(case: str = "case-1") -> Record:
    """A record of which one message goes to the Vietnamese NRM and none to a provider."""
    return replace(records()[0], case=case, named={})


def settled() -> World:
    """A world in which everybody has started and nothing is under way."""
    world = World()
    world.settle()
    return world


def written(world: World, *rows: Record) -> list[Envelope]:
    """What the Lao desk would send for rows, signed and remembered as sent, but not sent."""
    desk = world.desks[LA_DESK]
    intake = Intake(desk.cabinet, desk._publisher(world.now_ms), world.now_ms)
    addressed = [each for row in rows for each in intake.take(row)]
    drafts = [each.draft for each in addressed]
    signer = keychain(LA_DESK).signing(KeyUse.DESK, world.now_ms)
    return sign_drafts(drafts, signer, desk._entropy, world.now_ms)


def slot_of(envelope: Envelope) -> Slot:
    """The slot of an envelope, released as it is."""
    return Slot(envelope.release(envelope.statement()), envelope.encode())


def signed_by(key: SigningKey, envelope: Envelope) -> Envelope:
    """The envelope with a fresh author's signature by `key`, whoever that belongs to."""
    header = envelope.header
    fillers = [bytes([place]) * 32 for place in range(64)]
    statement = envelope.statement()
    author = sign_batch(key, header.sender, header.recipient, [statement], [7], fillers)[0]
    return replace(envelope, author=author)


def resigned(envelope: Envelope, **header: Any) -> Envelope:
    """The envelope with another header, signed again by the office whose key wrote it."""
    changed = replace(envelope, header=replace(envelope.header, **header))
    return signed_by(keychain(LA_DESK).signing(KeyUse.DESK, NOW_MS), changed)


def send(world: World, link: Link, slots: Sequence[Slot]) -> int:
    """Append slots to a link as its sender would, whatever they hold, and publish them."""
    sender = world.sender_of(link)
    expires_ms = world.now_ms + 30 * DAY_MS
    first = sender.endpoint.append(link, [Queued(slot, expires_ms) for slot in slots])
    parcels = tuple(sender.endpoint.flush(world.now_ms))
    sender.state.commit()
    world.transport.publish(parcels)
    return first


def turn(world: World, office: str) -> Any:
    """Let one office read once."""
    participant = world.hops.get(office) or world.desks[office]
    arrivals = world.transport.read(participant.positions(), 64, 0)
    return participant.handle(arrivals, world.now_ms)


def waiting(world: World, link: Link) -> list[Slot]:
    """The unacknowledged slots of a link."""
    sender = world.sender_of(link)
    prefix = link.name.encode() + b"\0"
    rows = sender.state.scan("outbox", prefix)
    return [each.slot for _, row in rows for each in parse_row(row)]


def carried(world: World, link: Link, shape: Shape) -> list[Envelope]:
    """The envelopes that wait on a link."""
    return [parse_envelope(slot.envelope, shape) for slot in waiting(world, link) if slot.envelope]


def minimised_at_home(world: World, *rows: Record) -> list[Envelope]:
    """What the Lao hop has on its link to Viet Nam after it took rows; Viet Nam has not read."""
    world.publish(LA_DESK, list(rows))
    turn(world, LA_HOP)
    return carried(world, BORDER, BETWEEN_HOPS)


def parcel(
    world: World, link: Link, kind: Kind, payload: bytes, *, generation: int = 1, ahead: int = 50
) -> bytes:
    """A parcel with the link's real keys and any payload."""
    sender = keychain(link.sender).signing(KeyUse.PARCEL, world.now_ms)
    receiver = next(k for k in keychain(link.receiver).keys if k.use is KeyUse.SEAL).public
    owner = world.sender_of(link)
    sequence = owner.endpoint.outgoing[link].sequence + ahead
    ids = sender.public.key_id, receiver.key_id
    clear = Clear(kind, link.link_id, generation, sequence, *ids)
    return close_parcel(clear, payload, receiver, sender)


def publish(world: World, link: Link, data: bytes) -> None:
    """Put any bytes on a link."""
    world.transport.publish([Outbound(link, data)])


def entries(world: World, hop: str, *kinds: str) -> list[dict[str, Any]]:
    """The entries of a hop's trail, of those kinds."""
    rows = world.hops[hop].state.scan("opening")
    found = [json.loads(each[32:]) for _, row in rows for each in read_openings(row)]
    return [entry for entry in found if not kinds or entry["kind"] in kinds]


def outcomes(world: World) -> list[str]:
    """What the Lao desk knows of each of its messages."""
    return sorted(str(story["outcome"]) for story in world.sent(LA_DESK).values())


Mutation = Callable[[World, Envelope], Slot]


@dataclass(frozen=True, slots=True)
class Fault:
    """A way to spoil a message, and the fault that its rejection must name."""

    name: str
    spoil: Mutation
    fault: str
