"""The sharing-consent record: what a person agreed may be shared. See docs/spec/sharing-consent.md.

The record stays with the office that took it. A message carries its salted digest, the mask of the
fields it covers and its first and last moment, so that a hop can check scope and time unread.
"""

import hashlib
import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from typing import Final, cast

import rfc8785

from xref import limits
from xref.errors import MalformedError

_VERSIONS: Final = (1, 2)
SALT_BYTES: Final = 16
_DOMAIN: Final = b"xref/consent/v1\0"
_WORD: Final = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
_RECIPIENT: Final = re.compile(r"[A-Z]{2}[A-Z0-9]{6}|[a-z][a-z0-9]*(-[a-z0-9]+)*")
_LANGUAGE: Final = re.compile(r"[a-z]{2,3}(-[A-Z][a-z]{3})?(-([A-Z]{2}|[0-9]{3}))?")
_NOTICE: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_SHA256: Final = re.compile(r"[0-9a-f]{64}")
WAYS: Final = ("in-pictures", "in-sign-language", "in-writing", "read-aloud", "recorded")
"""How a notice may be explained."""
ROUTES: Final = (
    "any-office",
    "guardian",
    "in-writing",
    "legal-representative",
    "service-provider",
    "telephone",
    "this-office",
)
"""By which ways a person may withdraw; all end at the office that took the sharing consent."""


class SharingConsentState(StrEnum):
    """The values of the fact `sharing_consent` that a record itself can show."""

    GRANTED = "granted"
    EXPIRED = "expired"
    INVALID = "invalid"


@dataclass(frozen=True, slots=True)
class Explanation:
    """How it was explained, as version 2 records it.

    `notice_sha256` binds the words that were told, empty for a notice that is in no bundle;
    `interpreted_by` is the role of who interpreted, empty where nobody had to.
    """

    how: str
    interpreted_by: str
    notice_sha256: str
    withdrawal_routes: tuple[str, ...]

    def __post_init__(self) -> None:
        """Refuse what no office could have recorded."""
        if self.how not in WAYS:
            raise MalformedError(f"sharing consent: explained_how is one of {', '.join(WAYS)}")
        if self.interpreted_by != "":
            _check_code("interpreted_by", self.interpreted_by, _WORD)
        if self.notice_sha256 != "":
            _check_code("notice_sha256", self.notice_sha256, _SHA256)
        _check_words("withdrawal_routes", self.withdrawal_routes, _WORD)
        if not set(self.withdrawal_routes) <= set(ROUTES):
            raise MalformedError(f"sharing consent: withdrawal_routes are of {', '.join(ROUTES)}")

    def members(self) -> dict[str, list[str] | str]:
        """Return the members that version 2 adds."""
        return {
            "explained_how": self.how,
            "interpreted_by": self.interpreted_by,
            "notice_sha256": self.notice_sha256,
            "withdrawal_routes": list(self.withdrawal_routes),
        }


