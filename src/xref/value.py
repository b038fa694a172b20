"""Values of which every message needs a dozen: frozen for mypy, and cheap to make.

A frozen dataclass sets each of its fields by a call, which made a twentieth of a hop's work. mypy
sees `value` as `dataclass` itself and refuses an assignment; nothing checks that again as it runs.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from dataclasses import dataclass as value
else:
    _Class = TypeVar("_Class")

    def value(*, frozen: bool, slots: bool, eq: bool = True) -> Callable[[_Class], _Class]:
        """Make a dataclass that compares and hashes like a frozen one."""
        return dataclass(slots=slots, eq=eq, unsafe_hash=frozen and eq)


__all__ = ["value"]
