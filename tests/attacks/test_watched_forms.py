"""What lies in a watched folder may hold up itself, and no other file of the office."""

import json
from pathlib import Path
from typing import Any

import pytest

from unit.desk.test_plain_form import CANARY, GOOD
from unit.desk.test_watched_folder import SAMPLE, Office
from xref.errors import UnavailableError

HALF = "\ud800"
FAULTY: dict[str, dict[str, Any]] = {
    "a fact that the agreement has not": {"facts": {CANARY: "no"}},
    "an answer that the fact has not": {"facts": {"asylum": CANARY}},
    "half a character as the case's number": {"case": HALF + CANARY},
    "half a character as a fact": {"facts": {HALF: CANARY}},
    "half a character as a fact's answer": {"facts": {"asylum": HALF + CANARY}},
    "half a character as an office": {"named": {"receiver": HALF + CANARY}},
    "half a character as a publication": {"publication": HALF + CANARY},
    "half a character in a field": {"fields": {"full_name_native": HALF + CANARY}},
    "half a character in a list": {"fields": {"consultation_questions": [HALF + CANARY]}},
    "half a character as a key": {"fields": {HALF + CANARY: "1"}},
    "half a character in a sharing consent": {
        "sharing_consent": {**GOOD["sharing_consent"], "language": HALF + CANARY}
    },
}


@pytest.fixture
def office(tmp_path: Path) -> Office:
    return Office(tmp_path / "incoming")


@pytest.mark.parametrize("name", FAULTY)
def test_hands_in_what_cannot_be_recorded_and_the_watch_goes_on(name: str, office: Office) -> None:
    office.put("a.json", json.dumps({**GOOD, **FAULTY[name]}).encode())
    office.look()
    office.put("referrals.csv", SAMPLE)
    office.look()
    assert len(office.cases()) == 2
    assert office.files("errors") == ["a.json", "a.json.problems.txt"]
    assert CANARY not in (office.folder / "errors" / "a.json.problems.txt").read_text("utf-8")


def test_folder_goes_away_and_comes_back(office: Office) -> None:
    away = office.folder.rename(office.folder.with_name("away"))
    with pytest.raises(UnavailableError):
        office.watch.turn()
    away.rename(office.folder)
    office.put("referrals.csv", SAMPLE)
    office.look()
    assert len(office.cases()) == 2


def test_removes_a_file_while_it_is_taken(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    def away(*_: object) -> None:
        raise UnavailableError("the disk is full")

    office.put("referrals.csv", SAMPLE)
    with monkeypatch.context() as patched:
        patched.setattr(office.spool, "put", away)
        with pytest.raises(UnavailableError):
            office.look()
    (office.folder / "taking" / "referrals.csv").unlink()
    office.look()
    office.put("again.csv", SAMPLE)
    office.look()
    assert len(office.cases()) == 2


def test_hands_in_what_nobody_can_read(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    """As a file of another account is; a test may run as one who reads everything."""
    office.put("a.csv", SAMPLE)
    opened = Path.open

    def refused(path: Path, *given: Any, **named: Any) -> Any:
        if path.name == "a.csv":
            raise PermissionError
        return opened(path, *given, **named)

    with monkeypatch.context() as patched:
        patched.setattr(Path, "open", refused)
        office.look()
    assert office.files("errors") == ["a.csv", "a.csv.problems.txt"]
