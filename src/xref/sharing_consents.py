"""Sharing consents at an office: made from what was agreed, and told with what went by them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Final

from xref.audit_entry import read_entry
from xref.bundle import Bundle, Draft
from xref.config import HopConfig, load_config
from xref.desk.consent import Explanation, SharingConsent, parse_sharing_consent
from xref.desk.read_form import midnight_ms
from xref.desk.sharing_consent_check import EXPLAINERS
from xref.desk.sharing_consent_document import Covered, SharingConsentDocument
from xref.errors import ConfigError, MalformedError, RecordError
from xref.limits import DAY_MS
from xref.policy import ROLES, Notice
from xref.ports import Store
from xref.state import State
from xref.story import cabinet_of
from xref.trail import NONCE_BYTES, read_openings
from xref.wire.schema import CATEGORIES
from xref.wiring import open_state

_VALID_DAYS_MAX: Final = 365


@dataclass(frozen=True, slots=True)
class SharingConsentRequest:
    """What was agreed and how, in the words of a command; days are ISO 8601."""

    purposes: Sequence[str]
    categories: Sequence[str]
    recipients: Sequence[str]
    language: str
    explained_by: str
    how: str
    interpreted_by: str
    warned_on: str
    given_on: str | None
    valid_days: int
    guardian: bool
    withdrawal_routes: Sequence[str]


def make_sharing_consent(
    request: SharingConsentRequest,
    notice: Notice,
    bundle: Bundle | Draft,
    utc_offset_minutes: int,
    now_ms: int,
) -> SharingConsent:
    """Return the record of a request; `RecordError` names the option and the cure.

    A day begins at the office's midnight; given today, it holds from this moment.
    """
    _check_words(request, bundle)
    if not 1 <= request.valid_days <= _VALID_DAYS_MAX:
        raise RecordError(f"--valid-days: give 1 to {_VALID_DAYS_MAX}")
    given_ms = _begin(request.given_on, "--given-on", utc_offset_minutes) or now_ms
    warned_ms = _begin(request.warned_on, "--warned-on", utc_offset_minutes)
    if warned_ms > given_ms or given_ms > now_ms:
        raise RecordError(
            "--warned-on: the limits of confidentiality are explained first, then the sharing "
            "consent is given, and neither lies in the future"
        )
    try:
        return SharingConsent(
            purposes=_sorted(request.purposes),
            categories=_sorted(request.categories),
            recipients=_sorted(request.recipients),
            given_on_ms=given_ms,
            valid_until_ms=given_ms + request.valid_days * DAY_MS,
            warned_on_ms=warned_ms,
            language=request.language,
            notice_version=notice.version,
            explained_by=request.explained_by,
            guardian=request.guardian,
            explanation=Explanation(
                request.how,
                request.interpreted_by,
                notice.sha256,
                _sorted(request.withdrawal_routes),
            ),
        )
    except MalformedError as error:
        raise RecordError(error.detail) from error


def _check_words(request: SharingConsentRequest, bundle: Bundle | Draft) -> None:
    purposes = {name for name, each in bundle.policy.purposes.items() if not each.prohibited}
    offices = {code for code, each in bundle.directory.offices.items() if each.role != "hop"}
    roles = set(ROLES) - {"hop"}
    told = {request.explained_by, request.interpreted_by} - {""}  # never a name
    for option, given, known in (
        ("--purpose", request.purposes, purposes),
        ("--category", request.categories, set(CATEGORIES)),
        ("--recipient", request.recipients, offices | roles),
        ("--explained-by, --interpreted-by", told, EXPLAINERS),
    ):
        for each in given:
            if each not in known:
                raise RecordError(f"{option}: use one of {', '.join(sorted(known))}")


def _begin(day: str | None, option: str, utc_offset_minutes: int) -> int:
    if day is None:
        return 0
    try:
        return midnight_ms(date.fromisoformat(day), utc_offset_minutes)
    except (ValueError, OverflowError) as error:
        raise RecordError(f"{option}: write the day as YYYY-MM-DD") from error


def _sorted(words: Sequence[str]) -> tuple[str, ...]:
    return tuple(sorted(set(words)))


def sharing_consents_of(
    store: Store, office: str, case: str, now_ms: int
) -> list[SharingConsentDocument]:
    """Return the sharing consents of an office's own case, the oldest first, to be signed.

    Each lists the messages that went by it, which tell their digests on the hop's trail.
    """
    cabinet = cabinet_of(store)
    case_id = cabinet.find_case(case)
    if case_id is None:
        return []
    withdrawal = cabinet.get("withdrawal", case_id)
    withdrawn_ms = withdrawal["at_ms"] if withdrawal else 0
    found: dict[str, list[Covered]] = {}
    for key, story in cabinet.all("record"):
        text = story["record"]["sharing_consent"]
        if text and cabinet.case_id("record", key) == case_id:
            found.setdefault(text, [])
    for message, story in cabinet.all("sent"):
        text = story.get("sharing_consent", "")
        if text and cabinet.case_id("sent", message) == case_id:
            salt = cabinet.find_token("scope_ref", case_id, story["type"], story["to"], text)
            if salt is not None:
                found.setdefault(text, []).append(Covered(message, salt[16:]))
    records = {text: parse_sharing_consent(text.encode()) for text in found}
    ordered = sorted(found, key=lambda text: records[text].given_on_ms)
    return [
        SharingConsentDocument(office, records[text], withdrawn_ms, tuple(found[text]), now_ms)
        for text in ordered
    ]


def read_trail_digests(folder: Path) -> dict[str, str]:
    """Return the digest of the sharing consent that each message was released on, by message.

    From a hop's folder; `xref audit` verifies that trail. Raises `ConfigError`.
    """
    config = load_config(folder / "hop.toml", HopConfig)
    store = open_state(folder / config.state)
    try:
        rows = State(store).scan("opening")
        openings = [each for _, row in rows for each in read_openings(row) if each]
        entries = [read_entry(each[NONCE_BYTES:]) for each in openings]
    except MalformedError as error:
        message = f"{folder}: its trail cannot be read; run `xref audit {folder}`"
        raise ConfigError(message) from error
    finally:
        store.close()
    return {
        entry["message"]: entry["consent_digest"]
        for entry in entries
        if entry["kind"] == "released"
    }
