"""Signed notes: the specification's own example, strictness, and forgeries."""

import base64

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import example, given
from hypothesis import strategies as st

from xref.tlog.note import (
    COSIGNATURE,
    NoteError,
    SignatureError,
    SignatureLine,
    Signer,
    Verifier,
    key_id,
    open_note,
    sign,
    split,
)

LOG = Signer("log.example/a", Ed25519PrivateKey.from_private_bytes(bytes(32)))
OTHER = Signer("log.example/b", Ed25519PrivateKey.from_private_bytes(bytes(31) + b"\x01"))
TEXT = "first\n\nsecond \N{SNOWMAN}\n"
NOTE = sign(TEXT, [LOG])
# The example in C2SP tlog-checkpoint and tlog-cosignature: log and witness on one checkpoint.
PUBLISHED = (
    "example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n\n"
    "— example.com/behind-the-sofa Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/"
    "Zhcyv2q1gGzGku9nTo+zyWE+xeMcTOAYQ8=\n"
    "— witness.example.com/w1 jWbPPwAAAABkGFDLEZMHwSRaJNiIDoe9DYn/zXcrtPHeolMI5OWXEhZCB9dlrDJsX3b2o"
    "yin1nPZqhf5nNo0xUe+mbIUBkBIfZ+qnA==\n"
)

texts = st.text(st.characters(exclude_categories=["Cs", "Cc"]) | st.just("\n")).map(
    lambda text: text + "\n"
)
names = st.text(
    st.characters(exclude_categories=["Cs", "Cc", "Zs", "Zl", "Zp"], exclude_characters="+"),
    min_size=1,
)


def joined(text: str, lines: list[SignatureLine]) -> str:
    return text + "\n" + "".join(line.text for line in lines)


@given(texts, names)
def test_any_text_and_name_come_back(text: str, name: str) -> None:
    signer = Signer(name, LOG.key)
    assert open_note(sign(text, [signer, OTHER]), [signer.verifier]) == (text, [name])


def test_published_example_parses_and_comes_back() -> None:
    text, lines = split(PUBLISHED)
    assert [line.name for line in lines] == [
        "example.com/behind-the-sofa",
        "witness.example.com/w1",
    ]
    assert lines[0].key_id.hex() == "033de0ae"
    assert int.from_bytes(lines[1].signature[:8], "big") == 1679315147
    assert joined(text, lines) == PUBLISHED


@given(st.integers(0, len(NOTE)), st.integers(0, 3), st.text(max_size=3))
@example(len(NOTE), 0, "\n")
@example(0, 0, "\n\n")
def test_a_mutation_is_refused_or_is_canonical(at: int, removed: int, inserted: str) -> None:
    mutated = NOTE[:at] + inserted + NOTE[at + removed :]
    try:
        text, lines = split(mutated)
    except NoteError:
        return
    assert joined(text, lines) == mutated
    if mutated != NOTE:
        with pytest.raises(NoteError):
            open_note(mutated, [LOG.verifier])


@given(st.text())
def test_noise_is_refused_or_is_canonical(noise: str) -> None:
    try:
        text, lines = split(noise)
    except NoteError:
        return
    assert joined(text, lines) == noise


@pytest.mark.parametrize(
    "spoilt",
    [
        NOTE[:-1],
        NOTE + "\n",
        NOTE + "trailing",
        NOTE + "— log.example/a\n",
        NOTE.replace("\n\n—", "\n—"),
        NOTE.replace("— ", "- "),
        NOTE.replace("— ", "—  "),
        NOTE.replace("log.example/a ", "log.example/a  "),
        NOTE.replace("log.example/a", "log+example/a"),
        NOTE.replace("log.example/a", "log\N{NO-BREAK SPACE}example/a"),
        NOTE.replace("log.example/a ", " "),
        NOTE.replace("first", "fi\trst"),
        NOTE.replace("first", "fi\rst"),
        NOTE.replace("first", "fi\0st"),
        NOTE.replace("first", "\ud800"),
        TEXT,
        TEXT + "\n",
        "\n\n",
        "",
        joined(TEXT, [SignatureLine("a", b"1234", b"")]),
        joined(TEXT, [SignatureLine("a", b"123", b"")]),
        joined(TEXT, [SignatureLine("a", b"1234", b"5")] * 17),
        "long\n" * 300_000 + NOTE,
    ],
)
def test_malformed_notes(spoilt: str) -> None:
    with pytest.raises(NoteError) as caught:
        split(spoilt)
    assert not isinstance(caught.value, SignatureError)


