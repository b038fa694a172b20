"""The setting by which a desk stays with an older bundle."""

import base64
from pathlib import Path

import pytest

from unit.schema.versions import versions
from world import REPOSITORY, keychain, party_keys
from xref.bundle import Bundle, write_bundle
from xref.config import DeskConfig, load_config
from xref.errors import ConfigError
from xref.wiring import DeskOffice, write_keys

TEXT = """office = "LANRM001"
bundles = ["new", "old"]
adapter = "{adapter}"
works_by = "{works_by}"
transport = {{driver = "sqlite", folder = "carried"}}

[parties]
{parties}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, bundle in (("new", versions().this), ("old", versions().last)):
        (tmp_path / name).mkdir()
        write_bundle(tmp_path / name, bundle, bundle.note)
    write_keys(tmp_path / "keys.json", "LANRM001", keychain("LANRM001").keys, bytes(32))
    return tmp_path


def config(folder: Path, works_by: str) -> Path:
    keys = {party: base64.b64encode(key).decode() for party, key in party_keys().items()}
    parties = "\n".join(f'{party} = "{key}"' for party, key in keys.items())
    adapter = REPOSITORY / "adapters" / "la"
    file = folder / "desk.toml"
    file.write_text(TEXT.format(works_by=works_by, parties=parties, adapter=adapter), "utf-8")
    return file


@pytest.mark.parametrize(
    ("works_by", "bundle"),
    [("", versions().this), ("new", versions().this), ("old", versions().last)],
)
def test_office_works_by_the_bundle_that_it_names(
    folder: Path, works_by: str, bundle: Bundle
) -> None:
    assert DeskOffice(config(folder, works_by)).bundle.digest32 == bundle.digest32


def test_bundle_that_is_none_of_those_configured(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="works_by is none of bundles"):
        load_config(config(tmp_path, "older"), DeskConfig)
