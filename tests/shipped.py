"""What the project ships, read once for all tests."""

from functools import cache

from xref.adapter_commands import policy_of
from xref.desk.adapter import Adapter
from xref.desk.read_form import Reading, Record
from xref.desk.told import notices_of, with_notice
from xref.policy import Notice
from xref.resources import data_folder


@cache
def shipped(name: str) -> Adapter:
    """Return the adapter of a folder, such as "la"."""
    return Adapter.load(data_folder("adapters") / name)


@cache
def shipped_notices(name: str) -> tuple[Notice, ...]:
    """Return the notices of the shipped bundle, and an adapter's own."""
    return notices_of(shipped(name), [policy_of(None)])


def told(name: str, reading: Reading) -> Reading:
    """Return what a desk makes of what was read: each record with the digest of its notice."""
    items = list(with_notice(reading.records, shipped_notices(name), shipped(name)))
    records = [each for each in items if isinstance(each, Record)]
    problems = [each for each in items if not isinstance(each, Record)]
    return Reading(records, reading.problems + problems)
