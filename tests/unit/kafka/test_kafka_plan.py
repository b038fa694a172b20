"""What a cluster is asked for: topics and least rights, from the bundle alone."""

import re

from world import draft_bundle
from xref.kafka_plan import links_on, of_office, retention_ms, rights, topic, topic_name
from xref.limits import MESSAGE_LIFE_MS_MAX
from xref.wire.office import Link
from xref.wire.parcel import PARCEL_BYTES_MAX

DIRECTORY = draft_bundle().directory
DAY_MS = 86_400_000


def test_a_topic_names_two_offices_and_nothing_else() -> None:
    for link in links_on(DIRECTORY, ()):
        assert re.fullmatch(r"xref\.[A-Z0-9]{8}\.[A-Z0-9]{8}", topic_name("xref", link))


def test_every_link_of_the_bundle_is_there_both_ways() -> None:
    links = links_on(DIRECTORY, ())
    assert len(links) == len(set(links))
    assert {link.back for link in links} == set(links)
    assert Link("LAHOP001", "VNHOP001") in links
    assert not any(Link("LANRM001", other) in links for other in ("VNHOP001", "VNNRM001"))


def test_links_of_a_party_with_its_own_cluster_are_not_on_ours() -> None:
    ours, theirs = links_on(DIRECTORY, ["VN"]), links_on(DIRECTORY, ["LA"])
    assert sorted(ours + theirs) == sorted(links_on(DIRECTORY, ()))
    assert {link.sender[:2] for link in ours} == {"LA"}


def test_an_office_has_both_ends_of_its_links() -> None:
    links = of_office("LANRM001", links_on(DIRECTORY, ()))
    assert links == [Link("LAHOP001", "LANRM001"), Link("LANRM001", "LAHOP001")]


def test_parcels_are_kept_as_long_as_a_message_may_live() -> None:
    kept_ms = retention_ms([draft_bundle()])
    longest = max(flow.life_days for flow in draft_bundle().policy.flows.values())
    assert longest * DAY_MS < kept_ms < MESSAGE_LIFE_MS_MAX + DAY_MS


def test_the_largest_parcel_fits_a_topic_and_no_broker_may_lose_it_alone() -> None:
    one, three = topic("a", 1, 1, DAY_MS).settings, topic("a", 1, 3, DAY_MS).settings
    assert int(three["max.message.bytes"]) > PARCEL_BYTES_MAX + 1024
    assert (one["min.insync.replicas"], three["min.insync.replicas"]) == ("1", "2")
    assert three["unclean.leader.election.enable"] == "false"
    assert three["cleanup.policy"] == "delete"


def test_a_desk_has_no_right_on_any_link_but_its_own() -> None:
    found = rights(links_on(DIRECTORY, ()), "xref", "User:CN={office},C={party}", "LANRM001")
    assert [(each.principal, each.topic, each.operations) for each in found] == [
        ("User:CN=LANRM001,C=LA", "xref.LAHOP001.LANRM001", ("Read", "Describe")),
        ("User:CN=LANRM001,C=LA", "xref.LANRM001.LAHOP001", ("Write", "Describe", "Read")),
    ]


def test_nobody_but_a_links_sender_may_write_on_it() -> None:
    for each in rights(links_on(DIRECTORY, ()), "xref", "{office}"):
        sender, receiver = each.topic.split(".")[1:]
        assert ("Write" in each.operations) == (each.principal == sender)
        assert each.principal in (sender, receiver)


def test_a_right_is_a_line_for_kafkas_own_tool() -> None:
    right = rights([Link("LANRM001", "LAHOP001")], "xref", "User:{office}", "LAHOP001")[0]
    assert right.command(["one:9092", "two:9092"]) == (
        "kafka-acls --bootstrap-server one:9092,two:9092 --add --allow-principal 'User:LAHOP001' "
        "--operation Read --operation Describe --topic xref.LANRM001.LAHOP001"
    )
