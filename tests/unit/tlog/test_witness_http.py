"""A witness over real sockets and a real file: durable, atomic, bounded, quiet."""

import http.client
import json
import socket
import sqlite3
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from structlog.testing import capture_logs

from xref.drivers.witness_http import PATH, Witness, WitnessServer, WitnessStore, submit
from xref.errors import ConfigError, EvidenceError, UnavailableError
from xref.limits import WITNESS_CONNECTIONS_MAX
from xref.tlog import checkpoint as checkpoints
from xref.tlog.checkpoint import Checkpoint
from xref.tlog.cosignature import cosigner, open_cosigned
from xref.tlog.note import Signer, Verifier
from xref.tlog.tree import Tree, leaf_hash
from xref.tlog.witness import Conflict, Cosigned, encode_add_checkpoint, parse_add_checkpoint

LOG = Signer("log.example/a", Ed25519PrivateKey.from_private_bytes(bytes(32)))
KEY = Ed25519PrivateKey.from_private_bytes(bytes(31) + b"\x05")
WITNESS = cosigner("witness.example", KEY)
NOW = 1_700_000_000


def grown(count: int, seed: bytes = b"") -> Tree:
    tree = Tree(lambda *_: None, 0)
    tree.append([leaf_hash(seed + bytes([i])) for i in range(count)])
    return tree


TREE = grown(200)
FORK = grown(200, b"other")


def trusted(origin: str) -> Verifier | None:
    return LOG.verifier if origin == LOG.name else None


def signed(size: int, tree: Tree = TREE, signer: Signer = LOG) -> str:
    return checkpoints.sign(Checkpoint(signer.name, size, tree.root(size)), signer)


@contextmanager
def serving(path: Path) -> Iterator[str]:
    store = WitnessStore(path)
    server = WitnessServer(
        ("127.0.0.1", 0), Witness(store, trusted, WITNESS.name, KEY, lambda: NOW)
    )
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
        store.close()


@pytest.fixture
def url(tmp_path: Path) -> Iterator[str]:
    with serving(tmp_path / "witness.db") as address:
        yield address


def ask(url: str, old: int, size: int, tree: Tree = TREE) -> Cosigned | Conflict:
    proof = tree.consistency(old, size) if old <= size else []
    return submit(url, old, proof, signed(size, tree), 5.0)


def post(url: str, path: str, body: bytes, headers: dict[str, str]) -> tuple[int, str, bytes]:
    connection = http.client.HTTPConnection(url.removeprefix("http://"), timeout=5)
    try:
        connection.request("POST", path, body, headers)
        response = connection.getresponse()
        return response.status, response.headers["Content-Type"], response.read()
    finally:
        connection.close()


def test_a_log_grows_under_the_witness(url: str) -> None:
    for old, size in ((0, 5), (5, 5), (5, 64), (64, 200)):
        answer = ask(url, old, size)
        assert isinstance(answer, Cosigned)
        whole = signed(size) + answer.text
        assert open_cosigned(whole, LOG.verifier, [WITNESS])[1] == {WITNESS.name: NOW}


def test_the_size_to_prove_from(url: str) -> None:
    ask(url, 0, 9)
    assert ask(url, 0, 20) == Conflict(9)
    assert ask(url, 9, 20) != Conflict(9)


def test_restart_forgets_nothing(tmp_path: Path) -> None:
    with serving(tmp_path / "witness.db") as first:
        ask(first, 0, 9)
    with serving(tmp_path / "witness.db") as second:
        assert ask(second, 0, 20) == Conflict(9)


def test_fork_is_refused_and_kept(tmp_path: Path) -> None:
    with serving(tmp_path / "witness.db") as url:
        ask(url, 0, 9)
        with pytest.raises(EvidenceError):
            ask(url, 9, 9, FORK)
        with pytest.raises(EvidenceError):
            ask(url, 9, 20, FORK)
        assert isinstance(ask(url, 9, 20), Cosigned)
    with sqlite3.connect(tmp_path / "witness.db") as database:
        kept = database.execute("SELECT origin, note, latest_note FROM fork").fetchall()
    database.close()
    assert kept == [(LOG.name, signed(9, FORK), signed(9))]


