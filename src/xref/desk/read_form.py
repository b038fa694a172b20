"""From a file in the office's own form to records. Pure: bytes and the day come in as arguments.

The good records of a file still go; each of the others is a `Problem` that names file, line, field
and cure. Local case numbers and the office's own columns end here.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import BinaryIO, Final, Self, cast

from xref import limits
from xref.desk.adapter import SHARING_CONSENT_PARTS_NEEDED, Adapter, Publication, fact_value
from xref.desk.cell import CellFault, Column, ascii_digits, clean, read_cell
from xref.desk.consent import SharingConsent
from xref.desk.derive import siblings
from xref.desk.form_file import Problem, Row, RowFault
from xref.desk.form_source import FormSource, Opened, open_form
from xref.desk.repeated import Repeated
from xref.desk.which_form import Forms
from xref.errors import MalformedError

MESSAGE_ID_BYTES: Final = 16


@dataclass(frozen=True, slots=True)
class Record:
    """One record as the desk publishes it: canonical names and values, nothing in native words.

    `values` holds what the Avro records of the publication's flows want, by field name; `facts`
    hyphenated values, unknown ones absent; `named` the office that the person chose for a role.
    `case` is the local number and stays at the desk. `reply_to` is the message that is answered.
    `prepared_by` names who handed it in and who corrected it, all of them, or nobody where that is
    not known of all; the names stay too.
    """

    source: str
    line: int
    publication: str
    case: str
    values: Mapping[str, object]
    facts: Mapping[str, str]
    sharing_consent: SharingConsent | None
    named: Mapping[str, str]
    reply_to: bytes | None
    prepared_by: tuple[str, ...] = ()

    def facts_at(self, now_ms: int) -> dict[str, str]:
        """Return the facts with that of the sharing consent, which depends on the moment."""
        facts = dict(self.facts)
        if self.sharing_consent is not None:
            facts["sharing_consent"] = self.sharing_consent.state_at(now_ms).value
        return facts


@dataclass(frozen=True, slots=True)
class Reading:
    """What became of a file: the records that can go, and a problem for everything else."""

    records: list[Record]
    problems: list[Problem]


@dataclass(frozen=True, slots=True)
class _Read:
    """One row after its cells: meaning (`field/sex`, `case`, ...) to canonical value."""

    line: int
    publication: str
    found: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class _Reader:
    """How one row of a form is read: its columns with the words of each."""

    publication: str
    form: Publication
    columns: tuple[tuple[Column, Mapping[str, str]], ...]
    headers: frozenset[str]

    @classmethod
    def of(cls, adapter: Adapter, name: str, form: Publication) -> Self:
        """Return the reader of the form called `name`."""
        asked = {column.year_only_if for column in form.columns}
        columns = tuple(
            (column, adapter.by_word.get(column.codes or "", {}))
            for column in form.columns
            if column.ends != ("stays",) or column.header in asked
        )
        return cls(name, form, columns, frozenset(column.header for column in form.columns))


_TICK_ROWS: Final = 500
_NO_PERIOD: Final = "unspecified-in-law"


@dataclass(frozen=True, slots=True)
class Survey:
    """A file read once: what stands in it twice is known, and its records can be had in turn."""

    adapter: Adapter
    source: FormSource
    today: date
    opened: Opened | RowFault
    twice: Repeated
    rows: int
    kept: tuple[_Read | Problem, ...] | None
    """The rows themselves, where they are few; else the file is read again."""

    def items(self) -> Iterator[Record | Problem]:
        """Yield the records that can go and the problems of all others, in the file's order."""
        for item in self.kept if self.kept is not None else self._again():
            if isinstance(item, Problem):
                yield item
            elif (fault := self.twice.fault(item.found)) is not None:
                yield Problem(self.source.name, item.line, *fault)
            else:
                yield from _record(self.adapter, self.source.name, item, self.today)

    def _again(self) -> Iterator[_Read | Problem]:
        with self.source.open() as stream:
            yield from _reads(self.adapter, self.source, self.opened, stream, self.today)


def survey_form(
    adapter: Adapter,
    source: FormSource,
    *,
    today: date,
    tick: Callable[[int], None] = lambda _: None,
) -> Survey:
    """Read a file once, holding little of it; `tick` is told how many bytes were read so far."""
    opened = open_form(adapter, source)
    twice, kept, few, number = Repeated(), list[_Read | Problem](), True, 0
    with source.open() as stream:
        for number, item in enumerate(_reads(adapter, source, opened, stream, today), 1):
            if isinstance(item, _Read):
                twice.add(item.found)
            few = few and number <= limits.FORM_RECORDS_KEPT_MAX
            if few:
                kept.append(item)
            else:
                kept.clear()
            if number % _TICK_ROWS == 0:
                tick(stream.tell())
    twice.seen.clear()
    return Survey(adapter, source, today, opened, twice, number, tuple(kept) if few else None)


