"""What runs beside a desk, or is done to its folders, ends no desk and undoes nothing."""

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import pytest

from attacks.hostile import LA_DESK, settled
from shipped import shipped
from xref.demo_setup import lay_out
from xref.desk.desk import Desk
from xref.desk.spool import Spool, Withdrawal
from xref.drivers.memory import MemoryStore
from xref.errors import ConfigError, UnavailableError
from xref.wire.key import KeyUse
from xref.wiring import DeskOffice, Rim, read_keys, write_keys, write_whole

MESSAGE = b"m" * 16


@pytest.fixture(scope="module")
def offices(tmp_path_factory: pytest.TempPathFactory) -> Path:
    data = tmp_path_factory.mktemp("offices") / "data"
    lay_out(data)
    return data


def test_asks_for_the_status_while_keys_are_rotated(offices: Path) -> None:
    """A command beside the desk wrote the keys anew as it had read them: the new ones were lost."""
    folder = offices / "la-nrm"
    keychain, storage = read_keys(folder / "keys.json")
    old = [replace(key, from_ms=1, until_ms=2) for key in keychain.keys if key.use is KeyUse.SEAL]
    write_keys(folder / "keys.json", keychain.office, [*keychain.keys, *old], storage)
    before = (folder / "keys.json").read_bytes()
    assert DeskOffice(folder / "desk.toml").bundle.digest32
    assert (folder / "keys.json").read_bytes() == before


def test_takes_the_bundle_away_and_a_person_withdraws(offices: Path) -> None:
    folder = offices / "vn-nrm"
    office = DeskOffice(folder / "desk.toml")
    for name in office.config.bundles:
        shutil.rmtree(folder / name)
    office = DeskOffice(folder / "desk.toml")
    with office.spool() as spool:
        spool.put([Withdrawal("case-1")], 1)
        assert [row for _, row in spool.take(9)] == [Withdrawal("case-1")]
    with pytest.raises(ConfigError):
        _ = office.bundle


class Erasing:
    """A desk that has one form to remove."""

    def removals(self) -> list[bytes]:
        return [MESSAGE]

    def removed(self, messages: Any, now_ms: int) -> None:
        assert (messages, bool(now_ms)) == ([MESSAGE], True)

    def handoffs(self) -> list[Any]:
        return []


def test_puts_a_folder_where_an_erased_form_is_removed(tmp_path: Path) -> None:
    (tmp_path / f"{MESSAGE.hex()}.json").mkdir()
    rim = Rim(Spool(MemoryStore(), bytes(32), bytes), shipped("la"), tmp_path)
    with pytest.raises(UnavailableError):
        rim.hand_over(cast("Desk", Erasing()))


def test_power_fails_while_a_form_is_written_and_its_case_is_erased(tmp_path: Path) -> None:
    """What was written of it stood in the office's folder for good."""
    form = tmp_path / f"{MESSAGE.hex()}.json"
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(Path, "replace", broken_off)
        with pytest.raises(UnavailableError):
            write_whole(form, b"a person's name")
    assert list(tmp_path.iterdir()) != []
    rim = Rim(Spool(MemoryStore(), bytes(32), bytes), shipped("la"), tmp_path)
    rim.hand_over(cast("Desk", Erasing()))
    assert list(tmp_path.iterdir()) == []


def broken_off(*_: Any) -> None:
    raise OSError


def test_no_bundle_is_in_force_any_more() -> None:
    """The desk waits for one; what it holds stays erasable and is handed over then."""
    world = settled()
    desk = world.desks[LA_DESK]
    desk.narrowing.bundles = {}
    with pytest.raises(UnavailableError):
        desk.handed({MESSAGE: ()}, world.now_ms)


def test_leaves_more_forms_to_hand_over_than_fit_into_memory() -> None:
    desk = settled().desks[LA_DESK]
    for number in range(1000):
        desk.state.put("removal", number.to_bytes(16), b"")
    assert len(desk.removals()) == 256
