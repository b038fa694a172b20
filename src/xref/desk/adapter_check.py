"""What an adapter covers of a bundle, and what is wrong with it: `xref adapter check`. Pure.

The samples are read and written as a desk would, then turned back: what does not survive is told.
"""

import json
from collections.abc import Container, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, Final, Literal

from xref import limits
from xref.desk.adapter import Adapter, Publication, Received
from xref.desk.cell import CellFault, Column, read_cell, write_cell
from xref.desk.definitions import NEVER_LOST, codes_lost
from xref.desk.derive import DERIVED_FROM
from xref.desk.publish import DESK_FILLS
from xref.desk.read_form import Record, read_form
from xref.desk.toml_lines import Place
from xref.desk.write_form import Received as Message
from xref.desk.write_form import write_form
from xref.errors import ConfigError
from xref.policy import Policy
from xref.wire.schema import Schema

SAMPLES: Final = "samples"
_RECORDS: Final = ".records.json"
_VALUES: Final = ".values.json"
_FORM: Final = ".form.json"
_LATER: Final = date(9000, 1, 1)  # a written form's days may lie behind any day
_WIDE: Final = {
    "future": True,
    "partial": True,
    "characters_max": limits.CELL_CHARS_MAX,
    "least": -(2**31),
    "most": 2**31,
    "digits": (),
    "check": None,
}

