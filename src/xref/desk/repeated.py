"""What stands in a file more than once: which of it is right, only the office can tell. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Final

_REPEATED: Final = {
    "case": ("case", "its case number stands in another row too", "keep one row for each case"),
    "reply-to": ("reply-to", "another row answers the same message", "keep one answer"),
    "content": (
        "",
        "another row says the same under another case number",
        "keep one row for each person",
    ),
}


@dataclass(slots=True)
class Repeated:
    """Digests of what rows say, so that a large file need not be held. `found` is a row's content.

    It has canonical values by meaning: `case`, `reply-to`, `field/sex`, ...
    """

    seen: set[bytes] = field(default_factory=set)
    twice: set[bytes] = field(default_factory=set)

    def add(self, found: Mapping[str, object]) -> None:
        """Count a row's case number, answered message and content."""
        for digest in _digests(found).values():
            (self.twice if digest in self.seen else self.seen).add(digest)

    def fault(self, found: Mapping[str, object]) -> tuple[str, str, str] | None:
        """Return field, problem and cure of a row that stands twice."""
        kind = next((k for k, digest in _digests(found).items() if digest in self.twice), None)
        return None if kind is None else _REPEATED[kind]


def _digests(found: Mapping[str, object]) -> dict[str, bytes]:
    content = sorted((end, value) for end, value in found.items() if end != "case")
    whole = {"case": str(found["case"]).casefold(), "content": repr(content)}
    if "reply-to" in found:
        whole["reply-to"] = str(found["reply-to"])
    return {
        kind: blake2b(f"{kind} {text}".encode(), digest_size=16).digest()
        for kind, text in whole.items()
    }
