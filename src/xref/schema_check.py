"""What a schema must never say, and what it must say of every field: `xref schema check`. Pure.

The rules of structure are the reader's own (`xref.wire.normal`), told here with the same ids. Those
of content keep out what no record may carry, so that it is in no schema at all.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from xref.desk.derive import SIBLINGS
from xref.evolution import compare
from xref.wire.normal import named_types, normalise, read_json, record_faults, spelled_out
from xref.wire.schema import Schema
from xref.wire.schema_fault import STRUCTURE, SchemaError

Field = Mapping[str, Any]
Found = Iterator[tuple[str, str]]
"""Problem and cure, for each break of one rule."""

_OPEN_CATEGORIES: Final = ("needs", "language", "exploitation")
_DISEASE: Final = frozenset(
    [
        "hiv",
        "aids",
        "sti",
        "std",
        "disease",
        "diagnosis",
        "infection",
        "tuberculosis",
        "hepatitis",
        "syphilis",
        "malaria",
        "pregnancy",
        "pregnant",
        "virginity",
        "serology",
        "test",
        "tests",
        "tested",
    ]
)
_COOPERATION: Final = frozenset(
    [
        "cooperation",
        "cooperate",
        "cooperates",
        "cooperating",
        "testify",
        "testifies",
        "testimony",
        "testimonies",
    ]
)
_LABEL: Final = frozenset(
    ["exploitation", "exploited", "trafficking", "trafficked", "victim", "victims"]
)
_CHECKS_AND_TRAVEL: Final = re.compile(
    r"(^|_)(nationality|residence|identity|verification|travel|journey|border|consular)(_|$)"
)
_NEUTRAL_CATEGORIES: Final = frozenset(
    (
        *("reference", "identity", "safeguard", "language", "family", "contact", "outcome"),
        *("travel", "travel-document", "biometric"),
    )
)
"""All that the record of a check or a journey may have: what anybody's would have too."""
_NEVER: Final = ("asylum", "refusal", "shelter-location", "status-offence")
_TO_NOTHING: Final = re.compile(r"(?<!sharing_)(?<!assistance_)(?<!return_)consent")
_PERSON: Final = ("identity", "biometric", "family", "contact", "travel-document")


@dataclass(frozen=True, slots=True)
class Finding:
    """One break of a rule, with the place and the cure; `field` is empty for the record itself."""

    file: str
    field: str
    rule: str
    problem: str
    cure: str


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule of content: its sentence, and what finds a break in a field of a record."""

    says: str
    find: Callable[["Place"], Found]


@dataclass(frozen=True, slots=True)
class Place:
    """A field with what it stands in; types have their names replaced by what they mean."""

    record: str
    is_neutral: bool
    field: Field
    type: Any
    enum: Mapping[str, Any]
    categories: frozenset[str]

    @property
    def name(self) -> str:
        """The field's name."""
        return str(self.field["name"])

    @property
    def category(self) -> str:
        """The field's category."""
        return str(self.field["xref.category"])

    @property
    def words(self) -> frozenset[str]:
        """The words of the field's name and of its codes, in lower case."""
        texts = [self.name, *map(str, self.enum.get("symbols", ()))]
        return frozenset(word for text in texts for word in text.lower().split("_"))

    @property
    def innermost(self) -> Any:
        """The type without the lists around it."""
        inner = self.type
        while isinstance(inner, dict) and inner["type"] == "array":
            inner = inner["items"]
        return inner


def _ambiguous(place: Place) -> Found:
    for text in (place.record, place.name, *place.enum.get("symbols", ())):
        if _TO_NOTHING.search(str(text).lower()):
            yield "it says consent without saying to what", "name sharing_, assistance_ or return_"


def _disease(place: Place) -> Found:
    if place.category == "disease-test" or place.words & _DISEASE:
        yield "a test or a disease", "remove it; no record asks for one or tells one"


def _cooperation(place: Place) -> Found:
    if place.category == "cooperation" or place.words & _COOPERATION:
        yield "cooperation or testimony", "remove it; what is not there is made no condition"


def _never(place: Place) -> Found:
    if place.category in _NEVER:
        yield f"the category {place.category}", "remove it; that never leaves an office"


def _suspects_apart(place: Place) -> Found:
    if place.category == "suspect" and place.categories.intersection(_PERSON):
        yield "a suspect beside a person", "give suspects a record of their own"


def _neutral(place: Place) -> Found:
    if not place.is_neutral:
        return
    if place.category not in _NEUTRAL_CATEGORIES:
        known = ", ".join(sorted(_NEUTRAL_CATEGORIES))
        yield (
            f"the category {place.category} in a neutral record",
            f"remove it; it may have {known}",
        )
    elif place.words & _LABEL:
        yield "a neutral record that hints at trafficking", "remove the field"


def _declared_neutral(place: Place) -> Found:
    if _CHECKS_AND_TRAVEL.search(place.record) and not place.is_neutral:
        yield "a record of checks or travel that is not declared neutral", "give xref.neutral: true"


def _presumed_adult(place: Place) -> Found:
    for symbol in place.enum.get("symbols", ()):
        if {"PRESUMED", "ADULT"} <= set(symbol.split("_")):
            yield "a code that presumes an adult", "remove it; in doubt a person is a child"


def _open_exploitation(place: Place) -> Found:
    about = place.category == "exploitation" or "exploitation" in place.name.split("_")
    if about and not str(place.field.get("xref.value", "")).startswith("code-list:"):
        yield (
            "forms of exploitation in another form than an open list",
            "use code-list:exploitation",
        )


