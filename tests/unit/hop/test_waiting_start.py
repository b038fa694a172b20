"""A participant starts when its transport answers, and has started once however long it waits."""

import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from attacks.hostile import LA_HOP, entries
from world import SeededEntropy, World
from xref import running
from xref.drivers.files import OverlayFile
from xref.drivers.memory import MemoryTransport
from xref.errors import UnavailableError
from xref.ports import Arrival, Outbound
from xref.running import Stop, run_hop
from xref.wire.office import Link


class AwayTransport:
    """A transport that is away for a number of reads, and then for a number of publishes."""

    def __init__(self, reads: int, publishes: int) -> None:
        self.there = MemoryTransport()
        self.reads, self.publishes = reads, publishes

    def publish(self, parcels: Sequence[Outbound]) -> None:
        self.publishes -= 1
        if self.publishes >= 0:
            raise UnavailableError("away")
        self.there.publish(parcels)

    def read(self, after: Mapping[Link, int], limit: int, wait_seconds: float) -> Sequence[Arrival]:
        self.reads -= 1
        if self.reads >= 0:
            raise UnavailableError("away")
        return self.there.read(after, limit, wait_seconds)

    def numbering(self, link: Link) -> str:
        return self.there.numbering(link)

    def close(self) -> None:
        self.there.close()


@pytest.mark.parametrize(("reads", "publishes"), [(3, 0), (0, 3), (2, 2)])
def test_hop_waits_for_its_transport(
    reads: int, publishes: int, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(running, "_PAUSE_SECONDS", (0.01,))
    world = World()
    before = len(entries(world, LA_HOP, "started"))
    transport = AwayTransport(0, 0)
    world.transport = transport
    setup = world.hops[LA_HOP].setup
    hop = type(world.hops[LA_HOP])(setup, world.stores[LA_HOP], transport, SeededEntropy("again"))
    transport.reads, transport.publishes = reads, publishes
    stop = Stop()
    overlays = OverlayFile(tmp_path, "LA")
    runner = threading.Thread(target=run_hop, args=(hop, transport, [], [], overlays, stop))
    runner.start()
    deadline = time.monotonic() + 120
    while not transport.there._parcels and time.monotonic() < deadline:
        time.sleep(0.01)
    stop.ask()
    runner.join()
    assert transport.there._parcels
    world.hops[LA_HOP] = hop
    assert len(entries(world, LA_HOP, "started")) == before + 1


def test_hop_that_waits_can_be_asked_to_end(tmp_path: Path) -> None:
    world = World()
    hop = world.hops[LA_HOP]
    hop.started = False
    transport = AwayTransport(10**9, 10**9)
    hop._transport = transport
    stop = Stop()
    overlays = OverlayFile(tmp_path, "LA")
    runner = threading.Thread(target=run_hop, args=(hop, transport, [], [], overlays, stop))
    runner.start()
    stop.ask()
    runner.join(10)
    assert not runner.is_alive()
    assert not hop.started