@dataclass(frozen=True, slots=True)
class SharingConsent:
    """What was agreed, when, in which language, and who explained it; times in Unix ms.

    `categories` are categories of fields; `recipients` are offices, or roles where the person
    agreed to every office of a role. `warned_on_ms` is when the limits of confidentiality were
    explained, None if never. `guardian` says that a child's guardian agreed. `explanation` is None
    in a record of version 1. Raises
    `MalformedError` for a record that could not have been written: tuples that are empty, unsorted
    or repeated, an unknown form of a code, an end before the beginning.
    """

    purposes: tuple[str, ...]
    categories: tuple[str, ...]
    recipients: tuple[str, ...]
    given_on_ms: int
    valid_until_ms: int
    warned_on_ms: int | None
    language: str
    notice_version: str
    explained_by: str
    guardian: bool
    explanation: Explanation | None = None

    def __post_init__(self) -> None:
        """Refuse what no office could have recorded."""
        _check_words("purposes", self.purposes, _WORD)
        _check_words("categories", self.categories, _WORD)
        _check_words("recipients", self.recipients, _RECIPIENT)
        _check_time("given_on_ms", self.given_on_ms)
        _check_time("valid_until_ms", self.valid_until_ms)
        if self.warned_on_ms is not None:
            _check_time("warned_on_ms", self.warned_on_ms)
        if self.valid_until_ms <= self.given_on_ms:
            raise MalformedError("sharing consent: it ends before it begins")
        _check_code("language", self.language, _LANGUAGE)
        _check_code("notice_version", self.notice_version, _NOTICE)
        _check_code("explained_by", self.explained_by, _WORD)
        if not isinstance(self.guardian, bool):
            raise MalformedError("sharing consent: guardian is true or false")

    def encode(self) -> bytes:
        """Return the record as RFC 8785 JSON with exactly the members of its version."""
        return _encoded(self)

    def members(self) -> dict[str, list[str] | str | int | None]:
        """Return the members of the record's version."""
        more = self.explanation.members() if self.explanation else {}
        return {
            **more,
            "categories": list(self.categories),
            "explained_by": self.explained_by,
            "given_on_ms": self.given_on_ms,
            "guardian": self.guardian,
            "language": self.language,
            "notice_version": self.notice_version,
            "purposes": list(self.purposes),
            "recipients": list(self.recipients),
            "valid_until_ms": self.valid_until_ms,
            "version": 2 if self.explanation else 1,
            "warned_on_ms": self.warned_on_ms,
        }

    def digest(self, salt: bytes) -> bytes:
        """Return the 32 bytes that a message's facts carry instead of the record."""
        if len(salt) != SALT_BYTES:
            message = f"a sharing consent's salt is {SALT_BYTES} bytes, not {len(salt)}"
            raise RuntimeError(message)
        return hashlib.sha256(_DOMAIN + salt + self.encode()).digest()

    def covers(self, purpose: str, *recipient: str) -> bool:
        """Say whether the person agreed to this purpose, and to this office or its role."""
        return purpose in self.purposes and any(name in self.recipients for name in recipient)

    def mask(self, schema_fields: Iterable[tuple[int, str]]) -> int:
        """Return the mask of the fields in an agreed category; a field is (bit, its category)."""
        agreed = frozenset(self.categories)
        mask = 0
        for bit, category in schema_fields:
            if category in agreed:
                mask |= 1 << bit
        return mask

    def state_at(self, now_ms: int) -> SharingConsentState:
        """Return the fact that this record shows at `now_ms`.

        Without a warning, or with one given only afterwards, the record was never informed
        (floor/warned). Withdrawal is not in the record: the desk keeps it beside.
        """
        warned = self.warned_on_ms is not None and self.warned_on_ms <= self.given_on_ms
        if not warned or self.given_on_ms > now_ms:
            return SharingConsentState.INVALID
        if now_ms >= self.valid_until_ms:
            return SharingConsentState.EXPIRED
        return SharingConsentState.GRANTED


@lru_cache(maxsize=1024)
def _encoded(record: SharingConsent) -> bytes:
    """Return the record's bytes; one record covers several messages."""
    return rfc8785.dumps(record.members())


def parse_sharing_consent(data: bytes) -> SharingConsent:
    """Return the record in canonical bytes, or raise `MalformedError`."""
    if len(data) > limits.SHARING_CONSENT_BYTES_MAX:
        raise MalformedError("sharing consent: too long")
    try:
        members = json.loads(data)
        record = _record_of(members)
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise MalformedError("sharing consent: not the members of its version") from error
    if record.encode() != data:
        raise MalformedError("sharing consent: not canonical")
    return record


def _record_of(members: dict[str, object]) -> SharingConsent:
    if members["version"] not in _VERSIONS:
        raise ValueError("version")
    explanation = None
    if members["version"] == 2:  # noqa: PLR2004 - the format's number
        explanation = Explanation(
            how=cast("str", members["explained_how"]),
            interpreted_by=cast("str", members["interpreted_by"]),
            notice_sha256=cast("str", members["notice_sha256"]),
            withdrawal_routes=_tuple(members["withdrawal_routes"]),
        )
    return SharingConsent(
        purposes=_tuple(members["purposes"]),
        categories=_tuple(members["categories"]),
        recipients=_tuple(members["recipients"]),
        given_on_ms=cast("int", members["given_on_ms"]),
        valid_until_ms=cast("int", members["valid_until_ms"]),
        warned_on_ms=cast("int | None", members["warned_on_ms"]),
        language=cast("str", members["language"]),
        notice_version=cast("str", members["notice_version"]),
        explained_by=cast("str", members["explained_by"]),
        guardian=cast("bool", members["guardian"]),
        explanation=explanation,
    )


def _tuple(value: object) -> tuple[str, ...]:
    if not isinstance(value, list):
        raise TypeError("a list is needed")
    return tuple(value)


def _check_words(member: str, words: tuple[str, ...], form: re.Pattern[str]) -> None:
    for word in words:
        _check_code(member, word, form)
    if not 0 < len(words) <= limits.SHARING_CONSENT_ITEMS_MAX or list(words) != sorted(set(words)):
        message = f"sharing consent: {member} are 1 to {limits.SHARING_CONSENT_ITEMS_MAX}, sorted"
        raise MalformedError(message)


def _check_code(member: str, word: object, form: re.Pattern[str]) -> None:
    if not (isinstance(word, str) and len(word) <= limits.CODE_CHARS_MAX and form.fullmatch(word)):
        message = f"sharing consent: {member} has a code of the wrong form"
        raise MalformedError(message)


def _check_time(member: str, value: object) -> None:
    if type(value) is not int or not 0 < value <= limits.TIME_MS_MAX:
        message = f"sharing consent: {member} is no time in Unix milliseconds"
        raise MalformedError(message)
