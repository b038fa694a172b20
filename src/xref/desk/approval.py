"""The second person: without one no ground but the sharing consent opens anything. Pure.

Whoever hands a record in, or corrects it, has prepared it; who approves it must be somebody else.
The names stay at the desk, sealed with the case.
"""

import hashlib
import json
import unicodedata
from collections.abc import Iterable, Mapping
from typing import Any, Final

from xref.desk.cell import clean
from xref.errors import RecordError
from xref.limits import PERSON_NAME_CHARS_MAX
from xref.policy import APPROVAL_FACT, DESK_FACTS, is_other_ground

WAITING: Final = "it waits for a second person's approval"
_WITHOUT_PREPARER: Final = (
    "it is not known who prepared it, so no approval counts; hand the form in again with --by NAME"
)


def check_name(name: str) -> str:
    """Return a person's name as it is kept, or raise `RecordError`."""
    kept = clean(name)
    control = any(unicodedata.category(each) in {"Cc", "Cs"} for each in kept)
    if control or not 0 < len(kept) <= PERSON_NAME_CHARS_MAX or not folded(kept):
        message = f"--by: write a name of 1 to {PERSON_NAME_CHARS_MAX} characters"
        raise RecordError(message)
    return kept


def folded(name: str) -> str:
    """Return what two spellings of one name share: NFKC, without case, spaces and the invisible."""
    text = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", name).casefold())
    return "".join(each for each in text if not unicodedata.category(each).startswith(("Z", "C")))


def official_digest(office: str, name: str) -> str:
    """Return the digest by which an overlay names an official: other offices cannot read a name.

    Whoever knows the name can compute it; it only keeps the name out of files and memory.
    """
    return hashlib.sha256(b"xref/official/v1\0" + f"{office}\0{folded(name)}".encode()).hexdigest()


def suspension_fault(suspended: frozenset[str], office: str, names: Iterable[str]) -> str:
    """Return why what these people hand in is not taken, empty if it is.

    While an official is suspended, what nobody put a name to is not taken: it could be theirs.
    """
    given = list(names)
    if suspended and not given:
        return "an official of this office is suspended, so say who hands it in: --by NAME"
    if any(official_digest(office, name) in suspended for name in given):
        return "who hands it in is suspended by the own Party; another official takes it over"
    return ""


def without_approval(facts: Mapping[str, str]) -> dict[str, str]:
    """Return facts that an office stated, less what only its desk can say."""
    return {name: value for name, value in facts.items() if name not in DESK_FACTS}


def approved(facts: Mapping[str, str]) -> dict[str, str]:
    """Return facts with what the desk attests once a second person approved."""
    return {**facts, APPROVAL_FACT: "given"}


def statement_digest(content: str, facts: Mapping[str, str]) -> str:
    """Return a digest of all that is approved: a change of anything asks for a new approval."""
    said = json.dumps([content, sorted(facts.items())], ensure_ascii=False)
    return hashlib.sha256(said.encode()).hexdigest()


def is_waiting(story: Mapping[str, Any]) -> bool:
    """Return whether the desk holds a record until a second person approves it."""
    facts = story["record"]["facts"]
    return is_other_ground(facts) and not is_approved(story, story["content"], facts)


def is_approved(story: Mapping[str, Any], content: str, facts: Mapping[str, str]) -> bool:
    """Return whether just this statement was approved."""
    approval = story.get("approval")
    if approval is None:
        return False
    return bool(approval["statement"] == statement_digest(content, facts))


def approval_fault(prepared_by: Iterable[str], name: str) -> str:
    """Return why a person's approval does not count, empty if it does."""
    prepared = {folded(each) for each in prepared_by}
    if not prepared:
        return _WITHOUT_PREPARER
    if folded(name) in prepared:
        return "who prepared it cannot approve it; ask a second person"
    return ""
