"""`python -m bench`: measure, and print a table, or JSON with `--json`."""

import argparse
import json
import os
import sys

from bench.measure import measure
from bench.report import as_json, as_text

_MESSAGES = 256
_ROUNDS_MAX = 48


def main() -> None:
    """Measure at each batch size."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    parser.add_argument("--batches", default="1,8,64", help="messages a batch (1,8,64)")
    parser.add_argument("--messages", type=int, default=_MESSAGES, help="messages a run, about")
    parser.add_argument("--repeats", type=int, default=9, help="runs, of which the best counts")
    given = parser.parse_args()
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    batches = [int(batch) for batch in given.batches.split(",")]
    measured = [
        measure(batch, max(1, min(_ROUNDS_MAX, given.messages // batch)), given.repeats)
        for batch in batches
    ]
    report = as_json(measured, given.repeats)
    command = "python -m " + " ".join(["bench", *sys.argv[1:]])
    text = json.dumps(report, indent=2) + "\n" if given.json else as_text(report, command)
    sys.stdout.write(text)


if __name__ == "__main__":
    main()
