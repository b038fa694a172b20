"""The vectors of exports of an office's accesses."""

import hashlib
import json
from typing import Any

import pytest

from world import REPOSITORY
from xref.accesses import open_accesses, read_accesses
from xref.errors import ConfigError
from xref.wire.key import OpeningKey

FOLDER = REPOSITORY / "tests" / "vectors" / "accesses"
OPEN = json.loads((FOLDER / "open.json").read_text("utf-8"))
READ = json.loads((FOLDER / "read.json").read_text("utf-8"))


@pytest.mark.parametrize("case", OPEN["cases"], ids=lambda case: case["name"])
def test_open(case: dict[str, Any]) -> None:
    file, key = bytes.fromhex(case["file"]), OpeningKey(bytes.fromhex(case["seed"]))
    if case["expect"] == "refused":
        with pytest.raises(ConfigError):
            open_accesses(file, key)
        return
    assert hashlib.sha256(open_accesses(file, key)).hexdigest() == case["shows"]["sha256"]


@pytest.mark.parametrize("case", READ["cases"], ids=lambda case: case["name"])
def test_read(case: dict[str, Any]) -> None:
    document = {**json.loads(READ["bases"]["export"]), **case["changes"]}
    if "without" in case:
        del document["entries"][case["without"]]
    data, key = json.dumps(document).encode(), bytes.fromhex(READ["bases"]["party_key"])
    if case["expect"] == "refused":
        with pytest.raises(ConfigError):
            read_accesses(data, key)
        return
    found = read_accesses(data, key)
    assert bool(found.problems) is (case["expect"] == "problems")
    assert [index for index, _ in found.entries] == case["shows"]["indexes"]
    assert dict(found.links) == case["shows"]["links"]
