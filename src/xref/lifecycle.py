"""When bundles come into force and end, for the trail: each change once, whenever it is noticed."""

from collections.abc import Mapping
from typing import Final

from xref.bundle import Bundle
from xref.state import State
from xref.trail import Entry

_SPACE: Final = "in_force"
_TIME_BYTES: Final = 8


class Lifecycle:
    """Which bundles a hop last knew to be in force, each with its validity (Unix ms)."""

    def __init__(self, state: State, bundles: Mapping[bytes, Bundle]) -> None:
        """Load what was known; `bundles` are those that the hop is configured with."""
        self._state, self._bundles = state, bundles
        self._known = {
            digest: (int.from_bytes(value[:_TIME_BYTES]), int.from_bytes(value[_TIME_BYTES:]))
            for digest, value in state.scan(_SPACE)
        }

    def changes(self, now_ms: int) -> list[Entry]:
        """Note what has changed by now; return an entry for each change. The caller commits.

        A bundle that is no longer configured has ended for this hop, whatever its validity. Its
        `in_force` are all that are in force after the change: two or more are an overlap.
        """
        known = self._known
        now = {
            digest: (bundle.valid_from_ms, bundle.valid_until_ms)
            for digest, bundle in self._bundles.items()
            if bundle.active_at(now_ms)
        }
        if known.keys() == now.keys():
            return []
        began = sorted(now.keys() - known.keys())
        ended = sorted(known.keys() - now.keys())
        for digest in began:
            validity = b"".join(at_ms.to_bytes(_TIME_BYTES) for at_ms in now[digest])
            self._state.put(_SPACE, digest, validity)
        for digest in ended:
            self._state.delete(_SPACE, digest)
        self._known = now
        changed = [("activated", each, now[each]) for each in began]
        changed += [("retired", each, known[each]) for each in ended]
        return [
            {
                "kind": "bundle",
                "at_ms": now_ms,
                "bundle": digest.hex(),
                "change": change,
                "from_ms": from_ms,
                "until_ms": until_ms,
                "in_force": sorted(each.hex() for each in now),
            }
            for change, digest, (from_ms, until_ms) in changed
        ]
