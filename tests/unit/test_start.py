"""What keeps an office from starting, where it would run and be heard by nobody."""

import os
import shutil
from pathlib import Path

import pytest

from world import party_signer
from xref import operations
from xref.bundle import build, read_files
from xref.demo_setup import HOPS, lay_out
from xref.errors import ConfigError, UnavailableError
from xref.running import now_ms
from xref.tlog.note import Signer
from xref.wire.office import party_name
from xref.wiring import open_hop, open_state


@pytest.fixture(name="laid_out", scope="module")
def _laid_out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Lay out two hops, of which the first starts."""
    folder = tmp_path_factory.mktemp("laid_out") / "data"
    lay_out(folder, HOPS)
    with open_hop(folder / "la-hop" / "hop.toml"):
        return folder


@pytest.fixture(name="hop")
def _hop(laid_out: Path, tmp_path: Path) -> Path:
    """Return the configuration of a hop of one's own."""
    return Path(shutil.copytree(laid_out, tmp_path / "data")) / "la-hop" / "hop.toml"


def test_other_keys_of_the_same_office(hop: Path) -> None:
    """A key file that was made anew is not the one that the Party signed for."""
    keys = hop.parent / "keys.json"
    keys.unlink()
    operations.new_office_keys(keys, "LAHOP001", 365)
    with (
        pytest.raises(ConfigError, match=r"keys\.json: not the keys that the keyring"),
        open_hop(hop),
    ):
        pass


def test_keyring_that_another_party_signed_is_named(hop: Path) -> None:
    """It says which file, and whom to ask."""
    folder = hop.parent / "keyrings"
    bundle = build(read_files(hop.parent.parent / "bundle")[0])
    lines = operations.public_lines(hop.parent / "keys.json")
    (folder / "LA.keyring").unlink()
    taken = Signer(party_name("LA"), party_signer("VN").key)
    operations.write_keyring("LA", 9, lines, bundle, taken, [folder])
    with pytest.raises(ConfigError, match=r"LA\.keyring: no keyring signed"), open_hop(hop):
        pass
    (folder / "LA.keyring").write_text("junk")
    with pytest.raises(ConfigError, match=r"LA\.keyring: no keyring signed"), open_hop(hop):
        pass


def test_state_is_read_where_nothing_can_be_written(
    hop: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An auditor may hold it on a disk for reading alone; a journal is not passed over."""
    state = hop.parent / "state.sqlite"
    monkeypatch.setattr(os, "access", lambda _, mode: mode != os.W_OK)
    before = sorted(each.name for each in hop.parent.iterdir())
    store = open_state(state, "LAHOP001")
    store.get("trail", b"none")
    assert sorted(each.name for each in hop.parent.iterdir()) == before
    store.close()
    state.with_name("state.sqlite-wal").write_bytes(b"newer")
    with pytest.raises(UnavailableError, match="copy both where you may write"):
        open_state(state, "LAHOP001")


def test_state_of_another_office_is_not_taken_over(hop: Path) -> None:
    """Two copies that were swapped, or a folder that was copied to make a second office."""
    with open_hop(hop) as (running, *_):
        running.start([(hop.parent / "keyrings" / "LA.keyring").read_text()], now_ms())
    state = hop.parent / "state.sqlite"
    with pytest.raises(ConfigError, match="the state is not of VNHOP001; put its own there"):
        open_state(state, "VNHOP001")
    other = hop.parent.parent / "vn-hop" / "hop.toml"
    shutil.copy(state, other.parent / "state.sqlite")
    with pytest.raises(ConfigError, match="the state is not of VNHOP001"), open_hop(other):
        pass


def test_no_keyring_of_the_own_party(hop: Path) -> None:
    """An office that knows nobody's keys would drop everything and say that it is ready."""
    (hop.parent / "keyrings" / "LA.keyring").unlink()
    with pytest.raises(ConfigError, match=r"no LA\.keyring, which lists"), open_hop(hop):
        pass
