"""The demonstration as a stranger runs it, and what is left when it is stopped."""

import json
import os
import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from integration.backups import Backup
from integration.playing import XREF, check_proof, outcomes, own_processes, play
from integration.together import play_together
from xref.arguments import DEMO_CASES, DEMO_CORRIDORS
from xref.demo_cases import CASES
from xref.demo_corridors import DIRECTIONS
from xref.demo_setup import INSIDE, in_time
from xref.processes import run_once
from xref.state import State
from xref.wiring import DeskOffice

LONG = os.environ.get("XREF_LONG") == "1"


# Their people differ: CI plays them at the same offices, one after another.
TOGETHER = sorted(CASES.keys() - {"journey", "withdrawal"})
# What CI plays by the command alone, and where. `make crash` plays each case both ways so.
KAFKA = pytest.param("kafka", marks=[pytest.mark.needs_kafka, pytest.mark.slow])
ALONE: dict[str, list[Any]] = {
    "test_journey_from_safety_to_safe_receipt": [KAFKA],
    "test_withdrawal_while_messages_are_under_way": ["folder", KAFKA],
}


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "played" in metafunc.fixturenames:
        ways = ALONE.get(metafunc.function.__name__, ["together"])
        ways = ["folder", KAFKA] if LONG else ways
        metafunc.parametrize("played", ways, indirect=True)


Play = Callable[[str], dict[str, Any]]