State = Literal["mapped", "defaulted", "lost"]


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing to put right: file, line, what is wrong, and the cure."""

    file: str
    line: int
    problem: str
    cure: str

    def __str__(self) -> str:
        """One line for the engineer."""
        return f"{self.file}, line {self.line}: {self.problem}; {self.cure}"


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
    coverage = tuple(_coverage(adapter, policy))
    ruled = {(name, rule.fact) for name, f in adapter.file.publications.items() for rule in f.rules}
    findings = [
        *_unknown(adapter, policy),
        *_gaps(adapter, coverage),
        *_unconventional(adapter),
        *_samples(adapter, samples, adapter.file.sampled_on or today),
    ]
    own_form = (
        *(("publication", n) for n in policy.publications if n not in adapter.file.publications),
        *(("received", n) for n in _flow_names(policy) if n not in adapter.file.received),
    )
    return Checked(coverage, tuple(sorted(ruled)), len(samples), tuple(findings), own_form)


def _flow_names(policy: Policy) -> list[str]:
    """Return the flows that an office receives, without those that only desks read."""
    return [flow.name for flow in policy.flows.values() if flow.owner != "operation"]


def sample_record(record: Record) -> dict[str, Any]:
    """Return a record as a sample's expected file has it: the desk's, in JSON."""
    given = record.sharing_consent
    return {
        "line": record.line,
        "publication": record.publication,
        "case": record.case,
        "values": dict(record.values),
        "facts": dict(record.facts),
        "sharing_consent": None if given is None else json.loads(given.encode()),
        "named": dict(record.named),
        "reply_to": None if record.reply_to is None else record.reply_to.hex(),
    }


def _schemas(policy: Policy, group: str, form: str) -> tuple[Schema, ...]:
    """Return the record types that a form is about; none for a form that the bundle lacks."""
    if group == "received":
        flows = policy.flows.values()
        return tuple(policy.schema_for(flow) for flow in flows if flow.name == form)
    return policy.rulebook.schemas_of(form)


def _forms(adapter: Adapter) -> Iterator[tuple[str, str, Publication | Received]]:
    for name, publication in adapter.file.publications.items():
        yield "publication", name, publication
    for name, received in adapter.file.received.items():
        yield "received", name, received


def _coverage(adapter: Adapter, policy: Policy) -> Iterator[Covered]:
    for group, name, form in _forms(adapter):
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


def _unknown(adapter: Adapter, policy: Policy) -> Iterator[Finding]:
    """Yield every name in the adapter that the bundle does not know."""
    names = {field.name for schema in policy.schemas.values() for field in schema.fields}
    names |= DERIVED_FROM
    facts = {fact.name: fact.values for fact in policy.facts.facts}
    for place, problem in adapter.unknown_names(names, facts):
        yield _finding(adapter, place, problem, "correct the name")
    for group, name, form in _forms(adapter):
        schemas = _schemas(policy, group, name)
        if schemas:
            for number, column in enumerate(form.columns):
                place = (group, name, "column", number)
                yield from _strange_fields(adapter, place, column, schemas, names)
                yield from _strange_codes(adapter, column, schemas)
        else:
            kind = "flow" if group == "received" else "publication"
            problem = f"the bundle knows no {kind} {name!r}"
            yield _finding(adapter, (group, name), problem, "correct it, or add --bundle DIR")


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
            yield _finding(adapter, place, problem, "correct it, or keep the column with `stays`")


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
            yield _finding(adapter, ("codes", str(column.codes), word), problem, cure)


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
                    yield _finding(
                        adapter,
                        ("publication", name),
                        f"{column.header} has no word for the {what} {code}",
                        f"add one to [codes.{column.codes}], or correct [conventions]",
                    )


def _gaps(adapter: Adapter, coverage: Iterable[Covered]) -> Iterator[Finding]:
    for each in coverage:
        place = tuple(each.form.split("."))
        if each.state == "lost" and each.required and place[0] == "publication":
            yield _finding(
                adapter,
                place,
                f"{each.record} needs {each.field}, and no column gives it",
                f'add a column with to = "field/{each.field}"',
            )
        elif each.state == "lost" and each.field in NEVER_LOST:
            member = "to" if place[0] == "publication" else "from"
            yield _finding(
                adapter,
                place,
                f"{each.field} would be lost, which protects the person",
                f'add a column with {member} = "field/{each.field}"',
            )
        elif each.codes_lost and each.field in NEVER_LOST:
            yield _finding(
                adapter,
                place,
                f"{each.field} has no word for {', '.join(each.codes_lost)}",
                "add a word for each, the code itself if your office has none",
            )


def _samples(adapter: Adapter, samples: Mapping[str, bytes], today: date) -> Iterator[Finding]:
    seen: set[str] = set()
    for name in sorted(samples):
        if name.endswith(_RECORDS):
            found = _read_sample(adapter, samples, name, today)
        elif name.endswith(_VALUES):
            found = _write_sample(adapter, samples, name)
        else:
            continue
        for item in found:
            if isinstance(item, str):
                seen.add(item)
            else:
                yield item
    for group, name, _ in _forms(adapter):
        if f"{group}.{name}" not in seen:
            kind = f"NAME{_RECORDS}" if group == "publication" else f"{name}{_VALUES}"
            yield _finding(
                adapter, (group, name), f"no sample of {name}", f"add one, as {SAMPLES}/{kind}"
            )


def _json_of(samples: Mapping[str, bytes], name: str) -> Any:  # noqa: ANN401 - what a sample holds
    try:
        return json.loads(samples.get(name, b""))
    except ValueError as error:
        raise ConfigError("it is not JSON") from error


def _read_sample(
    adapter: Adapter, samples: Mapping[str, bytes], expected: str, today: date
) -> Iterator[Finding | str]:
    """Read a form, compare its records, and turn each back; yield forms seen and findings."""
    stem = expected.removesuffix(_RECORDS)
    source = stem if stem in samples else f"{stem}.json"
    if source not in samples:
        yield _sample(expected, f"there is no form {stem} beside it", "add the form")
        return
    reading = read_form(adapter, source, samples[source], today=today)
    for problem in reading.problems:
        yield _sample(source, f"{problem.field}: {problem.problem}", problem.cure, problem.line)
    try:
        wanted = _json_of(samples, expected)
    except ConfigError as error:
        yield _sample(expected, str(error), "correct it")
        return
    got = [sample_record(record) for record in reading.records]
    for number, record in enumerate(got):
        yield f"publication.{record['publication']}"
        other = wanted[number] if isinstance(wanted, list) and number < len(wanted) else {}
        for member in _different(record, other):
            yield _sample(
                source, f"its {member} is not that of {expected}", "correct either", record["line"]
            )
        for field in _not_back(adapter, "publication", record["publication"], record["values"]):
            yield _sample(
                source, f"{field} does not survive form and back", "see its column", record["line"]
            )
    if isinstance(wanted, list) and len(wanted) > len(got):
        yield _sample(source, f"{expected} has more records", "correct either")


def _different(got: Mapping[str, Any], wanted: object) -> list[str]:
    if not isinstance(wanted, dict):
        return ["record"]
    return [
        f"{member} {key}".strip()
        for member in got
        for key in (_keys(got[member], wanted.get(member)))
    ]


def _keys(one: object, other: object) -> list[str]:
    if isinstance(one, dict) and isinstance(other, dict):
        return sorted(key for key in one.keys() | other.keys() if one.get(key) != other.get(key))
    return [] if one == other else [""]


def _write_sample(
    adapter: Adapter, samples: Mapping[str, bytes], name: str
) -> Iterator[Finding | str]:
    """Write a form from values, compare it, and read it back; yield forms seen and findings."""
    expected = name.removesuffix(_VALUES) + _FORM
    try:
        values = _json_of(samples, name)
        message = Message(**{**values, "message": bytes.fromhex(values["message"])})
        written = write_form(adapter, message)
    except (ConfigError, ValueError, KeyError, TypeError) as error:
        said = str(error) if isinstance(error, ConfigError) else "it is no message"
        yield _sample(name, said, "copy the members of a shipped sample")
        return
    if message.type not in adapter.file.received:
        cure = f"add [received.{message.type}]"
        yield _sample(name, f"the adapter has no form for {message.type}", cure)
        return
    yield f"received.{message.type}"
    if expected not in samples:
        yield _sample(name, f"there is no {expected} beside it", "add it")
    elif samples[expected] != written:
        yield _sample(expected, f"it is not what {name} becomes", "correct either")
    for field in _not_back(adapter, "received", message.type, message.values):
        yield _sample(name, f"{field} does not survive form and back", "see its column")


def _not_back(
    adapter: Adapter, group: str, name: str, values: Mapping[str, object]
) -> Iterator[str]:
    """Yield the fields whose value is another one after it was written and read again."""
    form = next(f for g, n, f in _forms(adapter) if (g, n) == (group, name))
    for column in form.columns:
        for end in column.ends:
            field = end.removeprefix("field/")
            if field != end and not survives(adapter, column, values.get(field)):
                yield field


def survives(adapter: Adapter, column: Column, value: object) -> bool:
    """Say whether a value is the same after it was written into a column and read again."""
    cell, said = write_cell(column, adapter.by_code.get(column.codes or "", {}), value)
    if not said:
        return True  # it stands as it came, and `unlisted` names it
    try:
        back = read_written(adapter, column, cell)
    except CellFault:
        return False
    return back == (list(value) if isinstance(value, tuple) else value)


def read_written(adapter: Adapter, column: Column, cell: object) -> object | None:
    """Return what a written cell says: its days and numbers have no bounds. `CellFault`."""
    wide = column.model_copy(update=_WIDE)
    return read_cell(wide, adapter.by_word.get(column.codes or "", {}), cell, today=_LATER)


def _finding(adapter: Adapter, place: Place, problem: str, cure: str) -> Finding:
    return Finding(adapter.path, adapter.line(*place), problem, cure)


def _sample(name: str, problem: str, cure: str, line: int = 1) -> Finding:
    return Finding(f"{SAMPLES}/{name}", line, problem, cure)
