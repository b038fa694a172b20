"""What an adapter covers of a bundle, and what is wrong with it: `xref adapter check`. Pure.

The samples are read and written as a desk would, then turned back: what does not survive is told.
"""

from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Literal

from xref.desk.adapter import Adapter, Publication
from xref.desk.adapter_samples import Finding, check_samples, finding_at, forms_of
from xref.desk.cell import Column
from xref.desk.definitions import NEVER_LOST, codes_lost
from xref.desk.derive import DERIVED_FROM
from xref.desk.publish import DESK_FILLS
from xref.desk.sharing_consent_form import SharingConsentForm
from xref.desk.told import notices_of
from xref.desk.toml_lines import Place
from xref.desk.which_form import not_apart
from xref.policy import Notice, Policy
from xref.wire.schema import Schema

State = Literal["mapped", "defaulted", "lost"]


@dataclass(frozen=True, slots=True)
class Covered:
    """What becomes of one field of a record type in one form.

    `mapped`: the form has a column for it. `defaulted`: the desk fills it, or derives it from a
    finer field. `lost`: the form has no place for it. `codes_lost` have no word in the form.
    """

    form: str
    record: str
    field: str
    state: State
    required: bool
    codes_lost: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Checked:
    """An adapter's coverage, what its rules fill in, and its findings; none is a pass."""

    coverage: tuple[Covered, ...]
    ruled: tuple[tuple[str, str], ...]
    """(form, fact) pairs that a rule fills where no column answers."""
    samples: int
    findings: tuple[Finding, ...]
    own_form: tuple[tuple[str, str], ...] = ()
    """("publication" or "received", type) for which there is no form: they go in xref's own."""


def check_adapter(
    adapter: Adapter, policy: Policy, samples: Mapping[str, bytes], *, today: date
) -> Checked:
    """Return what an adapter covers of the bundle with `policy`, and everything wrong with it.

    `samples` are the files of its folder `samples/`, by name; `today` is the day of the samples
    unless the adapter names one.
    """
    coverage, notices = tuple(_coverage(adapter, policy)), notices_of(adapter, [policy])
    ruled = {(name, rule.fact) for name, f in adapter.file.publications.items() for rule in f.rules}
    findings = [
        *_unused(adapter),
        *_alike(adapter),
        *_unknown(adapter, policy),
        *_gaps(adapter, coverage),
        *_unconventional(adapter),
        *_untold(adapter, notices),
        *check_samples(adapter, notices, samples, adapter.file.sampled_on or today),
    ]
    own_form = (
        *(("publication", n) for n in policy.publications if n not in adapter.file.publications),
        *(("received", n) for n in _flow_names(policy) if n not in adapter.file.received),
    )
    return Checked(coverage, tuple(sorted(ruled)), len(samples), tuple(findings), own_form)


def _flow_names(policy: Policy) -> list[str]:
    """Return the flows that an office receives, without those that only desks read."""
    return [flow.name for flow in policy.flows.values() if flow.owner != "operation"]


def _schemas(policy: Policy, group: str, form: str) -> tuple[Schema, ...]:
    """Return the record types that a form is about; none for a form that the bundle lacks."""
    if group == "received":
        flows = policy.flows.values()
        return tuple(policy.schema_for(flow) for flow in flows if flow.name == form)
    return policy.rulebook.schemas_of(form)


def _coverage(adapter: Adapter, policy: Policy) -> Iterator[Covered]:
    for group, name, form in forms_of(adapter):
        columns = {end: column for column in form.columns for end in column.ends}
        derived = form.derive if isinstance(form, Publication) else ()
        for schema in _schemas(policy, group, name):
            for field in schema.fields:
                column = columns.get(f"field/{field.name}")
                state: State = "mapped" if column else "lost"
                if not column and group == "publication" and field.name in {*derived, *DESK_FILLS}:
                    state = "defaulted"
                lost = codes_lost(adapter, column, field) if column else ()
                yield Covered(
                    f"{group}.{name}", schema.name, field.name, state, field.required, lost
                )


def _unused(adapter: Adapter) -> Iterator[Finding]:
    """Yield what is shared and no form names: a form may lack the column that was meant for it."""
    for place in adapter.unused:
        problem = f"no form has the shared {' '.join(map(str, place))}"
        yield finding_at(adapter, place, problem, "name it in a form, or remove it")


def _alike(adapter: Adapter) -> Iterator[Finding]:
    """Yield each form whose rows may be of an earlier one, which no reader could tell."""
    for earlier, name in not_apart(adapter.file.publications):
        problem = f"a row of it may be of {earlier} too, and is then read as neither"
        cure = (
            'give both a column with to = "title"'
            if "json" in adapter.file.publications[name].format
            else "give one of them a column that the other has not"
        )
        yield finding_at(adapter, ("publication", name), problem, cure)


