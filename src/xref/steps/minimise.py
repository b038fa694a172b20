"""Minimise: drop the sealed fields that may not go on. Nothing is opened, nothing is rewritten."""

from xref.limits import DAY_MS
from xref.message import Minimised, Permitted


def minimise(permitted: Permitted, now_ms: int) -> Minimised:
    """Return the message with only the permitted fields; mask and erase_by only shrink."""
    message, permit = permitted.message, permitted.permit
    mask = message.envelope.mask & permit.mask
    body = message.envelope.body
    if mask != message.envelope.mask:
        body = message.body.drop(message.envelope.mask, message.envelope.mask & ~mask)
    erase_by_ms = now_ms + permit.retention_days * DAY_MS
    if message.envelope.erase_by_ms:
        erase_by_ms = min(erase_by_ms, message.envelope.erase_by_ms)
    return Minimised(permitted, mask, body, erase_by_ms)
