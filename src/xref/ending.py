"""How a command ends that does not succeed: a sentence, JSON where it was asked for, no content."""

import json
import os
import sys
import traceback
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType


def failed(given: Sequence[str], says: str, code: int) -> int:
    """Say on standard error why a command did not succeed; return its exit code."""
    sys.stderr.write(f"xref: {says}\n")
    say_as_json(given, says, code)
    return code


def say_as_json(given: Sequence[str], says: str, code: int) -> None:
    """Give a script the JSON that it asked for where there is nothing but an error."""
    if "--json" in given:
        sys.stdout.write(json.dumps({"error": says, "exit_code": code}, ensure_ascii=False) + "\n")


def crashed(kind: type[BaseException], _: BaseException, trace: TracebackType | None) -> None:
    """Say where xref failed by its own fault; not the exception's text, which may hold content."""
    sys.stderr.write(f"xref: a fault of xref itself, not of yours: {kind.__name__}\n")
    for frame in traceback.extract_tb(trace):
        sys.stderr.write(f"  {Path(frame.filename).name}:{frame.lineno} {frame.name}\n")
    sys.stderr.write("Report these lines to who maintains it; they hold nothing of any message.\n")


def give_up_output() -> None:
    """Write no more: nobody reads it, or it has no room. Nor does the interpreter's own flush."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
