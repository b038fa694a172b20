"""Bundles: only the files that every Party, and nobody else, signed."""

import hashlib
import subprocess
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from unit.bundle.signed_bundle import (
    PARTIES,
    WINDOW,
    changed,
    draft,
    party_keys,
    party_signer,
    signed_bundle,
    signed_note,
    sources,
)
from xref.bundle import (
    DIRECTORY_PATH,
    build,
    check_signer,
    manifest_of,
    note_text,
    open_bundle,
    read_bundle,
    sign,
    write_bundle,
)
from xref.errors import ConfigError, MalformedError
from xref.tlog.note import Signer
from xref.tlog.note import sign as sign_note
from xref.wire.office import party_name


def test_a_bundle_signed_by_both_parties_opens() -> None:
    bundle = signed_bundle()
    assert bundle.digest32 == hashlib.sha256(bundle.manifest).digest()
    assert (bundle.valid_from_ms, bundle.valid_until_ms) == WINDOW
    assert bundle.directory.office("LANRM001").role == "nrm"
    assert bundle.directory.find("LANRM999") is None


def test_the_window_starts_with_its_first_and_ends_before_its_last_moment() -> None:
    bundle = signed_bundle()
    first, last = WINDOW
    answers = [bundle.active_at(time) for time in (first - 1, first, last - 1, last)]
    assert answers == [False, True, True, False]


def test_build_brings_schemas_into_one_form() -> None:
    path = "schemas/receipt.avsc"
    spaced = {**sources(), path: sources()[path].replace(b"{", b"{ ")}
    assert build(spaced).digest32 == draft().digest32


def test_one_signature_is_not_enough() -> None:
    note = sign(None, draft(), WINDOW, party_signer("LA"))
    with pytest.raises(ConfigError, match="not signed by xref/party/v1/VN"):
        open_bundle(draft().files, note, party_keys())


def test_unsigned_bundle_does_not_open() -> None:
    text = note_text(draft().digest32, *WINDOW)
    for note in ("", text, f"{text}\n"):
        with pytest.raises(ConfigError):
            open_bundle(draft().files, note, party_keys())


def test_a_third_signature_is_refused() -> None:
    stranger = Signer("xref/party/v1/TH", Ed25519PrivateKey.from_private_bytes(b"t" * 32))
    text = note_text(draft().digest32, *WINDOW)
    note = sign_note(text, [party_signer("LA"), party_signer("VN"), stranger])
    with pytest.raises(ConfigError, match="someone else"):
        open_bundle(draft().files, note, party_keys())
    with pytest.raises(ConfigError, match="no Party"):
        sign(None, draft(), WINDOW, stranger)


def test_one_party_signing_for_both_is_refused() -> None:
    forged = Signer("xref/party/v1/VN", party_signer("LA").key)
    note = sign_note(note_text(draft().digest32, *WINDOW), [party_signer("LA"), forged])
    with pytest.raises(ConfigError, match="another key"):
        open_bundle(draft().files, note, party_keys())


def test_signing_twice_is_refused() -> None:
    note = sign(None, draft(), WINDOW, party_signer("LA"))
    with pytest.raises(ConfigError, match="already"):
        sign(note, draft(), WINDOW, party_signer("LA"))
    twice = note + note.rpartition("\n\n")[2]
    with pytest.raises(ConfigError):
        open_bundle(
            draft().files, twice + signed_note(draft()).splitlines()[-1] + "\n", party_keys()
        )


def test_a_party_whose_key_is_not_configured_is_named() -> None:
    keys = party_keys()
    del keys["VN"]
    with pytest.raises(ConfigError, match="no key of Party VN"):
        open_bundle(draft().files, signed_note(draft()), keys)


def test_signatures_over_another_window_are_not_moved_here() -> None:
    other = signed_note(draft(), (WINDOW[0], WINDOW[1] + 1))
    moved = other.replace(str(WINDOW[1] + 1), str(WINDOW[1]))
    with pytest.raises(ConfigError, match="wrong"):
        open_bundle(draft().files, moved, party_keys())
    with pytest.raises(ConfigError, match="compare"):
        sign(other.replace(other.splitlines()[-1] + "\n", ""), draft(), WINDOW, party_signer("VN"))


