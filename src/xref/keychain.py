"""Keys in use: an office's own (`Keychain`) and everybody's public ones (`KeyDirectory`)."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property

from xref.errors import ConfigError, MalformedError
from xref.limits import LOG_SIZE_MAX
from xref.tlog.note import COSIGNATURE, Verifier
from xref.wire.key import KeyUse, OpeningKey, PublicKey, SigningKey
from xref.wire.keyring import KeyLine, Keyring, LogLine
from xref.wire.office import TRAIL_PREFIX, Link, cosigner_name, parse_link


@dataclass(frozen=True)
class OwnKey:
    """A private key of one use with its validity in Unix ms; the seed is 32 bytes."""

    use: KeyUse
    seed: bytes = field(repr=False)
    from_ms: int
    until_ms: int

    @cached_property
    def signing(self) -> SigningKey:
        """The signing key; only for uses that sign."""
        return SigningKey(self.seed)

    @cached_property
    def opening(self) -> OpeningKey:
        """The opening key; only for the use `seal`."""
        return OpeningKey(self.seed)

    @property
    def public(self) -> PublicKey:
        """The public half."""
        return self.opening.public if self.use is KeyUse.SEAL else self.signing.public


class Keychain:
    """An office's own private keys, current and retired."""

    def __init__(self, office: str, keys: Iterable[OwnKey]) -> None:
        """Hold the keys of `office`."""
        self.office = office
        self.keys = tuple(keys)
        self._opening = {
            key.public.key_id: key.opening for key in self.keys if key.use is KeyUse.SEAL
        }

    def signing(self, use: KeyUse, now_ms: int, *, oldest: bool = False) -> SigningKey:
        """Return the newest, or the oldest, key of `use` that is good now."""
        good = [k for k in self.keys if k.use is use and k.from_ms <= now_ms < k.until_ms]
        if not good:
            message = (
                f"{self.office} has no {use} key that is good now; run `xref keys rotate` and "
                "have the Party sign a new keyring"
            )
            raise ConfigError(message)
        by_age = sorted(good, key=lambda key: key.from_ms)
        return by_age[0 if oldest else -1].signing

    def opening(self, key_id: bytes) -> OpeningKey | None:
        """Return the opening key of that id, retired or not, unless it was destroyed."""
        return self._opening.get(key_id)

    def parcel_keys(self) -> dict[bytes, PublicKey]:
        """Return all own parcel keys by id, to recognise one's own parcels."""
        own = (key.public for key in self.keys if key.use is KeyUse.PARCEL)
        return {key.key_id: key for key in own}


class KeyDirectory:
    """Everybody's public keys, from the Parties' keyrings. Immutable; see `with_keyring`."""

    def __init__(self, keyrings: Mapping[str, Keyring]) -> None:
        """Index the keyrings by Party."""
        self.keyrings = dict(keyrings)
        self._lines: dict[tuple[str, KeyUse], list[KeyLine]] = {}
        self._by_id: dict[tuple[str, bytes], list[KeyLine]] = {}
        for keyring in self.keyrings.values():
            for line in keyring.keys:
                self._lines.setdefault((line.office, line.use), []).append(line)
                self._by_id.setdefault((line.office, line.key.key_id), []).append(line)
        self._logs: dict[Link, list[LogLine]] = {}
        for keyring in self.keyrings.values():
            for log in keyring.logs:
                self._logs.setdefault(log.link, []).append(log)

    def with_keyring(self, keyring: Keyring) -> "KeyDirectory":
        """Return a directory in which `keyring` replaces its Party's earlier one."""
        return KeyDirectory({**self.keyrings, keyring.party: keyring})

    def find(
        self, office: str, use: KeyUse, key_id: bytes, at_ms: int, skew_ms: int = 0
    ) -> PublicKey | None:
        """Return the office's key of that use and id if it was good at `at_ms`, give or take skew.

        Skew is for times that the receiver has to take from its own clock.
        """
        for line in self._by_id.get((office, key_id), ()):
            good = line.from_ms - skew_ms <= at_ms < line.until_ms + skew_ms
            if good and line.use is use:
                return line.key
        return None

    def newest(self, office: str, use: KeyUse, at_ms: int) -> PublicKey | None:
        """Return the office's newest key of that use that is good at `at_ms`."""
        good = [
            line
            for line in self._lines.get((office, use), ())
            if line.from_ms <= at_ms < line.until_ms
        ]
        return max(good, key=lambda line: line.from_ms).key if good else None

    def all_of(self, office: str, use: KeyUse) -> list[KeyLine]:
        """Return all keys of that use that the office ever had."""
        return list(self._lines.get((office, use), ()))

    def log_verifiers(self, link: Link, size: int) -> list[Verifier]:
        """Return the verifiers that are good for a checkpoint of `size` leaves of a link's log."""
        return [
            Verifier(link.name, line.key.public)
            for line in self._logs.get(link, ())
            if line.first_size <= size <= line.last_size
        ]

    def log_verifier(self, origin: str) -> Verifier | None:
        """Return the key of a link's log or a hop's trail by its name; None for one unlisted."""
        if origin.startswith(TRAIL_PREFIX):
            hop = origin.removeprefix(TRAIL_PREFIX).partition("/")[0]
            lines = self.all_of(hop, KeyUse.LOG)
            return Verifier(origin, lines[0].key.public) if lines else None
        try:
            verifiers = self.log_verifiers(parse_link(origin), LOG_SIZE_MAX)
        except MalformedError:
            return None
        return verifiers[0] if verifiers else None

    def cosigner(self, office: str, at_seconds: int | None) -> list[Verifier]:
        """Return the verifiers of the office's cosignatures made in that second; None: in any."""
        lines = self.all_of(office, KeyUse.COSIGN)
        if at_seconds is not None:
            first, last = at_seconds * 1000, at_seconds * 1000 + 999
            lines = [line for line in lines if line.from_ms <= last and first < line.until_ms]
        name = cosigner_name(office)
        return [Verifier(name, line.key.public, COSIGNATURE) for line in lines]

    def subscribers(self, flow: int) -> list[str]:
        """Return the offices that subscribe to a flow, sorted."""
        return sorted(
            line.office
            for keyring in self.keyrings.values()
            for line in keyring.subscriptions
            if line.flow == flow
        )
