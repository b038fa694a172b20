"""Auditing offices by their folders: configuration, bundle, pinned keys, a snapshot of the state.

Everything that decides is in `xref.audit`, which needs none of the folders.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from xref.audit import audit_desk, audit_hop, reconcile
from xref.audit_report import DeskReport, HopReport, Reconciliation
from xref.config import DeskConfig, HopConfig, load_config
from xref.errors import ConfigError, UnavailableError
from xref.moments import in_calendar
from xref.ports import Store
from xref.state import State
from xref.wire.office import party_of
from xref.wiring import bundles_of, open_state

_HOP, _DESK = "hop.toml", "desk.toml"
_LOG = re.compile(r"xref/(?:link|trail)/v1/[A-Z0-9]+(?:/[A-Z0-9]+)?/[0-9]+")


@dataclass(frozen=True, slots=True)
class Audited:
    """What several offices' states prove, and how their accounts agree."""

    reports: tuple[HopReport | DeskReport, ...]
    reconciliation: Reconciliation

    @property
    def verified(self) -> bool:
        """Whether everything adds up."""
        return self.reconciliation.verified and all(each.verified for each in self.reports)

    def rows(self) -> Iterator[tuple[str, int, bool, str]]:
        """Yield (what, size, verified, note) for each trail, each link and the reconciliation."""
        for report in self.reports:
            if isinstance(report, HopReport):
                seen = report.trail.witnessed
                note = f", {seen.size} witnessed" if seen else ", not witnessed"
                note += f", {report.trail.erased} erased" if report.trail.erased else ""
                name = f"trail of {report.office}{_on(report.shards[0])}"
                good = holds(report.problems, report.trail.origin)
                yield name, report.trail.size, good, note
            for link in report.links:
                good = holds(report.problems, link.link.name)
                # An unused link shows nothing, and a mirror only what is wrong with it.
                named = any(link.link.name in _LOG.findall(each) for each in report.problems)
                if (link.outgoing and link.size) or named:
                    done = link.acknowledged.size if link.acknowledged else 0
                    name = f"link {link.link.sender} → {link.link.receiver}{_on(link.link.shard)}"
                    note = f", {done} countersigned" if link.outgoing else ", as received"
                    yield name, link.size, good, note
        compared = len(self.reconciliation.links)
        good = self.reconciliation.verified
        yield (
            f"both ends of {compared} links agree",
            sum(each.sent for each in self.reconciliation.links),
            good,
            "",
        )

    def events(self) -> list[str]:
        """Return what oversight looks at, though it is no problem, in words."""
        found = []
        for report in self.reports:
            if isinstance(report, HopReport):
                found += [f"{report.office}: {_change(each)}" for each in report.trail.changes]
            if isinstance(report, HopReport) and report.trail.grounds:
                counts = ", ".join(
                    f"{count} {name}" for name, count in report.trail.grounds.items()
                )
                found.append(f"{report.office}: released without a sharing consent: {counts}")
            if isinstance(report, HopReport):
                found += [
                    f"{report.office}: flagged {count} by {rule}"
                    for rule, count in report.trail.flags.items()
                ]
                for ends, count in report.trail.mismatches.items():
                    sender, recipient = ends.split()
                    found.append(
                        f"{report.office}: {sender} told {recipient} {count} times that its "
                        "definitions differ"
                    )
        return found

    def problems(self) -> list[str]:
        """Return every problem in words."""
        found = [f"{r.office}: {problem}" for r in self.reports for problem in r.problems]
        rest = self.reconciliation
        return [*found, *rest.differences, *(f"unsettled: {each}" for each in rest.unsettled)]

    def as_json(self) -> dict[str, Any]:
        """Return the outcome for scripts."""
        trails: dict[str, Any] = {}
        links: dict[str, Any] = {}
        for report in self.reports:
            if isinstance(report, HopReport):
                seen = report.trail.witnessed
                shard = report.shards[0]
                trails[party_of(report.office) + (f"/{shard}" if shard else "")] = {
                    "hop": report.office,
                    "shard": shard,
                    "size": report.trail.size,
                    "verified": holds(report.problems, report.trail.origin),
                    "witnessed": seen.size if seen else 0,
                    "erased": report.trail.erased,
                    "other_grounds": dict(report.trail.grounds),
                    "changes": [dict(each) for each in report.trail.changes],
                    "flags": dict(report.trail.flags),
                    "definition_mismatches": dict(report.trail.mismatches),
                }
            for link in report.links:
                if link.outgoing and link.size:  # an unused link shows nothing
                    done = link.acknowledged.size if link.acknowledged else 0
                    links[link.link.name] = {
                        "size": link.size,
                        "verified": holds(report.problems, link.link.name),
                        "acknowledged": done,
                    }
        return {
            "trails": trails,
            "links": links,
            "reconciled": self.reconciliation.verified and not self.reconciliation.unsettled,
            "verified": self.verified,
            "problems": self.problems(),
        }


