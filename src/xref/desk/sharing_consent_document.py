"""A sharing consent as a signed document, after ISO/IEC TS 27560 in DPV's terms. Pure.

The document is drawn from the record, its messages and a signature alone: a reader draws it again
and compares, so that nothing in it can be changed. See docs/spec/sharing-consent.md.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from xref import limits
from xref.desk.consent import SALT_BYTES, SharingConsent, parse_sharing_consent
from xref.errors import MalformedError, UnauthenticError
from xref.keychain import KeyDirectory
from xref.policy import Policy
from xref.wire.header import NO_ID
from xref.wire.key import KeyUse, SigningKey, verify
from xref.wire.office import check_office

_DOMAIN: Final = b"xref/consent-document/v1\0"
CONTEXT: Final = {
    "dct": "http://purl.org/dc/terms/",
    "dpv": "https://w3id.org/dpv#",
    "xref": "urn:xref:sharing-consent:",
}
PROFILE: Final = "https://w3id.org/dpv/schema/dpv-27560#record"
_STATUS: Final = {
    "granted": "dpv:ConsentGiven",
    "expired": "dpv:ConsentExpired",
    "invalid": "dpv:ConsentInvalidated",
    "withdrawn": "dpv:ConsentWithdrawn",
}


@dataclass(frozen=True, slots=True)
class Covered:
    """A message that went by a sharing consent, with the salt of the digest in its facts."""

    message: bytes
    salt: bytes


@dataclass(frozen=True, slots=True)
class SharingConsentDocument:
    """What an office signs: its record, if and when it was withdrawn, and what went by it.

    Times in Unix ms. `withdrawn_ms` is 0 where nobody withdrew.
    """

    office: str
    record: SharingConsent
    withdrawn_ms: int
    messages: tuple[Covered, ...]
    signed_ms: int

    def statement(self) -> bytes:
        """Return the bytes that are signed."""
        record = self.record.encode()
        return b"".join(
            [
                _DOMAIN,
                self.office.encode(),
                self.signed_ms.to_bytes(8),
                self.withdrawn_ms.to_bytes(8),
                len(record).to_bytes(4),
                record,
                *(each.message + each.salt for each in self.messages),
            ]
        )

    def state(self) -> str:
        """Return what the record showed when it was signed, a withdrawal before all else."""
        if self.withdrawn_ms > self.record.given_on_ms:
            return "withdrawn"
        return self.record.state_at(self.signed_ms).value


def signed(document: SharingConsentDocument, key: SigningKey, policy: Policy) -> dict[str, Any]:
    """Return the document as JSON-LD, signed by the office's desk key."""
    proof = {
        "xref:key": key.public.key_id.hex(),
        "xref:signature": key.sign(document.statement()).hex(),
    }
    return _drawn(document, proof, policy)


def check(given: Mapping[str, Any], keys: KeyDirectory, policy: Policy) -> SharingConsentDocument:
    """Return what a signed document says.

    Raises `MalformedError` for one that is not exactly what its record is drawn as under this
    policy, `UnauthenticError` for one that its office did not sign with a key that was good then.
    """
    try:
        document, proof = _read(given)
    except (KeyError, TypeError, ValueError) as error:
        raise MalformedError("sharing consent: not a document of version 1") from error
    if _drawn(document, proof, policy) != given:
        raise MalformedError("sharing consent: the document says otherwise than its record")
    key = keys.find(
        document.office, KeyUse.DESK, bytes.fromhex(proof["xref:key"]), document.signed_ms
    )
    if key is None:
        raise UnauthenticError("sharing consent: its office had no such key when it was signed")
    verify(key.public, bytes.fromhex(proof["xref:signature"]), document.statement())
    return document


def _read(given: Mapping[str, Any]) -> tuple[SharingConsentDocument, dict[str, str]]:
    messages = tuple(
        Covered(_sized(each["xref:message"], len(NO_ID)), _sized(each["xref:salt"], SALT_BYTES))
        for each in given["xref:messages"]
    )
    document = SharingConsentDocument(
        check_office(_text(given["dpv:hasDataController"]["xref:office"])),
        parse_sharing_consent(_text(given["xref:record"]).encode()),
        _moment(given["xref:withdrawn_ms"], least=0),
        messages,
        _moment(given["xref:signed_ms"], least=1),
    )
    proof = given["xref:proof"]
    key, signature = _sized(proof["xref:key"], 8), _sized(proof["xref:signature"], 64)
    return document, {"xref:key": key.hex(), "xref:signature": signature.hex()}


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError("no text")
    return value


