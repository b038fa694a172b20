"""What `xref schema` says."""

import json
from pathlib import Path

import pytest

import releases
from xref.cli import main

SCHEMAS = releases.ROOT / "schemas"


def changed(folder: Path, old: str, new: str) -> Path:
    """Write the readiness request with one text in place of another."""
    text = (SCHEMAS / "readiness_request.avsc").read_text(encoding="utf-8")
    assert old in text
    file = folder / "readiness_request.avsc"
    file.write_text(text.replace(old, new, 1), encoding="utf-8")
    return file


def test_the_difference_between_a_release_and_itself_is_nothing(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["schema", "diff", str(releases.FOLDER / "1"), str(releases.FOLDER / "1")]) == 0
    assert capsys.readouterr().out == "Nothing changed.\n"


def test_a_change_that_breaks_is_marked_and_ends_with_1(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = changed(tmp_path, '"xref.id": 1,', '"xref.id": 99,')
    old = SCHEMAS / "readiness_request.avsc"
    assert main(["schema", "diff", str(old), str(file)]) == 1
    shown = capsys.readouterr().out
    assert "BREAKS" in shown
    assert "CANNOT" in shown
    assert main(["schema", "diff", str(old), str(file), "--json"]) == 1
    assert json.loads(capsys.readouterr().out)["compatible"] is False


def test_a_change_of_words_is_told_and_ends_with_0(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = changed(tmp_path, '"doc": "', '"doc": "Now: ')
    assert main(["schema", "diff", str(SCHEMAS / "readiness_request.avsc"), str(file)]) == 0
    assert "can be in use together" in capsys.readouterr().out


def test_a_folder_without_schemas_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["schema", "diff", str(tmp_path), str(SCHEMAS)]) == 1
    assert str(tmp_path) in capsys.readouterr().err
