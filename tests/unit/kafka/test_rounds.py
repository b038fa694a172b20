"""How parcels are put into batches and requests: in order, whole, and bounded."""

from hypothesis import given
from hypothesis import strategies as st

from xref.drivers.kafka_connection import KafkaCluster
from xref.drivers.kafka_writer import rounds
from xref.limits import KAFKA_BATCH_BYTES_MAX, KAFKA_REQUEST_BYTES_MAX
from xref.ports import Outbound
from xref.wire.office import Link
from xref.wire.parcel import PARCEL_BYTES_MAX

CLUSTER = KafkaCluster(("one:9092",))
LINKS = [Link("LAHOP001", f"LADES{n:03}") for n in range(40)]
PARCEL = st.sampled_from([bytes(size) for size in (1, 8192, 131072, PARCEL_BYTES_MAX)])


@given(st.lists(st.builds(Outbound, st.sampled_from(LINKS), PARCEL), max_size=60))
def test_each_links_parcels_stay_in_order_and_each_batch_is_bounded(
    parcels: list[Outbound],
) -> None:
    sent: dict[object, list[bytes]] = {}
    for chosen in rounds(CLUSTER, parcels):
        assert chosen, "each round sends something"
        partitions = [partition for partition, _ in chosen]
        assert len(partitions) == len(set(partitions)), "one batch a link at a time"
        total = 0
        for partition, batch in chosen:
            assert sum(map(len, batch)) <= KAFKA_BATCH_BYTES_MAX
            sent.setdefault(partition, []).extend(batch)
            total += sum(map(len, batch))
        assert total <= KAFKA_REQUEST_BYTES_MAX
    expected: dict[object, list[bytes]] = {}
    for each in parcels:
        expected.setdefault(CLUSTER.partition(each.link), []).append(each.parcel)
    assert sent == expected


def test_every_link_has_its_turn_in_each_round() -> None:
    parcels = [Outbound(link, bytes(8192)) for link in LINKS for _ in range(3)]
    [chosen] = rounds(CLUSTER, parcels)
    assert len(chosen) == len(LINKS)
