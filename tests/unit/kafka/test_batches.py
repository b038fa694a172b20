"""How a link's parcels are put into batches: in order, whole, and bounded."""

from hypothesis import given
from hypothesis import strategies as st

from xref.drivers.kafka_writer import next_batch
from xref.limits import KAFKA_BATCH_BYTES_MAX
from xref.ports import Outbound
from xref.wire.office import Link
from xref.wire.parcel import PARCEL_BYTES_MAX

LINK = Link("LAHOP001", "VNHOP001")
PARCEL = st.sampled_from(
    [bytes([size % 251]) * size for size in (1, 8192, 131072, PARCEL_BYTES_MAX)]
)


@given(st.lists(PARCEL, max_size=60))
def test_parcels_stay_in_order_and_each_batch_is_full_and_bounded(parcels: list[bytes]) -> None:
    queue = [Outbound(LINK, parcel) for parcel in parcels]
    sent: list[bytes] = []
    while queue:
        batch = next_batch(queue)
        assert batch, "each batch sends something"
        assert sum(map(len, batch)) <= KAFKA_BATCH_BYTES_MAX
        del queue[: len(batch)]
        if queue:
            assert sum(map(len, batch)) + len(queue[0].parcel) > KAFKA_BATCH_BYTES_MAX - 64 * 100
        sent += batch
    assert sent == parcels
