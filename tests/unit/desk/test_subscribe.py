"""Subscribing: an office's own act, put into force by its Party's signature."""

from pathlib import Path

import pytest

from xref import operations
from xref.demo_setup import lay_out
from xref.errors import ConfigError
from xref.wiring import DeskOffice


@pytest.fixture(scope="module")
def consulate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a consular office beside the demonstration's."""
    data = tmp_path_factory.mktemp("offices") / "data"
    lay_out(data)
    folder = data / "vn-consulate"
    operations.new_office_keys(folder / "keys.json", "VNCON001", 30)
    configured = (data / "vn-nrm" / "desk.toml").read_text("utf-8")
    configured = configured.replace("VNNRM001", "VNCON001")
    (folder / "desk.toml").write_text(
        configured.replace('"adapter"', '"../vn-nrm/adapter"'), "utf-8"
    )
    return folder


def test_line_of_a_subscription_is_what_the_party_signs(consulate: Path, tmp_path: Path) -> None:
    office = DeskOffice(consulate / "desk.toml")
    line = operations.subscription(office, "travel-notice-consular")
    assert line.text() == "subscribe VNCON001 51"
    lines = tmp_path / "lines.pub"
    keys = [each.text() for each in operations.public_lines(consulate / "keys.json")]
    lines.write_text("\n".join([*keys, line.text()]) + "\n", "utf-8")
    given = operations.read_public_lines([lines], "VN")
    assert given.subscriptions == (line,)
    assert {each.office for each in given.keys} == {"VNCON001"}


@pytest.mark.parametrize("flow", ["victim-referral", "return-notice", "no-such-flow"])
def test_office_subscribes_to_what_its_role_does_not_receive(consulate: Path, flow: str) -> None:
    with pytest.raises(ConfigError, match="travel-notice-consular"):
        operations.subscription(DeskOffice(consulate / "desk.toml"), flow)
