"""What the core asks of the world, by what each port owes. Drivers are in `xref.drivers`."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeAlias

from xref.errors import UnavailableError
from xref.value import value
from xref.wire.office import Link

Entropy: TypeAlias = Callable[[int], bytes]
"""Returns that many random bytes, unpredictable to everybody."""


@dataclass(frozen=True, slots=True)
class Arrival:
    """Bytes that a transport holds for a link, with their position in it (from 1, rising)."""

    link: Link
    position: int
    parcel: bytes


@dataclass(frozen=True, slots=True)
class Outbound:
    """A parcel to be published on a link."""

    link: Link
    parcel: bytes


class LinksUnavailableError(UnavailableError):
    """Some links alone cannot take parcels now; what they do not have is `left`, in order."""

    def __init__(self, reason: UnavailableError, left: Sequence[Outbound]) -> None:
        """Say what the first of them lacks."""
        super().__init__(str(reason))
        self.left = tuple(left)


@value(frozen=True, slots=True)
class Write:
    """One change to a store: a new value, or None to remove the key."""

    space: str
    key: bytes
    value: bytes | None


class Transport(Protocol):
    """Carries parcels between offices. It is trusted with nothing but trying.

    Owes: what `publish` returned from stays readable, in order, until the retention time; several
    processes may use it at once; a position once seen names the same bytes for ever. May
    duplicate. Raises `UnavailableError` when it cannot tell that a parcel is durable.
    """

    def publish(self, parcels: Sequence[Outbound]) -> None:
        """Append the parcels to their links, in order; they are durable on return.

        Raises `LinksUnavailableError` where only some links cannot take theirs.
        """

    def read(self, after: Mapping[Link, int], limit: int, wait_seconds: float) -> Sequence[Arrival]:
        """Return up to `limit` parcels behind the given positions, each link's in order.

        Waits up to `wait_seconds` for the first; returns nothing if none comes. Where it may wait,
        a link that cannot be read now does not stop others. Where it may not, it overlooks none.
        """

    def numbering(self, link: Link) -> str:
        """Name what the positions of a link count in.

        Another transport, or one whose contents were made anew, begins another numbering, in which
        an old position means nothing.
        """

    def close(self) -> None:
        """Release what is held; publishing and reading end."""


class Store(Protocol):
    """An office's own durable state: spaces of sorted keys, changed all at once or not at all.

    Owes: exclusive use by one process (a second one is refused when opening); `commit` is atomic
    and durable on return; what was removed or replaced is overwritten. Raises `UnavailableError`.
    """

    def get(self, space: str, key: bytes) -> bytes | None:
        """Return the value of a key."""

    def find(self, space: str, keys: Collection[bytes]) -> dict[bytes, bytes]:
        """Return the values of those of `keys` that are there: one question for a whole batch."""

    def scan(self, space: str, start: bytes, stop: bytes, limit: int) -> list[tuple[bytes, bytes]]:
        """Return up to `limit` (key, value) pairs with start <= key < stop, ascending."""

    def commit(self, writes: Sequence[Write]) -> None:
        """Make all the writes durable, or none."""

    def close(self) -> None:
        """Release the store."""


class SchemaRegistry(Protocol):
    """A country's registry of schemas, which numbers them for its own systems.

    Raises `UnavailableError` where it does not answer, or not as it should.
    """

    def fits(self, subject: str, schema: bytes) -> bool:
        """Return whether a schema is compatible with all that is registered under a subject."""

    def register(self, subject: str, schema: bytes) -> int:
        """Return the number of a schema, registered now or before; `ConfigError` if refused."""

    def schema(self, schema_id: int) -> bytes | None:
        """Return the text of the schema under a number, None where there is none."""
