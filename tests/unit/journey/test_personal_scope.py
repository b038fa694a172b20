"""Whom an agreement's title leaves out goes by its fallback, like everybody, and is flagged."""

from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from typing import Any

import pytest

from attacks.hostile import entries
from unit.journey.played import Played
from world import World, party_keys, signed_bundle
from xref.audit import audit_hop
from xref.audit_entry import check_words
from xref.audit_report import HopReport
from xref.desk.personal_scope import said_beyond, scope_of
from xref.desk.read_form import Record
from xref.desk.spool import Correction
from xref.errors import MalformedError
from xref.story import SentMessage, sent_messages

AGREEMENT = "kh-th-2003"
NRM, HOP, ABROAD = "THNRM001", "THHOP001", "KHHOP001"
OFFICES = (NRM, HOP, ABROAD, "KHNRM001", "KHSVC001", "THNAT001", "KHNAT001")
FLAG = f"{AGREEMENT}/beyond-personal-scope"
WOMAN: Mapping[str, Any] = {"sex": "F"}
MAN: Mapping[str, Any] = {"sex": "M"}


class Corridor(World):
    """Thailand and Cambodia, whose agreement of 2003 is about children and women."""

    def __init__(self, agreement: str = AGREEMENT) -> None:
        super().__init__(offices=OFFICES, agreement=agreement)
        self.settle()

    def person(self, case: str, values: Mapping[str, Any], **facts: str) -> Record:
        """A person of the sample form of Thailand, for whom every gate is open, as others."""
        [sample] = [r for r in self.read("th", "referrals.csv").records if "asylum" in r.facts]
        given = sample.sharing_consent
        assert given is not None
        return replace(
            sample,
            case=case,
            values={**sample.values, "nationality_claimed": ["KH"], **values},
            facts={**sample.facts, **facts},
            named={"service-provider": "KHSVC001"},
            sharing_consent=replace(
                given, recipients=("KHNRM001", "KHSVC001"), guardian="guardian_ref" in values
            ),
        )

    def refer(self, record: Record) -> None:
        self.now_ms += 1000
        self.publish(NRM, [record])
        self.settle()

    def told(self, case: str) -> dict[str, SentMessage]:
        bundle = signed_bundle(1, self.agreement)
        sent = sent_messages(self.stores[NRM], NRM, bundle)
        return {each.type: each for each in sent if each.case == case}

    def audited(self, hop: str) -> HopReport:
        bundle = signed_bundle(1, self.agreement)
        keys = party_keys(bundle.directory.parties)
        return audit_hop(self.stores[hop], hop, {bundle.digest32: bundle}, keys)


CHILD = {"guardian": "appointed", "best_interests": "assessed", "child_views": "heard"}


@cache
def referred() -> Corridor:
    """A woman, a man, a boy who may be one, and two people whose sex tells nothing of the scope."""
    world = Corridor()
    world.refer(world.person("1", WOMAN))
    world.refer(world.person("2", MAN))
    boy = {**MAN, "age_status": "PRESUMED_CHILD", "guardian_ref": "a" * 32}
    boy |= {"accompaniment": "SEPARATED", "best_interests_ref": "b" * 32}
    world.refer(world.person("3", boy, age_status="presumed-child", **CHILD))
    world.refer(world.person("4", {"sex": "X"}))
    world.refer(world.person("5", {"sex": None}))
    return world


def test_a_man_gets_what_a_woman_gets_and_oversight_sees_on_what_authority() -> None:
    world = referred()
    her, his = world.told("1"), world.told("2")
    assert her.keys() == his.keys() == {"victim-referral", "service-referral"}
    for kind, sent in his.items():
        assert sent.outcome == her[kind].outcome == "opened"
        assert sent.disclosed == her[kind].disclosed
        assert sent.withheld == her[kind].withheld
        assert (her[kind].flags, sent.flags) == ((), (FLAG,))
    [shown] = his["victim-referral"].as_json(signed_bundle(1, AGREEMENT))["flags"]
    assert "Trafficking Protocol" in shown["explain"]
    assert shown["cite"]
    flagged = [e for e in entries(world, HOP, "released") if FLAG in e["rules"]]
    assert {e["facts"]["personal_scope"] for e in flagged} == {"beyond"}
    ids = {e["message"] for e in flagged}
    assert {each.id for each in his.values()} <= ids
    assert not {each.id for each in her.values()} & ids
    report = world.audited(HOP)
    assert (report.trail.flags, report.problems) == ({FLAG: len(flagged)}, ())


