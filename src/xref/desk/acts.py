"""What an office does about messages beside sending records: keeps by order, does, recalls.

Each act is kept with its case, sealed, and told to the own hop as a code and a digest, which its
trail keeps (`xref.desk.noting`). Names of people stay with the case.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from xref.answers import Answer
from xref.desk.cabinet import Cabinet
from xref.desk.duties import note_owed
from xref.desk.erase import note_due
from xref.desk.noting import note
from xref.desk.publish import Publisher
from xref.desk.read_form import Record
from xref.desk.spool import AsylumAnswer, Done, Kept
from xref.policy import CONTAMINATED, KEPT_BY_ORDER

NOTICE: Final = "contamination-notice"
"""What an office publishes to its own asylum authority; see the agreement's flow of that name."""
ASYLUM_OPENS: Final = ("no", "refused-final", "withdrawn-informed")
"""The answers to the fact `asylum` with which contact with the State of origin may go on."""
_NATURES: Final = ("contact", "domestic")
_LEFT: Final = ("forwarded", "delivered", "opened", "kept", "erased")
_GONE: Final = ("refused", "rejected")


@dataclass(slots=True)
class Acts:
    """Takes acts in at one moment (Unix ms); `notes` are answers to the hop, each on its shard."""

    cabinet: Cabinet
    publisher: Publisher
    hop: str
    now_ms: int
    notes: list[tuple[int, Answer]]

    def keep(self, row: Kept) -> None:
        """Hold a received message for as long as a court orders; an end in the past lifts that."""
        content, case = self.cabinet.get("inbox", row.message), self._case("inbox", row.message)
        if content is None or case is None:
            return
        hold = {"court": row.court, "order": row.order, "until_ms": row.until_ms, "by": row.by}
        self.cabinet.put("hold", row.message, case, hold)
        if content.get("ended_ms"):
            note_due(self.cabinet.state, row.message, row.until_ms)
        place = (case, row.message)
        self._note(place, content.get("shard", 0), KEPT_BY_ORDER, hold, row.until_ms)

    def done(self, row: Done) -> None:
        """Record that an office did what it owed for a message that it received or sent."""
        for space in ("inbox", "sent"):
            content, case = self.cabinet.get(space, row.message), self._case(space, row.message)
            if content is not None and case is not None:
                said = {"obligation": row.obligation, "by": row.by, "at_ms": self.now_ms}
                place = (case, row.message)
                self._note(place, content.get("shard", 0), row.obligation, said)

    def asylum(self, row: AsylumAnswer) -> tuple[dict[bytes, dict[str, Any]], Record | None]:
        """Remember where a person stands with asylum; return what to recall, and whom to tell.

        What has left for the State of origin contaminates it: the hop notes each, and the own
        asylum authority is told what went where, and nobody's name.
        """
        case = self.cabinet.find_case(row.case)
        if case is None:
            return {}, None
        kept = {"answer": row.answer, "at_ms": self.now_ms, "by": row.by}
        self.cabinet.put("asylum", case, case, kept)
        if row.answer in ASYLUM_OPENS:
            return {}, None
        flows = {flow.name: flow for flow in self.publisher.bundle.policy.flows.values()}
        recalled = {
            message: story
            for message, story in self.cabinet.of_case("sent", case)
            if story["type"] in flows
            and flows[story["type"]].nature in _NATURES
            and story["outcome"] not in _GONE
        }
        left = {m: story for m, story in recalled.items() if story["outcome"] in _LEFT}
        bundle, own = self.publisher.bundle, self.publisher.office
        said = {"at_ms": self.now_ms, "by": row.by}
        for message, story in left.items():
            known = {**story, "contaminated": True}
            self.cabinet.put("sent", message, case, known)
            note_owed(self.cabinet.state, message, "sent", known, bundle, own)
            self._note((case, message), story.get("shard", 0), CONTAMINATED, said)
        return recalled, self._notice(row, left) if left else None

    def _notice(self, row: AsylumAnswer, left: Mapping[bytes, Mapping[str, Any]]) -> Record:
        policy = self.publisher.bundle.policy
        categories: set[str] = set()
        for story in left.values():
            schema = policy.schema_for(policy.flow_named(story["type"]))
            names = [name for name in story["disclosed"] if name in schema.by_name]
            categories |= {schema.by_name[name].category for name in names}
        moments = [story["created_ms"] for story in left.values()]
        return Record(
            source="",
            line=0,
            publication=NOTICE,
            case=row.case,
            values={
                "disclosed_offices": sorted({story["to"] for story in left.values()}),
                "disclosed_categories": sorted(categories) or None,
                "disclosed_from": _day(min(moments)),
                "disclosed_until": _day(max(moments)),
            },
            facts={},
            sharing_consent=None,
            named={},
            reply_to=None,
            prepared_by=(row.by,) if row.by else (),
        )

    def _case(self, space: str, message: bytes) -> bytes | None:
        return self.cabinet.case_id(space, message)

    def _note(
        self,
        place: tuple[bytes, bytes],
        shard: int,
        code: str,
        said: Mapping[str, Any],
        until_ms: int = 0,
    ) -> None:
        entropy = self.publisher.entropy
        answer = note(self.cabinet, entropy, self.hop, place, code, said, until_ms)
        self.notes.append((shard, answer))


def _day(at_ms: int) -> str:
    return datetime.fromtimestamp(at_ms / 1000, UTC).date().isoformat()