def holds(problems: Sequence[str], log: str) -> bool:
    """Return whether no problem is one of this log, nor of the office as a whole."""
    named = [_LOG.findall(problem) for problem in problems]
    return not any(log in logs or not logs for logs in named)


def _change(entry: Mapping[str, Any]) -> str:
    """Return a change of the rules in words."""
    at = f"{day_of(entry['at_ms'])} "
    if entry["kind"] == "bundle":
        others = len(entry["in_force"]) - (entry["change"] == "activated")
        beside = f", {others} others in force" if others > 1 else ""
        beside = ", one other in force" if others == 1 else beside
        until = (
            f", good until {day_of(entry['until_ms'])}" if entry["change"] == "activated" else ""
        )
        return f"{at}bundle {entry['bundle'][:12]} {entry['change']}{until}{beside}"
    suspended = f", suspends {', '.join(entry['suspended'])}" if entry["suspended"] else ""
    return f"{at}overlay of {entry['party']}, version {entry['version']}{suspended}"


def day_of(at_ms: int) -> str:
    """Return the day of a moment in Unix ms, in UTC."""
    return in_calendar(at_ms).date().isoformat()


def _on(shard: int) -> str:
    """Return the words for a shard; where there is only the first, none are needed."""
    return f" on shard {shard}" if shard else ""


@contextmanager
def _opened(folder: Path) -> Iterator[tuple[HopConfig | DeskConfig, Path, Store]]:
    """Open the office in a folder, or at a configuration file."""
    file = folder
    if folder.is_dir():
        file = folder / (_HOP if (folder / _HOP).exists() else _DESK)
    if not file.is_file():
        message = f"{folder}: holds neither {_HOP} nor {_DESK}; name an office's folder"
        raise ConfigError(message)
    is_hop = file.name == _HOP
    config = load_config(file, HopConfig) if is_hop else load_config(file, DeskConfig)
    store = open_state(file.parent / config.state, config.office)
    try:
        yield config, file.parent, store
    finally:
        store.close()


def audit_folders(folders: Sequence[Path]) -> Audited:
    """Verify the offices in folders and reconcile their accounts; `ConfigError` names a folder."""
    with ExitStack() as stack:
        opened = []
        for folder in folders:
            try:
                opened.append(stack.enter_context(_opened(folder)))
            except UnavailableError as error:
                raise UnavailableError(f"{folder}: {error}") from error
        reports = tuple(_audit(*each) for each in opened)
        return Audited(reports, reconcile(reports))


def _audit(config: HopConfig | DeskConfig, folder: Path, store: Store) -> HopReport | DeskReport:
    bundles = bundles_of(config, folder)
    if isinstance(config, HopConfig):
        witnesses = {each.name: each.key for each in config.witnesses}
        return audit_hop(
            store, config.office, bundles, config.parties, witnesses, shard=config.shard
        )
    return audit_desk(store, config.office, bundles, config.parties)


def at_rest(folders: Sequence[Path]) -> bool:
    """Return whether every link of the offices in folders is acknowledged to its end."""
    with ExitStack() as stack:
        stores = [stack.enter_context(_opened(folder))[2] for folder in folders]
        records = [
            State(store).get_json("out", key)
            for store in stores
            for key, _ in store.scan("out", b"", b"\xff" * 64, 10_000)
        ]
    return all(record["size"] == record["acknowledged"] for record in records)
