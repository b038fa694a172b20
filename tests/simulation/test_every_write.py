"""A crash at every commit of every office and at every publish, during a referral and its answer.

By default each commit and each publish is struck once in runs that strike them all, and a sample
is struck alone; with XREF_LONG=1 each is struck alone. `test_torn_files.py` has the same for what
SQLite finds after a torn write.
"""

import random
from functools import cache
from pathlib import Path

import pytest

from attacks.hostile import LA_DESK, records
from simulation.crossing import (
    LONG,
    STORES,
    AfterAt,
    AfterEach,
    BeforeAt,
    BeforeEach,
    Crossing,
    Strike,
    StruckTransport,
)
from world import YEAR_MS
from xref.errors import UnavailableError

SAMPLE = 3
SHARES = {"before": 0.0, "half": 0.5, "after": 1.0}


@cache
def undisturbed(folder: Path) -> tuple[dict[str, int], int]:
    """How often each store commits, and how often all publish, when nothing strikes."""
    transport = StruckTransport(lambda _: False)
    world = Crossing(folder / "undisturbed", Strike(), transport)
    world.cross()
    world.check()
    assert world.restarts == 0
    return dict(world.strike.commits), transport.publishes


def chosen(count: int, seed: str) -> list[int]:
    """All places, or a few that are the same every time."""
    places = range(1, count + 1)
    if LONG or count <= SAMPLE:
        return list(places)
    return random.Random(seed).sample(places, SAMPLE)


@pytest.fixture(scope="module")
def counted(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, int], int]:
    return undisturbed(tmp_path_factory.mktemp("counted"))


def test_undisturbed(counted: tuple[dict[str, int], int]) -> None:
    commits, publishes = counted
    assert min(commits[name] for name in STORES if name != "VNSVC001 spool") >= 1
    assert sum(commits.values()) > 30
    assert publishes > 20


def test_what_no_bundle_or_key_covers_now_waits_in_the_spool(tmp_path: Path) -> None:
    """The desk goes on, and sends it when there is one: it does not end at each new row."""
    world = Crossing(tmp_path, Strike())
    world.rest()
    world.submit(LA_DESK, records()[0])
    now_ms = world.now_ms
    world.now_ms += 2 * YEAR_MS
    with pytest.raises(UnavailableError, match="no"):
        world.rims[LA_DESK].take_spooled(world.desks[LA_DESK])
    world.now_ms = now_ms
    world.rest()
    assert [story["outcome"] for story in world.sent(LA_DESK).values()] == ["opened"] * 2


@pytest.mark.parametrize("kind", [BeforeEach, AfterEach])
def test_every_commit_is_struck(kind: type[Strike], tmp_path: Path) -> None:
    strike = kind()
    world = Crossing(tmp_path, strike)
    world.cross()
    world.check()
    assert strike.struck > 30
    assert world.restarts >= strike.struck


@pytest.mark.parametrize("share", SHARES.values(), ids=list(SHARES))
def test_every_publish_is_struck(share: float, tmp_path: Path) -> None:
    """Each second one fails, and so each for an office that repeats it."""
    transport = StruckTransport(lambda _: False, share)
    # Three in a row would strike an office's start again and again.
    transport.fails_at = lambda n: n % 2 == 1 and n < 400
    world = Crossing(tmp_path, Strike(), transport)
    world.cross()
    world.check()
    assert transport.failed > 10


@pytest.mark.parametrize("kind", [BeforeAt, AfterAt])
@pytest.mark.parametrize("name", STORES)
def test_one_commit_is_struck(
    name: str, kind: type[BeforeAt], counted: tuple[dict[str, int], int], tmp_path: Path
) -> None:
    for number in chosen(counted[0].get(name, 0), f"{name} {kind.__name__}"):
        strike = kind(name, number)
        world = Crossing(tmp_path / str(number), strike)
        world.cross()
        assert strike.struck == world.restarts == 1
        world.check()


@pytest.mark.parametrize("share", SHARES.values(), ids=list(SHARES))
def test_one_publish_is_struck(
    share: float, counted: tuple[dict[str, int], int], tmp_path: Path
) -> None:
    for number in chosen(counted[1], f"publish {share}"):
        transport = StruckTransport(lambda n, at=number: n == at, share)  # type: ignore[misc] # bound now
        world = Crossing(tmp_path / str(number), Strike(), transport)
        world.cross()
        assert transport.failed == world.restarts == 1
        world.check()
