"""What a command answers a script that gave `--json`."""

import json
import sys
from datetime import date


def write_json(value: object) -> None:
    """Print a value as JSON; days, such as a sheet's cells, in ISO 8601."""
    text = json.dumps(value, ensure_ascii=False, indent=2, default=_day)
    sys.stdout.write(text + "\n")


def _day(value: object) -> str:
    if isinstance(value, date):
        return value.isoformat()
    raise TypeError(f"{type(value).__name__} has no form in JSON")
