"""Acknowledge: countersign what was received, after all that follows from it is forwarded."""

from xref.message import Forwarded
from xref.outbox import Outbox
from xref.ports import Transport


def acknowledge(forwarded: Forwarded, outbox: Outbox, transport: Transport) -> int:
    """Publish the recorded acknowledgements; taking `Forwarded` keeps the order.

    Raises `UnavailableError`, to be retried. Returns how many were published.
    """
    del forwarded
    return outbox.publish_acknowledgements(transport)
