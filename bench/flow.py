"""End to end: every desk, and every shard of a hop, a process of its own, over a real transport.

At saturation the desk publishes as fast as messages are opened, with a bounded number under way. At
a tenth of that rate it publishes one message at a time, and each one's time from being handed in to
being opened and recorded is measured.
"""

import multiprocessing
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from multiprocessing.synchronize import Barrier, Event
from pathlib import Path
from statistics import quantiles
from typing import Any, Final

from bench.world import (
    OFFICES,
    ORIGIN,
    RECEIVING,
    RECIPIENT,
    SENDER,
    keychains,
    keyrings,
    made,
    records,
)
from xref.desk.desk import Desk
from xref.drivers.sqlite_store import SqliteStore
from xref.keychain import Keychain
from xref.ports import Store, Transport, Write

_BATCH: Final = 64
_UNDER_WAY_MAX: Final = 512
_WAIT_SECONDS: Final = 0.02
_GIVE_UP_SECONDS: Final = 300.0
_FORK: Final = multiprocessing.get_context("fork")

MakeTransport = Callable[[], Transport]
"""Opens the transport in the process that will use it."""


@dataclass(frozen=True, slots=True)
class Flow:
    """What came of one run: messages a second, and seconds from end to end, sorted."""

    messages: int
    seconds: float
    latencies: list[float]

    @property
    def per_second(self) -> float:
        """Messages opened a second."""
        return self.messages / self.seconds

    def quantile(self, hundredth: int) -> float:
        """Return the latency, in seconds, that so many of a hundred messages do not exceed."""
        return quantiles(self.latencies, n=100, method="inclusive")[hundredth - 1]


@dataclass
class _Shared:
    """What the processes of one run share."""

    keys: dict[str, Keychain]
    notes: list[str]
    open_transport: MakeTransport
    folder: Path
    shards: int
    messages: int
    per_second: float
    ready: Barrier
    done: Event
    opened: Any = field(default_factory=lambda: _FORK.Value("l", 0))
    times: Any = field(default_factory=_FORK.SimpleQueue)
    """Published and opened messages, as (message id, seconds)."""


def run(
    folder: Path,
    open_transport: MakeTransport,
    messages: int,
    *,
    shards: int = 1,
    per_second: float = 0.0,
) -> Flow:
    """Send messages from desk to desk; `per_second` 0 is as fast as they are opened."""
    keys = keychains(_now_ms())
    places = [(office, shard) for office in OFFICES for shard in _shards_of(office, shards)]
    shared = _Shared(
        keys,
        keyrings(list(keys.values()), shards),
        open_transport,
        folder,
        shards,
        messages,
        per_second,
        _FORK.Barrier(len(places)),
        _FORK.Event(),
    )
    processes = [_FORK.Process(target=_live, args=(*place, shared)) for place in places]
    for each in processes:
        each.start()
    try:
        sent, opened = dict(shared.times.get()), dict(shared.times.get())
    finally:
        shared.done.set()
        for each in processes:
            each.join(10)
            if each.is_alive():
                each.kill()
    if len(sent) != messages or sent.keys() - opened.keys():
        raise RuntimeError(f"{len(opened)} messages of {messages} were opened")
    seconds = max(opened.values()) - min(sent.values())
    return Flow(messages, seconds, sorted(opened[each] - sent[each] for each in sent))


def _shards_of(office: str, shards: int) -> range:
    return range(shards if office in (ORIGIN, RECEIVING) else 1)


def _now_ms() -> int:
    return time.time_ns() // 1_000_000


def _live(office: str, shard: int, shared: _Shared) -> None:
    """Be one office on one shard until everything was opened."""
    transport = shared.open_transport()
    store = SqliteStore(shared.folder / f"{office}-{shard}.sqlite")
    noting = _Noting(store, "sent" if office == SENDER else "inbox")
    taker = made(
        shared.keys[office], noting, transport, _now_ms(), shards=shared.shards, shard=shard
    )
    taker.start(shared.notes, _now_ms())

    def turn() -> None:
        arrivals = transport.read(taker.positions(), _BATCH, _WAIT_SECONDS)
        taker.handle(arrivals, _now_ms())

    shared.ready.wait(60)
    until = time.monotonic() + 2.0
    while time.monotonic() < until:  # the keyrings go round
        turn()
    shared.ready.wait(60)
    if office == SENDER and isinstance(taker, Desk):
        _publish(taker, turn, noting, shared)
    if office == RECIPIENT:
        _open(turn, noting, shared)
    while not shared.done.is_set():
        turn()
    transport.close()
    store.close()


class _Noting:
    """A store that notes when a key of one space was first made durable."""

    def __init__(self, store: Store, space: str) -> None:
        self._store, self._space = store, space
        self.get, self.find, self.scan, self.close = store.get, store.find, store.scan, store.close
        self.noted: dict[bytes, float] = {}

    def commit(self, writes: Sequence[Write]) -> None:
        """Commit, then note."""
        self._store.commit(writes)
        now = time.monotonic()
        for write in writes:
            if write.space == self._space:
                self.noted.setdefault(write.key, now)


def _publish(desk: Desk, turn: Callable[[], None], noting: _Noting, shared: _Shared) -> None:
    """Publish all messages at the pace asked for; tell when each was handed in."""
    sent: dict[bytes, float] = {}
    began = time.monotonic()
    while len(sent) < shared.messages and time.monotonic() < began + _GIVE_UP_SECONDS:
        now = time.monotonic()
        count = min(_BATCH, shared.messages - len(sent))
        if shared.per_second:
            count = min(count, int((now - began) * shared.per_second) + 1 - len(sent))
        elif len(sent) - shared.opened.value > _UNDER_WAY_MAX - _BATCH:
            count = 0
        if count > 0:
            desk.publish(records(count, len(sent)), _now_ms())
            sent |= dict.fromkeys(list(noting.noted)[len(sent) :], now)
        turn()
    shared.times.put(list(sent.items()))


def _open(turn: Callable[[], None], noting: _Noting, shared: _Shared) -> None:
    """Open all messages; tell when each was opened and recorded."""
    began = time.monotonic()
    while len(noting.noted) < shared.messages and time.monotonic() < began + _GIVE_UP_SECONDS:
        turn()
        shared.opened.value = len(noting.noted)
    shared.times.put(list(noting.noted.items()))


def lines(measured: Sequence[tuple[str, int, Flow, Flow]]) -> list[str]:
    """Return the rows of a table: transport, shards, at saturation and at a tenth of it."""
    head = f"{'transport':<11}{'shards':>7}{'messages/s':>12}{'at /s':>8}{'p50 ms':>9}{'p99 ms':>9}"
    return [head] + [
        f"{name:<11}{shards:>7}{full.per_second:>12,.0f}{slow.per_second:>8,.0f}"
        f"{1000 * slow.quantile(50):>9,.0f}{1000 * slow.quantile(99):>9,.0f}"
        for name, shards, full, slow in measured
    ]
