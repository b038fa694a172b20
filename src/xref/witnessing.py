"""Having a witness countersign a hop's trail and links, beside the path of messages.

A witness that is away delays nothing and loses nothing: the next head covers all before it. A
witness that refuses a head as inconsistent stops the hop.
"""

from collections.abc import Sequence
from typing import Protocol

from xref.errors import EvidenceError
from xref.hop import Hop
from xref.tlog import cosignature
from xref.tlog.checkpoint import split
from xref.tlog.note import COSIGNATURE, NoteError, Verifier
from xref.tlog.tree import Tree
from xref.wire.key import KeyUse

SPACE = "witnessed"


class WitnessClient(Protocol):
    """One witness. Owes: never two cosignatures on inconsistent heads of one log."""

    name: str
    public: bytes

    def cosign(self, note: str, tree: Tree) -> str:
        """Return the witness's cosignature lines for the signed head of `tree`.

        Raises `UnavailableError` when away, `EvidenceError` when the witness saw another log.
        """


def unwitnessed(hop: Hop) -> list[tuple[str, str, Tree]]:
    """Return (origin, signed head, tree) of every log whose newest head is not countersigned."""
    logs = [(hop.trail.origin, hop.trail.checkpoint, hop.trail.tree)]
    logs += [
        (link.name, end.checkpoint, end.tree)
        for link, end in hop.endpoint.outgoing.items()
        if end.size
    ]
    return [
        (origin, note, tree)
        for origin, note, tree in logs
        if note and not (hop.state.get(SPACE, origin.encode()) or b"").startswith(note.encode())
    ]


def witness_heads(hop: Hop, witnesses: Sequence[WitnessClient]) -> int:
    """Have every new head countersigned by all witnesses; return how many heads were.

    Raises `UnavailableError` where one is away: what was countersigned before is kept.
    """
    hop.recover()
    done = 0
    for origin, note, tree in unwitnessed(hop):
        lines = [_verified_lines(hop, note, tree, witness) for witness in witnesses]
        hop.state.put(SPACE, origin.encode(), (note + "".join(lines)).encode())
        hop.state.commit()
        done += 1
    return done


def _verified_lines(hop: Hop, note: str, tree: Tree, witness: WitnessClient) -> str:
    lines = witness.cosign(note, tree)
    head, _ = split(note)
    keys = [key.public.public for key in hop.endpoint.keychain.keys if key.use is KeyUse.LOG]
    cosigner = Verifier(witness.name, witness.public, COSIGNATURE)
    for key in keys:
        try:
            log = Verifier(head.origin, key)
            _, times = cosignature.open_cosigned(note + lines, log, [cosigner])
        except NoteError:
            continue
        if witness.name in times:
            return lines
    message = f"{head.origin}: the witness {witness.name} answered with a wrong cosignature"
    raise EvidenceError(message)
