"""Checkpoints and cosignatures: what is signed, by whom, and nothing more."""

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from xref.tlog import checkpoint as checkpoints
from xref.tlog import note
from xref.tlog.checkpoint import Checkpoint, open_checkpoint
from xref.tlog.cosignature import (
    cosign,
    cosignature_line,
    cosigner,
    open_cosigned,
    verify_cosigned,
)
from xref.tlog.note import NoteError, SignatureError, SignatureLine, Signer, Verifier

LOG = Signer("log.example/a", Ed25519PrivateKey.from_private_bytes(bytes(32)))
PEER_KEY = Ed25519PrivateKey.from_private_bytes(bytes(31) + b"\x02")
PEER = cosigner("peer.example", PEER_KEY)
WITNESS_KEY = Ed25519PrivateKey.from_private_bytes(bytes(31) + b"\x03")
WITNESS = cosigner("witness.example", WITNESS_KEY)
HEAD = Checkpoint(LOG.name, 42, bytes(range(32)))
SIGNED = checkpoints.sign(HEAD, LOG)
COSIGNED = cosign(SIGNED, PEER.name, PEER_KEY, 1_700_000_000)


@given(st.integers(0, 2**63 - 1), st.binary(min_size=32, max_size=32))
def test_any_head_comes_back(size: int, root: bytes) -> None:
    head = Checkpoint(LOG.name, size, root)
    assert open_checkpoint(checkpoints.sign(head, LOG), LOG.verifier) == head
    assert checkpoints.parse(head.text) == head


@given(st.integers(0, len(HEAD.text)), st.integers(0, 2), st.text(max_size=2))
def test_a_mutation_is_refused_or_is_canonical(at: int, removed: int, inserted: str) -> None:
    mutated = HEAD.text[:at] + inserted + HEAD.text[at + removed :]
    try:
        assert checkpoints.parse(mutated).text == mutated
    except NoteError:
        return


@pytest.mark.parametrize(
    "text",
    [
        HEAD.text + "extension\n",
        HEAD.text + "\n",
        HEAD.text[:-1],
        HEAD.text.replace("42", "042"),
        HEAD.text.replace("42", "+42"),
        HEAD.text.replace("42", "4_2"),
        HEAD.text.replace("42", "-1"),
        HEAD.text.replace("42", "٤٢"),
        HEAD.text.replace("42", " 42"),
        HEAD.text.replace("42", "9223372036854775808"),
        HEAD.text.replace("42", ""),
        HEAD.text.replace("42", "9" * 5000),
        HEAD.text.replace("AAEC", ""),
        HEAD.text.replace("=", ""),
        HEAD.text.replace(LOG.name, ""),
        HEAD.text.replace(LOG.name, "\ttab"),
        "",
    ],
)
def test_malformed_checkpoints(text: str) -> None:
    with pytest.raises(NoteError):
        checkpoints.parse(text)


def test_extension_line_signed_by_the_log() -> None:
    with pytest.raises(NoteError):
        open_checkpoint(note.sign(HEAD.text + "extension\n", [LOG]), LOG.verifier)


def test_second_signature_line() -> None:
    """A line that some other reader believes must not ride on a checkpoint of ours."""
    other = Signer("other.example", PEER_KEY)
    for extra in (other, LOG):
        with pytest.raises(SignatureError):
            open_checkpoint(note.sign(HEAD.text, [LOG, extra]), LOG.verifier)


def test_signature_of_another_log_or_type() -> None:
    elsewhere = Signer("log.example/b", LOG.key)
    with pytest.raises(SignatureError):
        open_checkpoint(note.sign(HEAD.text, [elsewhere]), elsewhere.verifier)
    with pytest.raises(SignatureError):
        open_checkpoint(SIGNED, elsewhere.verifier)
    as_cosigner = cosigner(LOG.name, LOG.key)
    timed = HEAD.text + "\n" + cosignature_line(HEAD.text, LOG.name, LOG.key, 1)
    with pytest.raises(SignatureError):
        open_checkpoint(timed, as_cosigner)
    with pytest.raises(SignatureError):
        open_checkpoint(timed, LOG.verifier)


def test_changed_size() -> None:
    with pytest.raises(SignatureError):
        open_checkpoint(SIGNED.replace("\n42\n", "\n41\n"), LOG.verifier)


