"""A desk's own records: sealed by case, taken once, answered by those who may."""

from dataclasses import replace

import pytest

from attacks.hostile import LA_DESK, VN_DESK, outcomes, records, referral, settled
from world import SeededEntropy, World
from xref.desk.cabinet import Cabinet
from xref.desk.spool import Correction, Row, Spool, record_members, record_of
from xref.drivers.memory import MemoryStore
from xref.errors import EvidenceError
from xref.ports import Write
from xref.state import State

KEY = b"k" * 32


def cabinet() -> Cabinet:
    return Cabinet(State(MemoryStore()), SeededEntropy("cabinet"))


def test_case_is_found_by_its_number_which_is_stored_nowhere() -> None:
    kept = cabinet()
    case = kept.case_of("case number 42", 1)
    assert kept.case_of("case number 42", 1) == kept.find_case("case number 42") == case
    assert kept.find_case("another") is None
    kept.state.commit()
    assert b"number 42" not in repr(vars(kept.state._store)).encode()


def test_erasing_a_cases_key_erases_the_case() -> None:
    kept = cabinet()
    one, two = kept.case_of("1", 1), kept.case_of("2", 1)
    kept.put("record", b"a", one, {"name": "value"})
    kept.put("record", b"b", two, {"name": "value"})
    kept.state.delete("case", one)
    assert kept.get("record", b"a") is None
    assert [key for key, _ in kept.all("record")] == [b"b"]
    with pytest.raises(RuntimeError):
        kept.put("record", b"a", one, {})


@pytest.mark.parametrize("place", [20, -1])
def test_record_that_was_tampered_with(place: int) -> None:
    kept = cabinet()
    kept.put("record", b"a", kept.case_of("1", 1), {"name": "value"})
    value = bytearray(kept.state.get("record", b"a") or b"")
    value[place] ^= 1
    kept.state.put("record", b"a", bytes(value))
    with pytest.raises(EvidenceError, match="tampered"):
        kept.get("record", b"a")


def test_record_put_in_another_place() -> None:
    kept = cabinet()
    case = kept.case_of("1", 1)
    kept.put("sent", b"a", case, {"outcome": "refused"})
    kept.state.put("sent", b"b", kept.state.get("sent", b"a") or b"")
    with pytest.raises(EvidenceError):
        kept.get("sent", b"b")


def test_token_is_the_same_for_the_same_parts_only() -> None:
    kept = cabinet()
    first = kept.token("thread", b"case", "flow", "office", size=16)
    assert kept.token("thread", b"case", "flow", "office", size=16) == first
    assert kept.token("thread", b"case", "flow", "other", size=16) != first


def test_spool_gives_rows_in_order_until_they_are_removed() -> None:
    store = MemoryStore()
    spool = Spool(store, KEY, SeededEntropy("spool"))
    rows: list[Row] = [referral("1"), Correction("1", "referral", {"asylum": "no"}), referral("2")]
    spool.put(rows[:2], 1000)
    spool.put(rows[2:], 2000)
    taken = spool.take(10)
    assert [row for _, row in taken] == rows
    assert spool.take(1) == taken[:1]
    spool.remove([key for key, _ in taken[:2]])
    assert [row for _, row in spool.take(10)] == rows[2:]


def test_spool_holds_no_plaintext() -> None:
    store = MemoryStore()
    Spool(store, KEY, SeededEntropy("spool")).put([referral("a case number")], 1000)
    content = repr(store.scan("spool", b"", b"\xff" * 32, 10))
    assert "a case number" not in content
    assert "NGUYEN" not in content


def test_spool_row_that_was_tampered_with() -> None:
    store = MemoryStore()
    spool = Spool(store, KEY, SeededEntropy("spool"))
    spool.put([referral()], 1000)
    [(key, value)] = store.scan("spool", b"", b"\xff" * 32, 10)
    store.commit([Write("spool", key, value[:-1] + bytes([value[-1] ^ 1]))])
    with pytest.raises(EvidenceError):
        spool.take(1)


