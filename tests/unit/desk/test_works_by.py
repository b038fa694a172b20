"""The setting by which a desk stays with an older bundle."""

from pathlib import Path

import pytest

from xref.config import DeskConfig, load_config
from xref.errors import ConfigError

TEXT = """office = "LANRM001"
bundles = ["new", "old"]
adapter = "adapter"
works_by = "{works_by}"
transport = {{driver = "sqlite", folder = "carried"}}
parties = {{LA = "{key}"}}
"""
KEY = "A" * 43 + "="


def config(folder: Path, works_by: str) -> DeskConfig:
    file = folder / "desk.toml"
    file.write_text(TEXT.format(works_by=works_by, key=KEY), encoding="utf-8")
    return load_config(file, DeskConfig)


def test_desk_works_by_one_of_its_bundles(tmp_path: Path) -> None:
    assert config(tmp_path, "old").works_by == "old"
    assert config(tmp_path, "").works_by == ""
    with pytest.raises(ConfigError, match="works_by is none of bundles"):
        config(tmp_path, "older")
