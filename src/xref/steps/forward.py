"""Forward: publish what was recorded, and nothing else."""

from xref.message import Forwarded
from xref.outbox import Outbox
from xref.ports import Transport


def forward(outbox: Outbox, transport: Transport) -> Forwarded:
    """Publish the recorded parcels; raises `UnavailableError`, to be retried."""
    return Forwarded(outbox.publish_parcels(transport))