def test_spool_rows_cannot_change_places() -> None:
    store = MemoryStore()
    spool = Spool(store, KEY, SeededEntropy("spool"))
    spool.put([referral("1"), referral("2")], 1000)
    (one, a), (two, b) = store.scan("spool", b"", b"\xff" * 32, 10)
    store.commit([Write("spool", one, b), Write("spool", two, a)])
    with pytest.raises(EvidenceError):
        spool.take(2)


@pytest.mark.parametrize("row", [0, 1])
def test_record_survives_its_members(row: int) -> None:
    record = records()[row]
    assert record_of(record_members(record)) == record


def publish(world: World, key: bytes, *rows: Row) -> int:
    keyed = [(key + bytes([n]), row) for n, row in enumerate(rows)]
    return world.desks[LA_DESK].publish(keyed, world.now_ms).sent


def test_row_offered_twice_is_sent_once() -> None:
    world = settled()
    assert publish(world, b"row", referral()) == 1
    assert publish(world, b"row", referral()) == 0
    world.settle()
    assert len(world.inbox(VN_DESK)) == 1


def test_form_submitted_twice_is_sent_once() -> None:
    """The same content under another row's key is the same record."""
    world = settled()
    assert publish(world, b"first", referral()) == 1
    assert publish(world, b"again", referral()) == 0


def test_changed_record_is_sent_again() -> None:
    world = settled()
    publish(world, b"first", referral())
    changed = replace(referral(), values={**referral().values, "urgency": "ROUTINE"})
    assert publish(world, b"again", changed) == 1
    world.settle()
    assert len(world.inbox(VN_DESK)) == 2


def test_good_rows_go_beside_bad_ones() -> None:
    world = settled()
    nameless = replace(referral("b"), values={**referral().values, "languages": None})
    unheard = replace(referral("c"), publication="unheard-of")
    assert publish(world, b"row", referral("a"), nameless, unheard, referral("d")) == 2
    problems = [r["problem"] for _, r in world.desks[LA_DESK].cabinet.all("record") if r["problem"]]
    assert any("languages must be given" in each for each in problems)
    assert any("publishes" in each for each in problems)


def test_record_too_large_for_a_message_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """It must not reach the link, where it would look like an attack."""
    world = settled()
    with monkeypatch.context() as patch:
        patch.setattr("xref.desk.publish._BODY_BYTES_MAX", 1_200)
        assert publish(world, b"row", referral()) == 0
    [(_, record)] = world.desks[LA_DESK].cabinet.all("record")
    assert "too large" in record["problem"]
    assert publish(world, b"next", referral("next")) == 1
    world.settle()
    assert outcomes(world) == ["opened"]


def test_held_record_goes_when_the_fact_is_known() -> None:
    """It is submitted again under a new id; the first stays refused."""
    world = settled()
    publish(world, b"row", replace(records()[1], named={}))
    world.settle()
    assert outcomes(world) == ["refused"]
    case = records()[1].case
    assert publish(world, b"fix", Correction(case, "referral", {"asylum": "no"})) == 1
    world.settle()
    assert outcomes(world) == ["opened", "refused"]


def test_correction_of_an_unknown_case_does_nothing() -> None:
    assert publish(settled(), b"fix", Correction("none", "referral", {"asylum": "no"})) == 0


def test_inbox_and_handover_survive_a_restart() -> None:
    world = settled()
    publish(world, b"row", referral("a"), referral("b"))
    world.settle()
    world.start(VN_DESK)
    desk = world.desks[VN_DESK]
    [(first, content), _] = desk.handoffs()
    assert content["values"]["family_name_romanised"] == "NGUYEN"
    desk.handed({first: ()}, world.now_ms)
    world.start(VN_DESK)
    assert [message for message, _ in world.desks[VN_DESK].handoffs()] != [first]
    assert len(world.desks[VN_DESK].handoffs()) == 1