def test_rollback(url: str) -> None:
    ask(url, 0, 50)
    assert ask(url, 0, 9) == Conflict(50)
    assert ask(url, 9, 9) == Conflict(50)


def test_a_log_it_does_not_know_or_trust(url: str) -> None:
    stranger = Signer("log.example/b", LOG.key)
    impostor = Signer(LOG.name, KEY)
    for signer in (stranger, impostor):
        with pytest.raises(UnavailableError):
            submit(url, 0, [], signed(5, signer=signer), 5.0)
    assert isinstance(ask(url, 0, 5), Cosigned)


def test_crossing_submissions_never_roll_back(url: str) -> None:
    """The race that C2SP tlog-witness describes: N and N+K are both consistent with the start."""
    ask(url, 0, 10)
    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(lambda size: (size, ask(url, 10, size)), range(11, 75)))
    won = [size for size, answer in answers if isinstance(answer, Cosigned)]
    assert len(won) == 1
    assert ask(url, 0, 200) == Conflict(won[0])


def test_two_processes_on_one_file_never_roll_back(tmp_path: Path) -> None:
    """Two stores share no lock but the file's own."""
    stores = [WitnessStore(tmp_path / "witness.db") for _ in range(2)]
    requests = [
        parse_add_checkpoint(encode_add_checkpoint(0, [], signed(size))) for size in range(1, 41)
    ]

    def decide(at: int) -> int:
        return stores[at % 2].decide(requests[at], LOG.verifier).status

    with ThreadPoolExecutor(8) as pool:
        statuses = list(pool.map(decide, range(40)))
    latest = stores[0].latest(LOG.name)
    assert statuses.count(200) == 1
    assert latest is not None
    assert latest.size == statuses.index(200) + 1
    for store in stores:
        store.close()


def test_state_that_cannot_be_written_is_not_answered_with_a_cosignature(tmp_path: Path) -> None:
    store = WitnessStore(tmp_path / "witness.db")
    witness = Witness(store, trusted, WITNESS.name, KEY, lambda: NOW)
    store._db.execute("PRAGMA query_only = ON")
    with pytest.raises(UnavailableError):
        witness.answer(encode_add_checkpoint(0, [], signed(5)))
    store._db.execute("PRAGMA query_only = OFF")
    assert store.latest(LOG.name) is None
    assert witness.answer(encode_add_checkpoint(0, [], signed(5))).status == 200
    store.close()
    with pytest.raises(UnavailableError):
        WitnessStore(tmp_path)


def test_a_closed_state_answers_503(tmp_path: Path) -> None:
    store = WitnessStore(tmp_path / "witness.db")
    server = WitnessServer(
        ("127.0.0.1", 0), Witness(store, trusted, WITNESS.name, KEY, lambda: NOW)
    )
    store.close()
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        with pytest.raises(UnavailableError, match="503"):
            ask(f"http://127.0.0.1:{server.server_port}/", 0, 5)
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_statuses_and_types_on_the_wire(url: str) -> None:
    body = encode_add_checkpoint(0, [], signed(5))
    assert post(url, PATH, b"old zero", {})[0] == 400
    assert post(url, "/elsewhere", body, {})[0] == 404
    assert post(url, PATH, body, {})[0] == 200
    assert post(url, PATH, body, {}) == (409, "text/x.tlog.size", b"5\n")
    assert post(url, PATH, b"", {"Transfer-Encoding": "chunked"})[0] == 411
    assert post(url, PATH, b"", {"Content-Length": "65537"})[0] == 413
    assert post(url, PATH, b"", {"Content-Length": "9" * 5000})[0] == 413
    assert post(url, PATH, b"", {"Content-Length": "-1"})[0] == 411


