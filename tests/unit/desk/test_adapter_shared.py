"""What an adapter says once for several forms: written out as if each form said it."""

import pytest

from unit.bundle.signed_bundle import draft
from xref.desk.adapter import Adapter
from xref.desk.adapter_check import check_adapter
from xref.desk.sharing_consent_form import SharingConsentForm
from xref.errors import ConfigError

SHARED = """
version = 1
party = "LA"
languages = ["lo"]
utc_offset_minutes = 420

[column]
case = { header = "ເລກ", characters_max = 40 }
message = { header = "ເລກຂໍ້ຄວາມ" }
"field/sex" = { header = "ເພດ", kind = "code", codes = "sex" }
"field/age_status" = { header = "ອາຍຸ", to = AGE, kind = "code", codes = "age" }

[rule.guardian]
when = { age_status = ["verified-adult"] }
fact = "guardian"
is = "not-applicable"
explain = "An adult has no guardian."

[sharing_consent]
purposes = ["follow-up"]
notice_version = "LA-2026-1"

[publication.referral]
title = "ແບບຟອມ"
format = "csv"
rule = ["guardian"]
column = [
    "case", "field/age_status",
    { like = "field/sex", header = "ເພດ ຂອງຜູ້ກ່ຽວ" },
]

[publication.welfare-check]
title = "ແບບຟອມ"
format = "csv"
column = ["case", "field/sex"]

[received.victim-referral]
title = "ຮັບ"
column = [
    "message", "field/sex",
    { like = "field/age_status", header = "ອາຍຸ (ຮັບ)" },
]

[codes.sex]
"ຍິງ" = "F"
[codes.age]
"ຜູ້ໃຫຍ່" = "VERIFIED_ADULT"
""".replace("AGE", '["field/age_status", "fact/age_status"]')
_PARTS = "".join(
    f'\n    {{ header = "{part}", to = "sharing-consent/{part}", kind = "{kind}"{more} }},'
    for part, kind, more in (
        ("given_on", "date", ""),
        ("valid_until", "date", ""),
        ("categories", "codes", ', codes = "sex"'),
        ("recipients", "codes", ', codes = "sex"'),
        ("language", "code", ', codes = "sex"'),
        ("explained_by", "code", ', codes = "sex"'),
    )
)
ASKED = '[\n    "case", "field/age_status",'
CONSENTS = SHARED.replace(ASKED, f"{ASKED}{_PARTS}")


def test_a_form_has_the_shared_columns_that_it_names() -> None:
    file = Adapter.parse(SHARED.encode(), "x.toml").file
    case, age, sex = file.publications["referral"].columns
    assert (case.header, case.to, case.characters_max) == ("ເລກ", ("case",), 40)
    assert age.ends == ("field/age_status", "fact/age_status")
    assert (sex.header, sex.ends, sex.codes) == ("ເພດ ຂອງຜູ້ກ່ຽວ", ("field/sex",), "sex")
    assert file.publications["welfare-check"].columns[1].header == "ເພດ"


def test_a_form_that_is_written_has_each_from_the_field_of_its_name() -> None:
    file = Adapter.parse(SHARED.encode(), "x.toml").file
    message, sex, age = file.received["victim-referral"].columns
    assert [each.source for each in (message, sex, age)] == [
        "message",
        "field/sex",
        "field/age_status",
    ]
    assert (sex.to, age.to, age.header) == (None, None, "ອາຍຸ (ຮັບ)")


def test_forms_share_rules_and_what_the_notice_says() -> None:
    own = 'rule = ["guardian"]\nsharing_consent = { purposes = ["family-tracing"] }'
    file = Adapter.parse(CONSENTS.replace('rule = ["guardian"]', own).encode(), "x.toml").file
    form = file.publications["referral"]
    assert [rule.fact for rule in form.rules] == ["guardian"]
    assert form.sharing_consent == SharingConsentForm(
        purposes=("family-tracing",), notice_version="LA-2026-1"
    )
    assert file.publications["welfare-check"].sharing_consent is None


MISTAKES = [
    ('"case", "field/sex"]', '"case", "field/sexx"]', 35, "no shared column 'field/sexx'"),
    ('{ like = "field/sex"', '{ like = "sex"', 29, "no shared column 'sex'"),
    ('"message", "field/sex"', '"message", "field/sex", 7', 40, "Input should be a valid dict"),
    ('{ header = "ເພດ", kind', '{ header = "ເພດ", knd = "x", kind', 10, "knd"),
    ('rule = ["guardian"]', 'rule = ["guardians"]', 26, "no shared rule 'guardians'"),
    ('is = "not-applicable"\n', "", 13, "rule.guardian.is"),
    ("message = { header", 'message = { from = "x", header', 7, "neither from nor like"),
    ('"field/sex" = {', '"field/sexx" = {', 29, "no shared column 'field/sex'"),
]


@pytest.mark.parametrize(("before", "after", "line", "said"), MISTAKES)
def test_a_mistake_names_the_line_where_it_stands(
    before: str, after: str, line: int, said: str
) -> None:
    assert before in SHARED
    with pytest.raises(ConfigError) as caught:
        Adapter.parse(SHARED.replace(before, after, 1).encode(), "x.toml")
    assert any(
        each.startswith(f"x.toml, line {line}: ") and said in each
        for each in str(caught.value).splitlines()
    ), str(caught.value)


def test_a_fault_in_a_shared_column_is_told_once_however_many_forms_have_it() -> None:
    with pytest.raises(ConfigError) as caught:
        Adapter.parse(SHARED.replace('kind = "code", codes = "sex"', 'kind = "cod"').encode(), "x")
    assert len(str(caught.value).splitlines()) == 1


def test_what_is_shared_and_in_no_form_is_a_finding() -> None:
    text = SHARED.replace('"case", "field/sex"]', '"case"]').replace('like = "field/sex", ', "")
    text = text.replace('header = "ເພດ ຂ', 'to = "stays", header = "ເພດ ຂ').replace(
        '"message", "field/sex"', '"message"'
    )
    text = text.replace('rule = ["guardian"]\n', "")
    adapter = Adapter.parse(text.encode(), "x.toml")
    found = check_adapter(adapter, draft().policy, {}, today=adapter.day_at(0)).findings
    unused = {(each.line, each.problem) for each in found if "shared" in each.problem}
    assert unused == {
        (10, "no form has the shared column field/sex"),
        (13, "no form has the shared rule guardian"),
        (19, "no form has the shared sharing_consent"),
    }
