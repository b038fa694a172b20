"""A folder from which a desk takes its office's files: each once, whole, and never by a link."""

import os
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from xref.drivers.files import write_whole
from xref.errors import UnavailableError, cause_of

TAKING: Final = "taking"
ARCHIVE: Final = "archive"
ERRORS: Final = "errors"
REPORT: Final = ".problems.txt"
_STILL_MS: Final = 2_000
_UNFINISHED: Final = (".part", ".partial", ".tmp", ".crdownload")
_NAMES_MAX: Final = 10_000


class WatchedFolder:
    """`folder` with `taking/`, `archive/` and `errors/` in it; `clock` gives Unix ms.

    A file is taken when nothing about it has changed for two seconds: so a copy under way is left
    alone, and a finished file that was renamed into place comes soon. It is moved to `taking/`
    first, so that only one process reads it, and stays there until it is archived or refused: what
    lies there at the start was being taken when something failed.
    """

    def __init__(self, folder: Path, clock: Callable[[], int]) -> None:
        """Make the folders that are missing; raises `UnavailableError`."""
        self.folder, self._clock = folder, clock
        self._seen: dict[str, tuple[int, int, int, int]] = {}
        with self._at_hand():
            for name in ("", TAKING, ARCHIVE, ERRORS):
                (folder / name).mkdir(mode=0o700, parents=True, exist_ok=True)

    def left_over(self) -> list[Path]:
        """Return the files that were being taken before, by name."""
        with self._at_hand():
            return sorted(path for path in (self.folder / TAKING).iterdir() if _is_file(path))

    def pick_up(self) -> Iterator[Path]:
        """Yield each finished file, moved to `taking/`, in the order of their last change."""
        now, seen = self._clock(), self._seen
        self._seen = {}
        ready: list[tuple[int, str]] = []
        with self._at_hand():
            there = list(self.folder.iterdir())
        for path in there:
            name = path.name
            if name.startswith((".", "~$")) or name.lower().endswith(_UNFINISHED):
                continue
            if (look := _look(path)) is None:
                continue
            since = seen[name][3] if name in seen and seen[name][:3] == look else now
            self._seen[name] = (*look, since)
            if now - since >= _STILL_MS:
                ready.append((look[1], name))
        for _, name in sorted(ready):
            if (moved := self._move(self.folder / name, TAKING)) is not None and _is_file(moved):
                yield moved

    def archive(self, file: Path) -> None:
        """Put a file that was taken away, from now until `empty` removes it."""
        with self._at_hand(), suppress(FileNotFoundError):
            os.utime(file)
        self._move(file, ARCHIVE)

    def refuse(self, file: Path, report: str) -> Path:
        """Put a file into `errors/` with a report beside it that says why; return the report."""
        target = self._free(ERRORS, file.name)
        written = target.with_name(target.name + REPORT)
        write_whole(written, report.encode())
        with self._at_hand(), suppress(FileNotFoundError):  # the office took it back
            file.rename(target)
        return written

    def empty(self, before_ms: int) -> int:
        """Remove what was archived before a moment; return how many files."""
        with self._at_hand():
            found = [(path, _look(path)) for path in (self.folder / ARCHIVE).iterdir()]
            old = [path for path, look in found if look and look[1] < before_ms * 1_000_000]
            for path in old:
                path.unlink(missing_ok=True)
        return len(old)

    @contextmanager
    def _at_hand(self) -> Iterator[None]:
        """Have a folder that is away, or not ours, be looked at again later."""
        try:
            yield
        except OSError as error:
            message = f"{self.folder.name}: {cause_of(error)}; see to that folder"
            raise UnavailableError(message) from error

    def _move(self, file: Path, name: str) -> Path | None:
        target = self._free(name, file.name)
        with self._at_hand():
            try:
                file.rename(target)
            except FileNotFoundError:
                return None  # the office took it back
        return target

    def _free(self, name: str, file_name: str) -> Path:
        """Return a path in a folder that no file has yet."""
        stem, dot, ending = file_name.partition(".")
        for number in range(1, _NAMES_MAX):
            tail = f"-{number}" if number > 1 else ""
            path = self.folder / name / f"{stem}{tail}{dot}{ending}"
            if not (path.exists() or path.with_name(path.name + REPORT).exists()):
                return path
        raise UnavailableError(f"{name}: too many files of one name; empty it")


def _look(path: Path) -> tuple[int, int, int] | None:
    """Return what would change if somebody wrote to a file; None for what is no plain file."""
    try:
        found = path.lstat()
    except OSError:
        return None
    if not stat.S_ISREG(found.st_mode):
        return None
    return found.st_size, found.st_mtime_ns, found.st_ino


def _is_file(path: Path) -> bool:
    return _look(path) is not None
