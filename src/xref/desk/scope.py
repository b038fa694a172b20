"""What a hop may know of a sharing consent: a digest, which fields it covers, and for how long."""

from dataclasses import dataclass

from xref.bundle import Office
from xref.desk.consent import SharingConsent
from xref.policy import Flow
from xref.wire.schema import Schema


@dataclass(frozen=True, slots=True)
class Scope:
    """A sharing consent as a hop may know it."""

    digest: bytes
    mask: int
    from_ms: int
    until_ms: int


NO_SCOPE = Scope(bytes(32), 0, 0, 0)


def scope_for(
    given: SharingConsent, salt: bytes, flow: Flow, office: Office, schema: Schema
) -> Scope:
    """Return what of a sharing consent counts for a message of a flow to an office."""
    covered = given.covers(flow.purpose, office.code, office.role)
    fields = [(place, field.category) for place, field in enumerate(schema.fields)]
    mask = given.mask(fields) if covered else 0
    return Scope(given.digest(salt), mask, given.given_on_ms, given.valid_until_ms)