def _sized(text: str, size: int) -> bytes:
    data = bytes.fromhex(text)
    if len(data) != size:
        raise ValueError("another size")
    return data


def _moment(value: object, least: int) -> int:
    if type(value) is not int or not least <= value <= limits.TIME_MS_MAX:
        raise ValueError("no moment")
    return value


def _drawn(
    document: SharingConsentDocument, proof: Mapping[str, str], policy: Policy
) -> dict[str, Any]:
    record = document.record
    return {
        "@context": CONTEXT,
        "@type": "dpv:ConsentRecord",
        "dct:conformsTo": PROFILE,
        "dct:created": _instant(document.signed_ms),
        "dpv:hasDataController": {
            "@type": "dpv:DataController",
            "xref:office": document.office,
        },
        # Who it is about stands nowhere: the office knows, by the case that it keeps this with.
        "dpv:hasDataSubject": {"@type": "dpv:Child" if record.guardian else "dpv:DataSubject"},
        "dpv:hasLegalBasis": {"@id": "dpv:Consent"},
        "dpv:hasProcess": {
            "@type": "dpv:Process",
            "dpv:hasPersonalData": [
                {"@type": "dpv:PersonalData", "xref:category": each} for each in record.categories
            ],
            "dpv:hasPurpose": [_purpose(each, policy) for each in record.purposes],
            "dpv:hasRecipient": [
                {"@type": "dpv:Recipient", "xref:recipient": each} for each in record.recipients
            ],
        },
        "dpv:hasNotice": _notice(record),
        "dpv:hasConsentStatus": _statuses(document),
        "xref:warned_on": _instant(record.warned_on_ms) if record.warned_on_ms else None,
        "xref:record": record.encode().decode(),
        "xref:withdrawn_ms": document.withdrawn_ms,
        "xref:messages": [
            {
                "xref:message": each.message.hex(),
                "xref:salt": each.salt.hex(),
                "xref:digest": record.digest(each.salt).hex(),
            }
            for each in document.messages
        ],
        "xref:signed_ms": document.signed_ms,
        "xref:proof": dict(proof),
    }


def _purpose(name: str, policy: Policy) -> dict[str, str]:
    known = policy.purposes.get(name)
    iri = known.iri.replace(CONTEXT["dpv"], "dpv:") if known and known.iri else ""
    return {"@type": iri or "dpv:Purpose", "xref:purpose": name}


def _notice(record: SharingConsent) -> dict[str, Any]:
    notice: dict[str, Any] = {
        "@type": "dpv:ConsentNotice",
        "dct:hasVersion": record.notice_version,
        "dct:language": record.language,
        "xref:explained_by": record.explained_by,
    }
    if (told := record.explanation) is not None:
        notice |= {
            "xref:sha256": told.notice_sha256,
            "xref:explained_how": told.how,
            "xref:interpreted_by": told.interpreted_by,
            "xref:withdrawal_routes": list(told.withdrawal_routes),
        }
    return notice


def _statuses(document: SharingConsentDocument) -> list[dict[str, Any]]:
    record = document.record
    by = "dpv:GuardianOfDataSubject" if record.guardian else "dpv:DataSubject"
    given = {
        "@type": _STATUS["granted"],
        "dpv:isIndicatedBy": {"@type": by},
        "dpv:isIndicatedAtTime": _instant(record.given_on_ms),
        "dct:valid": f"{_instant(record.given_on_ms)}/{_instant(record.valid_until_ms)}",
    }
    state, now = document.state(), document.signed_ms
    if state == "granted":
        return [given]
    at = {"withdrawn": document.withdrawn_ms, "expired": record.valid_until_ms}.get(state, now)
    return [given, {"@type": _STATUS[state], "dpv:isIndicatedAtTime": _instant(at)}]


def _instant(at_ms: int) -> str:
    """Return a moment in RFC 3339; beyond the calendar's end its number of milliseconds."""
    try:
        moment = datetime.fromtimestamp(at_ms // 1000, UTC).replace(microsecond=at_ms % 1000 * 1000)
    except (ValueError, OverflowError):
        return str(at_ms)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
