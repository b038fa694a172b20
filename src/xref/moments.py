"""A moment in Unix ms as people read it. It may stand in another office's receipt or record."""

from datetime import UTC, datetime
from typing import Final

_LAST_MS: Final = 253_402_214_400_000
"""The last day of year 9999, which every time zone can show."""


def in_calendar(at_ms: int) -> datetime:
    """Return a moment in UTC; what no calendar can show is shown as its first or last."""
    return datetime.fromtimestamp(min(max(at_ms, 0), _LAST_MS) / 1000, UTC)
