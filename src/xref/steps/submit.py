"""Submit: from the transport's bytes to slots whose sender and place on a link are proved."""

from dataclasses import dataclass, field

from xref.endpoint import Acknowledged, Endpoint, KeyringAccepted
from xref.errors import EvidenceError, UnauthenticError
from xref.link import Mirrored, Waiting
from xref.message import Batch, Received, Submitted
from xref.ports import Arrival
from xref.wire.office import Link


class LinkEvidenceError(EvidenceError):
    """Evidence against the sender of one link, with the parcel that shows it."""

    def __init__(self, arrival: Arrival, detail: str) -> None:
        """Keep the parcel for the person who will look."""
        super().__init__(detail)
        self.arrival = arrival
        self.detail = detail


@dataclass(slots=True)
class _Collected:
    received: list[Received] = field(default_factory=list)
    acknowledged: list[Acknowledged] = field(default_factory=list)
    keyrings: list[KeyringAccepted] = field(default_factory=list)
    dropped: int = 0


def submit(batch: Batch, endpoint: Endpoint) -> Submitted:
    """Open, verify and mirror every parcel of the batch; raises `LinkEvidenceError`.

    What nobody provably sent is counted and dropped; what cannot be used yet is kept waiting.
    """
    collected = _Collected()
    moved: dict[Link, None] = {}
    for arrival in batch.arrivals:
        if arrival.link not in endpoint.incoming:
            collected.dropped += 1
            continue
        if endpoint.incoming[arrival.link].stopped:
            continue  # a person looks first; the position stays
        if _take(arrival, endpoint, batch.now_ms, collected):
            moved[arrival.link] = None
        endpoint.set_position(arrival.link, arrival.position)
    for link in moved:
        _take_waiting(link, endpoint, batch.now_ms, collected)
    return Submitted(
        tuple(collected.received),
        tuple(collected.acknowledged),
        tuple(collected.keyrings),
        collected.dropped,
    )


def _take(arrival: Arrival, endpoint: Endpoint, now_ms: int, collected: _Collected) -> bool:
    """Apply one parcel; return whether its link moved on, so that others may fit now."""
    try:
        submission = endpoint.submit(arrival, now_ms)
        accepted = endpoint.accept(submission, now_ms)
    except UnauthenticError:
        collected.dropped += 1
        return False
    except EvidenceError as error:
        raise LinkEvidenceError(arrival, str(error)) from error
    if isinstance(accepted, Waiting):
        endpoint.wait(submission, accepted.reason)
        return False
    if isinstance(accepted, Mirrored):
        collected.received += [
            Received(arrival.link, accepted.first_index + place, slot)
            for place, slot in enumerate(accepted.slots)
        ]
    elif isinstance(accepted, Acknowledged):
        collected.acknowledged.append(accepted)
    elif isinstance(accepted, KeyringAccepted):
        collected.keyrings.append(accepted)
    return True


def _take_waiting(link: Link, endpoint: Endpoint, now_ms: int, collected: _Collected) -> None:
    """Try what waits on a link again, for as long as one more of it fits."""
    progress = True
    while progress:
        waiting = endpoint.take_waiting(link)
        before = len(collected.received)
        for arrival in waiting:
            _take(arrival, endpoint, now_ms, collected)
        progress = len(collected.received) > before