def read_form(adapter: Adapter, file_name: str, data: bytes, *, today: date) -> Reading:
    """Return the records and problems of a file; raises nothing for what a file may hold.

    The ending of `file_name` tells the format. Of its path only the name is kept.
    """
    survey = survey_form(adapter, FormSource.of(file_name, data), today=today)
    reading = Reading([], [])
    for item in survey.items():
        if isinstance(item, Record):
            reading.records.append(item)
        else:
            reading.problems.append(item)
    return reading


def rows_of(adapter: Adapter, source: FormSource) -> Iterator[Row]:
    """Yield the rows of a file as they stand in it, none where no form is such a file."""
    opened = open_form(adapter, source)
    if isinstance(opened, Opened):
        with source.open() as stream:
            yield from (row for row in opened.rows(stream) if isinstance(row, Row))


def _reads(
    adapter: Adapter, source: FormSource, opened: Opened | RowFault, stream: BinaryIO, today: date
) -> Iterator[_Read | Problem]:
    """Yield each row after its cells, and a problem for what is wrong with one."""
    if isinstance(opened, RowFault):
        yield Problem(source.name, opened.line, "", opened.problem, opened.cure)
        return
    forms = {n: f for n, f in adapter.file.publications.items() if f.format == source.format}
    readers = {name: _Reader.of(adapter, name, form) for name, form in forms.items()}
    known = Forms.of(forms)
    read, faulty = 0, 0
    for row in opened.rows(stream):
        if read == limits.FORM_RECORDS_MAX or faulty >= limits.FORM_PROBLEMS_MAX:
            cure = f"correct or split it; {limits.FORM_RECORDS_MAX} records go at once"
            yield Problem(source.name, row.line, "", "reading stopped here", cure)
            return
        result = _read_any(readers, opened.form or known, source.name, row, today)
        if isinstance(result, _Read):
            read += 1
            yield result
        else:
            faulty += len(result)
            yield from result


def _read_any(
    readers: Mapping[str, _Reader], form: str | Forms, source: str, row: Row | RowFault, today: date
) -> _Read | list[Problem]:
    """Read a row in the form that is known for the whole file, or in its own."""
    if not isinstance(row, RowFault):
        name = form if isinstance(form, str) else form.name_of(row)
        if isinstance(name, str):
            return _read_row(readers[name], source, row, today)
        row = name
    return [Problem(source, row.line, "", row.problem, row.cure)]


def _read_row(reader: _Reader, source: str, row: Row, today: date) -> _Read | list[Problem]:
    problems = [
        # The key itself is not repeated: it may be content.
        Problem(source, row.line, "", f"key {place} is not in the form", "correct or remove it")
        for place, header in enumerate(row.cells, 1)
        if header not in reader.headers
    ][:1]
    found: dict[str, object] = {}
    said_yes: set[str] = set()
    for column, table in reader.columns:
        try:
            value = read_cell(column, table, row.cells.get(column.header), today=today)
            value = _checked(column, reader.form, value)
        except CellFault as fault:
            problems.append(Problem(source, row.line, _label(column), fault.problem, fault.cure))
            continue
        if value is True:
            said_yes.add(column.header)
        if value is not None and column.year_only_if in said_yes:
            value = str(value)[:4]
        if value is not None and column.ends != ("stays",):
            before = found.get(column.ends[0]) if column.joins else None
            found.update(dict.fromkeys(_ends(column), _joined(before, value)))
    problems += _missing(source, row, reader.form, found, today) if not problems else []
    return problems or _Read(row.line, reader.publication, found)


def _ends(column: Column) -> list[str]:
    """Return a column's meanings, of which `must` alone may be that of several columns."""
    return [f"must/{column.header}" if end == "must" else end for end in column.ends]


def _joined(before: object, value: object) -> object:
    """Return what two columns say of one field: items, each once, or words."""
    if before is None:
        return value
    if isinstance(before, list) and isinstance(value, list):
        return list(dict.fromkeys([*before, *value]))
    return f"{before} {value}"


def _label(column: Column) -> str:
    meanings = ", ".join(end.partition("/")[2] or end for end in column.ends)
    return f"{column.header} ({meanings})"


def _checked(column: Column, form: Publication, value: object) -> object:
    """Apply what the meaning asks of a value, beyond its kind."""
    if "title" in column.ends and value != form.title:
        raise CellFault("it is not the form's title", "write the title as the form has it")
    if value is not None and "case" in column.ends:
        return ascii_digits(str(value))
    if value is not None and "reply-to" in column.ends:
        text = str(value).lower().replace("-", "")
        try:
            message = bytes.fromhex(text)
        except ValueError:
            message = b""
        if len(message) != MESSAGE_ID_BYTES or len(text) != 2 * MESSAGE_ID_BYTES:
            raise CellFault("it is no message number", "copy the number from the message received")
        return message
    return value


