"""What waits for publishing: one link that takes nothing holds nothing else back."""

from collections.abc import Sequence

import pytest

from world import NOW_MS, keychain
from xref.drivers.memory import MemoryTransport
from xref.errors import UnavailableError
from xref.limits import PARCEL_BUCKETS, WAITING_PARCELS_MAX
from xref.outbox import Outbox
from xref.ports import LinksUnavailableError, Outbound
from xref.wire.key import KeyUse
from xref.wire.office import Link
from xref.wire.parcel import Clear, Kind, close_parcel

GOOD, BAD = Link("LAHOP001", "VNHOP001"), Link("LAHOP001", "LANRM001")


class Choosy(MemoryTransport):
    """A transport that takes nothing on some links, or nothing at all."""

    def __init__(self) -> None:
        super().__init__()
        self.refused: set[Link] = {BAD}
        self.is_away = False
        self.taken: list[Outbound] = []

    def publish(self, parcels: Sequence[Outbound]) -> None:
        if self.is_away:
            raise UnavailableError("away")
        left = [each for each in parcels if each.link in self.refused]
        self.taken += [each for each in parcels if each.link not in self.refused]
        if left:
            raise LinksUnavailableError(UnavailableError("no topic"), left)


def sealed(link: Link, kind: Kind, sequence: int) -> Outbound:
    sender = keychain(link.sender).signing(KeyUse.PARCEL, NOW_MS)
    receiver = next(k for k in keychain(link.receiver).keys if k.use is KeyUse.SEAL).public
    clear = Clear(kind, link.link_id, 1, sequence, sender.public.key_id, receiver.key_id)
    return Outbound(link, close_parcel(clear, b"x" * (PARCEL_BUCKETS[0] // 2), receiver, sender))


def test_one_link_holds_nothing_else_back_and_goes_on_in_order() -> None:
    outbox, transport = Outbox(), Choosy()
    parcels = tuple(Outbound(link, bytes([n])) for n in range(3) for link in (GOOD, BAD))
    acknowledgement = Outbound(GOOD, b"acknowledgement")
    outbox.add(parcels, (acknowledgement,))
    assert outbox.publish_parcels(transport) == 3
    assert outbox.publish_acknowledgements(transport) == 1
    assert transport.taken == [*(each for each in parcels if each.link == GOOD), acknowledgement]
    later = Outbound(BAD, b"later")
    outbox.add((later,), ())
    transport.refused, transport.taken = set(), []
    assert outbox.publish_parcels(transport) == 4
    assert transport.taken == [*(each for each in parcels if each.link == BAD), later]
    assert len(outbox) == 0


def test_everything_stays_while_the_whole_transport_is_away() -> None:
    outbox, transport = Outbox(), Choosy()
    outbox.add((Outbound(GOOD, b"a"), Outbound(BAD, b"b")), ())
    transport.is_away = True
    with pytest.raises(UnavailableError):
        outbox.publish_parcels(transport)
    assert len(outbox) == 2


def test_what_waits_for_one_link_is_bounded_and_no_keyring_is_lost() -> None:
    outbox, transport = Outbox(), Choosy()
    slots = tuple(sealed(BAD, Kind.SLOTS, n + 1) for n in range(WAITING_PARCELS_MAX + 20))
    keyring = sealed(BAD, Kind.KEYRING, 1000)
    outbox.add((*slots, keyring), ())
    assert outbox.publish_parcels(transport) == 0
    transport.refused = set()
    outbox.publish_parcels(transport)
    assert transport.taken == [*slots[:WAITING_PARCELS_MAX], keyring]
