"""The error tree: each leaf says whose fault it is, whether to retry, and what to answer.

A refusal by policy is a value (`xref.policy.Refusal`), not an error. A caller's own mistake is a
`RuntimeError` and is never caught. Messages name formats, fields and sizes, never content.
"""


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
