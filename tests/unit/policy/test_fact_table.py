"""Facts travel as one byte each, and only as the table says."""

from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from unit.bundle.signed_bundle import draft
from xref.errors import ConfigError, MalformedError, RecordError
from xref.policy.facts import FactTable

TABLE: Final = draft().policy.facts


def test_no_answers_are_all_unknown() -> None:
    assert TABLE.encode({}) == bytes(len(TABLE.names))
    assert set(TABLE.decode(TABLE.encode({})).values()) == {"unknown"}


def test_codes_are_places_from_one() -> None:
    codes = TABLE.encode({"asylum": "no", "origin_fear": "none-stated"})
    assert codes[:3] == bytes([10, 2, 0])


@given(data=st.data())
def test_answers_come_back(data: st.DataObject) -> None:
    answers = {
        fact.name: data.draw(st.sampled_from(("unknown", *fact.values))) for fact in TABLE.facts
    }
    assert TABLE.decode(TABLE.encode(answers)) == answers


@given(codes=st.binary(max_size=40))
def test_what_decodes_encodes_the_same(codes: bytes) -> None:
    try:
        answers = TABLE.decode(codes)
    except MalformedError:
        return
    assert TABLE.encode(answers) == codes


def test_an_unknown_fact_or_answer_is_named_with_its_cure() -> None:
    with pytest.raises(RecordError, match=r"'horoscope'.*use one of"):
        TABLE.encode({"horoscope": "good"})
    with pytest.raises(RecordError, match=r"asylum.*not-informed") as error:
        TABLE.encode({"asylum": "perhaps"})
    assert "perhaps" not in str(error.value)


def test_a_code_beyond_the_list_is_malformed() -> None:
    good = TABLE.encode({})
    for place, fact in enumerate(TABLE.facts):
        bad = good[:place] + bytes([len(fact.values) + 1]) + good[place + 1 :]
        with pytest.raises(MalformedError, match=fact.name):
            TABLE.decode(bad)
    for wrong in (good[:-1], good + b"\x00", b""):
        with pytest.raises(MalformedError, match="codes"):
            TABLE.decode(wrong)


FACT = '[[fact]]\nname = "one"\nknown_at = "origin"\nvalues = ["a", "b"]\nexplain = "x"\n'


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('"one"', '"One"'),
        ('"a"', '"A"'),
        ('"a"', '"unknown"'),
        ('"a"', '"b"'),
        ('["a", "b"]', "[]"),
        ('["a", "b"]', '"a"'),
        ('["a", "b"]', "[1]"),
        ('"origin"', '"nowhere"'),
        ('explain = "x"\n', ""),
        ('explain = "x"', 'explain = ""'),
        ('explain = "x"', "explain = 1"),
        ('explain = "x"', 'explain = "x"\nmore = 1'),
        ("[[fact]]", "[fact]"),
        ("[[fact]]", "[[facts]]"),
        ("[[fact]]", "[[fact"),
        ("[[fact]]", FACT + "[[fact]]"),
        ('["a", "b"]', str([f"v{i}" for i in range(255)]).replace("'", '"')),
    ],
)
def test_a_table_that_could_be_misread_does_not_load(old: str, new: str) -> None:
    FactTable.parse(FACT.encode(), "facts.toml")
    with pytest.raises(ConfigError, match=r"facts\.toml"):
        FactTable.parse(FACT.replace(old, new, 1).encode(), "facts.toml")
