"""What a person should look at in a received message, whatever the sending desk asked. Pure.

The commitments prove what the sender wrote, not that it is right. What cannot be true of any honest
message is refused (`xref.desk.receive.check_body`); what may be right after all is shown with the
message, and costs nobody anything: a sibling that people write in their own way, a code on no list
of today, and what the agreement asks. Nothing here says which value was there.
"""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from functools import lru_cache

from xref.bundle import Bundle
from xref.code_lists import shipped_lists, unlisted
from xref.desk.agreed import Said, doubts_of, faults_of
from xref.desk.contradict import impossible_siblings
from xref.limits import SCHEMAS_CACHED_MAX
from xref.policy import Flow
from xref.wire.header import Header
from xref.wire.schema import Schema, SchemaField


def to_look_at(
    values: Mapping[str, object], header: Header, flow: Flow, schema: Schema, bundle: Bundle
) -> Iterator[Said]:
    """Yield fields of an opened message with what is the matter, by the bundle that it names."""
    written = datetime.fromtimestamp(header.created_ms / 1000, UTC).date()
    for name, source in impossible_siblings(values, written):
        yield name, f"it does not follow from {source}"
    for field in _listed(schema):
        fault = unlisted(field, values.get(field.name), shipped_lists())
        if fault is not None:
            yield field.name, fault
    agreement = bundle.policy.agreement_of(flow)
    if agreement is not None:
        given = agreement, flow, values, bundle.directory, header.sender
        yield from faults_of(*given)
        yield from doubts_of(*given)


@lru_cache(maxsize=SCHEMAS_CACHED_MAX)
def _listed(schema: Schema) -> tuple[SchemaField, ...]:
    """Return the fields whose codes are on a list that this version has."""
    lists = shipped_lists()
    return tuple(each for each in schema.fields if each.value and each.value.listed in lists)
