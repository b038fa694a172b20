"""Cases of the demonstration one after another at the same offices, which are started once."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console

from xref.demo import Demo
from xref.demo_cases import ALL_DESKS, CASES, Case
from xref.demo_corridors import Played
from xref.demo_setup import OFFICES
from xref.sources import SHIPPED
from xref.story import received_messages

Story = dict[str, Any]


def play_together(names: Sequence[str], data: Path) -> dict[str, Story]:
    """Play cases of different people; return the story of each as `xref demo --json` tells it.

    `trails` and `links` are everybody's in the end, and so the same in each.
    """
    quiet = Console(quiet=True)
    demo = Demo(SHIPPED, Played(Case("Together", ALL_DESKS, ()), OFFICES, ()), data, quiet, None)
    stories: dict[str, Story] = {}
    told: set[str] = set()
    with demo.running():
        for name in names:
            demo.take(CASES[name])
            sent = [each for each in demo.messages() if each.id not in told]
            stories[name] = {
                "messages": [each.as_json(demo.bundle) for each in sent],
                "offices": {office: {"received": each} for office, each in new_at(demo, told)},
            }
            told |= {each.id for each in sent}
    audited = demo.verified().as_json()
    return {name: {**story, **audited} for name, story in stories.items()}


def new_at(demo: Demo, told: set[str]) -> Iterator[tuple[str, dict[str, list[str]]]]:
    """Yield each office with the fields, by type, of what it received and nobody told of yet."""
    for desk in demo.desks.values():
        received: dict[str, set[str]] = {}
        with desk.records() as store:
            for message, content in received_messages(store):
                if message not in told:
                    known = {name for name, value in content["values"].items() if value is not None}
                    received.setdefault(content["type"], set()).update(known)
        yield desk.config.office, {flow: sorted(names) for flow, names in received.items()}
