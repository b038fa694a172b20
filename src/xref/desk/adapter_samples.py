"""An adapter's samples, read and written as a desk would, and turned back. Pure."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

from xref import limits
from xref.desk.adapter import Adapter, Publication, Received
from xref.desk.cell import CellFault, Column, read_cell, write_cell
from xref.desk.form_file import Problem
from xref.desk.read_form import Record, read_form
from xref.desk.told import with_notice
from xref.desk.toml_lines import Place
from xref.desk.write_form import Received as Message
from xref.desk.write_form import write_form
from xref.errors import ConfigError
from xref.policy import Notice

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


def forms_of(adapter: Adapter) -> Iterator[tuple[str, str, Publication | Received]]:
    """Yield every form with its group, `publication` or `received`, and its name."""
    for name, publication in adapter.file.publications.items():
        yield "publication", name, publication
    for name, received in adapter.file.received.items():
        yield "received", name, received


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


def finding_at(adapter: Adapter, place: Place, problem: str, cure: str) -> Finding:
    """Return what is wrong at a place of the adapter's file."""
    return Finding(adapter.path, adapter.line(*place), problem, cure)


def check_samples(
    adapter: Adapter, notices: Sequence[Notice], samples: Mapping[str, bytes], today: date
) -> Iterator[Finding]:
    """Yield what is wrong with the samples: read and written, turned back, one for each form."""
    seen: set[str] = set()
    for name in sorted(samples):
        if name.endswith(_RECORDS):
            found = _read_sample(adapter, notices, samples, name, today)
        elif name.endswith(_VALUES):
            found = _write_sample(adapter, samples, name)
        else:
            continue
        for item in found:
            if isinstance(item, str):
                seen.add(item)
            else:
                yield item
    for group, name, _ in forms_of(adapter):
        if f"{group}.{name}" not in seen:
            kind = f"NAME{_RECORDS}" if group == "publication" else f"{name}{_VALUES}"
            yield finding_at(
                adapter, (group, name), f"no sample of {name}", f"add one, as {SAMPLES}/{kind}"
            )


def _json_of(samples: Mapping[str, bytes], name: str) -> Any:  # noqa: ANN401 - what a sample holds
    try:
        return json.loads(samples.get(name, b""))
    except ValueError as error:
        raise ConfigError("it is not JSON") from error


def _read_sample(
    adapter: Adapter,
    notices: Sequence[Notice],
    samples: Mapping[str, bytes],
    expected: str,
    today: date,
) -> Iterator[Finding | str]:
    """Read a form, compare its records, and turn each back; yield forms seen and findings."""
    stem = expected.removesuffix(_RECORDS)
    source = stem if stem in samples else f"{stem}.json"
    if source not in samples:
        yield _sample(expected, f"there is no form {stem} beside it", "add the form")
        return
    reading = read_form(adapter, source, samples[source], today=today)
    told = list(with_notice(reading.records, notices, adapter))
    records = [each for each in told if isinstance(each, Record)]
    untold = [each for each in told if isinstance(each, Problem)]
    for problem in (*reading.problems, *untold):
        yield _sample(source, f"{problem.field}: {problem.problem}", problem.cure, problem.line)
    try:
        wanted = _json_of(samples, expected)
    except ConfigError as error:
        yield _sample(expected, str(error), "correct it")
        return
    got = [sample_record(record) for record in records]
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
    form = next(f for g, n, f in forms_of(adapter) if (g, n) == (group, name))
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


def _sample(name: str, problem: str, cure: str, line: int = 1) -> Finding:
    return Finding(f"{SAMPLES}/{name}", line, problem, cure)
