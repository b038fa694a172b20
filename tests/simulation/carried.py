"""A crossing in which every office has a transport of its own, as its process would."""

from pathlib import Path

from simulation.crossing import Crossing, Strike
from xref.ports import Transport
from xref.wire.office import Link


class Carried(Crossing):
    """A crossing over given transports, one an office."""

    def __init__(self, folder: Path, carriers: dict[str, Transport]) -> None:
        self.carriers = carriers
        super().__init__(folder, Strike())

    def start(self, office: str) -> None:
        self.transport = self.carriers[office]
        super().start(office)

    def turn(self, office: str) -> bool:
        self.transport = self.carriers[office]
        return super().turn(office)

    def _published(self) -> dict[Link, list[bytes]]:
        return {
            link: [each.parcel for each in carrier.read({link: 0}, 10_000, 0)]
            for each in self.everyone
            for link in each.endpoint.outgoing
            for carrier in [self.carriers[each.office]]
        }
