"""The signed record after ISO/IEC TS 27560, the notices, and what a hop's trail says of both."""

import json
import unicodedata
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from attacks.hostile import LA_DESK, LA_HOP, entries, referral, settled
from unit.bundle.signed_bundle import changed
from world import DAY_MS, NOW_MS, REPOSITORY, World, draft_bundle, keychain, keyring_notes
from xref.desk.consent import Explanation, SharingConsent, parse_sharing_consent
from xref.desk.sharing_consent_document import Covered, SharingConsentDocument, check, signed
from xref.desk.spool import Withdrawal
from xref.errors import ConfigError, MalformedError, RecordError, UnauthenticError
from xref.keychain import KeyDirectory
from xref.policy import Policy, find_notice
from xref.sharing_consents import SharingConsentRequest, make_sharing_consent, sharing_consents_of
from xref.wire.key import KeyUse
from xref.wire.keyring import parse_keyring

POLICY = draft_bundle().policy
NOTICES = POLICY.rulebook.notices
KEY = keychain(LA_DESK).signing(KeyUse.DESK, NOW_MS)
SCRIPTS = {"lo": "LAO", "th": "THAI", "km": "KHMER", "vi": "LATIN", "en": "LATIN"}
CONSENT_VECTORS = REPOSITORY / "tests/vectors/sharing-consent"


def keys() -> KeyDirectory:
    rings = [parse_keyring(note.rpartition("\n\n")[0] + "\n") for note in keyring_notes()]
    return KeyDirectory({each.party: each for each in rings})


def request(**changes: Any) -> SharingConsentRequest:
    plain = SharingConsentRequest(
        purposes=["protection-and-assistance"],
        categories=["needs", "identity", "language"],
        recipients=["VNNRM001"],
        language="vi",
        explained_by="nrm",
        how="read-aloud",
        interpreted_by="interpreter",
        warned_on="2026-11-18",
        given_on="2026-11-19",
        valid_days=180,
        guardian=False,
        withdrawal_routes=["this-office", "telephone"],
    )
    return replace(plain, **changes)


def made(**changes: Any) -> SharingConsent:
    notice = find_notice(NOTICES, "draft-2026-1", "vi")
    assert notice is not None
    return make_sharing_consent(request(**changes), notice, draft_bundle(), 420, NOW_MS)


def document(**changes: Any) -> SharingConsentDocument:
    plain = SharingConsentDocument(
        LA_DESK, made(), 0, (Covered(b"m" * 16, b"s" * 16), Covered(b"n" * 16, b"t" * 16)), NOW_MS
    )
    return replace(plain, **changes)


# The notices.


def test_every_language_says_the_same_statements() -> None:
    notices = [each for each in NOTICES if each.version == "draft-2026-1"]
    assert {each.language for each in notices} == set(SCRIPTS)
    assert len({tuple(each.texts) for each in notices}) == 1
    assert all("limits" in each.texts for each in notices)


@pytest.mark.parametrize("language", SCRIPTS)
def test_a_notice_is_in_its_own_script_and_says_that_it_is_a_draft(language: str) -> None:
    notice = find_notice(NOTICES, "draft-2026-1", language)
    assert notice is not None
    assert notice.review.startswith("Draft"), "until a native speaker has reviewed it"
    for text in (notice.title, *notice.texts.values()):
        assert unicodedata.normalize("NFC", text) == text
        letters = [unicodedata.name(each) for each in text if each.isalpha()]
        assert letters
        assert all(SCRIPTS[language] in name for name in letters)


BAD_NOTICES = {
    "a promise that no rule keeps": ("statements", '"floor/family"', '"floor/secrecy"', "secrecy"),
    "a statement left out": ("lo", "limits = ", "limit = ", "limits is missing|unknown member"),
    "a statement added": ("en", "[texts]", '[texts]\nsecrecy = "It stays secret."', "secrecy"),
    "another language": ("km", 'language = "km"', 'language = "th"', "language"),
    "another version": ("th", '"draft-2026-1"', '"draft-2026-2"', "version"),
}


