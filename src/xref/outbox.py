"""What is recorded but not yet published. Lost with a crash, and then sealed anew by the links."""

from collections import Counter, deque
from collections.abc import Iterator, Sequence

from xref.limits import WAITING_PARCELS_MAX
from xref.ports import LinksUnavailableError, Outbound, Transport
from xref.wire.office import Link
from xref.wire.parcel import Kind, parse_parcel


class Outbox:
    """Two queues in order: parcels to forward, then acknowledgements, which follow them."""

    def __init__(self) -> None:
        """Begin empty."""
        self._parcels: deque[Outbound] = deque()
        self._acknowledgements: deque[Outbound] = deque()

    def __len__(self) -> int:
        """Return how many parcels of both kinds wait."""
        return len(self._parcels) + len(self._acknowledgements)

    def add(self, parcels: tuple[Outbound, ...], acknowledgements: tuple[Outbound, ...]) -> None:
        """Queue what a recorded batch has to publish."""
        self._parcels.extend(parcels)
        self._acknowledgements.extend(acknowledgements)

    def publish_parcels(self, transport: Transport) -> int:
        """Publish all parcels, and return how many are durable.

        What some links alone cannot take waits, and holds nothing else back. On any other
        `UnavailableError` everything stays queued.
        """
        return _publish(self._parcels, transport)

    def publish_acknowledgements(self, transport: Transport) -> int:
        """Publish all acknowledgements, in the same way."""
        return _publish(self._acknowledgements, transport)


def _publish(queue: deque[Outbound], transport: Transport) -> int:
    parcels = tuple(queue)
    left: Sequence[Outbound] = ()
    if parcels:
        try:
            transport.publish(parcels)
        except LinksUnavailableError as error:
            left = error.left
        queue.clear()
        queue.extend(_bounded(left))
    return len(parcels) - len(left)


def _bounded(left: Sequence[Outbound]) -> Iterator[Outbound]:
    """Keep each link's first parcels; what is dropped, its sender seals again.

    Keyrings and takeovers are few, and nobody sends a keyring twice.
    """
    kept: Counter[Link] = Counter()
    for each in left:
        kept[each.link] += 1
        if kept[each.link] <= WAITING_PARCELS_MAX or _is_rare(each.parcel):
            yield each


def _is_rare(parcel: bytes) -> bool:
    return parse_parcel(parcel).clear.kind in (Kind.KEYRING, Kind.TAKEOVER)
