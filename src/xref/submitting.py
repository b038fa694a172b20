"""Handing a form to the desk: read by the adapter, checked, sealed into the spool, in batches."""

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import date
from itertools import islice
from pathlib import Path
from typing import BinaryIO, Self

from xref.bundle import Bundle, Directory
from xref.desk.adapter import Adapter
from xref.desk.agreed import Said, doubts_of, faults_of
from xref.desk.approval import check_name
from xref.desk.definitions import protection_lost
from xref.desk.form_file import Problem
from xref.desk.form_source import FormSource
from xref.desk.personal_scope import SEX_FIELD, said_beyond
from xref.desk.plain_form import is_plain_form, read_plain_form
from xref.desk.read_form import Record, survey_form
from xref.desk.sharing_consent_check import doubts
from xref.desk.spool import Mark, Spool
from xref.desk.told import notices_of, with_notice
from xref.errors import ConfigError, cause_of
from xref.limits import FORM_BATCH, FORM_WHOLE_BYTES_MAX
from xref.policy import Agreement, Flow, Notice
from xref.record_check import check_record, doubtful_values
from xref.running import now_ms
from xref.wire.office import party_of
from xref.wiring import DeskOffice

Progress = Callable[[str, int, int], None]
"""Told what is being done, how much of it is done, and how much there is."""


@dataclass(frozen=True, slots=True)
class Submission:
    """What became of a form: its good records are under way, the others each have a problem.

    Each of `doubts` is about a good record: it goes, and a person should look at it.
    """

    accepted: int
    problems: tuple[Problem, ...]
    doubts: tuple[Problem, ...] = ()


@dataclass(frozen=True, slots=True)
class FormReader:
    """What an office reads its forms by: its adapter, its code, its bundle, and all notices."""

    adapter: Adapter
    office: str
    bundle: Bundle
    notices: tuple[Notice, ...]

    @classmethod
    def of(cls, office: DeskOffice) -> Self:
        """Return the reader of a desk's office."""
        bundles = [office.bundle, *office.bundles.values()]  # a notice may be of an earlier one
        notices = notices_of(office.adapter, (each.policy for each in bundles))
        return cls(office.adapter, office.config.office, office.bundle, notices)


def submit_form(
    office: DeskOffice, file: Path, by: str = "", progress: Progress = lambda *_: None
) -> Submission:
    """Read a form by the office's adapter and hand its good records to the desk.

    `by` is who prepared it, empty where that is not said. What was broken off goes on where it
    stopped; a form that went as a whole may go again. Raises `RecordError` for what is no name,
    `ConfigError` for a file that cannot be read.
    """
    prepared_by = (check_name(by),) if by else ()
    with office.spool() as spool:
        mark = spool.mark_of(digest_of(file))
        mark = Mark(mark.file) if mark.whole else mark
        return _hand_over(FormReader.of(office), file, spool, mark, prepared_by, progress)


def take_form(reader: FormReader, file: Path, spool: Spool) -> Submission:
    """Hand a form to the desk once: of one whose content was taken before, the problems alone."""
    mark = spool.mark_of(digest_of(file))
    return _hand_over(reader, file, spool, mark, (), lambda *_: None)


def digest_of(file: Path) -> bytes:
    """Return the SHA-256 of a file's content, by which it is known again."""
    with _reading(file), file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").digest()


