"""An office's bundles as it applies them: under its own Party's newest overlay, kept in its state.

Every version stays, so that an audit finds the rules that an entry names. What is wrong with an
overlay is a `ConfigError`, and the office then handles nothing: the one before could let go what
the Party has just closed.
"""

from collections.abc import Mapping
from typing import Final

from xref.bundle import Bundle
from xref.errors import ConfigError
from xref.overlay import Overlay, narrowed, open_overlay
from xref.state import State
from xref.trail import Entry
from xref.wire.office import party_of

_SPACE: Final = "overlay"


class Narrowing:
    """The bundles of one office; `bundles` are narrowed by `overlay`, where there is one."""

    def __init__(
        self,
        state: State,
        office: str,
        party_keys: Mapping[str, bytes],
        bundles: Mapping[bytes, Bundle],
    ) -> None:
        """Take up the newest overlay in the state."""
        self._state, self._signed = state, bundles
        self._office, self._party, self._keys = office, party_of(office), party_keys
        stored = state.scan(_SPACE)
        self.overlay = self._open(stored[-1][1].decode()) if stored else None
        self.bundles = self._under(self.overlay)

    @property
    def is_suspended(self) -> bool:
        """Whether the own Party has suspended this office."""
        return self.overlay is not None and self._office in self.overlay.offices

    @property
    def suspended_officials(self) -> frozenset[str]:
        """The digests of this office's suspended officials."""
        return self.overlay.officials(self._office) if self.overlay else frozenset()

    def _open(self, note: str) -> Overlay:
        public = self._keys.get(self._party)
        if public is None:
            raise ConfigError(f"overlay: no key of {self._party} is configured; add it")
        return open_overlay(note, self._party, public)

    def _under(self, overlay: Overlay | None) -> Mapping[bytes, Bundle]:
        if overlay is None:
            return self._signed
        return {digest: narrowed(bundle, overlay) for digest, bundle in self._signed.items()}

    def take(self, note: str, now_ms: int) -> Entry | None:
        """Apply a newer overlay from here on; return the trail's entry, None for an older one.

        The caller commits. Raises `ConfigError` for one that is not signed, that opens anything
        under one of the bundles, or that differs from another of its version.
        """
        overlay, known = self._open(note), self.overlay
        if known is not None and overlay.version <= known.version:
            if overlay.version == known.version and overlay.text != known.text:
                message = f"two overlays of {self._party} have version {known.version}"
                raise ConfigError(f"{message}; sign one with a higher version")
            return None
        for each in overlay.suspended:
            if not any(bundle.directory.find(each.office) for bundle in self._signed.values()):
                raise ConfigError(f"overlay: {each.office} is in no bundle; correct the code")
        self.bundles, self.overlay = self._under(overlay), overlay
        self._state.put(_SPACE, overlay.version.to_bytes(8), note.encode())
        return {
            "kind": "overlay",
            "at_ms": now_ms,
            "party": overlay.party,
            "version": overlay.version,
            "overlay": overlay.digest,
            "suspended": sorted(overlay.offices),
        }