@pytest.mark.parametrize("name", BAD_NOTICES)
def test_a_notice_that_says_something_else_does_not_load(name: str) -> None:
    file, old, new, says = BAD_NOTICES[name]
    with pytest.raises(ConfigError, match=says):
        Policy.load(changed(f"policies/notices/draft-2026-1/{file}.toml", old, new))


# The record.


def test_version_2_binds_the_words_that_were_told() -> None:
    record, notice = made(), find_notice(NOTICES, "draft-2026-1", "vi")
    assert record.explanation is not None
    assert notice is not None
    assert record.explanation.notice_sha256 == notice.sha256
    assert parse_sharing_consent(record.encode()) == record
    assert json.loads(record.encode())["version"] == 2


BAD_REQUESTS: dict[str, dict[str, Any]] = {
    "purpose": {"purposes": ["detention"]},
    "category": {"categories": ["secrets"]},
    "recipient": {"recipients": ["VNHOP001"]},
    "explained-by": {"explained_by": "Somchai"},
    "warned-on": {"warned_on": "2026-11-20"},
    "valid-days": {"valid_days": 366},
    "given-on": {"given_on": "2026-13-01"},
    "explained_how": {"how": "in-passing"},
    "withdrawal_routes": {"withdrawal_routes": ["never"]},
    "language": {"language": "tiếng Việt"},
}


@pytest.mark.parametrize("option", BAD_REQUESTS)
def test_what_was_not_agreed_like_this_is_refused_by_name(option: str) -> None:
    with pytest.raises(RecordError, match=option) as refused:
        made(**BAD_REQUESTS[option])
    assert "Somchai" not in str(refused.value)


words = st.from_regex(r"[a-z]{1,8}", fullmatch=True)


@given(
    st.builds(
        Explanation,
        how=st.sampled_from(["read-aloud", "in-writing"]),
        interpreted_by=st.just("") | words,
        notice_sha256=st.just("") | st.from_regex(r"[0-9a-f]{64}", fullmatch=True),
        withdrawal_routes=st.just(("guardian", "this-office")),
    )
)
def test_every_explanation_survives_its_encoding(explanation: Explanation) -> None:
    record = replace(made(), explanation=explanation)
    assert parse_sharing_consent(record.encode()) == record


# The document.


def test_a_signed_document_says_what_was_signed() -> None:
    given_document = document()
    text = json.dumps(signed(given_document, KEY, POLICY))
    assert check(json.loads(text), keys(), POLICY) == given_document


def test_the_document_is_in_terms_of_dpv() -> None:
    drawn = signed(document(), KEY, POLICY)
    assert drawn["@type"] == "dpv:ConsentRecord"
    assert drawn["dpv:hasProcess"]["dpv:hasPurpose"] == [
        {"@type": "dpv:RequestedServiceProvision", "xref:purpose": "protection-and-assistance"}
    ]
    assert drawn["dpv:hasNotice"]["dct:language"] == "vi"
    assert drawn["dpv:hasNotice"]["xref:interpreted_by"] == "interpreter"
    assert [each["@type"] for each in drawn["dpv:hasConsentStatus"]] == ["dpv:ConsentGiven"]


STATES: dict[str, dict[str, Any]] = {
    "withdrawn": {"withdrawn_ms": NOW_MS - 1000},
    "expired": {"signed_ms": NOW_MS + 200 * DAY_MS},
    "granted": {"withdrawn_ms": NOW_MS - 40 * DAY_MS},
}


@pytest.mark.parametrize("state", STATES)
def test_the_document_says_how_it_stands(state: str) -> None:
    """A withdrawal of an earlier record does not end a newer one."""
    found = document(**STATES[state])
    last = signed(found, KEY, POLICY)["dpv:hasConsentStatus"][-1]["@type"]
    wanted = {"withdrawn": "ConsentWithdrawn", "expired": "ConsentExpired"}
    assert (found.state(), last) == (state, f"dpv:{wanted.get(state, 'ConsentGiven')}")


