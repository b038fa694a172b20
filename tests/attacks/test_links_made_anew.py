"""The embedded transport's folder is lost or put back from a backup, while nobody runs."""

import shutil
from pathlib import Path

from attacks.hostile import HOME, LA_DESK, LA_HOP, VN_DESK, VN_HOP, referral
from world import World
from xref.drivers.sqlite_transport import SqliteTransport
from xref.limits import RESEND_AFTER_MS_MAX
from xref.ports import Outbound


def test_removes_the_folder_and_what_is_sent_then_lies_below_what_was_read(tmp_path: Path) -> None:
    """An office that had read a hundred parcels overlooked the first hundred of the new file."""
    world = World(SqliteTransport(tmp_path / "links"))
    world.settle()
    for number in range(5):
        world.publish(LA_DESK, [referral(f"case-{number}")])
        world.settle()
    assert len(world.inbox(VN_DESK)) == 5
    world.transport.close()
    shutil.rmtree(tmp_path / "links")
    world.transport = SqliteTransport(tmp_path / "links")
    for office in (LA_DESK, LA_HOP, VN_HOP, VN_DESK):
        world.start(office)
    world.publish(LA_DESK, [referral("case-after")])
    for _ in range(3):
        world.settle()
        world.now_ms += RESEND_AFTER_MS_MAX
    assert len(world.inbox(VN_DESK)) == 6


def test_each_file_of_a_link_has_its_own_numbering(tmp_path: Path) -> None:
    names = set()
    for _ in range(2):
        transport = SqliteTransport(tmp_path / "links")
        before = transport.numbering(HOME)
        transport.publish([Outbound(HOME, b"parcel")])
        names |= {before, transport.numbering(HOME)}
        transport.close()
        again = SqliteTransport(tmp_path / "links")
        assert again.numbering(HOME) in names - {before}, "it is the file's, not the process's"
        again.close()
        shutil.rmtree(tmp_path / "links")
    assert len(names) == 3