@pytest.fixture(scope="module")
def together(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    """Return the folder and the stories of the cases that are played together."""
    data = tmp_path_factory.mktemp("together") / "demo"
    stories = play_together(TOGETHER, data)
    for story in stories.values():
        check_proof(story, {"la", "vn"})
    assert own_processes(data) == []
    return data, stories


@pytest.fixture
def data(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """Return the folder of the offices that play, or have played."""
    if request.node.callspec.params["played"] == "together":
        folder: Path = request.getfixturevalue("together")[0]
        return folder
    return tmp_path / "demo"


@pytest.fixture
def played(request: pytest.FixtureRequest, data: Path) -> Iterator[Play]:
    """Return what plays a case; over Kafka there is no folder that offices share."""
    if request.param == "together":
        stories: dict[str, dict[str, Any]] = request.getfixturevalue("together")[1]
        yield stories.__getitem__
    elif request.param == "folder":
        yield lambda case: play(case, data)
    else:
        servers: list[str] = request.getfixturevalue("kafka_servers")
        on = ["--transport", "kafka", "--servers", ",".join(servers)]
        yield lambda case: play(case, data, *on)
        assert not (data / "transport").exists()


def test_referral_and_answer_cross_and_everything_is_verified(data: Path, played: Play) -> None:
    for _ in range(2 if LONG else 1):  # a second run is as clean as the first
        story = played("first-crossing")
        assert sorted(outcomes(story)) == sorted(
            [
                ("victim-referral", "LANRM001", "VNNRM001", "delivered"),
                ("service-referral", "LANRM001", "VNSVC001", "delivered"),
                ("victim-referral", "LANRM001", "VNNRM001", "refused"),
                ("service-referral", "LANRM001", "VNSVC001", "refused"),
                ("referral-response", "VNNRM001", "LANRM001", "delivered"),
            ]
        )
        by_type = {(m["type"], m["outcome"]): m for m in story["messages"]}
        referral = by_type["victim-referral", "delivered"]
        service = by_type["service-referral", "delivered"]
        refused = by_type["victim-referral", "refused"]
        assert set(service["disclosed"]) < set(referral["disclosed"])
        assert "birth_date" not in service["disclosed"]
        assert referral["withheld"] == ["exploitation_types"]
        assert referral["withheld_by"]["exploitation_types"] == ["floor/sharing-consent-scope"]
        assert (refused["disclosed"], refused["rules"]) == ([], ["floor/asylum"])
        assert refused["explained"][0]["cite"]
        assert refused["explained"][0]["cure"]
        said = [receipt["outcome"] for receipt in referral["receipts"]]
        assert said == ["forwarded", "delivered", "opened"]
        file = data / "vn-nrm" / "received" / f"{referral['id']}.json"
        form = json.loads(file.read_text("utf-8"))
        assert form["biểu mẫu"] == "Phiếu tiếp nhận chuyển tuyến nạn nhân"
        assert form["người được chuyển tuyến"]["họ"] == "ຫງວຽນ"


def test_journey_from_safety_to_safe_receipt(data: Path, played: Play) -> None:
    """Ten offices; each has a record of its own, and the neutral ones hear of a traveller alone."""
    story = played("journey")
    assert {outcome for *_, outcome in outcomes(story)} == {"delivered"}
    received = {office: set(each["received"]) for office, each in story["offices"].items()}
    assert received["VNNAT001"] == {"nationality-request"}
    assert received["VNBOR001"] == {"travel-notice-border"}
    assert received["VNCON001"] == {"travel-notice-consular"}
    assert received["LANRM001"] >= {"identity-check-answered", "origin-assurance", "safe-receipt"}
    at_la_nrm = json.loads(run_once(["journey", "ຄມ-2026-0001", "--json"], data / "la-nrm"))
    told = [(each["event"], each["type"]) for each in at_la_nrm["events"]]
    assert told[0] == ("sent", "identity-check-asked")
    assert told[-1] == ("received", "safe-receipt")
    assert at_la_nrm["held"] == []
    # VN nrm calls the case by its own number, which it gave with an answer.
    at_vn_nrm = run_once(["journey", "VD-2026-0001"], data / "vn-nrm")
    assert "← LANRM001  victim-referral" in at_vn_nrm
    assert "→ LANRM001  referral-response" in at_vn_nrm


@pytest.mark.parametrize("today", [date(2026, 11, 1), date(2026, 11, 26), date(2031, 3, 1)])
def test_story_is_always_of_today(today: date) -> None:
    """Whenever it is played, nothing in it has expired, and nobody is older."""
    ahead = max(today - date(2026, 11, 26), timedelta())
    text = in_time("born 14/02/1999, arrives 15/12/2026, number 15/12/20261", today)
    assert (
        text
        == f"born 14/02/1999, arrives {date(2026, 12, 15) + ahead:%d/%m/%Y}, number 15/12/20261"
    )


@pytest.mark.parametrize("today", [date(2026, 11, 26), date(2031, 3, 1)])
def test_a_day_of_the_buddhist_era_is_of_today_too(today: date) -> None:
    ahead = today - date(2026, 11, 26)
    day = date(2026, 12, 15) + ahead
    moved = in_time("born ๑๔/๐๒/๒๕๔๒, arrives 15/12/2569", today)
    assert moved == f"born ๑๔/๐๒/๒๕๔๒, arrives {day:%d/%m}/{day.year + 543}"


def test_every_case_and_corridor_can_be_named() -> None:
    assert tuple(CASES) == DEMO_CASES
    assert ("la-vn-2010", *DIRECTIONS, INSIDE) == DEMO_CORRIDORS


@pytest.mark.parametrize("corridor", DEMO_CORRIDORS[1:-1] if LONG else ["kh-th-2003"])
def test_a_check_a_referral_and_a_return_on_another_corridor(corridor: str, tmp_path: Path) -> None:
    story = play("", tmp_path / "demo", corridor=corridor)
    found, origin = DIRECTIONS[corridor]
    domestic = (f"{found}NRM001", f"{found}IMM001")  # Viet Nam lists no immigration office
    assert {outcome for *_, outcome in outcomes(story)} == {"delivered"}
    assert set(outcomes(story)) == {
        ("victim-referral", f"{found}NRM001", f"{origin}NRM001", "delivered"),
        ("service-referral", f"{found}NRM001", f"{origin}SVC001", "delivered"),
        ("referral-response", f"{origin}NRM001", f"{found}NRM001", "delivered"),
        ("identity-check-asked", f"{found}NRM001", f"{found}NAT001", "delivered"),
        ("nationality-request", f"{found}NAT001", f"{origin}NAT001", "delivered"),
        ("nationality-result", f"{origin}NAT001", f"{found}NAT001", "delivered"),
        ("identity-check-answered", f"{found}NAT001", f"{found}NRM001", "delivered"),
        ("return-notice", f"{found}NRM001", f"{origin}NRM001", "delivered"),
        ("reception-notice", f"{found}NRM001", f"{origin}SVC001", "delivered"),
        ("safe-receipt", f"{origin}SVC001", f"{found}NRM001", "delivered"),
        *(() if found == "VN" else [("travel-asked", *domestic, "delivered")]),
    }
    flag = f"{corridor}/beyond-personal-scope"
    flagged = {flag: 2} if corridor in ("kh-th-2003", "kh-vn-2005") else {}
    assert story["trails"][found]["flags"] == flagged
    assert story["trails"][origin]["flags"] == {}
    assert sum(len(m["flags"]) for m in story["messages"]) == sum(flagged.values())
    without = [party for party in (found, origin) if party in ("CN", "MM")]
    assert [each[:2] for each in story["missing"]] == without
    assert all("xref adapter new" in each for each in story["missing"])


def test_police_and_a_service_provider_inside_one_country(tmp_path: Path) -> None:
    story = play("", tmp_path / "demo", corridor=INSIDE)
    assert outcomes(story) == [
        ("support-wanted", "LAPOL001", "LANRM001", "delivered"),
        ("support-asked", "LANRM001", "LASVC001", "delivered"),
        ("support-answer", "LASVC001", "LANRM001", "delivered"),
        ("support-outcome", "LANRM001", "LAPOL001", "delivered"),
        ("concern-raised", "LASVC001", "LANRM001", "delivered"),
    ]
    told = story["offices"]["LAPOL001"]["received"]
    assert told == {"support-outcome": ["answer", "answered_by", "answered_on", "referral_id"]}


def test_a_case_of_another_corridor_is_refused(tmp_path: Path) -> None:
    command = [*XREF, "demo", "--corridor", "la-th-2005", "--case", "child"]
    done = subprocess.run(
        [*command, "--data", str(tmp_path / "demo")], capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert "la-th-2005 plays one case" in done.stderr


def test_person_who_was_not_told_of_asylum(played: Play) -> None:
    story = played("asylum")
    assert [outcome for *_, outcome in outcomes(story)] == ["refused", "delivered"]
    assert story["messages"][0]["rules"] == ["floor/asylum"]
    assert {office for office, each in story["offices"].items() if each["received"]} == {"LANAT001"}


def test_ordinary_check_goes_the_way_of_the_others(played: Play) -> None:
    story = played("ordinary-check")
    assert {outcome for *_, outcome in outcomes(story)} == {"delivered"}
    assert story["offices"]["VNNAT001"]["received"].keys() == {"nationality-request"}


def test_child_without_guardian_is_protected_and_not_returned(played: Play) -> None:
    story = played("child")
    refused = {m["type"]: set(m["rules"]) for m in story["messages"] if m["outcome"] == "refused"}
    assert refused.keys() == {"return-notice", "reception-notice", "travel-asked"}
    for rules in refused.values():
        assert {"floor/child-return", "floor/child-return-guardian"} <= rules
    assert story["offices"]["VNNRM001"]["received"].keys() == {"emergency-protection-referral"}


def test_own_choice_is_never_blocked(played: Play) -> None:
    story = played("own-choice")
    refused = [(kind, to) for kind, _, to, outcome in outcomes(story) if outcome == "refused"]
    assert refused == [("travel-notice-consular", "VNCON001")]
    delivered = {kind for kind, *_, outcome in outcomes(story) if outcome == "delivered"}
    assert {"return-notice", "reception-notice", "departure", "safe-receipt"} <= delivered


def test_consulate_gets_nothing_on_who_did_not_ask_for_it(played: Play) -> None:
    story = played("no-consular-contact")
    assert story["offices"]["VNCON001"]["received"] == {}
    assert "travel-notice-border" in story["offices"]["VNBOR001"]["received"]


def test_revoked_consular_contact_ends_the_feed(played: Play) -> None:
    story = played("consular-contact-revoked")
    travel = [each for each in outcomes(story) if each[0].startswith("travel-notice")]
    assert [outcome for kind, *_, outcome in travel if kind == "travel-notice-consular"] == [
        *("delivered", "refused")
    ]
    assert [outcome for kind, *_, outcome in travel if kind == "travel-notice-border"] == [
        *("delivered", "delivered")
    ]


def test_missing_safe_receipt_is_an_alert_until_it_comes(data: Path, played: Play) -> None:
    """The demonstration's own commands say so: exit code 1 while it is missing, then 0."""
    story = played("missing-receipt")
    assert ("safe-receipt", "VNSVC001", "LANRM001", "delivered") in outcomes(story)
    told = json.loads(run_once(["desk", "alerts", "--json"], data / "la-nrm"))
    assert told["alerts"] == []


# What the first person's form says of her, in Lao and Latin letters, and as two countries write it.
SAID = ("ຫງວຽນ", "ທິ ຕົວຢ່າງ", "THI VI DU", "1999-02-14", "14/02/1999", "ຄມ-2026-0001")


def test_withdrawal_while_messages_are_under_way(tmp_path: Path, data: Path, played: Play) -> None:
    """It stops, empties and erases, also what an office had passed on; no file has a word of her.

    LA immigration was asked at home, and told a border guard and a consulate abroad: it says
    `erased` once both have. A backup from before has rows still, and no key to one.
    """
    told_of_her = ("vn-nrm", "la-immigration", "vn-border-guard")
    with ExitStack() as taken:
        backups = [
            taken.enter_context(Backup(data / each, tmp_path / f"{each}.sqlite"))
            for each in told_of_her
        ]
        story = played("withdrawal")
    assert {each for each in outcomes(story) if each[1] == "LANRM001"} == {
        ("victim-referral", "LANRM001", "VNNRM001", "erased"),
        ("service-referral", "LANRM001", "VNSVC001", "erased"),
        ("return-notice", "LANRM001", "VNNRM001", "erased"),
        ("reception-notice", "LANRM001", "VNSVC001", "erased"),
        ("travel-asked", "LANRM001", "LAIMM001", "erased"),
        ("departure", "LANRM001", "VNNRM001", "rejected"),
        ("departure", "LANRM001", "VNSVC001", "rejected"),
        ("sharing-consent-withdrawn", "LANRM001", "VNNRM001", "delivered"),
        ("sharing-consent-withdrawn", "LANRM001", "VNSVC001", "delivered"),
        ("sharing-consent-withdrawn", "LANRM001", "LAIMM001", "delivered"),
    }
    stopped = [m for m in story["messages"] if m["outcome"] == "rejected"]
    assert {m["fault"] for m in stopped} == {"withdrawn"}
    for office, each in story["offices"].items():
        assert office == "LANRM001" or each["received"] == {}
    told = run_once(["journey", "ຄມ-2026-0001"], data / "la-nrm")
    assert "the person withdrew the sharing consent" in told
    for backup in backups:
        assert sum(text in backup.form for text in SAID) >= 3, "her form was in the folder"
        assert len(backup.keys) == 1
    needles = [*(text.encode() for text in SAID), *(k for each in backups for k in each.keys)]
    searched = [*files_of_offices(data), *(backup.file for backup in backups)]
    assert len(searched) > 60
    for file in searched:
        content = file.read_bytes()
        assert not [needle for needle in needles if needle in content], file
    with DeskOffice(data / "la-immigration" / "desk.toml").records() as store:
        assert not any(State(store).scan(each) for each in ("relayed", "relay_owed")), "all erased"
    for backup in backups:
        assert backup.opened() == (1, 0), "its row is in the backup still, and nothing opens it"


def files_of_offices(data: Path) -> list[Path]:
    """Every file but the invented samples and the forms that the first office has of its own."""
    other = ("samples", "adapter", "forms")
    files = [file for file in data.rglob("*") if file.is_file()]
    return [file for file in files if not set(other) & set(file.relative_to(data).parts)]
