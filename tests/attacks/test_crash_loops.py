"""What would end an office's process, and again at every start: it must be rejected, or wait."""

from dataclasses import replace

import pytest

from attacks.hostile import LA_DESK, LA_HOP, VN_DESK, VN_HOP, entries, outcomes, referral, settled
from unit.journey.test_relayed import ASKED, BORDER, outcome, passed_on, withdraw
from world import World
from xref.answers import MISMATCH, Answer, Mismatch
from xref.desk.spool import Withdrawal
from xref.keychain import KeyDirectory
from xref.wire.key import KeyUse


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


def keyless(world: World, office: str, *, of: str) -> KeyDirectory:
    """Let a Party's keyring give an office no sealing key any more; return what a desk knew."""
    endpoint = world.desks[of].endpoint
    before = endpoint.directory
    keyring = before.keyrings[office[:2]]
    keys = tuple(
        replace(key, until_ms=world.now_ms)
        if key.office == office and key.use == KeyUse.SEAL
        else key
        for key in keyring.keys
    )
    endpoint.directory = before.with_keyring(replace(keyring, keys=keys))
    return before


def test_withdraws_from_an_office_that_has_no_key() -> None:
    """It is owed, and goes when the key is there; the desk goes on with what else it has to do."""
    world = settled()
    world.publish(LA_DESK, [referral("case-1")])
    world.settle()
    before = keyless(world, VN_DESK, of=LA_DESK)
    world.publish(LA_DESK, [Withdrawal("case-1")])
    world.settle()
    assert len(world.inbox(VN_DESK)) == 1
    world.desks[LA_DESK].endpoint.directory = before
    world.desks[LA_DESK].tick(world.now_ms)
    world.settle()
    assert world.inbox(VN_DESK) == {}
    assert outcomes(world) == ["delivered", "erased"]


def test_another_offices_withdrawal_goes_on_to_an_office_that_has_no_key() -> None:
    world = passed_on()
    before = keyless(world, BORDER, of=ASKED)
    withdraw(world)
    assert outcome(world) == "opened", "the border guard still has it"
    world.desks[ASKED].endpoint.directory = before
    world.desks[ASKED].tick(world.now_ms)
    world.settle()
    assert world.stories(BORDER) == []
    assert outcome(world) == "erased"
