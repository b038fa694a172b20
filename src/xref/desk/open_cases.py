"""Which cases may yet become alerts, so that a look for alerts reads those and no others.

What is over does not open again by itself: it takes a change in the case, or another bundle. All of
it is kept in memory, as ids alone; a desk's first look reads everything.
"""

from collections.abc import Iterable, Iterator
from typing import Any, Final

from xref.bundle import Bundle
from xref.desk.alerts import HELD, Alert
from xref.desk.cabinet import CASE_BYTES, Cabinet
from xref.limits import TIME_MS_MAX
from xref.story import alerts_among

_MESSAGE_BYTES: Final = 16


class OpenCases:
    """The cases of one desk over its cabinet, whose changes it hears of from the first look on."""

    def __init__(self, cabinet: Cabinet) -> None:
        """Read nothing yet."""
        self._cabinet = cabinet
        self._bundle = b""
        self._messages: dict[bytes, bytes] = {}
        self._open: set[bytes] = set()

    def alerts(self, bundle: Bundle, now_ms: int) -> list[Alert]:
        """Return what the office waits for in vain at `now_ms`, the longest overdue first."""
        if bundle.digest32 != self._bundle:
            self._begin(bundle)
        records = dict(self._records())
        sent = dict(self._sent())
        # Whatever has no alert at the end of all time has none before, as it stands.
        last = alerts_among(records, sent, bundle, TIME_MS_MAX)
        self._open = set(self._cases_of(last))
        return alerts_among(records, sent, bundle, now_ms)

    def _begin(self, bundle: Bundle) -> None:
        self._bundle, self._messages = bundle.digest32, {}
        self._cabinet.watch = self._note
        for space in ("record", "sent"):
            for key, case in self._cabinet.case_ids(space):
                self._note(space, key, case)

    def _note(self, space: str, key: bytes, case: bytes) -> None:
        if space in ("record", "sent"):
            self._open.add(case)
        if space == "sent" and key not in self._ids(case):
            self._messages[case] = self._messages.get(case, b"") + key

    def _ids(self, case: bytes) -> list[bytes]:
        joined = self._messages.get(case, b"")
        return [joined[at : at + _MESSAGE_BYTES] for at in range(0, len(joined), _MESSAGE_BYTES)]

    def _records(self) -> Iterator[tuple[bytes, Any]]:
        for case in self._open:
            yield from self._cabinet.all("record", case)

    def _sent(self) -> Iterator[tuple[bytes, Any]]:
        for case in self._open:
            for key in self._ids(case):
                story = self._cabinet.get("sent", key)
                if story is not None:
                    yield key, story

    def _cases_of(self, alerts: Iterable[Alert]) -> Iterator[bytes]:
        for alert in alerts:
            own = bytes.fromhex(alert.id)
            case = own[:CASE_BYTES] if alert.kind == HELD else self._cabinet.case_id("sent", own)
            if case is not None:
                yield case
