"""What a person should look at in a received message, whatever the sending desk asked. Pure.

The commitments prove what the sender wrote, not that it is right. The body is held against its
header, its siblings, today's lists and the agreement, as at the sending desk; what is wrong here
costs nobody the message, but is shown with it. Nothing here says which value was there.
"""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Final

from xref.bundle import Bundle
from xref.code_lists import shipped_lists, unlisted
from xref.desk.agreed import Said, doubts_of, faults_of
from xref.desk.contradict import impossible_siblings
from xref.policy import Flow
from xref.wire.header import NO_ID, Header
from xref.wire.schema import Schema

_SENDERS: Final = ("reply_office", "answered_by")
_SHARING_CONSENT_REF: Final = "sharing_consent_ref"
_ANSWERED: Final = "answered_on"


def to_look_at(
    values: Mapping[str, object], header: Header, flow: Flow, schema: Schema, bundle: Bundle
) -> Iterator[Said]:
    """Yield fields of an opened message with what is the matter, by the bundle that it names."""
    yield from _against_header(values, header)
    written = datetime.fromtimestamp(header.created_ms / 1000, UTC).date()
    for name, source in impossible_siblings(values, written):
        yield name, f"it does not follow from {source}"
    lists = shipped_lists()
    for field in schema.fields:
        known = field.value is not None and field.value.listed in lists
        fault = unlisted(field, values.get(field.name), lists) if known else None
        if fault is not None:
            yield field.name, fault
    agreement = bundle.policy.agreement_of(flow)
    if agreement is not None:
        given = agreement, flow, values, bundle.directory, header.sender
        yield from faults_of(*given)
        yield from doubts_of(*given)


def _against_header(values: Mapping[str, object], header: Header) -> Iterator[Said]:
    for name in _SENDERS:
        if values.get(name) not in (None, header.sender):
            yield name, "it is not the office that sent the message"
    reference = header.consent_ref.hex() if header.consent_ref != NO_ID else None
    if values.get(_SHARING_CONSENT_REF) not in (None, reference):
        yield _SHARING_CONSENT_REF, "it is not the reference by which the message can be withdrawn"
    written = datetime.fromtimestamp(header.created_ms / 1000, UTC).date()
    days = {(written + timedelta(each)).isoformat() for each in (-1, 0, 1)}
    if values.get(_ANSWERED) is not None and values[_ANSWERED] not in days:
        yield _ANSWERED, "it is not the day on which the message was written"
