"""The watched folder of a desk, `xref desk watch`: a process of its own beside the desk.

So a large file holds up no message, and what reads the office's files has no part in its links.
"""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final, Protocol

import structlog

from xref.desk.spool import Spool
from xref.errors import ConfigError, UnavailableError
from xref.limits import DAY_MS
from xref.running import Stop, now_ms
from xref.submitting import FormReader, Submission, digest_of, take_form

_log = structlog.get_logger()
_PAUSE_SECONDS: Final = 1.0
_KNOWN_DAYS: Final = 30
_AGAIN: Final = (
    "This file went to the desk before, word for word, and was not sent again.\n"
    "If it has to go once more, hand it over with `xref desk submit`.\n"
)

_REPORT: Final = """\
These lines did not go to the desk. Correct them, put THEM ALONE into a new file of the form, and
move that into the folder: all other records of this file are on their way.

"""


class Folder(Protocol):
    """What the watch asks of the folder; see `xref.drivers.watched_folder`."""

    def left_over(self) -> list[Path]:
        """Return the files that were being taken before."""

    def pick_up(self) -> Iterator[Path]:
        """Yield each finished file, moved where nobody else takes it."""

    def archive(self, file: Path) -> None:
        """Put a file that was taken away."""

    def refuse(self, file: Path, report: str) -> Path:
        """Put a file where the office finds it with the report."""

    def empty(self, before_ms: int) -> int:
        """Remove what was archived before a moment."""


class Watch:
    """Takes an office's files into the spool of its desk; `archive_days` is how long they stay."""

    def __init__(
        self,
        folder: Folder,
        reader: FormReader,
        spool: Spool,
        archive_days: int,
        clock: Callable[[], int] = now_ms,
    ) -> None:
        """Take over what an earlier watch was taking when it ended."""
        self._folder, self._reader, self._spool = folder, reader, spool
        self._archive_days, self._clock = archive_days, clock
        self._left: list[Path] = folder.left_over()

    def turn(self) -> int:
        """Take what is finished; return how many files. Raises `UnavailableError`."""
        files = 0
        while self._left:
            self._take(self._left[0])
            self._left.pop(0)
            files += 1
        for file in self._folder.pick_up():
            # From here the file is ours to finish, in the next turn if this one fails.
            self._left.append(file)
            self._take(file, is_new=True)
            self._left.pop()
            files += 1
        now = self._clock()
        self._folder.empty(now - self._archive_days * DAY_MS)
        self._spool.forget(now - max(self._archive_days, _KNOWN_DAYS) * DAY_MS)
        return files

    def _take(self, file: Path, *, is_new: bool = False) -> None:
        """Hand a file over and put it away: recorded first, moved then, so that neither is lost."""
        try:
            if is_new and self._spool.mark_of(digest_of(file)).whole:
                self._folder.refuse(file, _AGAIN)
                _log.warning("form refused", office=self._reader.office, reason="taken before")
                return
            done = take_form(self._reader, file, self._spool)
        except ConfigError as error:
            done = None
            self._folder.refuse(file, f"{error}\n")
        if done is not None and done.problems:
            self._folder.refuse(file, report_of(done))
        elif done is not None:
            self._folder.archive(file)
        _log.info(
            "form taken",
            office=self._reader.office,
            records=done.accepted if done else 0,
            problems=len(done.problems) if done else 1,
        )


def report_of(done: Submission) -> str:
    """Return why a file lies in `errors/`: file, line, field, problem and cure, and no value."""
    return _REPORT + "".join(f"{problem}\n" for problem in done.problems)


def run_watch(watch: Watch, stop: Stop, *, once: bool) -> None:
    """Watch until asked to stop, or look `once` at what is finished now."""
    watch.turn()
    while not stop.asked():
        stop.pause(2 * _PAUSE_SECONDS if once else _PAUSE_SECONDS)
        try:
            watch.turn()
        except UnavailableError as error:
            _log.warning("cannot take forms now", reason=str(error))
            if once:
                raise
        if once:
            return
