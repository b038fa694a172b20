"""A country's adapter: its forms as data, checked whole. See docs/how-to/write-an-adapter.md.

`adapter.toml` says which column of an office's own form means which field, fact or part of the
sharing consent, and which of its words mean which code. Nothing here knows a country.
"""

import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any, Final, Literal, Self

from pydantic import BeforeValidator, Field, ValidationError, model_validator

from xref import limits
from xref.desk.adapter_shared import WrittenOut
from xref.desk.cell import MANY, PATH, Column, clean
from xref.desk.conventions import AdapterData, Conventions, Definition, NameOrder
from xref.desk.derive import SIBLINGS
from xref.desk.encodings import Encoding
from xref.desk.form_rule import Rule
from xref.desk.sharing_consent_form import SharingConsentForm, Word
from xref.desk.toml_lines import Place, line_of, places
from xref.errors import ConfigError, cause_of
from xref.policy import DESK_FACTS

FILE_NAME: Final = "adapter.toml"
NOTICES: Final = "notices"
Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$", max_length=limits.CODE_CHARS_MAX)]
SHARING_CONSENT_PARTS_NEEDED: Final = (
    "given_on",
    "valid_until",
    "categories",
    "recipients",
    "language",
    "explained_by",
)
_KINDS_OF_PARTS: Final = {
    "given_on": "date",
    "valid_until": "date",
    "warned_on": "date",
    "categories": "codes",
    "recipients": "codes",
    "language": "code",
    "explained_by": "code",
    "explained_how": "code",
    "interpreted_by": "code",
    "guardian": "yes-no",
}
_FAULTS_TOLD_MAX: Final = 10
_DESKS_OWN: Final = ("fact/sharing_consent", *(f"fact/{name}" for name in DESK_FACTS))
_TARGETS: Final = ("case", "reply-to", "title", "must", "stays")
_SOURCES: Final = ("message", "title", "from-office", "received-on", "unlisted")


def _clean_words(table: object) -> object:
    """Refuse words that are one word to a reader: cells are compared clean and without case."""
    if not isinstance(table, dict):
        return table
    words = {clean(str(word)): code for word, code in table.items()}
    if len({word.casefold() for word in words}) != len(table):
        raise ValueError("two words of the table are the same; remove one")
    return words


CodeTable = Annotated[
    dict[str, Annotated[str, Field(min_length=1, max_length=64)]],
    Field(min_length=1),
    BeforeValidator(_clean_words),
]


class _Form(AdapterData):
    title: Annotated[str, Field(min_length=1, max_length=200)]
    columns: Annotated[
        tuple[Column, ...],
        Field(alias="column", min_length=1, max_length=limits.FORM_COLUMNS_MAX),
    ]

    @model_validator(mode="after")
    def _no_column_twice(self) -> Self:
        def once(column: Column, end: str) -> bool:
            return end not in {"stays", "must"} and not column.joins

        for what, names in (
            ("header", [column.header for column in self.columns]),
            (
                "meaning",
                [end for column in self.columns for end in column.ends if once(column, end)],
            ),
        ):
            twice = next((name for name in names if names.count(name) > 1), None)
            if twice is not None:
                raise ValueError(f"{what} {twice!r} stands in two columns; remove one")
        return self

    @model_validator(mode="after")
    def _no_key_is_value_and_object(self) -> Self:
        headers = {column.header for column in self.columns}
        for header in headers:
            *parents, _ = header.split(PATH)
            for end in range(1, len(parents) + 1):
                if PATH.join(parents[:end]) in headers:
                    raise ValueError(f"{header!r} is below a key that has a value; rename one")
        return self


