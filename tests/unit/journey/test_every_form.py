"""Every form of four countries, played on corridors between them: nothing in xref's own form."""

import json
import tomllib
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from functools import cache
from typing import Final

import pytest

from shipped import shipped, told
from world import DAY_MS, World, draft_bundle
from xref.desk.plain_form import MARK
from xref.desk.read_form import Record, read_form
from xref.desk.write_form import Received, write_form
from xref.policy import Delivery, Publication
from xref.resources import data_folder

CORRIDORS: Final = {
    "la-vn-2010": ("LA", "VN"),
    "la-th-2005": ("TH", "LA"),
    "kh-th-2003": ("KH", "TH"),
    "kh-vn-2005": ("VN", "KH"),
}
"""Who found the people of the sample forms, and where they come from."""
OTHERS: Final = {"LA": "VN TH", "VN": "LA TH KH CN", "TH": "LA VN KH MM", "KH": "TH VN"}
"""The other Parties of a country's agreements."""
NOT_PLAYED: Final = {
    "la-vn-2010": {"travel-notice-consular"},  # of a person who asked for no consulate
    # No border guard or consulate of Lao PDR is in the directory, and no prosecutor of others.
    "la-th-2005": {
        *("travel-notice-border", "travel-notice-consular", "journey-change"),
        "non-punishment-claim",
    },
    "kh-th-2003": {"travel-notice-consular", "non-punishment-claim"},  # no consulate subscribes
    # No immigration office of Viet Nam is in the directory.
    "kh-vn-2005": {
        "non-punishment-claim",
        *("travel-asked", "travel-notice-border", "travel-notice-consular"),
        *("journey-change-asked", "journey-change", "return-proposed", "return-decided"),
    },
}
DESKS_OWN: Final = "contamination-notice"  # the desk writes it, when asylum is claimed
WAITS: Final = "it waits for a second person's approval"
NOBODY: Final = "LABOR001 is no border-guard of the other Party"
POLICY: Final = draft_bundle().policy
SAMPLED_ON: Final = date(2026, 11, 23)


@cache
def samples(country: str) -> dict[str, Record]:
    """Return a record of each of a country's sample forms, by publication."""
    found: dict[str, Record] = {}
    folder = data_folder("adapters") / country / "samples"
    for file in sorted(folder.glob("*.records.json")):
        stem = file.name.removesuffix(".records.json")
        name = stem if stem.endswith(".csv") else f"{stem}.json"
        data = (folder / name).read_bytes()
        reading = read_form(shipped(country), name, data, today=SAMPLED_ON)
        for record in told(country, reading).records:
            found.setdefault(record.publication, record)
    return found


class Corridor(World):
    """All offices of two countries, each handing in its own sample forms."""

    def __init__(self, agreement: str) -> None:
        found, other = CORRIDORS[agreement]
        known = draft_bundle(1, agreement).directory.offices.values()
        offices = tuple(sorted(each.code for each in known if each.party in {found, other}))
        super().__init__(offices=offices, agreement=agreement)
        self.now_ms += 4 * DAY_MS  # the samples tell of days until then
        self.settle()
        for kind in POLICY.publications.values():
            if not (kind.answers or kind.follows):
                able = (each for each in self.desks if each[:2] == found and self.may(each, kind))
                for office in list(able)[:1]:
                    self.hand_in(office, kind.kind, None)
        self.settle()
        for follows in (True, False):
            for office, kind, message in list(self.answerable(follows=follows)):
                self.hand_in(office, kind.kind, message)
            self.settle()

    def may(self, office: str, kind: Publication) -> bool:
        role = self.draft.directory.office(office).role
        return role in kind.from_roles and kind.kind in samples(office[:2].lower())

    def hand_in(self, office: str, kind: str, reply_to: bytes | None) -> None:
        self.now_ms += 1000
        self.publish(office, [replace(samples(office[:2].lower())[kind], reply_to=reply_to)])

    def answerable(self, *, follows: bool) -> Iterator[tuple[str, Publication, bytes]]:
        for office in self.desks:
            for kind in POLICY.publications.values():
                about = (kind.follows,) if follows else kind.answers
                asked = (m for m, c in self.inbox(office).items() if c["type"] in about)
                if self.may(office, kind) and (message := next(asked, None)):
                    yield office, kind, message

    def received(self) -> Iterator[tuple[str, Received]]:
        for office, desk in self.desks.items():
            for message, content in desk.cabinet.all("inbox"):
                values, sender = content["values"], content["from"]
                yield office, Received(message, content["type"], values, sender, self.now_ms)


@pytest.mark.parametrize("agreement", CORRIDORS)
def test_every_form_goes_and_is_handed_over_in_the_receiving_office_s_own(agreement: str) -> None:
    world, types = Corridor(agreement), set[str]()
    for office, message in world.received():
        written = json.loads(write_form(shipped(office[:2].lower()), message))
        assert MARK not in written, (office, message.type)
        types.add(message.type)
    for office, desk in world.desks.items():
        problems = {str(story["problem"]) for _, story in desk.cabinet.all("record")} - {"", WAITS}
        assert all(NOBODY in each for each in problems), office
        sent = [story for _, story in desk.cabinet.all("sent")]
        unread = {each["type"] for each in sent if each["outcome"] not in {"opened", "delivered"}}
        assert unread <= NOT_PLAYED[agreement], office
    flows = {flow.name for flow in POLICY.flows.values() if flow.owner != "operation"}
    assert types == flows - NOT_PLAYED[agreement] - {DESKS_OWN, "emergency-protection-referral"}


@cache
def roles(party: str) -> frozenset[str]:
    """Return which offices a country has, in the directory for demonstrations."""
    path = data_folder("policies") / "directory" / f"{party.lower()}.toml"
    offices = tomllib.loads(path.read_text("utf-8"))["offices"].values()
    return frozenset(str(office["role"]) for office in offices)


def deliveries(sender: str) -> Iterator[tuple[Publication, Delivery, str]]:
    """Yield what a country's offices can send, and the country that receives it."""
    for kind in POLICY.publications.values():
        if roles(sender) & {*kind.from_roles} and kind.kind != DESKS_OWN:
            for delivery in kind.deliveries:
                for party in [sender] if delivery.party == "own" else OTHERS[sender].split():
                    if delivery.role in roles(party):
                        yield kind, delivery, party


@pytest.mark.parametrize("party", ["LA", "VN", "TH", "KH"])
def test_every_type_that_a_country_s_offices_send_or_receive_has_a_form(party: str) -> None:
    file = shipped(party.lower()).file
    assert {kind.kind for kind, _, _ in deliveries(party)} <= file.publications.keys()
    for sender in OTHERS:
        received = {each.flow for _, each, there in deliveries(sender) if there == party}
        assert received <= file.received.keys()
