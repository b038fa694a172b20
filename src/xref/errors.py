"""The error tree: each leaf says whose fault it is, whether to retry, and what to answer.

A refusal by policy is a value (`xref.policy.Refusal`), not an error. A caller's own mistake is a
`RuntimeError` and is never caught. Messages name formats, fields and sizes, never content.
"""

import errno
import socket
from typing import Final

_CAUSES: Final = {
    errno.ENOENT: "there is no such file or folder",
    errno.EACCES: "this user may not",
    errno.EPERM: "this user may not",
    errno.EISDIR: "it is a folder",
    errno.ENOTDIR: "a file stands where a folder should",
    errno.EEXIST: "a file stands where a folder should",
    errno.ENOSPC: "the disk is full",
    errno.EDQUOT: "this user's share of the disk is full",
    errno.EROFS: "the disk is read-only",
    errno.ENAMETOOLONG: "the name is too long",
    errno.EMFILE: "too many files are open",
    errno.EADDRINUSE: "another process listens there",
    socket.EAI_NONAME: "there is no such host",
    errno.EADDRNOTAVAIL: "this machine has no such address",
    "SQLITE_FULL": "the disk is full",
    "SQLITE_CANTOPEN": "it cannot be opened; this user may not, or its folder is missing",
    "SQLITE_READONLY": "it is read-only for this user",
    "SQLITE_NOTADB": "it is no SQLite file",
    "SQLITE_CORRUPT": "it is damaged",
    "SQLITE_BUSY": "another process holds it",
    "SQLITE_PERM": "this user may not",
    "SQLITE_IOERR": "the disk fails, is full or was taken away",
}


def cause_of(error: Exception) -> str:
    """Return in words why the world refused: never the error's own text, which may hold content."""
    if isinstance(error, UnicodeError):
        return "it is not UTF-8"
    number = getattr(error, "errno", None)
    name = "_".join(getattr(error, "sqlite_errorname", "").split("_")[:2])
    return _CAUSES.get(number) or _CAUSES.get(name) or type(error).__name__


class XrefError(Exception):
    """Anything xref raises on purpose."""


class MessageError(XrefError):
    """The sender's fault: a recorded, answered rejection; do not retry.

    `fault` is the stable code that the rejection carries (see docs/spec/receipt.md).
    """

    fault = "faulty"

    def __init__(self, detail: str, *, fault: str | None = None) -> None:
        """Keep the stable `fault` code beside the `detail` for the operator."""
        super().__init__(detail)
        self.detail = detail
        if fault is not None:
            self.fault = fault


class MalformedError(MessageError):
    """Bytes that do not follow their format: truncated, trailing, non-canonical, over a limit."""

    fault = "malformed"


class RecordError(XrefError):
    """A record in an office's own file that cannot be sent; names file, line, field and cure."""


class ConfigError(XrefError):
    """A configuration, key, bundle or policy file that cannot be used; names file and cure."""


class UnauthenticError(XrefError):
    """Nobody's: not provably from who it claims. Counted and dropped, never answered."""


class UnavailableError(XrefError):
    """The world's: disk, transport or peer is away. Nothing final was recorded; retry."""


class EvidenceError(XrefError):
    """Signed evidence that does not add up: keep it, stop, call a person. Never retry."""