class Publication(_Form):
    """A form that the office writes and its desk reads."""

    format: Literal["csv", "xlsx", "json", "ndjson"]
    encoding: Encoding = "utf-8"
    delimiter: Annotated[str, Field(pattern=r"^[,;\t]$")] = ","
    records: Annotated[str, Field(min_length=1, max_length=200)] | None = None
    """The member of the whole file's object that has the record, or the array of them."""
    required: tuple[Name, ...] = ()
    derive: tuple[str, ...] = ()
    name_order: NameOrder = "family-first"
    """Of a full name that the desk derives; by default as the country's conventions have it."""
    rules: Annotated[tuple[Rule, ...], Field(alias="rule")] = ()
    sharing_consent: SharingConsentForm | None = None

    @model_validator(mode="after")
    def _columns_belong_together(self) -> Self:
        headers = {column.header for column in self.columns}
        several, known, yes_no = {"texts", "codes"}, dict[str, bool](), set[str]()
        for column in self.columns:
            if (asked := column.year_only_if) is not None and asked not in yes_no:
                raise ValueError(f"{asked!r} is no yes-no column before {column.header!r}; add it")
            if column.kind == "yes-no":
                yes_no.add(column.header)
            if column.requires is not None and column.requires not in headers:
                raise ValueError(f"{column.header!r} requires no column of the form; correct it")
            for end in column.ends:
                if column.joins and known.get(end) != (column.kind in several):
                    raise ValueError(f"{column.header!r} joins no column of its kind before it")
                known.setdefault(end, column.kind in several)
        return self

    @model_validator(mode="after")
    def _meanings_are_known(self) -> Self:
        for column in self.columns:
            for end in column.ends:
                _check_end(end, column)
        ends = {end for column in self.columns for end in column.ends}
        if "case" not in ends:
            raise ValueError('no column has to = "case"; the desk needs its own case number')
        if self.encoding != "utf-8" and self.format != "csv":
            raise ValueError('encoding goes with format = "csv"; the others are UTF-8')
        if self.records is not None and self.format != "json":
            raise ValueError('records goes with format = "json"')
        _check_parts(ends, self.sharing_consent)
        unknown = sorted(set(self.derive) - SIBLINGS.keys())
        if unknown:
            raise ValueError(f"derive does not know {unknown[0]!r}; it knows {sorted(SIBLINGS)}")
        return self


class Received(_Form):
    """A form that the desk writes for the office."""

    @model_validator(mode="after")
    def _sources_are_known(self) -> Self:
        ends = {end for column in self.columns for end in column.ends}
        for end in sorted(ends):
            if end not in _SOURCES and not end.startswith("field/"):
                raise ValueError(f"{end!r} is no source; write field/NAME or one of {_SOURCES}")
        if "message" not in ends:
            raise ValueError('no column has from = "message"; an answer could not name it')
        arrays = [c.header.partition(MANY)[0] for c in self.columns if MANY in c.header]
        if len(set(arrays)) != len(arrays):
            raise ValueError("two columns write into the objects of one array; keep one")
        return self


class AdapterFile(AdapterData):
    """Everything that `adapter.toml` may say."""

    version: Literal[1]
    party: Annotated[str, Field(pattern=r"^[A-Z]{2}$")]
    languages: Annotated[tuple[str, ...], Field(min_length=1)]
    utc_offset_minutes: Annotated[int, Field(ge=-840, le=840)]
    conventions: Conventions | None = None
    definitions: Annotated[tuple[Definition, ...], Field(alias="definition")] = ()
    sampled_on: date | None = None
    """The day on which the samples were written: their people's ages are counted from it."""
    codes: Annotated[dict[Name, CodeTable], Field(default_factory=dict)]
    publications: Annotated[
        dict[Word, Publication], Field(alias="publication", default_factory=dict)
    ]
    received: Annotated[dict[Word, Received], Field(default_factory=dict)]

    @model_validator(mode="before")
    @classmethod
    def _usual_name_order(cls, data: dict[str, Any]) -> dict[str, Any]:
        usual, forms = data.get("conventions"), data.get("publication")
        if isinstance(usual, dict) and isinstance(forms, dict) and "name_order" in usual:
            order = {"name_order": usual["name_order"]}
            forms = {k: order | v if isinstance(v, dict) else v for k, v in forms.items()}
            return {**data, "publication": forms}
        return data

    @model_validator(mode="after")
    def _tables_are_there(self) -> Self:
        for where, _, column in _columns_of(self):
            if column.codes is not None and column.codes not in self.codes:
                raise ValueError(f"{where}: no table [codes.{column.codes}]; add it")
        return self


