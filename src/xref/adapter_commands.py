"""`xref adapter`: make, check and try a country's adapter, without a desk."""

import re
import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final

from rich.padding import Padding
from rich.text import Text

from xref import terminal
from xref.arguments import add_command, add_group, add_json
from xref.as_json import write_json
from xref.bundle import build, read_files
from xref.desk.adapter import FILE_NAME, Adapter
from xref.desk.adapter_check import Checked, Covered, check_adapter
from xref.desk.adapter_samples import SAMPLES, Finding
from xref.desk.adapter_try import Tried, try_form
from xref.errors import ConfigError, cause_of
from xref.policy import Policy
from xref.resources import data_folder
from xref.running import now_ms
from xref.sources import read_sources

if TYPE_CHECKING:
    from xref.arguments import Commands

LIKES: Final = ("template", "primero", "htcds")
TEMPLATE_PARTY: Final = "ZZ"
_PERSONAL: Final = (
    "This shows what the file says of people, on this terminal alone: nothing is logged, kept or "
    "sent."
)


def add_adapter(top: "Commands") -> None:
    """Add the commands about adapters."""
    group = add_group(top, "adapter", "An office's own forms, as data.")
    parser = add_command(
        group,
        "new",
        "Write a commented adapter with samples, to put your office's columns into.",
        "xref adapter new th --like primero",
    )
    parser.add_argument("party", metavar="CC", help="the country's code, for example th")
    parser.add_argument(
        "--like",
        choices=LIKES,
        default=LIKES[0],
        help="what it begins as: a commented form, or a case system's (default: %(default)s)",
    )
    parser.add_argument("--out", type=Path, metavar="DIR", help="a new folder (default: CC)")
    parser.set_defaults(run=new)
    parser = add_command(
        group,
        "check",
        "Check an adapter, run its samples both ways and show what its forms cover; exit code 1 "
        "on a problem.",
        "xref adapter check adapters/vn",
    )
    _add_folder(parser)
    add_json(parser)
    parser.set_defaults(run=check)
    parser = add_command(
        group,
        "try",
        "Show a real file's records before and after, on this terminal alone; nothing is sent.",
        "xref adapter try adapters/la referrals.csv",
    )
    _add_folder(parser)
    parser.add_argument("file", type=Path, metavar="FILE", help="a form that the adapter reads")
    add_json(parser)
    parser.set_defaults(run=try_file)


def _add_folder(parser: ArgumentParser) -> None:
    parser.add_argument("folder", type=Path, metavar="DIR", help=f"the folder with {FILE_NAME}")
    parser.add_argument(
        "--bundle", type=Path, metavar="BUNDLE", help="a bundle's folder (default: the shipped one)"
    )


def new(options: Namespace) -> int:
    """Write the template with the country's code in it."""
    party = options.party.upper()
    if not re.fullmatch("[A-Z]{2}", party):
        raise ConfigError("CC: a country has a code of two letters, for example th")
    out: Path = options.out or Path(options.party.lower())
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise ConfigError(f"{out}: is there already; name a new folder with --out")
    source = data_folder("adapters") / options.like
    for file in sorted(path for path in source.rglob("*") if path.is_file()):
        target = out / file.relative_to(source)
        target.parent.mkdir(parents=True, exist_ok=True)
        text = file.read_text("utf-8").replace(f'"{TEMPLATE_PARTY}"', f'"{party}"')
        target.write_text(text, "utf-8")
    sys.stdout.write(f"{out / FILE_NAME} is there; next: xref adapter check {out}\n")
    return 0


def policy_of(bundle: Path | None) -> Policy:
    """Return the rules of a bundle's folder, or those that xref ships; no signature is checked."""
    if bundle is not None:
        return build(read_files(bundle)[0]).policy
    return build(read_sources(data_folder("policies"), data_folder("schemas"))).policy


def check(options: Namespace) -> int:
    """Print what an adapter covers and its findings; exit code 1 if there are any."""
    folder: Path = options.folder
    try:
        adapter = Adapter.load(folder)
    except ConfigError as error:
        if not options.json:
            raise
        write_json({"good": False, "coverage": [], "findings": [{"problem": str(error)}]})
        return 1
    samples = folder / SAMPLES
    files = {file.name: file.read_bytes() for file in samples.glob("*") if file.is_file()}
    today = datetime.fromtimestamp(now_ms() / 1000, UTC).date()
    checked = check_adapter(adapter, policy_of(options.bundle), files, today=today)
    if options.json:
        shown = {
            "good": not checked.findings,
            "samples": checked.samples,
            "coverage": [asdict(each) for each in checked.coverage],
            "ruled": [{"form": form, "fact": fact} for form, fact in checked.ruled],
            "findings": [asdict(each) for each in checked.findings],
            "own_form": [{"group": group, "type": name} for group, name in checked.own_form],
        }
        write_json(shown)
    else:
        _show_conventions(adapter)
        _show_checked(checked)
    return 1 if checked.findings else 0