def test_connection_is_kept_alive(url: str) -> None:
    connection = http.client.HTTPConnection(url.removeprefix("http://"), timeout=5)
    for old, size in ((0, 5), (5, 6), (6, 9)):
        body = encode_add_checkpoint(old, TREE.consistency(old, size), signed(size))
        connection.request("POST", PATH, body)
        response = connection.getresponse()
        assert (response.status, bool(response.read())) == (200, True)
    connection.close()


def test_only_post_is_answered(url: str) -> None:
    connection = http.client.HTTPConnection(url.removeprefix("http://"), timeout=5)
    connection.request("GET", PATH)
    assert connection.getresponse().status == 501
    connection.close()


def test_silent_connections_do_not_take_more_than_their_places(url: str) -> None:
    host, _, port = url.removeprefix("http://").partition(":")
    silent = [socket.create_connection((host, int(port))) for _ in range(WITNESS_CONNECTIONS_MAX)]
    with pytest.raises(UnavailableError):
        ask(url, 0, 5)
    for one in silent:
        one.close()


def test_truncated_body_moves_nothing(url: str) -> None:
    host, _, port = url.removeprefix("http://").partition(":")
    body = encode_add_checkpoint(0, [], signed(5))
    with socket.create_connection((host, int(port)), timeout=5) as one:
        one.sendall(b"POST %s HTTP/1.1\r\nContent-Length: 999\r\n\r\n" % PATH.encode() + body)
        one.shutdown(socket.SHUT_WR)
        assert one.recv(100) == b""
    assert isinstance(ask(url, 0, 7), Cosigned)


def test_nothing_sent_is_ever_logged(url: str, capfd: pytest.CaptureFixture[str]) -> None:
    canary = "canary-4711"
    with capture_logs() as logs:
        post(url, "/" + canary, canary.encode(), {"User-Agent": canary})
        post(url, PATH, canary.encode(), {"User-Agent": canary})
        with pytest.raises(UnavailableError):
            submit(url, 0, [], signed(5, signer=Signer(canary, KEY)), 5.0)
    assert logs
    out, err = capfd.readouterr()
    assert canary not in json.dumps(logs, default=str) + out + err


def test_witness_that_is_away() -> None:
    with socket.create_server(("127.0.0.1", 0)) as unused:
        port = unused.getsockname()[1]
    with pytest.raises(UnavailableError):
        ask(f"http://127.0.0.1:{port}", 0, 5)


def test_witness_that_hangs() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server, pytest.raises(UnavailableError):
        submit(f"http://127.0.0.1:{server.getsockname()[1]}", 0, [], signed(5), 0.1)


@pytest.mark.parametrize(
    "nonsense",
    [
        b"nonsense\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nyes\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 99999\r\n\r\n" + b"y" * 99999,
        b"HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n",
    ],
)
def test_witness_that_talks_nonsense(nonsense: bytes) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server, ThreadPoolExecutor(1) as pool:
        pending = pool.submit(ask, f"http://127.0.0.1:{server.getsockname()[1]}", 0, 5)
        answer_once(server, nonsense)
        with pytest.raises(UnavailableError):
            pending.result()


def answer_once(server: socket.socket, data: bytes) -> None:
    """Answer the next whole request, whatever it asks."""
    while True:
        one, _ = server.accept()
        with one:
            one.settimeout(5)
            sent = received = one.recv(65536)
            while received and not sent.endswith(b"=\n"):
                received = one.recv(65536)
                sent += received
            if sent:
                one.sendall(data)
                return


@pytest.mark.parametrize("address", ["ftp://a", "a", "http://", "http://[", "http://a:port"])
def test_addresses_that_are_none(address: str) -> None:
    with pytest.raises(ConfigError):
        ask(address, 0, 5)