def test_one_rule_changed_after_signing_is_refused() -> None:
    weaker = build(changed("policies/floor/asylum.toml", '["no"]', '["no", "pending"]'))
    with pytest.raises(ConfigError, match="other files"):
        open_bundle(weaker.files, signed_note(draft()), party_keys())


@pytest.mark.parametrize("window", [(5, 5), (6, 5), (-1, 5), (0, 10**16)])
def test_an_empty_or_absurd_window_is_not_signed(window: tuple[int, int]) -> None:
    with pytest.raises(ConfigError, match="validity"):
        sign(None, draft(), window, party_signer("LA"))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("bundle/v1", "bundle/v2"),
        ("\n17", "\n017"),
        ("xref/bundle", " xref/bundle"),
        ("0000\n", "0000\nmore\n"),
    ],
)
def test_a_signed_text_of_another_form_is_refused(old: str, new: str) -> None:
    text = note_text(draft().digest32, *WINDOW).replace(old, new)
    note = sign_note(text, [party_signer("LA"), party_signer("VN")])
    with pytest.raises(ConfigError, match="not the text"):
        open_bundle(draft().files, note, party_keys())


@given(data=st.data())
def test_no_note_with_a_flipped_character_opens(data: st.DataObject) -> None:
    note = signed_note(draft())
    place = data.draw(st.integers(0, len(note) - 1))
    character = data.draw(st.characters(codec="utf-8").filter(lambda c: c != note[place]))
    with pytest.raises(ConfigError):
        open_bundle(draft().files, note[:place] + character + note[place + 1 :], party_keys())


def test_a_schema_that_is_not_canonical_is_not_opened_whoever_signed_it() -> None:
    path = "schemas/receipt.avsc"
    files = {**draft().files, path: sources()[path]}
    text = note_text(hashlib.sha256(manifest_of(files)).digest(), *WINDOW)
    with pytest.raises(ConfigError, match="canonical"):
        open_bundle(files, sign_note(text, [party_signer(each) for each in PARTIES]), party_keys())


def test_what_nobody_signed_is_not_read_as_a_schema() -> None:
    files = {**draft().files, "schemas/receipt.avsc": b"[" * 100_000}
    with pytest.raises(ConfigError, match="signed for other files"):
        open_bundle(files, signed_note(draft()), party_keys())


@pytest.mark.parametrize("path", ["policies/../x.toml", "Policies/a.toml", "/a.toml", "a", "a.py"])
def test_a_path_that_climbs_or_hides_is_refused(path: str) -> None:
    with pytest.raises(ConfigError):
        build({**sources(), path: b""})


def test_a_file_with_no_place_is_refused() -> None:
    with pytest.raises(ConfigError, match="no such place"):
        build({**sources(), "policies/extra.toml": b""})


def test_a_schema_named_by_a_message_is_found_by_digest_only() -> None:
    bundle = signed_bundle()
    for schema in bundle.policy.schemas.values():
        assert bundle.schema(schema.digest32) == schema
    with pytest.raises(MalformedError) as caught:
        bundle.schema(bytes(32))
    assert caught.value.fault == "unknown-schema"


# Folders.


def test_a_folder_is_read_back_as_written(tmp_path: Path) -> None:
    write_bundle(tmp_path, draft(), signed_note(draft()))
    assert read_bundle(tmp_path, party_keys()).digest32 == draft().digest32
    with pytest.raises(ConfigError, match="is not empty"):
        write_bundle(tmp_path, draft())


def test_sha256sum_agrees_with_the_manifest(tmp_path: Path) -> None:
    write_bundle(tmp_path, draft(), signed_note(draft()))
    subprocess.run(["sha256sum", "--check", "--quiet", "manifest"], cwd=tmp_path, check=True)


@pytest.mark.parametrize("name", ["manifest", "bundle.note", DIRECTORY_PATH])
def test_a_folder_without_one_file_is_refused(tmp_path: Path, name: str) -> None:
    write_bundle(tmp_path, draft(), signed_note(draft()))
    (tmp_path / name).unlink()
    with pytest.raises(ConfigError):
        read_bundle(tmp_path, party_keys())