def _show_conventions(adapter: Adapter) -> None:
    conventions = adapter.file.conventions
    if conventions is None:
        return
    rows = [
        (name.replace("_", " "), ", ".join(value) if isinstance(value, tuple) else str(value))
        for name, value in conventions
    ]
    out = terminal.console()
    out.print(Text(f"{adapter.file.party}: conventions", style="bold"))
    out.print(terminal.pairs(rows))


def _show_checked(checked: Checked) -> None:
    out = terminal.console()
    forms: dict[tuple[str, str], list[Covered]] = {}
    for each in checked.coverage:
        forms.setdefault((each.form, each.record), []).append(each)
    for (form, record), fields in forms.items():
        facts = [fact for name, fact in checked.ruled if f"publication.{name}" == form]
        title = Text(form, style="bold")
        title.append(f"  {record}", style="not bold dim")
        out.print(title, soft_wrap=True)
        out.print(terminal.pairs(list(_coverage_rows(fields, facts))))
    for group, verb in (("publication", "submits"), ("received", "receives")):
        names = [name for kind, name in checked.own_form if kind == group]
        if names:
            said = f"in xref's own form, as there is none here: {', '.join(names)}"
            out.print(terminal.pairs([(verb, said)]))
    _show_findings(checked.findings)
    many = f"{checked.samples} sample files, {len(checked.findings)} problems"
    good = not checked.findings
    out.print(
        Text(f"{'GOOD' if good else 'NOT GOOD'}: {many}", "bold green" if good else "bold red")
    )


def _coverage_rows(fields: Iterable[Covered], facts: list[str]) -> Iterable[tuple[str, Text | str]]:
    by_state: dict[str, list[str]] = {"mapped": [], "defaulted": [], "lost": []}
    for each in fields:
        by_state[each.state].append(each.field)
    yield "mapped", f"{len(by_state['mapped'])} fields"
    if by_state["defaulted"] or facts:
        names = [*by_state["defaulted"], *(f"fact {fact} (by rule)" for fact in facts)]
        yield "defaulted", ", ".join(names)
    yield "lost", Text(", ".join(by_state["lost"]) or "nothing", "yellow" * bool(by_state["lost"]))
    for each in fields:
        if each.codes_lost:
            yield "no word", Text(f"{each.field}: {', '.join(each.codes_lost)}", "yellow")


def _show_findings(findings: Iterable[Finding]) -> None:
    for finding in findings:
        sys.stderr.write(f"{finding}\n")


def try_file(options: Namespace) -> int:
    """Print a file's records before and after; exit code 1 if any has a problem."""
    adapter, file = Adapter.load(options.folder), options.file
    try:
        data = file.read_bytes()
    except IsADirectoryError as error:
        raise ConfigError(f"{file}: is a folder; name a file in it") from error
    except OSError as error:
        raise ConfigError(f"{file}: cannot be read: {cause_of(error)}; name a form") from error
    today = adapter.file.sampled_on if _is_sample(options) else None
    today = today or adapter.day_at(now_ms())
    tried = try_form(adapter, policy_of(options.bundle), file.name, data, today=today)
    sys.stderr.write(f"{_PERSONAL}\n")
    if options.json:
        records = [asdict(each) for each in tried.records]
        write_json({"records": records, "problems": [asdict(each) for each in tried.problems]})
    else:
        _show_tried(tried)
    return 1 if tried.problems else 0


def _is_sample(options: Namespace) -> bool:
    """Say whether the file is a sample of the adapter, whose days are those of its samples."""
    file, samples = Path(options.file).resolve(), Path(options.folder, SAMPLES).resolve()
    return file.parent == samples


def _show_tried(tried: Tried) -> None:
    out = terminal.console()
    for each in tried.records:
        out.print(Text(f"line {each.line}: a {each.publication}", style="bold"))
        before = [
            (header, cell)
            for header, cell in each.before.items()
            if cell is not None and cell != ""
        ]
        out.print(_titled("before", before))
        out.print(_titled("after", [*each.after.items(), *_facts(each.facts)]))
        out.print(
            terminal.pairs(
                [
                    ("defaulted", ", ".join(each.defaulted) or "nothing"),
                    ("lost", ", ".join(each.lost) or "nothing"),
                    ("stays", ", ".join(each.stays) or "nothing"),
                ]
            )
        )
    for problem in tried.problems:
        sys.stderr.write(f"{problem}\n")
    noun = "record" if len(tried.records) == 1 else "records"
    out.print(f"{len(tried.records)} {noun} could go; nothing was sent")


def _facts(facts: Mapping[str, str]) -> list[tuple[str, object]]:
    return [(f"fact {name}", value) for name, value in facts.items()]


def _titled(title: str, rows: Iterable[tuple[str, object]]) -> Padding:
    texts = [
        (name, ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value))
        for name, value in rows
    ]
    return terminal.pairs([(title, ""), *texts])
