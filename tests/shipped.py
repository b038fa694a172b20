"""What the project ships, read once for all tests."""

from functools import cache

from xref.desk.adapter import Adapter
from xref.resources import data_folder


@cache
def shipped(name: str) -> Adapter:
    """Return the adapter of a folder, such as "la"."""
    return Adapter.load(data_folder("adapters") / name)
