"""Mutual TLS and ACLs: an office can do what `xref kafka acls` prints for it, and nothing else."""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from confluent_kafka.admin import AdminClient
from confluent_kafka.admin._acl import AclBinding, AclOperation, AclPermissionType
from confluent_kafka.admin._resource import ResourcePatternType, ResourceType
from confluent_kafka.admin._scram import (
    ScramCredentialInfo,
    ScramMechanism,
    UserScramCredentialUpsertion,
)
from local_kafka import LocalKafka

from kafka.certificates import Authority
from kafka_session import make_link_topics
from world import draft_bundle
from xref.drivers.kafka_connection import KafkaCluster, Sasl, Tls
from xref.drivers.kafka_topics import apply_topics
from xref.drivers.kafka_transport import KafkaTransport
from xref.errors import UnavailableError
from xref.kafka_plan import Right, links_on, rights, topic
from xref.ports import LinksUnavailableError, Outbound
from xref.wire.office import Link

pytestmark = pytest.mark.needs_kafka_nodes

LA_DESK, LA_HOP, VN_HOP, VN_DESK = "LANRM001", "LAHOP001", "VNHOP001", "VNNRM001"
LINKS = (
    *(Link(LA_DESK, LA_HOP), Link(LA_HOP, LA_DESK), Link(LA_HOP, VN_HOP)),
    *(Link(VN_HOP, LA_HOP), Link(VN_HOP, VN_DESK), Link(VN_DESK, VN_HOP)),
)


@dataclass
class Guarded:
    """A broker on which everybody needs a certificate, and has the printed rights."""

    broker: LocalKafka
    authority: Authority
    opened: list[KafkaTransport] = field(default_factory=list)

    def cluster(self, office: str) -> KafkaCluster:
        certificate, key = self.authority.issue(office)
        tls = Tls(self.authority.folder / "ca.pem", certificate, key)
        return KafkaCluster(tuple(self.broker.tls_servers), tls)

    def transport(self, office: str) -> KafkaTransport:
        self.opened.append(KafkaTransport(self.cluster(office)))
        return self.opened[-1]


def grant_what_is_printed(servers: list[str], principals: str) -> None:
    links = links_on(draft_bundle().directory, ())
    grant(servers, rights(links, "xref", principals))


def grant(servers: list[str], some: Sequence[Right]) -> None:
    bindings = [
        AclBinding(
            ResourceType.TOPIC,
            right.topic,
            ResourcePatternType.LITERAL,
            right.principal,
            "*",
            AclOperation[operation.upper()],
            AclPermissionType.ALLOW,
        )
        for right in some
        for operation in right.operations
    ]
    admin = AdminClient({"bootstrap.servers": ",".join(servers)})
    for future in admin.create_acls(bindings).values():
        future.result(timeout=180)


def set_scram_password(servers: list[str], user: str, password: str) -> None:
    admin = AdminClient({"bootstrap.servers": ",".join(servers)})
    scram = ScramCredentialInfo(ScramMechanism.SCRAM_SHA_512, 4096)
    change = UserScramCredentialUpsertion(user, scram, password.encode())
    for future in admin.alter_user_scram_credentials([change]).values():
        future.result(timeout=180)


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Guarded]:
    folder = tmp_path_factory.mktemp("guarded")
    authority = Authority(folder / "tls")
    authority.issue("broker")
    (folder / "tls" / "broker.both.pem").rename(folder / "tls" / "broker.pem")
    passwords = {LA_HOP: "of LA", VN_HOP: "of VN"}
    with LocalKafka(folder / "kafka", tls=folder / "tls", passwords=passwords) as broker:
        make_link_topics(KafkaCluster(tuple(broker.servers)), *LINKS)
        grant_what_is_printed(broker.servers, "User:CN={office}")
        grant_what_is_printed(broker.servers, "User:{office}")
        found = Guarded(broker, authority)
        yield found
        for each in found.opened:
            each.close()


def test_the_whole_way_works_with_the_least_rights(guarded: Guarded) -> None:
    """Each sends on its own links, reads them back, and reads what is sent to it."""
    for office in (LA_DESK, LA_HOP, VN_HOP, VN_DESK):
        transport = guarded.transport(office)
        own = [link for link in LINKS if link.sender == office]
        transport.publish([Outbound(link, office.encode()) for link in own])
        assert {each.link for each in transport.read(dict.fromkeys(own, 0), 64, 0)} == set(own)
    for office in (LA_DESK, LA_HOP, VN_HOP, VN_DESK):
        incoming = [link for link in LINKS if link.receiver == office]
        read = guarded.transport(office).read(dict.fromkeys(incoming, 0), 64, 0)
        assert {link.sender.encode() for link in incoming} <= {each.parcel for each in read}


@pytest.mark.parametrize(
    ("office", "link"),
    [
        (LA_DESK, Link(LA_HOP, VN_HOP)),
        (LA_DESK, Link(VN_HOP, VN_DESK)),
        (VN_DESK, Link(VN_HOP, LA_HOP)),
        (LA_HOP, Link(VN_HOP, VN_DESK)),
        (VN_HOP, Link(LA_DESK, LA_HOP)),
    ],
)
def test_reading_somebody_elses_link(guarded: Guarded, office: str, link: Link) -> None:
    transport = guarded.transport(office)
    with pytest.raises(UnavailableError, match=r"does not allow us xref\..*`xref kafka acls`"):
        transport.read({link: 0}, 10, 0)


