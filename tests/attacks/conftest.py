"""Every attack over the memory transport, and those on what a transport holds over Kafka too."""

import os
from collections.abc import Iterator

import pytest

import world
from kafka.held_by_kafka import Attacker, HeldByKafka
from xref.drivers import kafka_reader

# What whoever runs the cluster can do, sees, or could confuse. The rest attacks, or compares, what
# is inside of parcels, for which it is all one how they came: over Kafka by `make crash`.
TOUCH_THE_TRANSPORT = {
    *("test_hostile_transport", "test_restarts", "test_shards", "test_canaries"),
    "test_hostile_ends",
}
TAKE_BYTES_FROM_NOBODY = {"test_fuzz_handle"}
IDLE_FETCH_MS = 10  # every reading here is of new topics, and would wait for the last fetch
LONG = os.environ.get("XREF_LONG") == "1"
# The client's thread takes from `random` while hypothesis draws, which suspects a strategy of it.
RANDOM_ELSEWHERE = "ignore:Do not use the `random` module inside strategies"
KAFKA = pytest.param(
    "kafka",
    marks=[
        pytest.mark.needs_kafka,
        pytest.mark.slow,
        pytest.mark.filterwarnings(RANDOM_ELSEWHERE),
    ],
)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    module = metafunc.module.__name__.rpartition(".")[2]
    is_over_kafka = module in TOUCH_THE_TRANSPORT or (LONG and module not in TAKE_BYTES_FROM_NOBODY)
    ways = ["memory", KAFKA] if is_over_kafka else ["memory"]
    metafunc.parametrize("carried_by", ways, indirect=True, scope="module")


@pytest.fixture(autouse=True, scope="module")
def carried_by(request: pytest.FixtureRequest) -> Iterator[str]:
    """Have every world go over this transport; fixtures that keep a world must depend on it."""
    if request.param == "memory":
        yield request.param
        return
    attacker = Attacker(request.getfixturevalue("kafka_servers"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(world, "new_transport", lambda: HeldByKafka(attacker))
        patch.setattr(kafka_reader, "_IDLE_FETCH_MS", IDLE_FETCH_MS)
        yield request.param
    attacker.close()