def test_sixteen_signatures_are_not_too_many() -> None:
    text, lines = split(joined(TEXT, [SignatureLine("a", b"1234", b"5")] * 16))
    assert text == TEXT
    assert len(lines) == 16


def test_non_canonical_base64() -> None:
    """The last digit before the padding has spare bits: only zeros there are canonical."""
    line = split(NOTE)[1][0]
    encoded = base64.b64encode(line.key_id + line.signature).decode()
    assert encoded.endswith("=")
    spare = encoded[:-2] + chr(ord(encoded[-2]) + 1) + "="
    assert base64.b64decode(spare) == base64.b64decode(encoded)
    for other in (spare, encoded.rstrip("="), encoded.replace("/", "_"), encoded + "===="):
        if other != encoded:
            with pytest.raises(NoteError):
                split(NOTE.replace(encoded, other))


def test_another_keys_signature_under_a_known_name() -> None:
    impostor = Signer(LOG.name, OTHER.key)
    with pytest.raises(SignatureError):
        open_note(sign(TEXT, [impostor]), [LOG.verifier])


def test_forged_key_id_is_found_out() -> None:
    forged = SignatureLine(LOG.name, LOG.verifier.key_id, OTHER.key.sign(TEXT.encode()))
    with pytest.raises(SignatureError):
        open_note(joined(TEXT, [forged]), [LOG.verifier])


def test_a_wrong_signature_by_a_known_key_spoils_the_note() -> None:
    _, (good,) = split(NOTE)
    bad = SignatureLine(good.name, good.key_id, good.signature[:-1] + b"\0")
    for lines in ([good, bad], [bad, good]):
        with pytest.raises(SignatureError):
            open_note(joined(TEXT, lines), [LOG.verifier])


@pytest.mark.parametrize("length", [1, 63, 65, 72])
def test_signature_of_another_length(length: int) -> None:
    _, (good,) = split(NOTE)
    line = SignatureLine(good.name, good.key_id, (good.signature + bytes(8))[:length])
    with pytest.raises(SignatureError):
        open_note(joined(TEXT, [line]), [LOG.verifier])


def test_unknown_signatures_are_ignored_but_not_believed() -> None:
    both = sign(TEXT, [OTHER, LOG])
    assert open_note(both, [LOG.verifier]) == (TEXT, [LOG.name])
    with pytest.raises(SignatureError):
        open_note(both, [Verifier("log.example/c", OTHER.verifier.public)])


def test_changed_text() -> None:
    with pytest.raises(SignatureError):
        open_note(NOTE.replace("first", "worst"), [LOG.verifier])


def test_one_key_of_two_types_has_two_ids() -> None:
    public = LOG.verifier.public
    assert key_id("a", 1, public) != key_id("a", COSIGNATURE, public)
    with pytest.raises(SignatureError):
        open_note(NOTE, [Verifier(LOG.name, public, COSIGNATURE)])


@pytest.mark.parametrize("name", ["", "a b", "a+b", "a\nb", "\u2003", "\x01", "\ud800"])
def test_names_that_no_line_can_carry(name: str) -> None:
    with pytest.raises(NoteError):
        Signer(name, LOG.key)
    with pytest.raises(NoteError):
        Verifier(name, bytes(32))


def test_keys_that_are_none() -> None:
    for public, kind in ((bytes(31), 1), (bytes(33), 1), (bytes(32), 2), (bytes(32), 6)):
        with pytest.raises(NoteError):
            Verifier("a", public, kind)


@pytest.mark.parametrize("text", ["", "unended", "tab\t\n", "\ud800\n"])
def test_texts_that_no_note_can_hold(text: str) -> None:
    with pytest.raises(NoteError):
        sign(text, [LOG])


def test_signing_by_nobody_is_our_own_mistake() -> None:
    with pytest.raises(RuntimeError):
        sign(TEXT, [])