def test_oversized_checkpoint() -> None:
    head = Checkpoint("a" * 5000, 1, bytes(32))
    with pytest.raises(NoteError):
        open_checkpoint(checkpoints.sign(head, Signer(head.origin, LOG.key)), LOG.verifier)


def test_signing_for_another_log_is_our_own_mistake() -> None:
    with pytest.raises(RuntimeError):
        checkpoints.sign(Checkpoint("log.example/b", 1, bytes(32)), LOG)


def test_heads_that_three_lines_cannot_carry() -> None:
    for origin, size, root in (
        ("", 0, bytes(32)),
        ("a\nb", 0, bytes(32)),
        ("\ud800", 0, bytes(32)),
        ("a", -1, bytes(32)),
        ("a", 2**63, bytes(32)),
        ("a", 0, bytes(31)),
    ):
        with pytest.raises(NoteError):
            Checkpoint(origin, size, root)


@given(st.integers(0, 2**63 - 1))
def test_a_cosignature_comes_back_with_its_time(time: int) -> None:
    cosigned = cosign(SIGNED, PEER.name, PEER_KEY, time)
    assert verify_cosigned(cosigned, LOG.verifier, PEER) == (HEAD, time)


def test_published_form_of_the_signed_message() -> None:
    assert note.cosignature_message("origin\n5\nroot\n", 1679315147) == (
        b"cosignature/v1\ntime 1679315147\norigin\n5\nroot\n"
    )


def reordered(cosigned: str) -> str:
    text, (log, peer) = note.split(cosigned)
    return text + "\n" + peer.text + log.text


def backdated(cosigned: str) -> str:
    text, (log, peer) = note.split(cosigned)
    earlier = SignatureLine(peer.name, peer.key_id, bytes(8) + peer.signature[8:])
    return text + "\n" + log.text + earlier.text


def lengthened(cosigned: str) -> str:
    text, (log, peer) = note.split(cosigned)
    longer = SignatureLine(peer.name, peer.key_id, peer.signature + b"\0")
    return text + "\n" + log.text + longer.text


def far_future() -> str:
    time = 2**63
    signature = PEER_KEY.sign(note.cosignature_message(HEAD.text, time))
    line = SignatureLine(PEER.name, PEER.key_id, time.to_bytes(8, "big") + signature)
    return SIGNED + line.text


@pytest.mark.parametrize(
    "forged",
    [
        SIGNED,
        reordered(COSIGNED),
        backdated(COSIGNED),
        lengthened(COSIGNED),
        far_future(),
        cosign(COSIGNED, WITNESS.name, WITNESS_KEY, 1),
        cosign(SIGNED, WITNESS.name, WITNESS_KEY, 1),
        cosign(SIGNED, PEER.name, WITNESS_KEY, 1),
        note.sign(HEAD.text, [LOG, Signer(PEER.name, PEER_KEY)]),
        COSIGNED.replace("\n42\n", "\n43\n"),
    ],
)
def test_forged_acknowledgement(forged: str) -> None:
    with pytest.raises(SignatureError):
        verify_cosigned(forged, LOG.verifier, PEER)


def test_many_cosigners_unknown_ones_ignored() -> None:
    noted = cosign(COSIGNED, WITNESS.name, WITNESS_KEY, 7)
    noted = cosign(noted, WITNESS.name, WITNESS_KEY, 9)
    assert open_cosigned(noted, LOG.verifier, [WITNESS]) == (HEAD, {WITNESS.name: 9})
    assert open_cosigned(SIGNED, LOG.verifier, [WITNESS]) == (HEAD, {})


def test_one_bad_line_by_a_known_cosigner() -> None:
    with pytest.raises(SignatureError):
        open_cosigned(backdated(COSIGNED), LOG.verifier, [WITNESS, PEER])


def test_cosignature_passed_off_as_the_logs_signature() -> None:
    timed = HEAD.text + "\n" + cosignature_line(HEAD.text, PEER.name, PEER_KEY, 1)
    with pytest.raises(SignatureError):
        open_cosigned(timed, LOG.verifier, [PEER])


def test_plain_verifier_for_a_cosigner() -> None:
    with pytest.raises(SignatureError):
        verify_cosigned(COSIGNED, LOG.verifier, Verifier(PEER.name, PEER.public))


def test_time_that_does_not_fit_is_our_own_mistake() -> None:
    for time in (-1, 2**63):
        with pytest.raises(RuntimeError):
            cosign(SIGNED, PEER.name, PEER_KEY, time)
