"""A witness over HTTP: one server with its state in one SQLite file, and the client's one call.

The server answers POST /add-checkpoint and nothing else. It owes its callers this order: compare
with the stored checkpoint, store the new one durably, answer; the first two in one transaction.
It logs statuses and sizes, never a line of a request. TLS and rate limits are the front's.
"""

import http.client
import socket
import socketserver
import sqlite3
import sys
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Final, TypeAlias
from urllib.parse import urlsplit

import structlog
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from xref.drivers.files import make_private
from xref.errors import ConfigError, EvidenceError, UnavailableError
from xref.limits import WITNESS_CONNECTIONS_MAX, WITNESS_REQUEST_BYTES_MAX
from xref.tlog import checkpoint as checkpoints
from xref.tlog import witness
from xref.tlog.checkpoint import Checkpoint
from xref.tlog.cosignature import cosignature_line
from xref.tlog.note import NoteError, Verifier
from xref.tlog.tree import Tree
from xref.tlog.witness import AddCheckpoint, Conflict, Cosigned, Verdict

PATH: Final = "/add-checkpoint"
_IDLE_SECONDS: Final = 10.0
_BUSY_SECONDS: Final = 5.0
_LENGTH_REQUIRED: Final = 411
_TOO_LARGE: Final = 413
_UNAVAILABLE: Final = 503
_DIGITS_MAX: Final = 9
_TRIES: Final = 3

