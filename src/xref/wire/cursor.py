"""Reading bytes strictly, left to right, with nothing left over."""

from xref.errors import MalformedError
from xref.limits import WIRE_NUMBER_MAX


class Cursor:
    """A position in some bytes; every read is exact or a `MalformedError` naming the format."""

    __slots__ = ("_data", "_format", "offset")

    def __init__(self, data: bytes, format_name: str) -> None:
        """Start at the first byte of `data`; `format_name` is used in errors only."""
        self._data = data
        self._format = format_name
        self.offset = 0

    def take(self, count: int) -> bytes:
        """Return the next `count` bytes."""
        stop = self.offset + count
        if stop > len(self._data):
            message = f"{self._format}: ends after {len(self._data)} bytes, {stop} are needed"
            raise MalformedError(message)
        taken = self._data[self.offset : stop]
        self.offset = stop
        return taken

    def number(self, size: int) -> int:
        """Return the next big-endian unsigned number of `size` bytes."""
        return int.from_bytes(self.take(size))

    def count(self) -> int:
        """Return the next number of 8 bytes: a time, an index or a sequence, at most 2^53 - 1."""
        number = self.number(8)
        if number > WIRE_NUMBER_MAX:
            message = f"{self._format}: a number above 2^53 - 1"
            raise MalformedError(message)
        return number

    def block(self, length_size: int, limit: int) -> bytes:
        """Return the bytes behind a length of `length_size` bytes, which may be at most `limit`."""
        length = self.number(length_size)
        if length > limit:
            message = f"{self._format}: a block of {length} bytes, at most {limit} are allowed"
            raise MalformedError(message)
        return self.take(length)

    def rest(self) -> bytes:
        """Return everything that is left."""
        return self.take(len(self._data) - self.offset)

    def finish(self) -> None:
        """Refuse trailing bytes."""
        left = len(self._data) - self.offset
        if left:
            message = f"{self._format}: {left} bytes too many"
            raise MalformedError(message)


def require(condition: bool, detail: str) -> None:  # noqa: FBT001 - reads as an assertion
    """Raise `MalformedError` with `detail` unless `condition` holds."""
    if not condition:
        raise MalformedError(detail)