@contextmanager
def _reading(file: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        message = f"{file}: cannot be read: {cause_of(error)}; check the path"
        raise ConfigError(message) from error


def _source(file: Path) -> FormSource:
    def opened() -> BinaryIO:
        with _reading(file):
            return file.open("rb")

    with _reading(file):
        return FormSource(file.name, file.stat().st_size, opened)


def _hand_over(
    reader: FormReader,
    file: Path,
    spool: Spool,
    mark: Mark,
    prepared_by: tuple[str, ...],
    progress: Progress,
) -> Submission:
    """Put a form's records into the spool, from the mark on; each batch moves the mark with it."""
    now, source, accepted = now_ms(), _source(file), 0
    items, rows = _items(reader, source, reader.adapter.day_at(now), progress)
    problems: list[Problem] = []
    doubts: list[Problem] = []
    good = mark.left_of(_good(reader, items, problems, reader.adapter.day_at(now)))
    while batch := tuple(islice(good, FORM_BATCH)):
        mark, accepted = mark.after(batch), accepted + len(batch)
        spool.put([replace(record, prepared_by=prepared_by) for record in batch], now, mark)
        doubts += [doubt for record in batch for doubt in _doubts(reader, record)]
        progress("handing over", accepted, rows)
    spool.put([], now, replace(mark, whole=True))
    return Submission(accepted, tuple(problems), tuple(doubts))


def _items(
    reader: FormReader, source: FormSource, today: date, progress: Progress
) -> tuple[Iterator[Record | Problem], int]:
    """Return a file's records and problems, in xref's own form or the adapter's; about how many."""
    policy = reader.bundle.policy
    if source.format == "json" and source.size <= FORM_WHOLE_BYTES_MAX:
        with source.open() as stream:
            data = stream.read()
        if is_plain_form(source.name, data):
            reading = read_plain_form(policy, source.name, data, today=today)
            plain: list[Record | Problem] = [*reading.records, *reading.problems]
            return with_notice(plain, reader.notices, None), len(reading.records)
    survey = survey_form(
        reader.adapter,
        source,
        today=today,
        tick=lambda done: progress("reading", done, source.size),
    )
    items = with_notice(survey.items(), reader.notices, reader.adapter)
    return _protecting(reader, items), survey.rows


def _protecting(
    reader: FormReader, items: Iterable[Record | Problem]
) -> Iterator[Record | Problem]:
    """Yield the items, but a problem for each record of a form that loses what protects a person.

    `xref adapter check` says so too; here it binds, whether that was run or not.
    """
    adapter, policy = reader.adapter, reader.bundle.policy
    lost = {
        name: next(protection_lost(adapter, form, policy.rulebook.schemas_of(name)), "")
        for name, form in adapter.file.publications.items()
    }
    cure = "correct the adapter, which `xref adapter check` helps with, or use xref's own form"
    for item in items:
        if isinstance(item, Record) and lost[item.publication]:
            yield Problem(item.source, item.line, "", lost[item.publication], cure)
        else:
            yield item


def _good(
    reader: FormReader, items: Iterable[Record | Problem], problems: list[Problem], today: date
) -> Iterator[Record]:
    """Yield the records that can be sealed; the problems of the others are added to the list."""
    for item in items:
        if isinstance(item, Problem):
            problems.append(item)
            continue
        abroad = _abroad(reader, item)
        found = check_record(item, reader.bundle.policy, today, abroad)
        found += _agreed_problems(reader, item)
        problems += found
        if not found:
            yield item


def _abroad(reader: FormReader, record: Record) -> set[str]:
    """Return the other Parties whose offices may receive a record."""
    publication = reader.bundle.policy.publications.get(record.publication)
    own, directory = party_of(reader.office), reader.bundle.directory
    parties: set[str] = set()
    for each in publication.deliveries if publication else ():
        named = directory.find(record.named.get(each.record_key, ""))
        known = {named.party} if named else {*directory.parties}
        parties |= known if each.party == "other" else set()
    return parties - {own}


def _flows(reader: FormReader, record: Record) -> list[tuple[Flow, Agreement]]:
    """Return the flows of a record that belong to an agreement, each with it."""
    policy = reader.bundle.policy
    publication = policy.publications.get(record.publication)
    flows = [policy.flow_named(each.flow) for each in publication.deliveries] if publication else []
    found = ((flow, policy.agreement_of(flow)) for flow in flows)
    return [(flow, agreement) for flow, agreement in found if agreement is not None]


def _agreed_problems(reader: FormReader, record: Record) -> list[Problem]:
    cure = "correct the record"
    return [
        Problem(record.source, record.line, field, f"{field}: {said}", cure)
        for field, said in _asked(reader, record, faults_of)
    ]


def _doubts(reader: FormReader, record: Record) -> list[Problem]:
    """Return what a person should look at in a record that goes."""
    cure = "it goes as it is; correct it and submit again where it is wrong"
    agreements = {agreement.id: agreement for _, agreement in _flows(reader, record)}
    beyond = [
        Problem(record.source, record.line, SEX_FIELD, said, "it goes as it is, and is flagged")
        for each in agreements.values()
        if (said := said_beyond(each, record.values, record.facts))
    ]
    found = [
        *_asked(reader, record, doubts_of),
        *doubtful_values(record, reader.bundle.policy),
        *(
            (f"sharing consent: {member}", said)
            for member, said in doubts(
                record, reader.bundle.policy, reader.bundle.directory.offices
            )
        ),
    ]
    return beyond + [Problem(record.source, record.line, *said, cure) for said in found]


def _asked(
    reader: FormReader,
    record: Record,
    asks: Callable[[Agreement, Flow, Mapping[str, object], Directory, str], Iterable[Said]],
) -> list[Said]:
    """Return what the agreements of a record's flows ask, each once."""
    directory, own = reader.bundle.directory, reader.office
    return list(
        dict.fromkeys(
            said
            for flow, agreement in _flows(reader, record)
            for said in asks(agreement, flow, record.values, directory, own)
        )
    )
