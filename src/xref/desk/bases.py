"""On which basis material may count: who may name one, and what is doubtful about it. Pure."""

from collections.abc import Mapping
from typing import Final

from xref.bundle import Directory, Office
from xref.errors import RecordError
from xref.policy import BASES_FIELD, BASIS_FIELD, Agreement, IdentificationBasis

_SOURCE_FIELD: Final = "source_office"


def check_basis(
    agreement: Agreement, values: Mapping[str, object], directory: Directory, own: str
) -> None:
    """Raise `RecordError` for a basis that the agreement lacks or the material cannot have."""
    for name in (BASIS_FIELD, BASES_FIELD):
        _check_known(agreement, name, values.get(name))
    basis = _basis(agreement, values)
    if basis is None:
        return
    source = _source(values, directory, own)
    if basis.only_from and (source.party, source.role) not in basis.only_from:
        named = ", ".join(" ".join(each) for each in basis.only_from)
        raise RecordError(
            f"{BASIS_FIELD}: {basis.code} counts for material of {named} alone; "
            f"name that office in {_SOURCE_FIELD}, or another basis"
        )


def doubt_on_basis(
    agreement: Agreement, values: Mapping[str, object], directory: Directory, own: str
) -> str:
    """Return what a person should look at before the record goes, which it does; else nothing."""
    basis = _basis(agreement, values)
    if basis is None or _source(values, directory, own).role not in basis.doubted_from:
        return ""
    return basis.doubt


def _check_known(agreement: Agreement, name: str, value: object) -> None:
    codes = value if isinstance(value, list | tuple) else [value] if value else []
    known = agreement.identification_bases
    for code in codes if known else ():  # without bases no record of the agreement has the field
        if code not in known:
            message = f"{name}: {agreement.id} has no basis {code}; use one of {', '.join(known)}"
            raise RecordError(message)


def _basis(agreement: Agreement, values: Mapping[str, object]) -> IdentificationBasis | None:
    return agreement.identification_bases.get(str(values.get(BASIS_FIELD)))


def _source(values: Mapping[str, object], directory: Directory, own: str) -> Office:
    code = str(values.get(_SOURCE_FIELD) or own)
    office = directory.find(code)
    if office is None:
        raise RecordError(f"{_SOURCE_FIELD}: no such office; use a code of the bundle's directory")
    return office
