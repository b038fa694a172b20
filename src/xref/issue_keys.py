"""Making keys and keyrings: what an office generates, and what its Party then signs."""

from collections.abc import Iterable, Sequence

from xref.bundle import Directory
from xref.keychain import Keychain, OwnKey
from xref.limits import LOG_SIZE_MAX
from xref.ports import Entropy
from xref.tlog.note import Signer, sign
from xref.wire.key import SEED_BYTES, KeyUse, PublicKey
from xref.wire.keyring import KeyLine, Keyring, LogLine, SubscribeLine
from xref.wire.office import Link, party_name, party_of


def new_keys(uses: Iterable[KeyUse], from_ms: int, until_ms: int, entropy: Entropy) -> list[OwnKey]:
    """Return a fresh key of each use; validity in Unix ms."""
    return [OwnKey(use, entropy(SEED_BYTES), from_ms, until_ms) for use in uses]


def key_lines(keychain: Keychain) -> list[KeyLine]:
    """Return the keyring lines of an office's keys, retired ones too."""
    return [
        KeyLine(keychain.office, key.use, key.public, key.from_ms, key.until_ms)
        for key in keychain.keys
    ]


def log_lines(office: str, key: PublicKey, directory: Directory) -> list[LogLine]:
    """Return the keyring lines for the logs of all links that an office sends on."""
    return [LogLine(link, key, 0, LOG_SIZE_MAX) for link in links_of(office, directory)]


def links_of(office: str, directory: Directory) -> list[Link]:
    """Return the links that an office sends on: one to each of its peers on every shard."""
    peers = peers_of(office, directory)
    return [Link(office, peer, shard) for shard in range(directory.shards) for peer in peers]


def peers_of(office: str, directory: Directory) -> list[str]:
    """Return the offices that an office has links with, sorted.

    A desk has links with its hop; a hop with its Party's desks and every other Party's hops.
    """
    own = directory.office(office)
    if own.role != "hop":
        return [own.hop]
    return sorted(
        other.code
        for other in directory.offices.values()
        if other.code != office
        and (other.hop == office or (other.role == "hop" and other.party != own.party))
    )


def make_keyring(
    party: str,
    version: int,
    lines: Sequence[KeyLine],
    directory: Directory,
    subscriptions: Sequence[SubscribeLine] = (),
) -> Keyring:
    """Return the keyring of a Party from its offices' key lines.

    The first log key of an office serves its links' logs from their first leaf.
    """
    logs: list[LogLine] = []
    for line in sorted(lines, key=lambda line: line.from_ms):
        first = line.use is KeyUse.LOG and line.office not in {log.link.sender for log in logs}
        if first and party_of(line.office) == party:
            logs += log_lines(line.office, line.key, directory)
    return Keyring(party, version, tuple(lines), tuple(logs), tuple(subscriptions))


def sign_keyring(keyring: Keyring, signer: Signer) -> str:
    """Return the keyring as its Party's signed note."""
    if signer.name != party_name(keyring.party):
        raise RuntimeError("a keyring is signed by its own Party")
    return sign(keyring.text(), [signer])