@dataclass(frozen=True, slots=True)
class Adapter:
    """One country's checked adapter; `path` is the file as the operator named it.

    `by_word` has the tables for reading (words without case to codes), `by_code` those for
    writing: of several words for one code, the first.
    """

    path: str
    file: AdapterFile
    by_word: Mapping[str, Mapping[str, str]]
    by_code: Mapping[str, Mapping[str, str]]
    unused: tuple[Place, ...]
    """Where the file has a shared column, rule or notice that no form names."""
    text: str = field(repr=False)
    notices: Mapping[str, bytes] = field(default_factory=dict, repr=False)
    """The office's own notices: files of its folder by path, as `notices/VERSION/vi.toml`."""

    @classmethod
    def load(cls, folder: Path | str) -> Self:
        """Read `adapter.toml` in `folder`; raise `ConfigError` naming file, key and cure."""
        path = Path(folder) / FILE_NAME
        try:
            data = path.read_bytes()
            found = sorted(path.parent.glob(f"{NOTICES}/*/*.toml"))[: limits.ADAPTER_NOTICES_MAX]
            notices = {f"{NOTICES}/{f.parent.name}/{f.name}": f.read_bytes() for f in found}
        except NotADirectoryError as error:
            raise ConfigError(f"{folder}: is no folder; name {Path(folder).parent}") from error
        except OSError as error:
            said = f"{path}: cannot be read: {cause_of(error)}; name a folder with an adapter"
            raise ConfigError(said) from error
        return replace(cls.parse(data, str(path)), notices=notices)

    @classmethod
    def parse(cls, data: bytes, path: str) -> Self:
        """Return the adapter in the bytes of the file called `path`, or raise `ConfigError`."""
        file, unused = _parse(data, path)
        by_word = {
            name: {word.casefold(): code for word, code in table.items()}
            for name, table in file.codes.items()
        }
        by_code = {
            name: {code: word for word, code in reversed(table.items())}
            for name, table in file.codes.items()
        }
        return cls(path, file, by_word, by_code, unused, data.decode("utf-8"))

    def line(self, *place: str | int) -> int:
        """Return the line of a table or key of the file, for messages."""
        return line_of(places(self.text), place)

    def day_at(self, now_ms: int) -> date:
        """Return the day at the office: the `today` of `read_form`."""
        moment = datetime.fromtimestamp(now_ms // 1000, UTC)
        return (moment + timedelta(minutes=self.file.utc_offset_minutes)).date()

    def unknown_names(
        self, fields: Iterable[str], facts: Mapping[str, Iterable[str]]
    ) -> tuple[tuple[Place, str], ...]:
        """Return what the adapter says that a bundle does not know: its place, and a sentence.

        `fields` are the field names of all its record schemas; `facts` its facts with their values.
        """
        known = {f"field/{name}" for name in fields} | {f"fact/{name}" for name in facts}
        values = {name: {*of, "unknown"} for name, of in facts.items()}
        return tuple(
            (place, f"{where}: the bundle does not know {meaning!r}, or one of its words")
            for where, place, meaning, words in _meanings_of(self.file)
            if meaning not in known or not words <= values.get(meaning.removeprefix("fact/"), words)
        )


def _parse(data: bytes, path: str) -> tuple[AdapterFile, tuple[Place, ...]]:
    if len(data) > limits.ADAPTER_BYTES_MAX:
        raise ConfigError(f"{path}: over {limits.ADAPTER_BYTES_MAX} bytes; split the adapter")
    try:
        written = WrittenOut.of(tomllib.loads(data.decode("utf-8")))
        return AdapterFile.model_validate(written.data), written.unused
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise ConfigError(f"{path}, line {line}: it is not UTF-8; save it as UTF-8") from error
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise ConfigError(f"{path}: not TOML ({error}); correct that line") from error
    except ValidationError as error:
        sentences = _sentences(error, path, places(data.decode("utf-8")))
        raise ConfigError("\n".join(sentences)) from error


def _sentences(error: ValidationError, path: str, known: Mapping[Place, int]) -> Iterator[str]:
    for fault in error.errors(include_url=False, include_input=False)[:_FAULTS_TOLD_MAX]:
        key = ".".join(str(part) for part in fault["loc"]) or "the file"
        cure = " (remove it, or correct its spelling)" if fault["type"] == "extra_forbidden" else ""
        said = fault["msg"].removeprefix("Value error, ")
        yield f"{path}, line {line_of(known, fault['loc'])}: {key}: {said}{cure}"


def _check_end(end: str, column: Column) -> None:
    kind, _, name = end.partition("/")
    if end in _DESKS_OWN:
        raise ValueError(f"the fact {name} comes from the desk, never from a column")
    if end == "stays" or (kind == "field" and name):
        return
    if end == "must":
        needed = "codes" if column.kind == "codes" else "code"
    elif end in _TARGETS:
        needed = "text"
    elif kind in {"fact", "named"} and name:
        needed = "code"
    elif kind == "sharing-consent" and name in _KINDS_OF_PARTS:
        needed = _KINDS_OF_PARTS[name]
    else:
        raise ValueError(
            f"{end!r} is no meaning; write field/NAME, fact/NAME, named/ROLE, "
            f"sharing-consent/PART or one of {_TARGETS}"
        )
    if column.kind != needed or (needed == "date" and column.partial):
        raise ValueError(f"{end!r} needs kind = {needed!r}, and a date in full")


def _check_parts(ends: set[str], form: SharingConsentForm | None) -> None:
    parts = {end.removeprefix("sharing-consent/") for end in ends if end.startswith("sharing-")}
    if not parts and form is None:
        return
    missing = sorted(set(SHARING_CONSENT_PARTS_NEEDED) - parts)
    if missing or form is None:
        raise ValueError(f"sharing_consent: incomplete; add {missing or 'its own table'}")
    if form.asks_how and "explained_how" not in parts:
        raise ValueError("sharing_consent: incomplete; add explained_how, or a column that says it")
    if form.interpreted_from and "interpreted_by" not in parts:
        raise ValueError("sharing_consent: interpreted_from needs a column for interpreted_by")
    if not form.is_explained and parts & {"explained_how", "interpreted_by"}:
        raise ValueError("sharing_consent: incomplete; add withdrawal_routes to its own table")


def _columns_of(file: AdapterFile) -> Iterator[tuple[str, Place, Column]]:
    """Yield every column, where it is in words, and its place in the file."""
    for group, forms in (("publication", file.publications), ("received", file.received)):
        for name, form in forms.items():
            for number, column in enumerate(form.columns):
                place = (group, name, "column", number)
                yield f"{group}.{name}.column {column.header!r}", place, column


def _meanings_of(file: AdapterFile) -> Iterator[tuple[str, Place, str, frozenset[str]]]:
    """Yield every field and fact with the fact values that its words can become."""
    for where, place, column in _columns_of(file):
        table = file.codes.get(column.codes or "", {})
        for end in column.ends:
            if end.startswith("field/"):
                yield where, place, end, frozenset()
            elif end.startswith("fact/"):
                yield where, place, end, frozenset(fact_value(code) for code in table.values())
    for name, form in file.publications.items():
        for number, rule in enumerate(form.rules):
            where, place = f"publication.{name}.rule", ("publication", name, "rule", number)
            yield where, place, f"fact/{rule.fact}", frozenset({rule.value})
            for fact, values in rule.when.items():
                yield where, place, f"fact/{fact}", frozenset(values)


def fact_value(code: str) -> str:
    """Return a code as rules write it: `VERIFIED_ADULT` is `verified-adult`."""
    return code.lower().replace("_", "-")
