"""What an agreement asks of the values of a record beyond their form: bases and crossings. Pure.

Both desks ask it: the sending one refuses faults and tells doubts to whoever submits the record,
the receiving one shows both to a person. Nothing here says which value was there.
"""

from collections.abc import Iterator, Mapping
from typing import Final

from xref.bundle import Directory, Office
from xref.policy import BASES_FIELD, BASIS_FIELD, CROSSING_FIELD, Agreement, Flow

Said = tuple[str, str]
"""A field, and what is the matter with it."""
_SOURCE_FIELD: Final = "source_office"
_AT_THE_BORDER: Final = "border-guard"
_NO_CROSSING: Final = "it is on no list of the agreement's crossings"


def faults_of(
    agreement: Agreement, flow: Flow, values: Mapping[str, object], directory: Directory, own: str
) -> Iterator[Said]:
    """Yield what keeps a record from counting; `own` is the office that sends it.

    An unknown crossing is a fault where a border guard has to stand there.
    """
    for name in (BASIS_FIELD, BASES_FIELD):
        yield from _unknown_bases(agreement, name, values.get(name))
    basis = agreement.identification_bases.get(str(values.get(BASIS_FIELD)))
    if basis is not None:
        source = _source(values, directory, own)
        if source is None:
            yield _SOURCE_FIELD, "no such office; use a code of the bundle's directory"
        elif basis.only_from and (source.party, source.role) not in basis.only_from:
            named = ", ".join(" ".join(each) for each in basis.only_from)
            cure = f"name that office in {_SOURCE_FIELD}, or another basis"
            yield BASIS_FIELD, f"{basis.code} counts for material of {named} alone; {cure}"
    if _is_off_the_list(agreement, values) and _AT_THE_BORDER in flow.to_roles:
        yield CROSSING_FIELD, f"{_NO_CROSSING}; use one of agreement {agreement.id}"


def doubts_of(
    agreement: Agreement, flow: Flow, values: Mapping[str, object], directory: Directory, own: str
) -> Iterator[Said]:
    """Yield what a person should look at in a record that goes all the same."""
    basis = agreement.identification_bases.get(str(values.get(BASIS_FIELD)))
    if basis is not None:
        source = _source(values, directory, own)
        if source is not None and source.role in basis.doubted_from:
            yield BASIS_FIELD, basis.doubt
    if _is_off_the_list(agreement, values) and _AT_THE_BORDER not in flow.to_roles:
        yield CROSSING_FIELD, _NO_CROSSING


def _unknown_bases(agreement: Agreement, name: str, value: object) -> Iterator[Said]:
    codes = value if isinstance(value, list | tuple) else [value] if value else []
    known = agreement.identification_bases
    # Without bases no record of the agreement has the field.
    if known and any(code not in known for code in codes):
        yield name, f"{agreement.id} has no such basis; use one of {', '.join(known)}"


def _is_off_the_list(agreement: Agreement, values: Mapping[str, object]) -> bool:
    place = values.get(CROSSING_FIELD)
    return bool(agreement.crossings) and place is not None and place not in agreement.crossings


def _source(values: Mapping[str, object], directory: Directory, own: str) -> Office | None:
    return directory.find(str(values.get(_SOURCE_FIELD) or own))