def test_a_file_slipped_into_the_folder_is_refused(tmp_path: Path) -> None:
    write_bundle(tmp_path, draft(), signed_note(draft()))
    (tmp_path / "policies" / "floor" / "zz.toml").write_text("")
    with pytest.raises(ConfigError, match=r"differs from the manifest: policies/floor/zz\.toml;"):
        read_bundle(tmp_path, party_keys())


def test_a_folder_that_nobody_signed_says_so_and_says_which(tmp_path: Path) -> None:
    write_bundle(tmp_path, draft())
    with pytest.raises(ConfigError, match=f"{tmp_path}: nobody signed this bundle"):
        read_bundle(tmp_path, party_keys())
    (tmp_path / "bundle.note").write_text(signed_note(draft()), encoding="utf-8")
    with pytest.raises(ConfigError, match=f"{tmp_path}: bundle note: no key of Party"):
        read_bundle(tmp_path, {})


def test_key_of_another_party_signs_nothing() -> None:
    """Who takes the wrong key file learns it at once, and not from every office."""
    window = (1, 2)
    first = sign(None, draft(), window, party_signer("LA"))
    taken = Signer(party_name("VN"), party_signer("LA").key)
    with pytest.raises(ConfigError, match="VN: the key signed as xref/party/v1/LA"):
        sign(first, draft(), window, taken)
    with pytest.raises(ConfigError, match="VN: the key signed as xref/party/v1/LA"):
        check_signer(first, taken)
    with pytest.raises(ConfigError, match="LA: the key is not the one of xref/party/v1/LA"):
        check_signer(first, Signer(party_name("LA"), party_signer("VN").key))
    check_signer(first, party_signer("LA"))
    check_signer(first, party_signer("VN"))


def test_a_changed_file_with_a_matching_manifest_is_refused(tmp_path: Path) -> None:
    write_bundle(tmp_path, draft(), signed_note(draft()))
    path = tmp_path / "policies" / "floor" / "asylum.toml"
    path.write_bytes(path.read_bytes() + b"\n")
    files = {**draft().files, "policies/floor/asylum.toml": path.read_bytes()}
    (tmp_path / "manifest").write_bytes(manifest_of(files))
    with pytest.raises(ConfigError, match="other files"):
        read_bundle(tmp_path, party_keys())


# The directory.


@pytest.mark.parametrize(
    ("old", "new", "match"),
    [
        ('role = "nrm"', 'role = "ministry"', "unknown 'ministry'"),
        (
            'hop = "LAHOP001"\nname = "ກ',
            'hop = "VNHOP001"\nname = "ກ',
            "no hop",
        ),
        ('party = "VN"', 'party = "LA"', "does not start"),
        ("[offices.VNSVC001]", "[offices.vnsvc001]", "vnsvc001"),
        ('role = "nrm"', 'role = "nrm"\nshard = -1', "shard"),
        ('role = "nrm"', 'role = "nrm"\nshard = 0\nextra = 1', "unknown member 'extra'"),
        ('[parties.VN]\nname = "Cộng hòa xã hội chủ nghĩa Việt Nam"', "", "unknown 'VN'"),
    ],
)
def test_an_inconsistent_directory_names_the_place(old: str, new: str, match: str) -> None:
    with pytest.raises(ConfigError, match=match):
        build(changed(DIRECTORY_PATH, old, new))


def test_an_office_that_is_not_listed_is_named() -> None:
    with pytest.raises(ConfigError, match="LANRM999"):
        signed_bundle().directory.office("LANRM999")


def test_an_agreement_with_a_party_beyond_the_directory_is_refused() -> None:
    path = "policies/agreements/la-vn-2010/agreement.toml"
    three = changed(path, 'parties = ["LA", "VN"]', 'parties = ["LA", "VN", "TH"]')
    text = three[path].decode().replace("[languages]", '[languages]\nTH = ["th"]')
    with pytest.raises(ConfigError, match="TH is not in"):
        build({**three, path: text.encode()})
