"""Onward use: what came under `no-onward-disclosure` goes on only by the person's newer agreement.

A desk knows a received person again by the office's own number for the case, or by the same name
and birth under another number. The index is keyed, and erased with the message.
"""

import hmac
from collections.abc import Iterator, Mapping
from typing import Any, Final

from xref.bundle import Bundle
from xref.desk.cabinet import Cabinet
from xref.desk.duties import obligations_of
from xref.desk.read_form import Record
from xref.errors import RecordError
from xref.policy import is_other_ground

NO_ONWARD: Final = "no-onward-disclosure"
_SPACE: Final = "inbox_person"
_NAMES: Final = (
    ("full_name_native",),
    ("family_name_native", "given_names_native"),
    ("family_name_romanised", "given_names_romanised"),
)
_BIRTHS: Final = ("birth_date", "birth_year")


def note_person(cabinet: Cabinet, message: bytes, values: Mapping[str, Any]) -> None:
    """Remember whom a received message is about, so that it is known again."""
    for key in _keys(cabinet, values):
        cabinet.state.put(_SPACE, key + message, b"")


def forget_person(cabinet: Cabinet, message: bytes, values: Mapping[str, Any]) -> None:
    """Forget that, with the message."""
    for key in _keys(cabinet, values):
        cabinet.state.delete(_SPACE, key + message)


def check_onward(cabinet: Cabinet, bundle: Bundle, own: str, record: Record) -> None:
    """Raise `RecordError` for a record about somebody received under `no-onward-disclosure`.

    A sharing consent given after that, or another ground (which a second person approves), is a
    new ground. An answer, and what a received message asks for, is no onward use.
    """
    if record.reply_to is not None or is_other_ground(record.facts):
        return
    given = record.sharing_consent
    for content in _received(cabinet, record):
        owed = obligations_of(bundle, content["type"], content["from"], own)
        newer = given is not None and given.given_on_ms > content["received_ms"]
        if NO_ONWARD in owed and not newer:
            raise RecordError(
                f"sharing consent: {content['from']} sent this person's information to be passed "
                "to nobody; ask the person anew, and hand it in with the newer sharing consent"
            )


def _received(cabinet: Cabinet, record: Record) -> Iterator[Mapping[str, Any]]:
    found: set[bytes] = set()
    if not any(map(cabinet.state.has_any, (_SPACE, "case_known_as"))):
        return  # this office only sends: nothing to look for
    cases = set(cabinet.known_as(record.case)) if record.case else set()
    if cases:
        found |= {key for key, case in cabinet.case_ids("inbox") if case in cases}
    for key in _keys(cabinet, record.values):
        found |= {row[len(key) :] for row, _ in cabinet.state.scan(_SPACE, key)}
    for message in sorted(found):
        content = cabinet.get("inbox", message)
        if content is not None:
            yield content


def _keys(cabinet: Cabinet, values: Mapping[str, Any]) -> list[bytes]:
    """Return keyed digests of each name with the birth; none where either is missing."""
    birth = next((str(values[name])[:4] for name in _BIRTHS if values.get(name)), "")
    names = [[str(values.get(part) or "") for part in parts] for parts in _NAMES]
    texts = ["\0".join(["person", *parts, birth]).casefold() for parts in names if all(parts)]
    secret = cabinet.secret()
    return [hmac.digest(secret, text.encode(), "sha256") for text in texts] if birth else []
