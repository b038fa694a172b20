"""A disk or a mount that is not there is the world's fault: tried again, never a traceback."""

from collections.abc import Callable
from pathlib import Path

import pytest

from xref.drivers.files import write_whole
from xref.drivers.sqlite_store import SqliteStore
from xref.drivers.sqlite_transport import SqliteTransport
from xref.errors import UnavailableError


@pytest.mark.parametrize(
    "use",
    [
        lambda folder: write_whole(folder / "form.json", b"{}"),
        lambda folder: SqliteStore(folder / "state.sqlite"),
        lambda folder: SqliteStore(folder / "spool.sqlite", shared=True),
        SqliteTransport,
    ],
    ids=["form", "state", "spool", "transport"],
)
def test_folder_that_cannot_be_made(use: Callable[[Path], object], tmp_path: Path) -> None:
    """A file stands where the folder should be, as when a mount is missing."""
    (tmp_path / "folder").write_bytes(b"")
    with pytest.raises(UnavailableError):
        use(tmp_path / "folder")


def test_lock_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "state.sqlite.lock").mkdir()
    with pytest.raises(UnavailableError):
        SqliteStore(tmp_path / "state.sqlite")