def leaves(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    if isinstance(value, dict | list):
        for key in value if isinstance(value, dict) else range(len(value)):
            yield from leaves(value[key], (*path, key))
    else:
        yield path


PLACES = list(leaves(signed(document(), KEY, POLICY)))


@given(st.sampled_from(PLACES), st.text(max_size=3) | st.integers() | st.none())
@settings(max_examples=60)
def test_a_changed_document_does_not_verify(place: tuple[Any, ...], new: object) -> None:
    text = json.dumps(signed(document(), KEY, POLICY))
    changed_document = inner = json.loads(text)
    for key in place[:-1]:
        inner = inner[key]
    if inner[place[-1]] == new and type(inner[place[-1]]) is type(new):
        return
    inner[place[-1]] = new
    with pytest.raises((MalformedError, UnauthenticError)):
        check(changed_document, keys(), POLICY)


def test_another_office_cannot_sign_in_its_name() -> None:
    stranger = keychain("VNNRM001").signing(KeyUse.DESK, NOW_MS)
    with pytest.raises(UnauthenticError):
        check(signed(document(), stranger, POLICY), keys(), POLICY)


@given(
    st.recursive(
        st.none() | st.integers() | st.text(max_size=5),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
        max_leaves=6,
    )
)
def test_junk_is_refused_and_nothing_else(junk: Any) -> None:
    with pytest.raises(MalformedError):
        check(junk if isinstance(junk, dict) else {"xref:record": junk}, keys(), POLICY)


@pytest.mark.parametrize(
    "case", json.loads((CONSENT_VECTORS / "documents.json").read_bytes()), ids=lambda c: c["name"]
)
def test_document_vectors(case: dict[str, Any]) -> None:
    if case["expect"] == "ok":
        found = check(case["document"], keys(), POLICY)
        assert found.statement().hex() == case["statement"]
        assert found.state() == case["state"]
    else:
        error = {"malformed": MalformedError, "unauthentic": UnauthenticError}[case["expect"]]
        with pytest.raises(error):
            check(case["document"], keys(), POLICY)


# With what went by it, and the trail.


def sent_on(world: World) -> list[SharingConsentDocument]:
    return sharing_consents_of(world.stores[LA_DESK], LA_DESK, "case-1", world.now_ms)


def test_the_trail_names_the_record_that_a_message_was_released_on() -> None:
    world = settled()
    record = replace(made(), categories=tuple(sorted({*made().categories, "status"})))
    world.publish(LA_DESK, [replace(referral(), sharing_consent=record)])
    world.settle()
    [found] = sent_on(world)
    assert found.record == record
    [covered] = found.messages
    [released] = [e for e in entries(world, LA_HOP, "released") if e["from"] == LA_DESK]
    assert released["message"] == covered.message.hex()
    assert released["consent_digest"] == record.digest(covered.salt).hex()
    abroad = [e for e in entries(world, "VNHOP001", "released") if e["from"] == LA_DESK]
    assert {each["consent_digest"] for each in abroad} == {"00" * 32}, "which record stays at home"


def test_a_newer_record_leaves_the_older_ones_messages_with_it() -> None:
    world = settled()
    world.publish(LA_DESK, [referral()])
    world.settle()
    world.publish(LA_DESK, [replace(referral(), sharing_consent=made())])
    world.settle()
    older, newer = sent_on(world)
    assert older.record == referral().sharing_consent
    assert newer.record == made()
    assert len(older.messages) == 1
    assert not set(older.messages) & set(newer.messages)


def test_the_document_holds_nothing_of_the_person() -> None:
    """Names, numbers and days of the form are nowhere in it, nor the case number."""
    world = settled()
    world.publish(LA_DESK, [referral()])
    world.settle()
    world.publish(LA_DESK, [Withdrawal("case-1")])
    [found] = sent_on(world)
    text = json.dumps(signed(found, KEY, POLICY), ensure_ascii=False)
    values = [str(v) for v in referral().values.values() if isinstance(v, str)]
    for canary in (*values, "case-1"):
        if len(canary) > 3 and not canary.isupper():
            assert canary not in text or canary[:4] == "2026", canary
    assert found.state() == "withdrawn"


def test_days_are_the_offices_own() -> None:
    given_at = datetime.fromtimestamp(made().given_on_ms / 1000, UTC)
    assert (given_at.day, given_at.hour) == (18, 17)