def test_abroad_nothing_of_the_flag_arrives() -> None:
    world = referred()
    assert world.audited(ABROAD).trail.flags == {}
    for office in ("KHNRM001", "KHSVC001"):
        received = world.inbox(office).values()
        assert len(received) == len(("1", "2", "3", "4", "5"))
        assert FLAG not in repr(received)
        assert "personal_scope" not in repr(received)


def test_a_boy_is_a_child_of_the_agreement() -> None:
    """Who may be a child is one: the title covers him, whatever his sex."""
    told = referred().told("3").values()
    assert {(each.outcome, each.flags) for each in told} == {("opened", ())}


@pytest.mark.parametrize("case", ["4", "5"])
def test_whose_sex_is_not_said_is_flagged_and_never_held(case: str) -> None:
    sent = referred().told(case).values()
    assert {(each.outcome, each.flags) for each in sent} == {("opened", (FLAG,))}


def test_a_later_record_of_a_case_need_not_say_it_again() -> None:
    world = Corridor()
    world.refer(world.person("5", WOMAN))
    later = world.person("5", {"sex": None, "dependants": 2})
    world.refer(later)
    assert len(world.sent(NRM)) == 4
    assert {each.flags for each in world.told("5").values()} == {()}
    corrected = world.person("5", {"sex": "M", "dependants": 2})
    world.refer(corrected)
    assert world.audited(HOP).trail.flags == {FLAG: 2}


def test_claim_by_a_correction_that_a_man_is_within_the_scope() -> None:
    """Only the desk says so: a correction that claims it is taken without the claim."""
    world = Corridor()
    world.refer(world.person("8", MAN, asylum="pending"))
    claimed = {"asylum": "no", "personal_scope": "within"}
    world.now_ms += 1000
    world.publish(NRM, [Correction("8", "referral", claimed, "")])
    world.settle()
    told = world.told("8").values()
    assert {(each.outcome, each.flags) for each in told} == {("opened", (FLAG,))}


def test_the_offices_that_act_for_anybody_send_no_flag() -> None:
    """The request at home is flagged; what goes abroad for it is like everybody's check."""
    world = Corridor()
    reading = world.read("th", "identity-checks.csv")
    assert not reading.problems
    records = [replace(each, values={**each.values, "sex": "M"}) for each in reading.records]
    world.publish(NRM, records[:1])
    world.settle()
    [asked] = [c for c in world.inbox("THNAT001").values() if c["type"] == "identity-check-asked"]
    assert asked
    assert world.audited(HOP).trail.flags == {FLAG: 1}


def test_a_refused_man_is_refused_for_what_a_woman_is_refused_for() -> None:
    world = Corridor()
    for case, values in (("6", WOMAN), ("7", MAN)):
        world.refer(world.person(case, values, asylum="pending"))
    reasons = [{each.reasons for each in world.told(case).values()} for case in ("6", "7")]
    assert reasons[0] == reasons[1] == {("floor/asylum",)}


def test_a_hop_that_leaves_the_flag_out_is_found() -> None:
    """Its operator strips the rule from an entry: the facts beside it still ask for it."""
    entry = next(e for e in entries(referred(), HOP, "released") if FLAG in e["rules"])
    bundle = signed_bundle(1, AGREEMENT)
    check_words(entry, {bundle.digest32: bundle})
    silent = {**entry, "rules": [rule for rule in entry["rules"] if rule != FLAG]}
    with pytest.raises(MalformedError, match="a flag that its facts ask for is missing"):
        check_words(silent, {bundle.digest32: bundle})


def test_where_an_agreement_covers_everybody_nobody_is_flagged() -> None:
    agreement = signed_bundle().policy.agreements["la-vn-2010"]
    adult = {"age_status": "verified-adult"}
    assert scope_of(agreement, "M", adult) == "within"
    assert said_beyond(agreement, MAN, adult) == ""
    assert signed_bundle().policy.rulebook.flags == ()
    played = Played()
    played.hand_in("LANRM001", "referrals.csv")
    assert played.desks["LANRM001"].cabinet.all("sex") == []  # nothing kept that nothing needs


def test_the_office_is_told_when_it_submits() -> None:
    agreement = signed_bundle(1, AGREEMENT).policy.agreements[AGREEMENT]
    adult = {"age_status": "undisputed-adult"}
    assert "Trafficking Protocol" in said_beyond(agreement, MAN, adult)
    assert said_beyond(agreement, WOMAN, adult) == ""
    assert said_beyond(agreement, {}, adult) == ""  # an earlier record may have said it
    assert said_beyond(agreement, MAN, {"age_status": "presumed-child"}) == ""
