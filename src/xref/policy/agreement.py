"""The head of an agreement: who is bound by it, and on which bases it identifies a victim."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from xref.errors import ConfigError
from xref.policy.flows import Flow, read_name
from xref.policy.reading import Entry
from xref.policy.vocabulary import ROLES
from xref.wire.schema import Schema

BASIS_FIELD: Final = "identification_basis"
"""The field that names one basis; `identification_bases` names several."""
_BASIS_FIELDS: Final = (BASIS_FIELD, "identification_bases")
_SOURCE: Final = re.compile(r"([A-Z]{2}) ([a-z-]+)")


@dataclass(frozen=True, slots=True)
class IdentificationBasis:
    """One of the bases on which an agreement identifies a victim.

    Where `only_from` names offices, each as (Party, role), nobody else's material counts under it.
    Material from an office of a role in `doubted_from` counts, and whoever submits it is told
    `doubt`, so that a person looks.
    """

    code: str
    explain: str
    only_from: tuple[tuple[str, str], ...] = ()
    doubted_from: tuple[str, ...] = ()
    doubt: str = ""


@dataclass(frozen=True, slots=True)
class Agreement:
    """A bilateral or multilateral instrument, as data; `identification_bases` by their code."""

    id: str
    title: str
    cite: tuple[str, ...]
    parties: tuple[str, ...]
    origins: tuple[str, ...]
    destinations: tuple[str, ...]
    identification_bases: Mapping[str, IdentificationBasis]


def read_agreement(file: Entry, folder: str) -> Agreement:
    """Return the head of an agreement's own file, whose id must be its folder's name."""
    agreement = Agreement(
        id=read_name(file, "id"),
        title=file.text("title"),
        cite=file.cites(),
        parties=file.texts("parties"),
        origins=file.texts("origins"),
        destinations=file.texts("destinations"),
        identification_bases=_bases(file),
    )
    if agreement.id != folder:
        raise file.fault(f"id {agreement.id} in folder {folder}", "make them the same")
    parties = set(agreement.parties)
    if not parties >= set(agreement.origins) | set(agreement.destinations):
        raise file.fault("origins or destinations beyond the parties", "correct them")
    for basis in agreement.identification_bases.values():
        for party, _ in basis.only_from:
            if party not in parties:
                raise file.fault(f"{basis.code}: {party} is no Party of it", "correct only_from")
    return agreement


def _bases(file: Entry) -> dict[str, IdentificationBasis]:
    bases: dict[str, IdentificationBasis] = {}
    for entry in file.entries("identification_basis"):
        basis = IdentificationBasis(
            code=entry.text("code"),
            explain=entry.text("explain"),
            only_from=tuple(_source(entry, each) for each in entry.texts("only_from", ())),
            doubted_from=entry.words("doubted_from", ROLES, ()),
            doubt=entry.text("doubt", ""),
        )
        entry.finish()
        if bool(basis.doubted_from) != bool(basis.doubt):
            raise entry.fault("doubt belongs to doubted_from, and it to that", "add the other")
        if basis.code in bases:
            raise entry.fault(f"{basis.code} is given twice", "keep one")
        bases[basis.code] = basis
    return bases


def _source(entry: Entry, text: str) -> tuple[str, str]:
    found = _SOURCE.fullmatch(text)
    if found is None or found[2] not in ROLES:
        raise entry.fault(f"only_from: {text!r} is no Party and role", 'write it like "LA police"')
    return found[1], found[2]


def check_bases(
    agreements: Mapping[str, Agreement], flows: Iterable[Flow], schemas: Mapping[str, Schema]
) -> None:
    """Refuse a record of an agreement whose code list of bases is not the agreement's own."""
    for flow in flows:
        agreement = agreements.get(flow.owner)
        if agreement is None:
            continue
        for name in _BASIS_FIELDS:
            field = schemas[flow.schema].by_name.get(name)
            if field is not None and field.symbols != tuple(agreement.identification_bases):
                raise ConfigError(
                    f"schema {flow.schema}, field {name}: its codes are not the identification "
                    f"bases of {agreement.id}; list the same, in the same order"
                )
