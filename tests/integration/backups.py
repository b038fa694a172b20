"""A backup that an operator takes while offices run, and what it is still good for afterwards."""

import sqlite3
import threading
from contextlib import closing
from pathlib import Path
from types import TracebackType
from typing import Self

from xref.desk.cabinet import Cabinet
from xref.drivers.keyed_store import KeyedStore
from xref.state import State
from xref.wiring import DeskOffice, open_state

_POLL_SECONDS = 0.05


class Backup:
    """Copies a desk's state, without its file of case keys, once the first form was handed over.

    Keeps what that form said, and the keys that the desk's cases had at that moment.
    """

    def __init__(self, office: Path, file: Path) -> None:
        self._office, self.file = office, file
        self.form, self.keys = "", list[bytes]()
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._take)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._ended.set()
        self._thread.join()

    def _take(self) -> None:
        while not (forms := list((self._office / "received").glob("*.json"))):
            if self._ended.wait(_POLL_SECONDS):
                return
        self.form = forms[0].read_text("utf-8")
        with DeskOffice(self._office / "desk.toml").records() as store:
            self.keys = [value[:32] for _, value in State(store).scan("case")]
        state = f"file:{self._office / 'state.sqlite'}?mode=ro"
        running, copy = sqlite3.connect(state, uri=True), sqlite3.connect(self.file)
        with closing(running), closing(copy):
            running.backup(copy)

    def opened(self) -> tuple[int, int]:
        """How many received messages it has, and how many the office's keys of today open."""
        keys = open_state(self._office / "case-keys.sqlite")
        with closing(KeyedStore(open_state(self.file), keys, owner=False)) as store:
            state = State(store)
            return len(list(state.scan("inbox"))), len(Cabinet(state, bytes).all("inbox"))
