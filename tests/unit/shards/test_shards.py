"""A case's messages to one office stay on one shard; what belongs together goes together."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace

import pytest

from unit.journey.played import ALL, CASE, Played
from unit.shards.sharded import (
    LA_DESK,
    VN_DESK,
    VN_SERVICE,
    answer_to,
    audits,
    carried_on,
    case_on,
    case_where,
    outcomes,
    referral,
    shards_of_sent,
)
from world import SeededEntropy, World
from xref.audit import reconcile
from xref.desk.cabinet import Cabinet
from xref.desk.read_form import Record
from xref.desk.spool import Correction, Withdrawal
from xref.drivers.memory import MemoryStore
from xref.errors import ConfigError
from xref.ports import Write
from xref.state import State

BOTH = (0, 1)


def sharded(shards: int = 2) -> World:
    world = World(shards=shards)
    world.settle()
    return world


def delivered_once(world: World) -> None:
    """Assert that each message is at its recipient exactly once, and that all accounts agree."""
    sent = world.sent(LA_DESK)
    arrived = Counter([*world.inbox(VN_DESK), *world.inbox(VN_SERVICE)])
    assert arrived == Counter(list(sent))
    reports = audits(world)
    assert [problem for report in reports for problem in report.problems] == []
    reconciled = reconcile(reports)
    assert reconciled.verified
    assert reconciled.unsettled == ()


def test_new_cases_use_every_shard_and_each_stays_on_its_own() -> None:
    world = sharded()
    cases = [f"case-{number}" for number in range(12)]
    world.publish(LA_DESK, [referral(case) for case in cases])
    world.settle()
    world.publish(LA_DESK, [Correction(cases[0], "referral", {"asylum": "applied"})])
    world.settle()
    shards = shards_of_sent(world, LA_DESK)
    assert {case for case, _ in shards} == set(cases)
    assert all(len(used) == 1 for used in shards.values())
    assert set.union(*shards.values()) == {0, 1}
    delivered_once(world)


def test_cases_spread_evenly_over_the_shards() -> None:
    cabinet = Cabinet(State(MemoryStore()), SeededEntropy("spread"))
    used = Counter(cabinet.shard_of(cabinet.case_of(str(n), 4), VN_DESK) for n in range(4_000))
    assert sorted(used) == [0, 1, 2, 3]
    assert min(used.values()) > 880  # 4.4 standard deviations below 1,000


def test_a_shard_does_not_tell_that_two_messages_are_of_one_case() -> None:
    """Two offices' messages of one case share a shard as often as those of two cases."""
    cabinet = Cabinet(State(MemoryStore()), SeededEntropy("apart"))
    cases = [cabinet.case_of(str(n), 2) for n in range(4_000)]
    together = sum(
        cabinet.shard_of(case, VN_DESK) == cabinet.shard_of(case, "LANAT001") for case in cases
    )
    assert 1_860 < together < 2_140  # 4.4 standard deviations about a half


def test_a_case_from_before_shards_is_on_the_first() -> None:
    state = State(MemoryStore())
    cabinet = Cabinet(state, SeededEntropy("old"))
    case = cabinet.case_of("1", 1)
    state.put("case", case, bytes(32))  # as it was kept then: its key alone
    assert {cabinet.shard_of(case, office) for office in ALL} == {0}
    cabinet.put("record", b"key", case, {"name": "value"})
    assert cabinet.get("record", b"key") == {"name": "value"}


def test_open_cases_stay_when_a_shard_is_added() -> None:
    """Answer, correction and withdrawal of an old case go on where it began; new cases use both."""
    world = World()
    world.settle()
    world.publish(LA_DESK, [referral("old"), referral("withdrawn")])
    world.settle()
    world.publish(LA_DESK, [referral("under way")])
    world.add_shard()
    world.settle()
    [asked, *_] = world.inbox(VN_DESK)
    world.publish(VN_DESK, [answer_to(world, asked)])
    new = [case_on(world, LA_DESK, shard) for shard in BOTH]
    world.publish(LA_DESK, [referral(case) for case in new])
    world.publish(LA_DESK, [referral("under way")])  # once more, by mistake
    world.settle()
    assert len(world.inbox(LA_DESK)) == 1
    shards = shards_of_sent(world, LA_DESK)
    old = [used for (case, _), used in shards.items() if case not in new]
    assert old == [{0}] * 6
    assert [shards[case, VN_DESK] for case in new] == [{0}, {1}]
    delivered_once(world)
    world.publish(LA_DESK, [Withdrawal("withdrawn")])
    world.settle()
    assert outcomes(world, LA_DESK).count(("victim-referral", "erased")) == 1
    assert set(outcomes(world, VN_DESK)) == {("referral-response", "opened")}