@pytest.mark.parametrize(
    ("office", "link"),
    [
        (LA_HOP, Link(VN_HOP, LA_HOP)),
        (LA_DESK, Link(LA_HOP, LA_DESK)),
        (VN_HOP, Link(LA_HOP, VN_HOP)),
        (LA_DESK, Link(LA_HOP, VN_HOP)),
    ],
)
def test_writing_in_the_peers_name(guarded: Guarded, office: str, link: Link) -> None:
    """Its parcels would not verify; it cannot even put them there."""
    before = guarded.transport(link.sender).read({link: 0}, 64, 0)
    with pytest.raises(UnavailableError, match=r"does not allow us xref\..*`xref kafka acls`"):
        guarded.transport(office).publish([Outbound(link, b"forged")])
    assert guarded.transport(link.sender).read({link: 0}, 64, 0) == before


@pytest.mark.parametrize("may_look", [False, True])
def test_forbidden_link_stops_itself_alone(guarded: Guarded, *, may_look: bool) -> None:
    """Whether a topic may not even be looked up, or looked up and no more."""
    own, other = Link(LA_DESK, LA_HOP), Link(VN_HOP, VN_DESK) if may_look else Link(VN_DESK, VN_HOP)
    if may_look:
        principal = f"User:CN={LA_DESK}"
        grant(guarded.broker.servers, [Right(principal, "xref.VNHOP001.VNNRM001", ("Describe",))])
    transport = guarded.transport(LA_DESK)
    with pytest.raises(
        LinksUnavailableError, match=r"not allow us xref\.VN.*`xref kafka acls`"
    ) as no:
        transport.publish([Outbound(other, b"forged"), Outbound(own, b"beside a forbidden one")])
    assert [each.link for each in no.value.left] == [other]
    positions, found = {own: 0, other: 0}, b""
    deadline = time.monotonic() + 120
    while found != b"beside a forbidden one":
        assert time.monotonic() < deadline
        for each in transport.read(positions, 64, 0.2):
            assert each.link == own
            positions[own], found = each.position, each.parcel
    with pytest.raises(UnavailableError, match=r"does not allow us xref\.VN"):
        transport.read({own: 0, other: 0}, 64, 0)


def test_making_topics_as_an_office(guarded: Guarded) -> None:
    with pytest.raises(UnavailableError, match=r"does not make topic .*AuthorizationFailed"):
        apply_topics(guarded.cluster(LA_HOP), [topic("xref.LAHOP001.LAXXX001", 1, 1, 86_400_000)])


def test_nobody_without_a_certificate_of_the_authority(guarded: Guarded, tmp_path: Path) -> None:
    stranger, key = Authority(tmp_path).issue(LA_HOP)
    for tls in (
        Tls(guarded.authority.folder / "ca.pem"),
        Tls(guarded.authority.folder / "ca.pem", stranger, key),
    ):
        transport = KafkaTransport(KafkaCluster(tuple(guarded.broker.tls_servers), tls))
        with pytest.raises(UnavailableError):
            transport.publish([Outbound(Link(LA_HOP, VN_HOP), b"a")])
        transport.close()


def test_a_broker_that_another_authority_vouches_for_is_not_spoken_to(
    guarded: Guarded, tmp_path: Path
) -> None:
    certificate, key = guarded.authority.issue(LA_HOP)
    Authority(tmp_path)
    tls = Tls(tmp_path / "ca.pem", certificate, key)
    transport = KafkaTransport(KafkaCluster(tuple(guarded.broker.tls_servers), tls))
    with pytest.raises(UnavailableError):
        transport.read({Link(VN_HOP, LA_HOP): 0}, 10, 0)
    transport.close()


@pytest.mark.parametrize("mechanism", ["PLAIN", "SCRAM-SHA-512"])
def test_passwords_over_tls(guarded: Guarded, tmp_path: Path, mechanism: str) -> None:
    """As good as a certificate; a wrong one opens nothing, and no other's link is opened."""
    word = "of LA" if mechanism == "PLAIN" else "another of LA"
    if mechanism != "PLAIN":
        set_scram_password(guarded.broker.servers, LA_HOP, word)
    file = tmp_path / "password"
    file.touch(mode=0o600)
    cluster = KafkaCluster(
        tuple(guarded.broker.password_servers),
        Tls(guarded.authority.folder / "ca.pem"),
        Sasl(mechanism, LA_HOP, file),
    )
    own, others = Link(LA_HOP, VN_HOP), Link(VN_HOP, VN_DESK)
    file.write_text(f"{word}\n")
    transport = KafkaTransport(cluster)
    transport.publish([Outbound(own, b"by password")])
    assert transport.read({own: 0}, 64, 0)[-1].parcel == b"by password"
    with pytest.raises(UnavailableError, match="does not allow us"):
        transport.read({others: 0}, 64, 0)
    transport.close()
    file.write_text("wrong\n")
    transport = KafkaTransport(cluster)
    with pytest.raises(UnavailableError) as refused:
        transport.publish([Outbound(own, b"a")])
    assert "wrong" not in str(refused.value)
    transport.close()
