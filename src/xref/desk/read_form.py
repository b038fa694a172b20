"""From a file in the office's own form to records. Pure: bytes and the day come in as arguments.

The good records of a file still go; each of the others is a `Problem` that names file, line, field
and cure. Local case numbers and the office's own columns end here.
"""

from collections import Counter
from collections.abc import Container, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from itertools import islice
from pathlib import PurePath
from typing import Final, cast

from xref import limits
from xref.desk.adapter import SHARING_CONSENT_PARTS_NEEDED, Adapter, Publication, fact_value
from xref.desk.cell import CellFault, Column, ascii_digits, clean, read_cell
from xref.desk.consent import SharingConsent
from xref.desk.derive import siblings
from xref.desk.form_file import Problem, Row, RowFault, csv_rows, json_rows
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


def read_form(adapter: Adapter, file_name: str, data: bytes, *, today: date) -> Reading:
    """Return the records and problems of a file; raises nothing for what a file may hold.

    The ending of `file_name` tells the format. Of its path only the name is kept.
    """
    source = PurePath(file_name).name
    if len(data) > limits.FORM_BYTES_MAX:
        cure = f"split it; a file has at most {limits.FORM_BYTES_MAX} bytes"
        return Reading([], [Problem(source, 1, "", "the file is too large", cure)])
    if b"\0" in data:
        line = data.count(b"\n", 0, data.index(b"\0")) + 1
        cure = "save the file as UTF-8 text"
        return Reading([], [Problem(source, line, "", "it holds a zero byte", cure)])
    rows = _rows_of(adapter, source, data)
    if rows is None:
        cure = "name a file that ends in " + " or ".join(sorted(_formats(adapter))) + "."
        return Reading([], [Problem(source, 1, "", "no form of the adapter is such a file", cure)])
    return _read_rows(adapter, source, rows, today)


def _formats(adapter: Adapter) -> set[str]:
    return {f".{form.format}" for form in adapter.file.publications.values()} or {"nothing"}


def rows_of(adapter: Adapter, file_name: str, data: bytes) -> Iterator[Row | RowFault]:
    """Return the rows of a file as they stand in it, none where no form is such a file."""
    return _rows_of(adapter, PurePath(file_name).name, data) or iter(())


def _rows_of(adapter: Adapter, source: str, data: bytes) -> Iterator[Row | RowFault] | None:
    suffix = PurePath(source).suffix.lower()
    forms = [f for f in adapter.file.publications.values() if f".{f.format}" == suffix]
    if not forms:
        return None
    if suffix == ".json":
        return json_rows(data)
    first_line = data.removeprefix(b"\xef\xbb\xbf").split(b"\n", 1)[0].decode("utf-8", "replace")
    cells = {form.delimiter: first_line.split(form.delimiter) for form in forms}
    names = {mark: {clean(cell.strip(' "\r')) for cell in found} for mark, found in cells.items()}
    form = max(forms, key=lambda form: _fit(form, names[form.delimiter]))
    return csv_rows(data, frozenset(c.header for c in form.columns), form.delimiter)


def _read_rows(
    adapter: Adapter, source: str, rows: Iterable[Row | RowFault], today: date
) -> Reading:
    read: list[_Read] = []
    problems: list[Problem] = []
    for row in islice(rows, limits.FORM_RECORDS_MAX + 1):
        if len(read) == limits.FORM_RECORDS_MAX or len(problems) >= limits.FORM_PROBLEMS_MAX:
            cure = f"correct or split it; {limits.FORM_RECORDS_MAX} records go at once"
            problems.append(Problem(source, row.line, "", "reading stopped here", cure))
            break
        if isinstance(row, RowFault):
            problems.append(Problem(source, row.line, "", row.problem, row.cure))
            continue
        result = _read_row(adapter, source, row, today)
        if isinstance(result, _Read):
            read.append(result)
        else:
            problems.extend(result)
    records: list[Record] = []
    for item, repeated in zip(read, _repeated(read), strict=True):
        if repeated is not None:
            problems.append(Problem(source, item.line, *repeated))
            continue
        made = _record(adapter, source, item, today)
        if isinstance(made, Record):
            records.append(made)
        else:
            problems.extend(made)
    return Reading(records, sorted(problems, key=lambda problem: problem.line))


def _read_row(adapter: Adapter, source: str, row: Row, today: date) -> _Read | list[Problem]:
    name, form = _form_of(adapter, source, row)
    columns = {column.header: column for column in form.columns}
    problems = [
        Problem(source, row.line, "", "a key is not in the form", "remove it or correct its name")
        for header in row.cells
        if header not in columns
    ][:1]
    found: dict[str, object] = {}
    for header, column in columns.items():
        table = adapter.by_word.get(column.codes or "", {})
        try:
            if column.ends == ("stays",):
                continue
            value = _checked(
                column, form, read_cell(column, table, row.cells.get(header), today=today)
            )
        except CellFault as fault:
            problems.append(Problem(source, row.line, _label(column), fault.problem, fault.cure))
            continue
        if value is not None:
            found.update(dict.fromkeys(column.ends, value))
    problems += _missing(source, row.line, form, columns, found, today) if not problems else []
    return problems or _Read(row.line, name, found)


