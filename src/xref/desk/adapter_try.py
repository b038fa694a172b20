"""One file of an office, before and after its adapter, without a desk: `xref adapter try`. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from xref.desk.adapter import Adapter, Publication
from xref.desk.form_file import Problem, Row
from xref.desk.form_source import FormSource
from xref.desk.plain_form import is_plain_form, read_plain_form
from xref.desk.publish import DESK_FILLS
from xref.desk.read_form import Record, read_form, rows_of
from xref.desk.told import notices_of, with_notice
from xref.policy import Policy
from xref.record_check import check_record


@dataclass(frozen=True, slots=True)
class TriedRecord:
    """One record: its cells by header before, its values and facts by canonical name after.

    `defaulted` are the fields that the desk derives or fills in and the facts that a rule gives,
    `lost` the fields that the agreement's records have and the form does not, `stays` the columns
    that are not read.
    """

    line: int
    publication: str
    before: Mapping[str, object]
    after: Mapping[str, object]
    facts: Mapping[str, str]
    defaulted: tuple[str, ...]
    lost: tuple[str, ...]
    stays: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Tried:
    """What would go, and a problem for everything else. It holds what the file says of people."""

    records: tuple[TriedRecord, ...]
    problems: tuple[Problem, ...]


def try_form(
    adapter: Adapter, policy: Policy, file_name: str, data: bytes, *, today: date
) -> Tried:
    """Return a file's records before and after, and everything that keeps one from going.

    It may be in xref's own form too, which loses nothing.
    """
    is_plain = is_plain_form(file_name, data)
    if is_plain:
        reading = read_plain_form(policy, file_name, data, today=today)
    else:
        reading = read_form(adapter, file_name, data, today=today)
    problems, good = list(reading.problems), []
    notices = notices_of(adapter, [policy])
    for record in with_notice(reading.records, notices, None if is_plain else adapter):
        if isinstance(record, Problem):
            problems.append(record)
            continue
        found = check_record(record, policy, today)
        problems += found
        if not found:
            good.append(record)
    if is_plain:
        return Tried(tuple(map(_tried_plain, good)), tuple(problems))
    source = FormSource.of(file_name, data)
    rows = {row.line: row for row in rows_of(adapter, source)}
    tried = [_tried(adapter, policy, record, rows[record.line]) for record in good]
    return Tried(tuple(tried), tuple(problems))


def _tried_plain(record: Record) -> TriedRecord:
    return TriedRecord(record.line, record.publication, {}, record.values, record.facts, (), (), ())


def _tried(adapter: Adapter, policy: Policy, record: Record, row: Row) -> TriedRecord:
    form = adapter.file.publications[record.publication]
    ends = {end for column in form.columns for end in column.ends}
    answered = {
        end for column in form.columns if row.cells.get(column.header) for end in column.ends
    }
    stays = tuple(column.header for column in form.columns if "stays" in column.ends)
    return TriedRecord(
        line=record.line,
        publication=record.publication,
        before={header: cell for header, cell in row.cells.items() if header not in stays},
        after=record.values,
        facts=record.facts,
        defaulted=(
            *(f"field {name}" for name in record.values if f"field/{name}" not in answered),
            *(f"fact {name}" for name in record.facts if f"fact/{name}" not in answered),
        ),
        lost=_lost(form, policy, record, ends),
        stays=stays,
    )


def _lost(form: Publication, policy: Policy, record: Record, ends: set[str]) -> tuple[str, ...]:
    filled = {*form.derive, *DESK_FILLS}
    schemas = policy.rulebook.schemas_of(record.publication)
    names = {field.name for schema in schemas for field in schema.fields}
    return tuple(sorted(name for name in names - filled if f"field/{name}" not in ends))
