"""The witness's decision: what it cosigns, and each way to make it sign a lie."""

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from xref.tlog import checkpoint as checkpoints
from xref.tlog import note
from xref.tlog.checkpoint import Checkpoint
from xref.tlog.cosignature import cosignature_line
from xref.tlog.note import NoteError, Signer
from xref.tlog.tree import EMPTY_ROOT, Tree, leaf_hash
from xref.tlog.witness import (
    AddCheckpoint,
    Conflict,
    Cosigned,
    Refused,
    Verdict,
    consider,
    encode_add_checkpoint,
    parse_add_checkpoint,
    parse_answer,
)

LOG = Signer("log.example/a", Ed25519PrivateKey.from_private_bytes(bytes(32)))
OTHER = Signer("log.example/a", Ed25519PrivateKey.from_private_bytes(bytes(31) + b"\x01"))


def grown(count: int, seed: bytes = b"") -> Tree:
    tree = Tree(lambda *_: None, 0)
    tree.append([leaf_hash(seed + bytes([i])) for i in range(count)])
    return tree


TREE = grown(20)
FORK = grown(20, b"other")


def head(size: int, tree: Tree = TREE) -> Checkpoint:
    return Checkpoint(LOG.name, size, tree.root(size))


def request(
    old: int, size: int, tree: Tree = TREE, proof: list[bytes] | None = None, signer: Signer = LOG
) -> AddCheckpoint:
    if proof is None:
        proof = tree.consistency(old, size) if old <= size else []
    signed = checkpoints.sign(head(size, tree), signer)
    return parse_add_checkpoint(encode_add_checkpoint(old, proof, signed))


@given(st.data())
def test_honest_growth_is_cosigned(data: st.DataObject) -> None:
    size = data.draw(st.integers(0, 20))
    old = data.draw(st.integers(0, size))
    latest = head(old) if old or data.draw(st.booleans()) else None
    assert consider(request(old, size), LOG.verifier, latest) == Verdict(200, latest=head(size))


def test_unknown_origin() -> None:
    assert consider(request(0, 5), None, None).status == 404


def test_signature_by_another_key() -> None:
    verdict = consider(request(0, 5, signer=OTHER), LOG.verifier, head(7))
    assert verdict == Verdict(403)


def test_a_stranger_learns_no_size() -> None:
    """Without the log's key, the answer must not depend on what is stored."""
    for old in (0, 7, 9):
        assert consider(request(old, 5, signer=OTHER), LOG.verifier, head(7)) == Verdict(403)


def test_trusted_key_of_another_log() -> None:
    elsewhere = Signer("log.example/b", LOG.key)
    assert consider(request(0, 5), elsewhere.verifier, None).status == 403


def test_one_bad_line_beside_a_good_one() -> None:
    good = request(0, 5)
    (line,) = good.lines
    bad = note.SignatureLine(line.name, line.key_id, bytes(64))
    spoilt = parse_add_checkpoint(encode_add_checkpoint(0, [], good.note + bad.text))
    assert consider(spoilt, LOG.verifier, None).status == 403


def test_lines_by_strangers_are_ignored() -> None:
    signed = note.sign(head(5).text, [OTHER, LOG])
    many = parse_add_checkpoint(encode_add_checkpoint(0, [], signed))
    assert consider(many, LOG.verifier, None).status == 200


def test_old_size_beyond_the_new_one() -> None:
    assert consider(request(9, 5), LOG.verifier, head(9)).status == 400


def test_conflict_tells_the_size_to_prove_from() -> None:
    assert consider(request(3, 9), LOG.verifier, head(7)) == Verdict(409, "7\n")
    assert consider(request(3, 9), LOG.verifier, None) == Verdict(409, "0\n")


def test_rollback() -> None:
    """An older head with an honest proof from nothing must not replace a newer one."""
    assert consider(request(0, 5), LOG.verifier, head(7)) == Verdict(409, "7\n")
    assert consider(request(5, 5), LOG.verifier, head(7)) == Verdict(409, "7\n")