@pytest.mark.parametrize("shard", BOTH)
def test_an_answer_goes_where_its_question_came_from(shard: int) -> None:
    world = sharded()
    case = case_where(world, LA_DESK, {VN_DESK: shard, VN_SERVICE: 1 - shard})
    world.publish(LA_DESK, [referral(case)])
    world.settle()
    [asked] = world.inbox(VN_DESK)
    before = carried_on(world, VN_DESK)
    world.publish(VN_DESK, [answer_to(world, asked)])
    world.settle()
    after = carried_on(world, VN_DESK)
    assert after[1 - shard] == before[1 - shard], "nothing on the other shard, no receipt either"
    assert after[shard] > before[shard]
    assert outcomes(world, VN_DESK) == [("referral-response", "opened")]
    [answer] = world.inbox(LA_DESK).values()
    assert answer["shard"] == shard


class Sharded(Played):
    """The whole journey of one case, of which the shard for each recipient is given."""

    def __init__(self, shards: Mapping[str, int]) -> None:
        World.__init__(self, offices=ALL, shards=2)
        self.settle()
        self.case = case_where(self, LA_DESK, shards)

    def records(self, country: str, form: str, case: str = CASE) -> list[Record]:
        return [
            replace(each, case=self.case) if each.case else each
            for each in super().records(country, form, case)
        ]


@pytest.mark.parametrize("bits", [0b0000, 0b1111, 0b0110, 0b1001])
def test_a_whole_journey_over_two_shards(bits: int) -> None:
    """Answers, caused messages and withdrawals of many offices: each where it is understood."""
    asked = ("VNNRM001", "LANAT001", "LAIMM001", "VNSVC001")
    given = {office: bits >> place & 1 for place, office in enumerate(asked)}
    world = Sharded(given)
    world.verify_identity()
    world.refer()
    world.go_home()
    reference = Played()
    reference.verify_identity()
    reference.refer()
    reference.go_home()
    for office in ALL:
        if "HOP" not in office:
            assert world.outcomes(office) == reference.outcomes(office), office
    used = {to: shards for (_, to), shards in shards_of_sent(world, LA_DESK).items()}
    assert used == {office: {shard} for office, shard in given.items()}
    [check] = [s for s in world.sent("LANAT001").values() if s["to"] == "VNNAT001"]
    assert check["shard"] == given["LANAT001"], "where its cause is known, not where the NRM's is"
    world.publish(LA_DESK, [Withdrawal(world.case)])
    world.settle()
    told = ("LANAT001", "LAIMM001", "VNNAT001", "VNNRM001", "VNSVC001", "VNBOR001", "VNCON001")
    assert {office: world.types(office) for office in told} == {office: set() for office in told}
    reports = audits(world)
    assert [problem for report in reports for problem in report.problems] == []
    assert reconcile(reports).verified


def test_a_caused_message_goes_under_its_causes_bundle_when_a_shard_was_added() -> None:
    """A hop lends facts only under the bundle that they were stated under."""
    world = Played()
    world.hand_in("LANRM001", "identity-checks.csv")
    world.add_shard()
    world.settle()
    world.hand_in("LANAT001", "nationality-check.json", answers="identity-check-asked")
    assert world.types("VNNAT001") == {"nationality-request"}
    world.hand_in("VNNAT001", "nationality-answer.json", answers="nationality-request")
    assert world.outcomes("VNNAT001") == {("nationality-result", "LANAT001", "opened")}


def test_a_shard_cannot_be_taken_away() -> None:
    world = sharded()
    world.publish(LA_DESK, [referral("case")])
    world.settle()
    world.shards = 1
    with pytest.raises(ConfigError, match="links on shard 1"):
        world.start(LA_DESK)


def test_a_hop_does_not_start_on_the_state_of_another_shard() -> None:
    world = sharded()
    world.stores["LAHOP001/1"] = world.stores["LAHOP001"]
    with pytest.raises(ConfigError, match="links on shard 0"):
        world.start("LAHOP001/1")


def test_an_audit_covers_all_shards_and_misses_the_one_that_is_not_given() -> None:
    world = sharded()
    world.publish(LA_DESK, [referral(case_on(world, LA_DESK, shard)) for shard in BOTH])
    world.settle()
    reports = audits(world)
    by_place = {(each.office, each.shards): each for each in reports}
    assert set(by_place) >= {("LAHOP001", (0,)), ("LAHOP001", (1,)), (LA_DESK, (0, 1))}
    compared = {each.link for each in reconcile(reports).links}
    assert {link.shard for link in compared} == {0, 1}
    partial = [each for each in reports if (each.office, each.shards) != ("LAHOP001", (1,))]
    one_sided = set(reconcile(partial).one_sided) - set(reconcile(reports).one_sided)
    assert one_sided
    assert all(name.endswith("/1") and "LAHOP001" in name for name in one_sided)


def test_an_audit_finds_what_one_shard_of_two_left_out() -> None:
    world = sharded()
    world.publish(LA_DESK, [referral(case_on(world, LA_DESK, shard)) for shard in BOTH])
    world.settle()
    store = world.stores["VNHOP001/1"]
    (first, opening), *_, (last, _) = store.scan("opening", b"", b"\xff" * 9, 100)
    assert first != last
    store.commit([Write("opening", last, opening)])
    bad = [(each.office, each.shards) for each in audits(world) if each.problems]
    assert bad == [("VNHOP001", (1,))]