def _missing(
    source: str, row: Row, form: Publication, found: Mapping[str, object], today: date
) -> list[Problem]:
    by_end = {end: column for column in form.columns for end in _ends(column)}
    fields = _fields(found, form, today)
    needed = [f"field/{name}" for name in form.required if name not in fields]
    always = ["case", "reply-to", *(end for end in by_end if end.startswith("must/"))]
    needed += [end for end in always if end in by_end and end not in found]
    if any(end.startswith("sharing-consent/") for end in found):
        parts = (f"sharing-consent/{part}" for part in SHARING_CONSENT_PARTS_NEEDED)
        needed += [end for end in parts if end not in found]
        how, notice = "sharing-consent/explained_how", form.sharing_consent
        if notice and notice.asks_how and how not in found:
            needed.append(how)
    problems = []
    for end in needed:
        label, cure = (_label(by_end[end]), by_end[end].cure) if end in by_end else (end, "add it")
        problems.append(Problem(source, row.line, label, "it is missing", cure))
    return problems + list(_required_by_others(source, row, form, found))


def _required_by_others(
    source: str, row: Row, form: Publication, found: Mapping[str, object]
) -> Iterator[Problem]:
    by_header = {column.header: column for column in form.columns}
    for column in form.columns:
        cell = row.cells.get(column.header)
        if column.requires is not None and cell is not None and clean(str(cell)):
            wanted = by_header[column.requires]
            if not any(end in found for end in wanted.ends):
                problem = f"it is missing, and {column.header} says something"
                yield Problem(source, row.line, _label(wanted), problem, column.cure)


def _fields(found: Mapping[str, object], form: Publication, today: date) -> dict[str, object]:
    given_first = form.name_order == "given-first"
    return siblings(_under("field/", found), form.derive, today=today, given_first=given_first)


def _under(prefix: str, found: Mapping[str, object]) -> dict[str, object]:
    return {
        end.removeprefix(prefix): value for end, value in found.items() if end.startswith(prefix)
    }


def _record(adapter: Adapter, source: str, item: _Read, today: date) -> Iterator[Record | Problem]:
    form = adapter.file.publications[item.publication]
    try:
        agreed = _sharing_consent(form, item.found, adapter.file.utc_offset_minutes)
    except MalformedError as error:
        cure = "correct the columns of the sharing consent"
        yield Problem(
            source,
            item.line,
            "sharing consent",
            error.detail.removeprefix("sharing consent: "),
            cure,
        )
        return
    facts = _facts(form, item.found)
    usual = adapter.file.conventions
    if facts.get("reflection") == _NO_PERIOD and usual and usual.reflection != "unspecified":
        problem = f"the law gives a reflection period of {usual.reflection}"
        yield Problem(source, item.line, "reflection", problem, "say how it stands with it")
        return
    named = {role: str(office) for role, office in _under("named/", item.found).items()}
    yield Record(
        source=source,
        line=item.line,
        publication=item.publication,
        case=str(item.found["case"]),
        values=_fields(item.found, form, today),
        facts=facts,
        sharing_consent=agreed,
        named=named,
        reply_to=cast("bytes | None", item.found.get("reply-to")),
    )


def _facts(form: Publication, found: Mapping[str, object]) -> dict[str, str]:
    """Return what the columns say, and what follows by the form's rules where they say nothing."""
    facts = {name: fact_value(str(code)) for name, code in _under("fact/", found).items()}
    facts = {name: value for name, value in facts.items() if value != "unknown"}
    for rule in form.rules:
        if rule.holds(facts):
            facts.setdefault(rule.fact, rule.value)
    return facts


def _sharing_consent(
    form: Publication, found: Mapping[str, object], utc_offset_minutes: int
) -> SharingConsent | None:
    parts = _under("sharing-consent/", found)
    if form.sharing_consent is None or not parts:
        return None
    notice = form.sharing_consent
    warned_on = parts.get("warned_on")
    # A day is meant whole: it begins at the office's midnight, and the last one counts too.
    return SharingConsent(
        purposes=tuple(sorted(set(notice.purposes))),
        categories=tuple(sorted({*_codes(parts["categories"]), *notice.always})),
        recipients=tuple(sorted(_codes(parts["recipients"]))),
        given_on_ms=midnight_ms(parts["given_on"], utc_offset_minutes),
        valid_until_ms=midnight_ms(parts["valid_until"], utc_offset_minutes, days=1),
        warned_on_ms=None if warned_on is None else midnight_ms(warned_on, utc_offset_minutes),
        language=str(parts["language"]),
        notice_version=notice.notice_version,
        explained_by=str(parts["explained_by"]),
        guardian=parts.get("guardian") is True,
        explanation=notice.explanation(parts),
    )


def _codes(value: object) -> list[str]:
    return [str(code) for code in value] if isinstance(value, list) else [clean(str(value))]


def midnight_ms(day: object, utc_offset_minutes: int, *, days: int = 0) -> int:
    """Return when a day begins at the office, or so many days later, in Unix ms."""
    midnight = datetime.fromisoformat(f"{day}T00:00:00").replace(tzinfo=UTC)
    moment = midnight + timedelta(days=days, minutes=-utc_offset_minutes)
    return int(moment.timestamp()) * 1000