def test_fork_at_the_same_size() -> None:
    verdict = consider(request(7, 7, FORK), LOG.verifier, head(7))
    assert verdict == Verdict(409, "7\n", is_fork=True)


def test_fork_behind_a_growth() -> None:
    assert consider(request(7, 12, FORK), LOG.verifier, head(7)).status == 422


def test_root_invented_for_an_empty_log() -> None:
    signed = checkpoints.sign(Checkpoint(LOG.name, 0, bytes(32)), LOG)
    empty = parse_add_checkpoint(encode_add_checkpoint(0, [], signed))
    assert consider(empty, LOG.verifier, None).is_fork
    assert consider(request(0, 0), LOG.verifier, None).latest == head(0)
    assert head(0).root == EMPTY_ROOT


def test_proof_where_none_is_due() -> None:
    assert consider(request(0, 5, proof=[bytes(32)]), LOG.verifier, None).status == 422
    assert consider(request(5, 5, proof=[bytes(32)]), LOG.verifier, head(5)).status == 422


def test_proof_left_out() -> None:
    assert consider(request(5, 9, proof=[]), LOG.verifier, head(5)).status == 422


BODY = encode_add_checkpoint(6, TREE.consistency(6, 11), checkpoints.sign(head(11), LOG))


@given(st.integers(0, len(BODY)), st.integers(0, 3), st.binary(max_size=3))
def test_a_mutation_is_refused_or_is_canonical(at: int, removed: int, inserted: bytes) -> None:
    mutated = BODY[:at] + inserted + BODY[at + removed :]
    try:
        parsed = parse_add_checkpoint(mutated)
    except NoteError:
        return
    assert encode_add_checkpoint(parsed.old_size, parsed.proof, parsed.note) == mutated
    if mutated != BODY:
        assert consider(parsed, LOG.verifier, head(6)).status != 200


@given(st.binary())
def test_noise(noise: bytes) -> None:
    with pytest.raises(NoteError):
        parse_add_checkpoint(noise)


@pytest.mark.parametrize(
    "spoilt",
    [
        BODY + b"\n",
        BODY[:-1],
        BODY.replace(b"old 6", b"old 06"),
        BODY.replace(b"old 6", b"old -6"),
        BODY.replace(b"old 6", b"new 6"),
        BODY.replace(b"old 6", b"old 6 "),
        BODY.replace(b"old 6\n", b""),
        BODY.replace(b"=\n\nlog", b"=\nlog"),
        BODY.replace(b"\n\nlog", b"\n\n\nlog"),
        BODY.replace(b"=\n\n", b"=\nextension\n\n"),
        BODY.replace(b"old 6\n", b"old 6\n" + b"A" * 43 + b"=\n" * 1),
        BODY.replace(b"old 6\n", b"old 6\n" + (b"A" * 43 + b"=\n") * 64),
        BODY + b" " * 70_000,
        b"\xff",
        b"",
    ],
)
def test_malformed_requests(spoilt: bytes) -> None:
    try:
        parsed = parse_add_checkpoint(spoilt)
    except NoteError:
        return
    assert consider(parsed, LOG.verifier, head(6)).status == 422


LINE = cosignature_line(head(11).text, "witness.example", LOG.key, 5)


def test_answers() -> None:
    cosigned = parse_answer(200, (LINE + LINE).encode())
    assert isinstance(cosigned, Cosigned)
    assert cosigned.text == LINE + LINE
    assert parse_answer(409, b"17\n") == Conflict(17)
    assert parse_answer(404, b"<html>") == Refused(404)


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (200, b""),
        (200, b"\n"),
        (200, LINE.encode() + b"\n"),
        (200, LINE.encode()[:-1]),
        (200, LINE.encode() * 17),
        (200, b"\xff\n"),
        (409, b""),
        (409, b"17"),
        (409, b"017\n"),
        (409, b"17\n\n"),
        (409, b"many\n"),
        (409, b"1" * 70_000),
    ],
)
def test_malformed_answers(status: int, body: bytes) -> None:
    with pytest.raises(NoteError):
        parse_answer(status, body)
