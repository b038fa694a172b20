"""The police and a service provider of one country, by the model's six aims, through real desks."""

import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

from unit.policy.test_agreements import SCHEMAS
from world import REPOSITORY, World, party_keys, signed_bundle
from xref.audit import audit_hop
from xref.desk.read_form import Record
from xref.policy.invariants import read_invariants
from xref.policy.proving import Prover
from xref.policy.rulebook import read_rulebook
from xref.sources import read_sources

POLICIES = REPOSITORY / "policies"
MODEL = POLICIES / "agreements" / "police-ngo"
POLICE, NRM, PROVIDER, HOP = "LAPOL001", "LANRM001", "LASVC001", "LAHOP001"
CONCERN: Mapping[str, Any] = {
    "urgency": "URGENT",
    "indicators": ["PASSPORT_HELD"],
    "place_province": "LA-VT",
    "persons_count": 3,
    "contact_way": "DISCREETLY_AT_PLACE",
}


@cache
def taken_over() -> str:
    """The model as a State takes it over: a copy with an id and a Party of its own."""
    folder = Path(tempfile.mkdtemp()) / "la-police-ngo"
    shutil.copytree(MODEL, folder)
    for file in folder.iterdir():
        text = file.read_text(encoding="utf-8").replace("police-ngo", "la-police-ngo")
        file.write_text(text.replace("XX", "LA"), encoding="utf-8")
    return str(folder)


class Country(World):
    """Police, national referral mechanism and service provider with one hop: one Party, alone."""

    def __init__(self) -> None:
        super().__init__(offices=(POLICE, NRM, PROVIDER, HOP), agreement=taken_over())
        self.settle()

    def hand_in(self, office: str, record: Record) -> None:
        self.now_ms += 1000
        self.publish(office, [record])
        self.settle()

    def person(self, publication: str, **facts: str) -> Record:
        """A person of the sample form, who agreed that police and provider may help."""
        [sample] = [r for r in self.read("la", "referrals.csv").records if "asylum" in r.facts][:1]
        given = sample.sharing_consent
        assert given is not None
        return replace(
            sample,
            publication=publication,
            facts={**sample.facts, **facts},
            named={"service-provider": PROVIDER} if publication == "support" else {},
            sharing_consent=replace(given, recipients=(NRM, PROVIDER)),
        )

    def asked_anew(self, record: Record) -> Record:
        """The same person, who agreed at this office too, a moment ago."""
        given = record.sharing_consent
        assert given is not None
        return replace(record, sharing_consent=replace(given, given_on_ms=self.now_ms + 1))

    def concern(self, publication: str, **named: str) -> Record:
        return Record("c", 1, publication, "c-1", dict(CONCERN), {}, None, named, None)

    def answer(self, office: str, publication: str, kind: str, values: Mapping[str, Any]) -> None:
        [message] = [m for m, c in self.inbox(office).items() if c["type"] == kind]
        record = Record("a", 1, publication, f"{office}-1", dict(values), {}, None, {}, message)
        self.hand_in(office, record)

    def values(self, office: str, kind: str) -> dict[str, Any]:
        [content] = [c for c in self.inbox(office).values() if c["type"] == kind]
        return {n: v for n, v in content["values"].items() if v is not None}  # type: ignore[attr-defined] # JSON

    def outcomes(self, office: str) -> dict[str, str]:
        return {str(s["type"]): str(s["outcome"]) for s in self.sent(office).values()}


