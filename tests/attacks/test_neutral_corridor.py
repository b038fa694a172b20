"""Who asked at home? Whoever sees all that Viet Nam's hop and authority see cannot tell."""

from dataclasses import replace

from attacks.hostile import BETWEEN_HOPS, BORDER, LA_HOP, VN_HOP, carried, entries, turn
from unit.journey.played import Played
from world import NOW_MS
from xref.wire.body import parse_body
from xref.wire.envelope import Envelope
from xref.wire.parcel import parse_parcel

AUTHORITY, THEIRS = "LANAT001", "VNNAT001"
REFERRED = ("LANRM001", "identity-checks.csv", "ຄມ-2026-0001")
ORDINARY = ("LAIMM001", "ordinary-checks.csv", "ຄຮ-2026-0301")
HOUR_MS = 3_600_000


def asked(office: str, form: str, case: str, *, after_ms: int = 0) -> Played:
    """A world in which an office at home asked, and the authority has not yet acted on it."""
    world = Played()
    world.now_ms = NOW_MS + after_ms
    world.hand_in(office, form, case=case)
    world.now_ms = NOW_MS + 2 * HOUR_MS  # the authority acts in its own rhythm
    return world


def act(world: Played, form: str = "nationality-check.json") -> Envelope:
    """The authority asks abroad; return what then crosses, as Viet Nam's hop reads it."""
    [check] = world.records("la", form)
    cause = world.received(AUTHORITY, "identity-check-asked")
    world.publish(AUTHORITY, [replace(check, reply_to=cause)])
    turn(world, LA_HOP)
    [envelope] = carried(world, BORDER, BETWEEN_HOPS)
    return envelope


def of_the_envelope(envelope: Envelope) -> list[object]:
    """Sender, purpose, schema, times, keys, masks and sizes; whether the random ids are there."""
    header = envelope.header
    ids = (header.message, header.thread, header.consent_ref, header.reply_to)
    sealed = parse_body(envelope.body).sealed
    return [
        (header.sender, header.recipient, header.flow, header.schema, header.bundle),
        (header.created_ms, header.expires_ms, envelope.recorded_ms, envelope.erase_by_ms),
        (header.desk_key, header.seal_key),
        [any(each) for each in ids],
        (envelope.mask, len(envelope.commitments), [(bit, len(data)) for bit, data in sealed]),
        (len(envelope.encode()), len(envelope.author.encode()), len(envelope.facts_c)),
    ]


def of_the_rest(world: Played) -> list[object]:
    """Parcels on every link that Viet Nam's side sees, its hop's trail, its authority's inbox."""
    held = world.transport._parcels  # type: ignore[attr-defined] # of the memory transport
    parcels = [
        (link.name, parse_parcel(data).clear.kind, parse_parcel(data).clear.sequence, len(data))
        for link, some in sorted(held.items())
        for data in some
        if "VNHOP001" in link.name
    ]
    seen = ("kind", "at_ms", "flow", "from", "to", "index", "disclosed", "withheld", "rules")
    also = ("facts", "obligations", "erase_by_ms", "items", "size", "link")
    trail = [[entry.get(name) for name in (*seen, *also)] for entry in entries(world, VN_HOP)]
    inbox = [
        (c["type"], c["from"], c["received_ms"], c["erase_by_ms"], without_id(c["values"]))
        for _, c in world.stories(THEIRS)
    ]
    return [parcels, trail, inbox]


def without_id(values: dict[str, object]) -> dict[str, object]:
    assert values["request_id"]
    return {**values, "request_id": None}


def seen_abroad(world: Played, form: str = "nationality-check.json") -> list[object]:
    found = of_the_envelope(act(world, form))
    world.settle()
    world.hand_in(THEIRS, "nationality-answer.json", answers="nationality-request")
    return [*found, *of_the_rest(world)]


def test_which_office_at_home_asked() -> None:
    """A referral mechanism or the immigration office: all that is seen abroad is the same."""
    assert seen_abroad(asked(*REFERRED)) == seen_abroad(asked(*ORDINARY))
    # What does differ is seen: another person's check is another observation.
    other = seen_abroad(asked(*ORDINARY), "nationality-check-ordinary.json")
    assert other != seen_abroad(asked(*ORDINARY))


def test_when_the_office_at_home_asked() -> None:
    """Abroad the times are the authority's, not those of who asked it."""
    late = asked(*ORDINARY, after_ms=HOUR_MS)
    assert seen_abroad(asked(*REFERRED)) == seen_abroad(late)


def test_whether_anyone_else_was_asked_about_at_home() -> None:
    """A check that waits at the authority, or was refused at home, leaves nothing abroad."""
    world = asked(*REFERRED)
    world.now_ms = NOW_MS + HOUR_MS
    world.hand_in("LANRM001", "identity-checks.csv", case="ຄມ-2026-0006")  # not asked on asylum
    world.now_ms = NOW_MS + 2 * HOUR_MS
    assert seen_abroad(world) == seen_abroad(asked(*REFERRED))


def test_an_id_of_the_request_at_home_is_in_nothing_that_crosses() -> None:
    for office, form, case in (REFERRED, ORDINARY):
        world = asked(office, form, case)
        crossing = act(world).encode()
        for desk in (office, AUTHORITY):
            cabinet = world.desks[desk].cabinet
            for space in ("sent", "inbox"):
                for message, story in cabinet.all(space):
                    if story["type"] != "identity-check-asked":
                        continue
                    known = [message.hex(), story.get("consent_ref"), story.get("thread")]
                    for each in filter(None, known):
                        assert bytes.fromhex(each) not in crossing


def test_ordinary_check_passes_the_same_gates_and_is_answered_to_who_asked() -> None:
    world = asked(*ORDINARY)
    world.hand_in(AUTHORITY, "nationality-check-ordinary.json", answers="identity-check-asked")
    world.hand_in(THEIRS, "nationality-answer-ordinary.json", answers="nationality-request")
    world.hand_in(AUTHORITY, "identity-answer-ordinary.json", answers="identity-check-asked")
    assert world.types("LAIMM001") == {"identity-check-answered"}
    assert world.types("LANRM001") == set()
    [record] = world.records("la", ORDINARY[1], ORDINARY[2])
    held = Played()
    held.publish("LAIMM001", [replace(record, facts={**record.facts, "asylum": "not-informed"})])
    held.settle()
    assert [each.reasons for each in held.held("LAIMM001")] == [("floor/asylum",)]
