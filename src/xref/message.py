"""What a message is after each step. The only way to a type is the step that returns it.

    Arrival --submit--> Received --validate--> Message --decide--> Permitted --minimise--> Minimised
    --seal--> Sealed --record--> Recorded --forward--> Forwarded --acknowledge--> done

Whatever does not go on leaves the path as `Stubbed`, `Rejected` or `Refused`, and is recorded and
answered as carefully as what does.
"""

from dataclasses import dataclass

from xref.bundle import Bundle, Office
from xref.endpoint import Acknowledged, KeyringAccepted
from xref.policy import Flow, Permit, Reason
from xref.ports import Arrival, Outbound
from xref.value import value
from xref.wire.body import Body
from xref.wire.envelope import Envelope, Shape, Slot
from xref.wire.facts import Facts
from xref.wire.header import Header
from xref.wire.office import Link
from xref.wire.schema import Schema


@value(frozen=True, slots=True)
class Received:
    """A slot that its sender provably released on this link at this index."""

    link: Link
    index: int
    slot: Slot


@dataclass(frozen=True, slots=True)
class Submitted:
    """What a batch of parcels came to; `dropped` counts what nobody provably sent."""

    received: tuple[Received, ...]
    acknowledged: tuple[Acknowledged, ...]
    keyrings: tuple[KeyringAccepted, ...]
    dropped: int


@dataclass(frozen=True, slots=True)
class Stubbed:
    """A slot whose content was gone when it was sent; its leaf keeps the log whole."""

    received: Received


@dataclass(frozen=True, slots=True)
class Rejected:
    """An authentic but faulty slot; `header` only where it could be read."""

    received: Received
    fault: str
    header: Header | None


@dataclass(frozen=True, slots=True, eq=False)
class Route:
    """What a link, a bundle and two offices settle: one value for all messages that share them."""

    link: Link
    sender: Office
    recipient: Office
    from_desk: bool
    shape: Shape


@value(frozen=True, slots=True)
class Message:
    """A well-formed message whose author, release, bundle, flow and times were checked."""

    received: Received
    route: Route
    header: Header
    envelope: Envelope
    facts_c: bytes
    statement: bytes
    body: Body
    body_hash: bytes
    bundle: Bundle
    flow: Flow
    schema: Schema
    facts: Facts | None
    """Open facts from an own desk; None where only their commitment came."""


@dataclass(frozen=True, slots=True)
class Refused:
    """A message that policy keeps back, with every reason."""

    message: Message
    reasons: tuple[Reason, ...]


@value(frozen=True, slots=True)
class Permitted:
    """A message that may go on, with what its permit says."""

    message: Message
    permit: Permit


@value(frozen=True, slots=True)
class Minimised:
    """A permitted message without the sealed fields that may not go on."""

    permitted: Permitted
    mask: int
    body: bytes
    erase_by_ms: int


@dataclass(frozen=True, slots=True)
class Sealed:
    """A batch's outcome: on links and trail, closed in parcels, not yet durable."""

    parcels: tuple[Outbound, ...]
    acknowledgements: tuple[Outbound, ...]


@dataclass(frozen=True, slots=True)
class Recorded:
    """A batch's outcome, durable: what may now be published, the parcels first."""

    parcels: tuple[Outbound, ...]
    acknowledgements: tuple[Outbound, ...]


@dataclass(frozen=True, slots=True)
class Forwarded:
    """Parcels that the transport has made durable."""

    count: int


Checked = Message | Rejected | Stubbed
Decided = Permitted | Refused


@dataclass(frozen=True, slots=True)
class Batch:
    """The arrivals of one transaction, with the one time at which all is judged (Unix ms)."""

    arrivals: tuple[Arrival, ...]
    now_ms: int