def test_support_by_agreement_and_the_police_learn_no_more_than_that_it_began() -> None:
    world = Country()
    world.hand_in(POLICE, world.person("support-wish"))
    world.hand_in(NRM, world.person("support"))
    assert world.sent(NRM) == {}  # held: what the police told is passed on to nobody unasked
    world.hand_in(NRM, world.asked_anew(world.person("support")))
    accepted = {"answer": "ACCEPTED", "offered_services": ["ACCOMMODATION"]}
    world.answer(PROVIDER, "support-answer", "support-asked", accepted)
    world.answer(NRM, "support-outcome", "support-wanted", accepted)
    asked = world.values(PROVIDER, "support-asked")
    assert {"full_name_native", "needs", "languages", "contact_restrictions"} <= asked.keys()
    assert not {"exploitation_types", "victim_status", "service_province"} & asked.keys()
    told = world.values(POLICE, "support-outcome")
    assert told["answer"] == "ACCEPTED"
    assert told.keys() <= {"answer", "referral_id", "answered_by", "answered_on"}
    assert world.values(NRM, "support-answer")["offered_services"] == ["ACCOMMODATION"]
    bundle = signed_bundle(1, world.agreement)
    report = audit_hop(world.stores[HOP], HOP, {bundle.digest32: bundle}, party_keys(["LA"]))
    assert report.problems == ()


def test_name_somebody_who_did_not_agree() -> None:
    world = Country()
    world.hand_in(POLICE, world.person("support-wish", assistance_consent="refused"))
    assert world.outcomes(POLICE) == {"support-wanted": "refused"}
    assert world.inbox(NRM) == {}


def test_a_concern_reaches_the_other_side_and_is_answered_for() -> None:
    world = Country()
    world.hand_in(PROVIDER, world.concern("concern"))
    world.hand_in(NRM, world.concern("concern-passed-on", police=POLICE))
    world.answer(POLICE, "concern-answer", "concern-raised", {"action_taken": "ASSESSMENT_BEGUN"})
    assert world.values(POLICE, "concern-raised")["indicators"] == ["PASSPORT_HELD"]
    assert world.values(NRM, "concern-answer")["action_taken"] == "ASSESSMENT_BEGUN"
    world = Country()
    world.hand_in(POLICE, world.concern("concern"))
    world.hand_in(NRM, world.concern("concern-passed-on", **{"service-provider": PROVIDER}))
    heard = world.values(PROVIDER, "concern-raised")
    assert "indicators" not in heard
    assert heard["urgency"] == "URGENT"


def test_a_service_provider_has_no_way_to_the_police() -> None:
    world = Country()
    record = world.concern("concern-passed-on", police=POLICE)
    world.hand_in(PROVIDER, record)
    assert world.sent(PROVIDER) == {}
    assert world.inbox(POLICE) == {}


def test_its_limits_are_proved_beside_those_of_the_floor() -> None:
    files = read_sources(POLICIES, SCHEMAS, None, ("police-ngo",))
    rulebook = read_rulebook(files)
    invariants = read_invariants(files, rulebook)
    own = [place for place, each in enumerate(invariants) if not each.any_agreement]
    prover = Prover(rulebook, [invariants[place] for place in own])
    proof = prover.prove()
    assert proof.breaches == ()
    assert {"police-learn-no-care", "each-side-answers", "nobody-is-handed-over-unasked"} <= {
        invariants[place].id for place in own
    }


def test_a_limit_that_is_loosened_is_noticed() -> None:
    files = dict(read_sources(POLICIES, SCHEMAS, None, ("police-ngo",)))
    path = "policies/agreements/police-ngo/exchange.toml"
    text = files[path].decode()
    assert 'categories = ["outcome"]\nfields' in text
    files[path] = text.replace(
        'categories = ["outcome"]\nfields', 'categories = ["outcome", "needs"]\nfields', 1
    ).encode()
    rulebook = read_rulebook(files)
    invariants = [
        each for each in read_invariants(files, rulebook) if each.id == "police-learn-no-care"
    ]
    assert [each.invariant for each in Prover(rulebook, invariants).breaches(0)] == [
        "police-learn-no-care"
    ]


def test_it_stands_beside_an_agreement_that_crosses() -> None:
    files = read_sources(POLICIES, SCHEMAS, None, ("la-vn-2010", taken_over()))
    rulebook = read_rulebook(files)
    assert set(rulebook.agreements) == {"la-vn-2010", "la-police-ngo"}
    named = rulebook.agreement_of(rulebook.flows["support-asked"])
    assert named is not None
    assert named.id == "la-police-ngo"
    shared = rulebook.agreement_of(rulebook.flows["victim-referral"])
    assert shared is not None
    assert shared.id == "la-vn-2010"