def _unknown(adapter: Adapter, policy: Policy) -> Iterator[Finding]:
    """Yield every name in the adapter that the bundle does not know."""
    names = {field.name for schema in policy.schemas.values() for field in schema.fields}
    names |= DERIVED_FROM
    facts = {fact.name: fact.values for fact in policy.facts.facts}
    for place, problem in adapter.unknown_names(names, facts):
        yield finding_at(adapter, place, problem, "correct the name")
    for group, name, form in forms_of(adapter):
        schemas = _schemas(policy, group, name)
        if schemas:
            for number, column in enumerate(form.columns):
                place = (group, name, "column", number)
                yield from _strange_fields(adapter, place, column, schemas, names)
                yield from _strange_codes(adapter, column, schemas)
        else:
            kind = "flow" if group == "received" else "publication"
            problem = f"the bundle knows no {kind} {name!r}"
            yield finding_at(adapter, (group, name), problem, "correct it, or add --bundle DIR")


def _field_names(column: Column) -> list[str]:
    return [end.removeprefix("field/") for end in column.ends if end.startswith("field/")]


def _strange_fields(
    adapter: Adapter,
    place: Place,
    column: Column,
    schemas: Iterable[Schema],
    known: Container[str],
) -> Iterator[Finding]:
    """Yield the fields that exist, but not in this form's records."""
    for name in _field_names(column):
        has = any(name in schema.by_name for schema in schemas) or name in DERIVED_FROM
        if name in known and not has:
            kinds = ", ".join(schema.name for schema in schemas)
            problem = f"{column.header}: {kinds} has no field {name!r}"
            yield finding_at(adapter, place, problem, "correct it, or keep the column with `stays`")


def _strange_codes(
    adapter: Adapter, column: Column, schemas: Iterable[Schema]
) -> Iterator[Finding]:
    words = adapter.file.codes.get(column.codes or "", {})
    fields = [
        s.by_name[name] for s in schemas for name in _field_names(column) if name in s.by_name
    ]
    for field in (field for field in fields if field.symbols):
        for word in (word for word, code in words.items() if code not in field.symbols):
            problem = f"{field.name} has no code {words[word]!r}"
            cure = f"use one of {', '.join(field.symbols)}"
            yield finding_at(adapter, ("codes", str(column.codes), word), problem, cure)


def _unconventional(adapter: Adapter) -> Iterator[Finding]:
    """Yield each script and language of the conventions that a form of the office cannot say."""
    usual = adapter.file.conventions
    wanted = {
        "field/name_script": ("script", usual.scripts if usual else ()),
        "sharing-consent/language": ("language of notices", usual.notices if usual else ()),
    }
    for name, form in adapter.file.publications.items():
        for column in form.columns:
            for end in wanted.keys() & set(column.ends):
                what, codes = wanted[end]
                words = adapter.by_code.get(column.codes or "", {})
                for code in (code for code in codes if code not in words):
                    yield finding_at(
                        adapter,
                        ("publication", name),
                        f"{column.header} has no word for the {what} {code}",
                        f"add one to [codes.{column.codes}], or correct [conventions]",
                    )


def _untold(adapter: Adapter, notices: Sequence[Notice]) -> Iterator[Finding]:
    """Yield each notice of which this office has not every text, at the first form that has it."""
    seen: set[tuple[str, str]] = set()
    for name, form in adapter.file.publications.items():
        if form.sharing_consent is None:
            continue
        asked = _languages_asked(adapter, form)
        fault = _untold_by(form.sharing_consent, asked, notices)
        if fault is not None and fault not in seen:
            seen.add(fault)
            yield finding_at(adapter, ("publication", name, "sharing_consent"), *fault)


def _untold_by(
    form: SharingConsentForm, asked: set[str], notices: Sequence[Notice]
) -> tuple[str, str] | None:
    """Return what is wrong with a form's notice, and the cure."""
    known = {each.language for each in notices if each.version == form.notice_version}
    if not known:
        versions = ", ".join(sorted({each.version for each in notices})) or "none"
        problem = f"neither the bundle nor the adapter has the notice {form.notice_version}"
        return problem, f"name one of: {versions}; or add notices/{form.notice_version}/"
    if form.is_explained and form.interpreted_from not in known:
        lacking = [form.interpreted_from] if form.interpreted_from else sorted(asked - known)
        if lacking:
            cure = f"name with interpreted_from the text that is interpreted: {sorted(known)}"
            return f"the notice has no text in {', '.join(lacking)}", cure
    return None


def _languages_asked(adapter: Adapter, form: Publication) -> set[str]:
    """Return the languages, without script and region, in which the form's notice is explained."""
    columns = [each for each in form.columns if "sharing-consent/language" in each.ends]
    codes = (code for each in columns for code in adapter.by_code.get(each.codes or "", {}))
    return {code.partition("-")[0] for code in codes}


def _gaps(adapter: Adapter, coverage: Iterable[Covered]) -> Iterator[Finding]:
    for each in coverage:
        place = tuple(each.form.split("."))
        if each.state == "lost" and each.required and place[0] == "publication":
            yield finding_at(
                adapter,
                place,
                f"{each.record} needs {each.field}, and no column gives it",
                f'add a column with to = "field/{each.field}"',
            )
        elif each.state == "lost" and each.field in NEVER_LOST:
            member = "to" if place[0] == "publication" else "from"
            yield finding_at(
                adapter,
                place,
                f"{each.field} would be lost, which protects the person",
                f'add a column with {member} = "field/{each.field}"',
            )
        elif each.codes_lost and each.field in NEVER_LOST:
            yield finding_at(
                adapter,
                place,
                f"{each.field} has no word for {', '.join(each.codes_lost)}",
                "add a word for each, the code itself if your office has none",
            )
