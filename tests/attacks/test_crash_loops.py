"""What would end an office's process, and again at every start: it must be rejected, or wait."""

import pytest

from attacks.hostile import LA_DESK, LA_HOP, VN_HOP, entries, settled
from xref.answers import MISMATCH, Answer, Mismatch


@pytest.mark.parametrize("hop", [LA_HOP, VN_HOP])
def test_desk_tells_a_hop_that_its_definitions_differ(hop: str) -> None:
    """It is of the nature of a receipt, and no receipt: no hop has an office's definitions."""
    world = settled()
    desk = world.desks[LA_DESK]
    desk._answer([(0, Answer(hop, MISMATCH, Mismatch(b"m" * 16, ("age_status",))))], world.now_ms)
    desk._commit(world.now_ms)
    desk.flush()
    world.settle()
    assert [e["fault"] for e in entries(world, LA_HOP, "rejected")] == ["addressed-to-a-hop"]
    assert not entries(world, LA_HOP, "read")
