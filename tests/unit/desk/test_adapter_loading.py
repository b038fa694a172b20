"""What an adapter file may say, and the sentence that each mistake gets."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shipped import shipped
from unit.bundle.signed_bundle import draft
from xref.desk.adapter import FILE_NAME, Adapter
from xref.desk.cell import Column
from xref.errors import ConfigError
from xref.policy.facts import FactTable
from xref.resources import data_folder

SMALL = """
version = 1
party = "LA"
languages = ["lo"]
utc_offset_minutes = 420
[publication.referral]
title = "ແບບຟອມ"
format = "csv"
required = ["sex"]
derive = ["birth_year"]
[[publication.referral.column]]
header = "ເລກ"
to = "case"
[[publication.referral.column]]
header = "ເພດ"
to = ["field/sex"]
kind = "code"
codes = "sex"
[received.referral-response]
title = "ຕອບ"
[[received.referral-response.column]]
header = "ເລກຂໍ້ຄວາມ"
from = "message"
[codes.sex]
"ຍິງ" = "F"
"""
PARTIES = ("la", "vn", "th", "kh")


def test_the_small_adapter_loads() -> None:
    adapter = Adapter.parse(SMALL.encode(), "small")
    assert adapter.by_word["sex"] == {"ຍິງ": "F"}
    assert adapter.by_code["sex"] == {"F": "ຍິງ"}


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        ("version = 1", "version = 2", "version"),
        ('party = "LA"', 'party = "Laos"', "party"),
        ("utc_offset_minutes = 420", "utc_offset_minutes = 9999", "utc_offset_minutes"),
        ('format = "csv"', 'format = "xls"', "publication.referral.format"),
        ('format = "csv"', 'format = "xlsx"\nencoding = "cp874"', "encoding goes with"),
        ('format = "csv"', 'format = "csv"\nencoding = "cp437"', "publication.referral.encoding"),
        ('format = "csv"', 'format = "csv"\nformmat = "x"', "formmat.*spelling"),
        ('to = "case"', 'to = "stays"', "case number"),
        ('to = "case"', 'to = "field/"', "no meaning"),
        ('to = "case"', 'to = ["case", "fact/sharing_consent"]', "comes from the desk"),
        ('to = "case"', 'to = ["case", "fact/second_approval"]', "comes from the desk"),
        ('to = "case"', 'to = ["case", "fact/personal_scope"]', "comes from the desk"),
        ('to = "case"', 'to = ["case", "sharing-consent/given_on"]', "needs kind"),
        ('to = "case"', 'to = ["case", "fact/asylum"]', "needs kind"),
        ('to = "case"', 'from = "message"', "no meaning"),
        ('to = "case"', "", "to = ..."),
        ('to = ["field/sex"]', 'to = ["field/sex", "case"]', "two columns|needs kind"),
        ('header = "ເພດ"', 'header = "ເລກ"', "two columns"),
        ('header = "ເພດ"', 'header = "ເລກ / ເພດ"', "below a key"),
        ('header = "ເພດ"', 'header = " ເພດ"', "NFC"),
        ('codes = "sex"', 'codes = "gender"', "codes.gender"),
        ('codes = "sex"', "", "codes = TABLE"),
        ('kind = "code"', 'kind = "cod"', "kind"),
        ('derive = ["birth_year"]', 'derive = ["mother"]', "derive does not know"),
        ('from = "message"', 'from = "title"', "an answer could not name it"),
        ('from = "message"', 'from = "case"', "no source"),
        ('"ຍິງ" = "F"', '"ຍິງ" = "F"\n" ຍິງ" = "M"', "the same"),
        ('"ຍິງ" = "F"', '"ຍິງ" = ""', "codes.sex"),
        ('[codes.sex]\n"ຍິງ" = "F"', "[codes.sex", "not TOML"),
    ],
)
def test_each_mistake_names_file_key_and_cure(before: str, after: str, said: str) -> None:
    assert before in SMALL
    with pytest.raises(ConfigError, match=rf"(?s)^small(, line \d+)?: .*({said})"):
        Adapter.parse(SMALL.replace(before, after, 1).encode(), "small")


TEMPLATE = (data_folder("adapters") / "template" / FILE_NAME).read_text("utf-8")
ROUTES = 'withdrawal_routes = ["guardian", "legal-representative", "this-office"]'


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        (ROUTES, "", "add withdrawal_routes"),
        (ROUTES, 'withdrawal_routes = ["never"]', "withdrawal_routes are of"),
        (ROUTES, f'{ROUTES}\nexplained_how = "in-passing"', "explained_how is one of"),
        ('to = "sharing-consent/explained_how"', 'to = "stays"', "add explained_how, or a column"),
        ('to = "sharing-consent/explained_by"', 'to = "stays"', "explained_by"),
    ],
)
def test_half_of_how_a_sharing_consent_was_explained(before: str, after: str, said: str) -> None:
    assert before in TEMPLATE
    with pytest.raises(ConfigError, match=rf"template, line \d+: publication.*{said}"):
        Adapter.parse(TEMPLATE.replace(before, after, 1).encode(), "template")


def test_a_notice_that_always_says_how_needs_no_column() -> None:
    column = 'to = "sharing-consent/explained_how"'
    always = TEMPLATE.replace(ROUTES, f'{ROUTES}\nexplained_how = "read-aloud"')
    Adapter.parse(always.replace(column, 'to = "stays"').encode(), "template")


@pytest.mark.parametrize("data", [b"\xff", b" " * 600_000, b"a=" + b"[" * 100_000, b""])
def test_bytes_that_are_no_adapter_are_refused(data: bytes) -> None:
    with pytest.raises(ConfigError, match=r"^small(, line \d+)?: "):
        Adapter.parse(data, "small")


@given(st.integers(0, len(SMALL.encode()) - 1), st.binary(max_size=4))
def test_a_damaged_adapter_loads_or_is_a_configuration_error(place: int, junk: bytes) -> None:
    data = SMALL.encode()
    try:
        Adapter.parse(data[:place] + junk + data[place + 1 :], "small")
    except ConfigError:
        return


def test_the_day_is_the_office_s_own() -> None:
    adapter = Adapter.parse(SMALL.encode(), "small")
    late_in_utc = 1_795_392_000_000 - 1_795_392_000_000 % 86_400_000 + 17 * 3_600_000
    assert adapter.day_at(late_in_utc - 1).isoformat() == "2026-11-23"
    assert adapter.day_at(late_in_utc).isoformat() == "2026-11-24"


def test_a_folder_without_an_adapter_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=FILE_NAME):
        Adapter.load(tmp_path)


@pytest.mark.parametrize("party", PARTIES)
def test_the_shipped_adapters_load_and_name_their_party(party: str) -> None:
    adapter = shipped(party)
    assert adapter.file.party == party.upper()


@pytest.mark.parametrize("party", PARTIES)
def test_the_shipped_adapters_know_only_the_facts_of_the_bundle(party: str) -> None:
    path = data_folder("policies") / "facts.toml"
    facts = FactTable.parse(path.read_bytes(), path.name)
    adapter = shipped(party)
    unknown = adapter.unknown_names((), {fact.name: fact.values for fact in facts.facts})
    assert [sentence for _, sentence in unknown if "'fact/" in sentence] == []


def test_a_name_or_value_that_the_bundle_does_not_know_is_told() -> None:
    adapter = shipped("vn")
    assert any("field/answer" in sentence for _, sentence in adapter.unknown_names((), {}))
    la = shipped("la")
    unknown = la.unknown_names((), {"asylum": ("pending",)})
    assert any("'fact/asylum'" in sentence for _, sentence in unknown)
    assert any("'fact/guardian'" in sentence for _, sentence in unknown)


# Each country names its own, and those that it has to do with.
OWN_NAMES = ("office", "province", "provider", "recipient")


@pytest.mark.parametrize("party", PARTIES[1:])
def test_all_adapters_know_the_same_codes(party: str) -> None:
    """What one country's form can say, the others' forms have a word for."""
    mine, others = shipped(party).by_code, shipped(PARTIES[0]).by_code
    for table in mine.keys() & others.keys():
        if not table.endswith(OWN_NAMES):
            assert mine[table].keys() == others[table].keys(), table


def schema_fields(form: str) -> dict[str, list[dict[str, Any]]]:
    """Return by field name what the schemas of a form's flows say of it, without the null branch.

    A form is a publication with its flows, or a received flow.
    """
    policy = draft().policy
    publication = policy.publications.get(form)
    flows = [each.flow for each in publication.deliveries] if publication else []
    found: dict[str, list[dict[str, Any]]] = {}
    for flow in {*flows, *({form} & {each.name for each in policy.flows.values()})}:
        name = policy.flow_named(flow).schema.rpartition(".")[2]
        path = data_folder("schemas") / f"{name}.avsc"
        for field in json.loads(path.read_text("utf-8"))["fields"]:
            kind = field["type"][1]
            found.setdefault(field["name"], []).append(kind if isinstance(kind, dict) else {})
    return found


# Fields from which a desk derives the sibling that a schema has.
DERIVED_FROM = {"birth_date", "family_name_romanised", "given_names_romanised"}


@pytest.mark.parametrize("way", ["publications", "received"])
@pytest.mark.parametrize("party", PARTIES)
def test_every_field_and_code_of_an_adapter_is_the_schema_s(party: str, way: str) -> None:
    for form, read in getattr(shipped(party).file, way).items():
        schemas = schema_fields(form)
        for column, end in ((one, end) for one in read.columns for end in one.ends):
            kind, _, name = end.partition("/")
            if kind != "field":
                continue
            kinds = schemas.get(name, [])
            assert kinds or name in DERIVED_FROM, (form, end)
            codes = set(shipped(party).by_code.get(column.codes or "", {}))
            for each in kinds:
                check_column(column, codes, each)


def check_column(column: Column, codes: set[str], kind: dict[str, Any]) -> None:
    enum = kind.get("items", kind) if isinstance(kind.get("items", {}), dict) else {}
    if "symbols" in enum:
        assert codes == set(enum["symbols"]), column.header
    if "xref.max_items" in kind and column.to is not None:
        assert column.items_max <= kind["xref.max_items"], column.header