def _form_of(adapter: Adapter, source: str, row: Row) -> tuple[str, Publication]:
    """Return the publication of the file's format whose headers the row has most of."""
    suffix = PurePath(source).suffix.lower()
    forms = [item for item in adapter.file.publications.items() if f".{item[1].format}" == suffix]
    return max(forms, key=lambda item: _fit(item[1], row.cells))


def _fit(form: Publication, headers: Container[str]) -> tuple[int, int]:
    """Return how well a form fits: most of its headers there, then fewest missing."""
    return sum(column.header in headers for column in form.columns), -len(form.columns)


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
    source: str,
    line: int,
    form: Publication,
    columns: Mapping[str, Column],
    found: Mapping[str, object],
    today: date,
) -> list[Problem]:
    by_end = {end: column for column in columns.values() for end in column.ends}
    fields = _fields(found, form, today)
    needed = [f"field/{name}" for name in form.required if name not in fields]
    needed += [end for end in ("case", "reply-to") if end in by_end and end not in found]
    if any(end.startswith("sharing-consent/") for end in found):
        parts = (f"sharing-consent/{part}" for part in SHARING_CONSENT_PARTS_NEEDED)
        needed += [end for end in parts if end not in found]
    problems = []
    for end in needed:
        label, cure = (_label(by_end[end]), by_end[end].cure) if end in by_end else (end, "add it")
        problems.append(Problem(source, line, label, "it is missing", cure))
    return problems


def _fields(found: Mapping[str, object], form: Publication, today: date) -> dict[str, object]:
    return siblings(_under("field/", found), form.derive, today=today)


def _under(prefix: str, found: Mapping[str, object]) -> dict[str, object]:
    return {
        end.removeprefix(prefix): value for end, value in found.items() if end.startswith(prefix)
    }


def _repeated(read: list[_Read]) -> list[tuple[str, str, str] | None]:
    """Return for each row what stands twice: which of two is right, only the office can tell."""
    cases = Counter(str(item.found["case"]).casefold() for item in read)
    answered = Counter(item.found.get("reply-to") for item in read)
    contents = Counter(_content(item) for item in read)
    repeated: list[tuple[str, str, str] | None] = []
    for item in read:
        fault = None
        if cases[str(item.found["case"]).casefold()] > 1:
            cure = "keep one row for each case"
            fault = ("case", "its case number stands in another row too", cure)
        elif "reply-to" in item.found and answered[item.found["reply-to"]] > 1:
            fault = ("reply-to", "another row answers the same message", "keep one answer")
        elif contents[_content(item)] > 1:
            cure = "keep one row for each person"
            fault = ("", "another row says the same under another case number", cure)
        repeated.append(fault)
    return repeated


def _content(item: _Read) -> str:
    return repr(sorted((end, value) for end, value in item.found.items() if end != "case"))


def _record(adapter: Adapter, source: str, item: _Read, today: date) -> Record | list[Problem]:
    form = adapter.file.publications[item.publication]
    try:
        agreed = _sharing_consent(form, item.found, adapter.file.utc_offset_minutes)
    except MalformedError as error:
        cure = "correct the columns of the sharing consent"
        return [Problem(source, item.line, "sharing consent", error.detail, cure)]
    named = {role: str(office) for role, office in _under("named/", item.found).items()}
    return Record(
        source=source,
        line=item.line,
        publication=item.publication,
        case=str(item.found["case"]),
        values=_fields(item.found, form, today),
        facts=_facts(form, item.found),
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
        given_on_ms=_midnight_ms(parts["given_on"], utc_offset_minutes),
        valid_until_ms=_midnight_ms(parts["valid_until"], utc_offset_minutes, days=1),
        warned_on_ms=None if warned_on is None else _midnight_ms(warned_on, utc_offset_minutes),
        language=str(parts["language"]),
        notice_version=notice.notice_version,
        explained_by=str(parts["explained_by"]),
        guardian=parts.get("guardian") is True,
    )


def _codes(value: object) -> list[str]:
    return [str(code) for code in value] if isinstance(value, list) else [clean(str(value))]


def _midnight_ms(day: object, utc_offset_minutes: int, *, days: int = 0) -> int:
    midnight = datetime.fromisoformat(f"{day}T00:00:00").replace(tzinfo=UTC)
    moment = midnight + timedelta(days=days, minutes=-utc_offset_minutes)
    return int(moment.timestamp()) * 1000