def _open_enum(place: Place) -> Found:
    if place.enum and place.category in _OPEN_CATEGORIES and "default" not in place.enum:
        yield "an enum that loses a person for a word", "give it a default, such as OTHER"


def _closed_enum(place: Place) -> Found:
    if "default" in place.enum and place.category not in _OPEN_CATEGORIES:
        yield "an enum that reads an unknown code as a known one", "remove the default"


def _meanings(place: Place) -> Found:
    if place.enum and "xref.meanings" not in place.enum:
        yield "codes of which nobody says what they mean", "give xref.meanings, one for each symbol"


def _value_stated(place: Place) -> Found:
    if place.innermost == "string" and "xref.value" not in place.field:
        yield "text that does not say what it stands for", "give xref.value, if only text"


def _bytes_bounded(place: Place) -> Found:
    if place.innermost == "bytes" and "xref.max_bytes" not in place.field:
        yield "bytes without a bound", "give xref.max_bytes"


def _record_operational(place: Place) -> Found:
    inner = place.innermost
    is_record = isinstance(inner, dict) and inner["type"] == "record"
    if is_record and place.field["xref.sensitivity"] != "operational":
        yield "members that cannot be withheld one by one", "make fields of them"


def _derived_declared(place: Place) -> Found:
    made = SIBLINGS.get(place.name)
    wanted = None if made is None else {"function": made.function, "from": made.source}
    if place.field.get("xref.derived") != wanted:
        cure = "remove xref.derived" if made is None else f"write {wanted}".replace("'", '"')
        yield "it is not declared as the desk derives it", cure


def _documented(place: Place) -> Found:
    if not place.field.get("doc") or "xref.source" not in place.field:
        yield "nobody can tell what it is or where it comes from", "give doc and xref.source"


CONTENT: Final[Mapping[str, Rule]] = {
    "name/consent": Rule("Consent is named with what it is to.", _ambiguous),
    "content/disease": Rule("No record has a test or a disease.", _disease),
    "content/cooperation": Rule("No record has cooperation or testimony.", _cooperation),
    "content/never": Rule(f"No record has the categories {', '.join(_NEVER)}.", _never),
    "content/suspect": Rule("Suspects are in no record about a person.", _suspects_apart),
    "content/neutral": Rule(
        "A neutral record has only fields of such categories as anybody's would have.", _neutral
    ),
    "content/declared-neutral": Rule(
        "Records of verification, travel, border and consulate are declared neutral.",
        _declared_neutral,
    ),
    "enum/presumed-adult": Rule("No code presumes that somebody is an adult.", _presumed_adult),
    "enum/exploitation": Rule("Forms of exploitation are an open list.", _open_exploitation),
    "enum/open": Rule("Enums of needs, language and exploitation have a default.", _open_enum),
    "enum/closed": Rule("No other enum has a default.", _closed_enum),
    "enum/meanings": Rule("Every symbol says what it means.", _meanings),
    "value/stated": Rule("Every text says what it stands for.", _value_stated),
    "type/bytes-bound": Rule("Every field of bytes has a bound.", _bytes_bounded),
    "type/record-operational": Rule("Only operational fields have members.", _record_operational),
    "derived/declared": Rule(
        "A sibling that the desk derives is declared so, and nothing else is.", _derived_declared
    ),
    "field/documented": Rule("Every field has a doc and a source.", _documented),
}
HISTORY: Final = "id/history"
RULES: Final[Mapping[str, str]] = {
    **STRUCTURE,
    **{name: rule.says for name, rule in CONTENT.items()},
    HISTORY: "Ids, names, types and bounds stay as in earlier versions (spec/schema, Versions).",
}
"""All rules by id, each with its sentence."""


def check_schema(file: str, data: bytes, earlier: Mapping[str, Schema]) -> list[Finding]:
    """Return what is wrong with a schema file; `earlier` are the versions before, by full name."""
    try:
        document = normalise(read_json(data))
    except SchemaError as fault:
        return [Finding(file, fault.field, fault.rule, fault.problem, fault.cure)]
    faults = list(record_faults(document))
    if faults:
        return [Finding(file, each.field, each.rule, each.problem, each.cure) for each in faults]
    found = [
        Finding(file, place.name, rule_id, problem, cure)
        for place in _places(document)
        for rule_id, rule in CONTENT.items()
        for problem, cure in rule.find(place)
    ]
    return found + _against_history(file, Schema.parse(data, file), earlier)


def _against_history(file: str, now: Schema, earlier: Mapping[str, Schema]) -> list[Finding]:
    before = earlier.get(now.name)
    if before is None:
        return []
    return [
        Finding(file, change.field, HISTORY, change.says, "see docs/how-to/change-a-schema.md")
        for change in compare(before, now)
        if change.breaks
    ]


def _places(document: Mapping[str, Any]) -> Iterator[Place]:
    named = dict(named_types(document))
    categories = frozenset(str(each["xref.category"]) for each in document["fields"])
    record = str(document["name"]).rpartition(".")[2]
    is_neutral = bool(document.get("xref.neutral"))
    for field in document["fields"]:
        kind = spelled_out(field["type"][1], named)
        inner = kind
        while isinstance(inner, dict) and inner["type"] == "array":
            inner = inner["items"]
        is_enum = isinstance(inner, dict) and inner["type"] == "enum"
        yield Place(record, is_neutral, field, kind, inner if is_enum else {}, categories)
