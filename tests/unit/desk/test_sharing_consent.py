"""The sharing-consent record: canonical bytes, scope, and what it shows at a moment."""

import dataclasses
import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xref.desk.consent import SharingConsent, parse_sharing_consent
from xref.errors import MalformedError

GIVEN = 1_793_466_000_000
UNTIL = 1_951_318_800_000
RECORD = SharingConsent(
    purposes=("protection-and-assistance",),
    categories=("identity", "needs"),
    recipients=("VNNRM001", "service-provider"),
    given_on_ms=GIVEN,
    valid_until_ms=UNTIL,
    warned_on_ms=GIVEN - 86_400_000,
    language="vi",
    notice_version="LA-2026-1",
    explained_by="nrm",
    guardian=False,
)
VECTOR = (
    b'{"categories":["identity","needs"],"explained_by":"nrm","given_on_ms":1793466000000,'
    b'"guardian":false,"language":"vi","notice_version":"LA-2026-1",'
    b'"purposes":["protection-and-assistance"],"recipients":["VNNRM001","service-provider"],'
    b'"valid_until_ms":1951318800000,"version":1,"warned_on_ms":1793379600000}'
)
CASES = json.loads(
    (Path(__file__).parents[2] / "vectors" / "sharing-consent" / "cases.json").read_text("utf-8")
)
codes = st.lists(
    st.from_regex(r"[a-z]{1,8}(-[a-z0-9]{1,4})?", fullmatch=True),
    min_size=1,
    max_size=6,
    unique=True,
).map(lambda words: tuple(sorted(words)))
moments = st.integers(1, 2**50)
records = st.builds(
    lambda begin, lasting, **rest: SharingConsent(
        given_on_ms=begin, valid_until_ms=begin + lasting, **rest
    ),
    begin=moments,
    lasting=moments,
    purposes=codes,
    categories=codes,
    recipients=codes,
    warned_on_ms=st.none() | moments,
    language=st.sampled_from(["lo", "vi", "hmn", "zh-Hant-TW"]),
    notice_version=st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._-]{0,10}", fullmatch=True),
    explained_by=st.sampled_from(["nrm", "legal-representative"]),
    guardian=st.booleans(),
)


def test_the_record_is_exactly_these_bytes() -> None:
    assert RECORD.encode() == VECTOR
    assert parse_sharing_consent(VECTOR) == RECORD


def test_digest_is_domain_salt_and_record() -> None:
    salt = bytes(range(16))
    assert RECORD.digest(salt) == hashlib.sha256(b"xref/consent/v1\0" + salt + VECTOR).digest()
    with pytest.raises(RuntimeError):
        RECORD.digest(b"short")


@given(records)
def test_every_record_survives_its_encoding(record: SharingConsent) -> None:
    assert parse_sharing_consent(record.encode()) == record


@given(st.binary(max_size=300))
def test_junk_is_refused_and_nothing_else(data: bytes) -> None:
    with pytest.raises(MalformedError):
        parse_sharing_consent(data)


@given(st.integers(0, len(VECTOR) - 1), st.integers(0, 255))
def test_a_changed_byte_is_refused_or_is_another_record(place: int, byte: int) -> None:
    changed = VECTOR[:place] + bytes([byte]) + VECTOR[place + 1 :]
    try:
        record = parse_sharing_consent(changed)
    except MalformedError:
        return
    assert record.encode() == changed


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
def test_vectors(case: dict[str, Any]) -> None:
    data = case["record"].encode()
    if case["expect"] == "malformed":
        with pytest.raises(MalformedError):
            parse_sharing_consent(data)
        return
    record = parse_sharing_consent(data)
    assert record.digest(bytes.fromhex(case["salt"])).hex() == case["digest"]
    assert [[now, record.state_at(now)] for now, _ in case["states"]] == case["states"]


@pytest.mark.parametrize("data", [b"{" * 5000, b'{"version":' + b"9" * 5000 + b"}", b" " * 9000])
def test_a_record_made_to_exhaust_the_reader_is_refused(data: bytes) -> None:
    with pytest.raises(MalformedError):
        parse_sharing_consent(data)


def test_it_covers_an_office_or_its_role_for_an_agreed_purpose_alone() -> None:
    purpose = "protection-and-assistance"
    assert RECORD.covers(purpose, "VNNRM001", "nrm")
    assert RECORD.covers(purpose, "VNSVC001", "service-provider")
    assert not RECORD.covers(purpose, "VNPOL001", "police")
    assert not RECORD.covers("forced-repatriation", "VNNRM001", "nrm")
    assert not RECORD.covers(purpose)


def test_the_mask_has_the_fields_of_agreed_categories_and_no_other() -> None:
    fields = [(0, "reference"), (1, "identity"), (2, "exploitation"), (5, "needs")]
    assert RECORD.mask(fields) == 0b100010
    assert RECORD.mask([]) == 0


def test_state_follows_the_clock_to_the_millisecond() -> None:
    assert RECORD.state_at(GIVEN - 1) == "invalid"
    assert RECORD.state_at(GIVEN) == "granted"
    assert RECORD.state_at(UNTIL - 1) == "granted"
    assert RECORD.state_at(UNTIL) == "expired"


@pytest.mark.parametrize("warned_on_ms", [None, GIVEN + 1])
def test_agreement_without_a_warning_before_it_is_invalid_for_ever(
    warned_on_ms: int | None,
) -> None:
    record = dataclasses.replace(RECORD, warned_on_ms=warned_on_ms)
    assert {record.state_at(now) for now in (GIVEN, UNTIL - 1, UNTIL + 1)} == {"invalid"}