_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS latest (
    origin TEXT PRIMARY KEY, size INTEGER NOT NULL, root BLOB NOT NULL, note TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS fork (
    origin TEXT PRIMARY KEY, note TEXT NOT NULL, latest_note TEXT NOT NULL
) STRICT, WITHOUT ROWID;
"""

_Request: TypeAlias = socket.socket | tuple[bytes, socket.socket]

_log = structlog.get_logger()


class WitnessStore:
    """The latest checkpoint of each log, and the first proof of a fork of each."""

    def __init__(self, path: Path) -> None:
        """Open or create the file. Raises UnavailableError."""
        self._lock = threading.Lock()
        try:
            make_private(path)
            self._db = sqlite3.connect(
                path, isolation_level=None, check_same_thread=False, timeout=_BUSY_SECONDS
            )
            self._db.execute("PRAGMA journal_mode = WAL")
            self._db.execute("PRAGMA synchronous = FULL")
            self._db.executescript(_SCHEMA)
        except (sqlite3.Error, OSError) as error:
            raise UnavailableError("witness state: cannot be opened") from error

    def close(self) -> None:
        """Close the file."""
        self._db.close()

    def latest(self, origin: str) -> Checkpoint | None:
        """Return what was last cosigned for this log. Raises UnavailableError."""
        with self._lock:
            try:
                return self._read(origin)
            except sqlite3.Error as error:
                raise UnavailableError("witness state: cannot be read") from error

    def decide(self, request: AddCheckpoint, log_verifier: Verifier | None) -> Verdict:
        """Decide and, for a 200, store durably, as one transaction. Raises UnavailableError."""
        with self._lock:
            try:
                return self._decide(request, log_verifier)
            except sqlite3.Error as error:
                raise UnavailableError("witness state: cannot be written") from error

    def _decide(self, request: AddCheckpoint, log_verifier: Verifier | None) -> Verdict:
        # IMMEDIATE takes the write lock before the read: no other process that shares the file
        # can come between what is compared and what is stored.
        self._db.execute("BEGIN IMMEDIATE")
        try:
            latest = self._read(request.checkpoint.origin)
            verdict = witness.consider(request, log_verifier, latest)
            self._record(request, verdict)
            self._db.execute("COMMIT")
        finally:
            if self._db.in_transaction:
                self._db.execute("ROLLBACK")
        return verdict

    def _read(self, origin: str) -> Checkpoint | None:
        row = self._db.execute(
            "SELECT size, root FROM latest WHERE origin = ?", (origin,)
        ).fetchone()
        return Checkpoint(origin, *row) if row else None

    def _record(self, request: AddCheckpoint, verdict: Verdict) -> None:
        origin = request.checkpoint.origin
        if verdict.latest is not None:
            self._db.execute(
                "REPLACE INTO latest VALUES (?, ?, ?, ?)",
                (origin, verdict.latest.size, verdict.latest.root, request.note),
            )
        elif verdict.is_fork:
            # Two heads of one size under the log's own key: keep both, for a person.
            self._db.execute(
                "INSERT OR IGNORE INTO fork SELECT origin, ?, note FROM latest WHERE origin = ?",
                (request.note, origin),
            )


@dataclass(frozen=True, slots=True)
class Witness:
    """What a witness needs: state, whom it trusts for an origin, its key and its clock."""

    store: WitnessStore
    trusted: Callable[[str], Verifier | None]
    name: str
    key: Ed25519PrivateKey
    now_seconds: Callable[[], int]

    def answer(self, body: bytes) -> Verdict:
        """Answer one request body. Raises UnavailableError."""
        try:
            request = witness.parse_add_checkpoint(body)
        except NoteError:
            return Verdict(witness.BAD_REQUEST)
        verdict = self.store.decide(request, self.trusted(request.checkpoint.origin))
        if verdict.is_fork:
            _log.error("witness: fork kept as evidence", size=request.checkpoint.size)
        if verdict.status != witness.OK:
            return verdict
        text = request.checkpoint.text
        line = cosignature_line(text, self.name, self.key, self.now_seconds())
        return Verdict(witness.OK, line, verdict.latest)


class WitnessServer(ThreadingHTTPServer):
    """The HTTP server: `serve_forever` runs it, `shutdown` then `server_close` end it."""

    daemon_threads = True
    request_queue_size = WITNESS_CONNECTIONS_MAX

    def __init__(self, address: tuple[str, int], answering: Witness) -> None:
        """Listen on `address`; port 0 takes any, see `server_address`."""
        self.witness = answering
        self._places = threading.BoundedSemaphore(WITNESS_CONNECTIONS_MAX)
        super().__init__(address, _Handler)

    def server_bind(self) -> None:
        """Bind, without the reverse name look-up by which the default may wait for seconds."""
        socketserver.TCPServer.server_bind(self)
        self.server_name, self.server_port = "witness", self.socket.getsockname()[1]

    def process_request(self, request: _Request, client_address: object) -> None:
        """Take a connection, or close it at once when all places are taken."""
        if self._places.acquire(blocking=False):
            super().process_request(request, client_address)
        else:
            self.shutdown_request(request)

    def process_request_thread(self, request: _Request, client_address: object) -> None:
        """Serve a connection and free its place."""
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._places.release()

    def handle_error(self, request: _Request, client_address: object) -> None:  # noqa: ARG002 - its name is given
        """Say that a connection broke, by kind alone: a traceback would show what was sent."""
        _log.warning("witness: connection failed", kind=type(sys.exc_info()[1]).__name__)


class _Handler(BaseHTTPRequestHandler):
    """One connection, kept alive between requests."""

    server: WitnessServer
    protocol_version = "HTTP/1.1"
    server_version = "witness"
    sys_version = ""
    timeout = _IDLE_SECONDS
    disable_nagle_algorithm = True

    def do_POST(self) -> None:
        """Answer a submission."""
        length = self.headers.get("Content-Length", "")
        if not (length.isascii() and length.isdigit()) or "Transfer-Encoding" in self.headers:
            self._refuse(_LENGTH_REQUIRED)
        elif len(length) > _DIGITS_MAX or int(length) > WITNESS_REQUEST_BYTES_MAX:
            self._refuse(_TOO_LARGE)
        else:
            body = self.rfile.read(int(length))
            if len(body) < int(length):
                self.close_connection = True
            else:
                self._answer(body)

    def _answer(self, body: bytes) -> None:
        try:
            known = self.path == PATH
            verdict = self.server.witness.answer(body) if known else Verdict(witness.NOT_FOUND)
        except UnavailableError:
            verdict = Verdict(_UNAVAILABLE)
        _log.info("witness: answered", status=verdict.status, bytes=len(body))
        is_size = verdict.status == witness.CONFLICT
        self._send(verdict.status, verdict.body, witness.SIZE_TYPE if is_size else "text/plain")

    def _refuse(self, status: int) -> None:
        """Answer without having read the body, so that the connection cannot go on."""
        _log.warning("witness: refused unread", status=status)
        self.close_connection = True
        self._send(status, "", "text/plain")

    def _send(self, status: int, body: str, content_type: str) -> None:
        data = body.encode()
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(data)))
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its name is given
        """Print nothing: the request line is the sender's to choose."""


def submit(
    url: str, old_size: int, proof: Sequence[bytes], note: str, timeout_seconds: float
) -> Cosigned | Conflict:
    """Ask the witness at `url` (its submission prefix) to cosign a signed checkpoint.

    Conflict tells the size to prove from instead. Raises EvidenceError if the witness saw another
    log than this one; UnavailableError if it is away, does not (yet) know the log or its key, or
    answers what is no answer. The cosignatures are not verified: see `cosignature.open_cosigned`.
    """
    body = witness.encode_add_checkpoint(old_size, proof, note)
    status, answered = _post(url, body, timeout_seconds)
    try:
        answer = witness.parse_answer(status, answered)
    except NoteError as error:
        raise UnavailableError("witness: its answer is malformed") from error
    if isinstance(answer, Conflict):
        if answer.size == old_size:
            raise EvidenceError("witness: it cosigned another root of this log at the same size")
        return answer
    if isinstance(answer, Cosigned):
        return answer
    if answer.status == witness.UNPROCESSABLE:
        raise EvidenceError("witness: this log did not grow from what it cosigned before")
    raise UnavailableError(f"witness: answered {answer.status}")


def _post(url: str, body: bytes, timeout_seconds: float) -> tuple[int, bytes]:
    kinds = {"http": http.client.HTTPConnection, "https": http.client.HTTPSConnection}
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise ConfigError("witness: its address is not a URL") from error
    if parts.scheme not in kinds or not parts.hostname:
        raise ConfigError("witness: its address is not an http or https URL")
    connection = kinds[parts.scheme](parts.hostname, port, timeout=timeout_seconds)
    headers = {"Content-Type": "text/plain; charset=utf-8"}
    try:
        connection.request("POST", parts.path.rstrip("/") + PATH, body, headers)
        response = connection.getresponse()
        return response.status, response.read(WITNESS_REQUEST_BYTES_MAX + 1)
    except (OSError, http.client.HTTPException) as error:
        raise UnavailableError("witness: away") from error
    finally:
        connection.close()


class HttpWitness:
    """A witness over HTTP, as a hop uses it: remembers nothing but its name, key and address."""

    def __init__(self, name: str, public: bytes, url: str, timeout_seconds: float = 2) -> None:
        """Name the witness at `url` (its submission prefix) and its Ed25519 public key."""
        self.name = name
        self.public = public
        self._url = url
        self._timeout_seconds = timeout_seconds
        self._sizes: dict[str, int] = {}

    def cosign(self, note: str, tree: Tree) -> str:
        """Return the cosignature lines for the signed head of `tree`.

        Raises UnavailableError when away; EvidenceError when the witness cosigned what this log
        never was, or more than this log holds.
        """
        head, _ = checkpoints.split(note)
        old_size = self._sizes.get(head.origin, 0)
        for _ in range(_TRIES):
            if old_size > head.size:
                raise EvidenceError("witness: it cosigned more of this log than there is here")
            proof = tree.consistency(old_size, head.size)
            answer = submit(self._url, old_size, proof, note, self._timeout_seconds)
            if isinstance(answer, Cosigned):
                self._sizes[head.origin] = head.size
                return answer.text
            old_size = answer.size
        raise UnavailableError("witness: its size changes faster than proofs can be made")
