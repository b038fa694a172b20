"""A case played from safety to safe receipt, by real desks and hops in one process."""

from dataclasses import replace
from typing import Any

from world import OFFICES, World
from xref.desk.read_form import Record
from xref.story import HeldRecord, held_records

CASE = "ຄມ-2026-0001"
ALL = (*OFFICES, "LANAT001", "LAIMM001", "VNNAT001", "VNBOR001", "VNCON001")


class Played(World):
    """A world in which an office hands in a shipped sample form, and everything settles."""

    def __init__(self) -> None:
        super().__init__(offices=ALL)
        self.settle()

    def records(self, country: str, form: str, case: str = CASE) -> list[Record]:
        reading = self.read(country, form)
        assert not reading.problems
        found = [record for record in reading.records if record.case == case]
        assert found or form.endswith(".json"), f"{form} has no {case}"
        return found or reading.records

    def hand_in(
        self, office: str, form: str, *, answers: str = "", case: str = CASE, by: str = ""
    ) -> None:
        """Hand in one person's record; `answers` is the type of what it is about."""
        records = self.records(office[:2].lower(), form, case)
        records = [replace(each, prepared_by=(by,) if by else ()) for each in records]
        if answers:
            records = [replace(each, reply_to=self.received(office, answers)) for each in records]
        self.now_ms += 1000
        self.publish(office, list(records))
        self.settle()

    def held(self, office: str) -> list[HeldRecord]:
        return held_records(self.stores[office])

    def received(self, office: str, kind: str) -> bytes:
        """The newest message of a type that an office has."""
        found = [(c["received_ms"], m) for m, c in self.stories(office) if c["type"] == kind]
        return max(found)[1]

    def stories(self, office: str) -> list[tuple[bytes, dict[str, Any]]]:
        return self.desks[office].cabinet.all("inbox")

    def types(self, office: str) -> set[str]:
        return {content["type"] for _, content in self.stories(office)}

    def outcomes(self, office: str, *, since_ms: int = 0) -> set[tuple[str, str, str]]:
        stories = [story for _, story in self.desks[office].cabinet.all("sent")]
        return {
            (story["type"], story["to"], story["outcome"])
            for story in stories
            if story["created_ms"] >= since_ms
        }

    def verify_identity(self) -> None:
        self.hand_in("LANRM001", "identity-checks.csv")
        self.hand_in("LANAT001", "nationality-check.json", answers="identity-check-asked")
        self.hand_in("VNNAT001", "nationality-answer.json", answers="nationality-request")
        self.hand_in("LANAT001", "identity-answer.json", answers="identity-check-asked")

    def refer(self) -> None:
        self.hand_in("LANRM001", "referrals.csv")
        self.hand_in("VNNRM001", "answer.json", answers="victim-referral")
        self.hand_in("LANRM001", "assurances.csv")
        self.hand_in("VNNRM001", "assurance-answer.json", answers="assurance-asked")
        self.hand_in("LANRM001", "readiness.csv")
        self.hand_in("VNSVC001", "readiness-answer.json", answers="readiness-asked")

    def go_home(self) -> None:
        self.hand_in("LANRM001", "returns.csv")
        self.hand_in("LAIMM001", "travel.json", answers="travel-asked")
        self.hand_in("LANRM001", "departures.csv")
        self.hand_in("VNSVC001", "safe-receipt.json", answers="departure")
