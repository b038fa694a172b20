"""Offices and link names. See docs/spec/link.md.

An office is a Party's two letters and six more: `LANRM001`. A link is a one-way channel between
two offices; its name is the origin of its log and the name of the log's key.
"""

import hashlib
import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from xref.errors import MalformedError

_OFFICE: Final = re.compile(r"[A-Z]{2}[A-Z0-9]{6}")
_SHARD: Final = re.compile(r"0|[1-9][0-9]{0,4}")
_LINK_PREFIX: Final = "xref/link/v1/"
TRAIL_PREFIX: Final = "xref/trail/v1/"


@lru_cache(maxsize=4096)
def parse_office(data: bytes) -> str:
    """Return the office code in 8 wire bytes, or raise `MalformedError`."""
    try:
        text = data.decode("ascii")
    except UnicodeDecodeError:
        text = ""
    if not _OFFICE.fullmatch(text):
        raise MalformedError("an office code is two capital letters and six capitals or digits")
    return text


def check_office(office: str) -> str:
    """Return `office` if it is a well-formed code, or raise `MalformedError`."""
    return parse_office(office.encode("utf-8", "replace"))


def party_of(office: str) -> str:
    """Return the ISO 3166-1 alpha-2 code of the office's Party."""
    return office[:2]


@dataclass(frozen=True, slots=True, order=True)
class Link:
    """A one-way channel from `sender` to `receiver`, on one shard."""

    sender: str
    receiver: str
    shard: int = 0

    @property
    def name(self) -> str:
        """The log's origin and its key's name."""
        return f"{_LINK_PREFIX}{self.sender}/{self.receiver}/{self.shard}"

    @property
    def link_id(self) -> bytes:
        """The 16 bytes that name this link in a parcel's clear part."""
        return _link_id(self.name)

    @property
    def back(self) -> "Link":
        """The link in the other direction, on which acknowledgements travel."""
        return Link(self.receiver, self.sender, self.shard)


@lru_cache(maxsize=4096)
def _link_id(name: str) -> bytes:
    return hashlib.sha256(b"xref/link-id/v1\0" + name.encode()).digest()[:16]


def parse_link(name: str) -> Link:
    """Return the link of a name, or raise `MalformedError`."""
    parts = name.removeprefix(_LINK_PREFIX).split("/")
    well_formed = name.startswith(_LINK_PREFIX) and len(parts) == 3 and _SHARD.fullmatch(parts[2])  # noqa: PLR2004 - sender, receiver, shard
    if not well_formed:
        raise MalformedError("a link name is xref/link/v1/SENDER/RECEIVER/SHARD")
    link = Link(check_office(parts[0]), check_office(parts[1]), int(parts[2]))
    if link.sender == link.receiver:
        raise MalformedError("a link joins two offices")
    return link


def trail_name(hop: str, shard: int) -> str:
    """Return the origin of a hop's trail."""
    return f"{TRAIL_PREFIX}{hop}/{shard}"


def cosigner_name(office: str) -> str:
    """Return the name of an office's cosigning key."""
    return f"xref/office/v1/{office}"


def party_name(party: str) -> str:
    """Return the name of a Party's own key."""
    return f"xref/party/v1/{party}"
