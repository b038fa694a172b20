"""What is recorded but not yet published. Lost with a crash, and then sealed anew by the links."""

from collections import deque

from xref.ports import Outbound, Transport


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
        """Publish all parcels; on `UnavailableError` everything stays queued."""
        return _publish(self._parcels, transport)

    def publish_acknowledgements(self, transport: Transport) -> int:
        """Publish all acknowledgements; on `UnavailableError` everything stays queued."""
        return _publish(self._acknowledgements, transport)


def _publish(queue: deque[Outbound], transport: Transport) -> int:
    parcels = tuple(queue)
    if parcels:
        transport.publish(parcels)
        queue.clear()
    return len(parcels)
