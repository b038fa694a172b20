"""The command line: parses, and calls `xref.commands`. `xref COMMAND --help` shows an example."""

import argparse
import gc
import sys
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

from xref import __version__
from xref.arguments import (
    DEMO_CASES,
    DEMO_CORRIDORS,
    LATER,
    Later,
    add_by,
    add_case,
    add_command,
    add_config,
    add_days,
    add_group,
    add_json,
    add_later,
    add_next_version,
    add_party_key,
    add_until_stdin_ends,
    case_number,
)
from xref.ending import crashed, failed, give_up_output, say_as_json
from xref.errors import EvidenceError, XrefError, cause_of

if TYPE_CHECKING:
    from xref.arguments import Commands

_EXIT_USAGE, _EXIT_EVIDENCE = 2, 3
# What a start loads, stays: looking through it every 700 objects takes a fifth of the start.
_COLLECT_AT = (20_000, 20, 100)
commands = Later("xref.commands")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit code: 0 done, 1 refused or faulty, 2 usage, 3 evidence."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    sys.excepthook = crashed
    gc.set_threshold(*_COLLECT_AT)
    try:
        options = _parser(given[0] if given else "").parse_args(given)
        code = int(options.run(options))
        sys.stdout.flush()
    except SystemExit as end:
        if end.code == _EXIT_USAGE:
            say_as_json(given, "wrong use; see --help", _EXIT_USAGE)
        raise
    except EvidenceError as error:
        return failed(given, f"EVIDENCE, call a person: {error}", _EXIT_EVIDENCE)
    except XrefError as error:
        return failed(given, str(error), 1)
    except KeyboardInterrupt:
        return failed(given, "stopped", 130)
    except BrokenPipeError:
        give_up_output()
        return 0
    except OSError as error:
        give_up_output()
        # A path is told only to who typed it: elsewhere its name may be a person's.
        typed = [word for word in given if str(error.filename or "").startswith(word)]
        return failed(given, ": ".join([*typed[:1], f"the machine refuses: {cause_of(error)}"]), 1)
    return code


def _parser(word: str | None = None) -> argparse.ArgumentParser:
    """Return the parser; what `LATER` has is only named, but for `word`, or all if it is None."""
    parser = argparse.ArgumentParser(
        prog="xref",
        description="Carries messages about trafficked persons between States, minimised and\n"
        "provable. Start with `xref demo`.",
        epilog="example:\n  xref demo\n\n`xref COMMAND --help` shows more, with an example each.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"xref {__version__}")
    top = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")
    _add_demo(top)
    _add_running(top)
    _add_desk(top, load=word in (None, "desk"))
    _add_journey(top)
    _add_subscribe(top)
    _add_keys(top)
    _add_audit(top)
    for name in LATER:
        add_later(top, name, load=word in (None, name))
    return parser


def _add_demo(top: "Commands") -> None:
    parser = add_command(
        top,
        "demo",
        "Play a case between two States with real processes, and verify it.",
        "xref demo --case own-choice --data ./my-demo",
    )
    parser.add_argument(
        "--case",
        choices=DEMO_CASES,
        default="",
        metavar="NAME",
        help=f"one of {', '.join(DEMO_CASES)} (default: {DEMO_CASES[0]})",
    )
    parser.add_argument(
        "--corridor",
        choices=DEMO_CORRIDORS,
        default=DEMO_CORRIDORS[0],
        metavar="AGREEMENT",
        help="another corridor, which plays one case of its own: one of "
        f"{', '.join(DEMO_CORRIDORS)} (default: {DEMO_CORRIDORS[0]})",
    )
    parser.add_argument(
        "--data",
        type=Path,
        default=Path("xref-demo"),
        metavar="DIR",
        help="folder for all participants' files; made anew each time (default: xref-demo)",
    )
    parser.add_argument(
        "--transport",
        choices=("sqlite", "kafka"),
        default="sqlite",
        help="a folder that all share, or Kafka (default: sqlite)",
    )
    parser.add_argument(
        "--servers",
        action="append",
        default=[],
        metavar="HOST:PORT",
        help="with --transport kafka: brokers, with commas between, for both Parties (default: "
        "127.0.0.1:9092), or LA=HOST:PORT and VN=HOST:PORT for a cluster each",
    )
    add_json(parser)
    parser.set_defaults(run=commands.demo)


def _add_running(top: "Commands") -> None:
    group = add_group(top, "hop", "A Party's border.")
    parser = add_command(group, "run", "Run a hop until Ctrl-C.", "cd la-hop && xref hop run")
    add_config(parser, "hop.toml")
    add_until_stdin_ends(parser)
    parser.set_defaults(run=commands.hop_run)
    group = add_group(top, "witness", "Countersigns logs that only grow.")
    parser = add_command(
        group, "run", "Run a witness until Ctrl-C.", "cd witness && xref witness run"
    )
    add_config(parser, "witness.toml")
    add_until_stdin_ends(parser)
    parser.set_defaults(run=commands.witness_run)


def _add_desk(top: "Commands", *, load: bool) -> None:
    group = add_group(top, "desk", "An office's end.")
    parser = add_command(group, "run", "Run a desk until Ctrl-C.", "cd la-nrm && xref desk run")
    add_config(parser, "desk.toml")
    add_until_stdin_ends(parser)
    parser.set_defaults(run=commands.desk_run)
    parser = add_command(
        group,
        "submit",
        "Read a form of the office and hand its good records to the desk.",
        "cd la-nrm && xref desk submit referrals.csv",
    )
    parser.add_argument(
        "file", type=Path, metavar="FILE", help="CSV, XLSX, JSON or NDJSON, as the adapter says"
    )
    add_by(parser, "who prepared it; without it no second person can approve it")
    add_config(parser, "desk.toml")
    add_json(parser)
    parser.set_defaults(run=commands.desk_submit)
    _add_watch(group)
    for name, says, where, run in (
        (
            "status",
            "Show what became of each message, what was withheld and by which rule.",
            "la-nrm",
            commands.desk_status,
        ),
        (
            "inbox",
            "List what was received and opened, without its content.",
            "vn-nrm",
            commands.desk_inbox,
        ),
        (
            "alerts",
            "Show what is overdue: missing answers, records held too long; exit code 1 if any.",
            "la-nrm",
            commands.desk_alerts,
        ),
    ):
        parser = add_command(group, name, says, f"cd {where} && xref desk {name}")
        add_config(parser, "desk.toml")
        add_json(parser)
        parser.set_defaults(run=run)
    parser = add_command(
        group,
        "fact",
        "Add facts that became known to a held record; the desk submits it as a new message.",
        "cd la-nrm && xref desk fact CASE-NUMBER asylum=no",
    )
    add_case(parser)
    parser.add_argument("facts", nargs="+", metavar="FACT=VALUE", help="for example asylum=no")
    add_by(parser, "who says so; this person cannot approve it as well")
    add_config(parser, "desk.toml")
    parser.set_defaults(run=commands.desk_fact)
    _add_approve(group)
    _add_withdraw(group)
    if load:
        import_module("xref.sharing_consent_commands").add_sharing_consent(group)
        import_module("xref.act_commands").add_acts(group)


def _add_withdraw(group: "Commands") -> None:
    parser = add_command(
        group,
        "withdraw",
        "Withdraw a person's sharing consent: what waits is stopped, what arrived is erased.",
        "cd la-nrm && xref desk withdraw CASE-NUMBER",
    )
    add_case(parser)
    add_config(parser, "desk.toml")
    parser.set_defaults(run=commands.desk_withdraw)


def _add_watch(group: "Commands") -> None:
    parser = add_command(
        group,
        "watch",
        "Take forms from the office's folder until Ctrl-C; its `errors/` says what is wrong.",
        "cd la-nrm && xref desk watch",
    )
    parser.add_argument("--once", action="store_true", help="take what is finished now, and end")
    add_config(parser, "desk.toml")
    parser.set_defaults(run=commands.desk_watch)


def _add_subscribe(top: "Commands") -> None:
    parser = add_command(
        top,
        "subscribe",
        "Print the line that subscribes this office to a flow, for its Party's next keyring.",
        "cd vn-consulate && xref subscribe travel-notice-consular > subscribe.pub",
    )
    parser.add_argument("flow", metavar="FLOW", help="for example travel-notice-consular")
    add_config(parser, "desk.toml")
    parser.set_defaults(run=commands.subscribe)


def _add_journey(top: "Commands") -> None:
    parser = add_command(
        top,
        "journey",
        "Tell a case's story from an office's own records, from its first message to its last.",
        "cd la-nrm && xref journey CASE-NUMBER",
    )
    parser.add_argument(
        "case",
        type=case_number,
        metavar="CASE",
        help="the office's own case number, or a message's number",
    )
    add_config(parser, "desk.toml")
    add_json(parser)
    parser.set_defaults(run=commands.journey)


def _add_approve(group: "Commands") -> None:
    parser = add_command(
        group,
        "approve",
        "Approve, as a second person, a record on another ground than the sharing consent.",
        'cd la-nrm && xref desk approve CASE-NUMBER --record 3f09c1d2 --by "NAME"',
    )
    add_case(parser)
    add_by(parser, "who approves it: not who prepared it", required=True)
    which = parser.add_mutually_exclusive_group()
    which.add_argument(
        "--record",
        default="",
        metavar="NUMBER",
        help="the one that was looked at, as `xref desk status` numbers it; needed where several "
        "of the case wait",
    )
    which.add_argument(
        "--all",
        type=int,
        metavar="COUNT",
        help="all of the case that wait, each looked at; refused where not just COUNT wait",
    )
    add_config(parser, "desk.toml")
    parser.set_defaults(run=commands.desk_approve)


def _add_keys(top: "Commands") -> None:
    group = add_group(top, "keys", "An office's private keys, and what its Party needs of them.")
    for name, says, example, run in (
        ("new", "Make an office's keys.", "xref keys new LANRM001", commands.keys_new),
        (
            "rotate",
            "Begin a new epoch of keys; the old ones end after a week.",
            "xref keys rotate",
            commands.keys_rotate,
        ),
        ("show", "Print the public lines for the Party.", "xref keys show", commands.keys_show),
    ):
        parser = add_command(group, name, says, example)
        if name == "new":
            parser.add_argument("office", metavar="OFFICE", help="for example LANRM001")
        if name != "show":
            add_days(parser, "days of validity (default: 365)")
        parser.add_argument(
            "--keys",
            type=Path,
            default=Path("keys.json"),
            metavar="FILE",
            help="the office's key file (default: keys.json in this folder)",
        )
        parser.set_defaults(run=run)
    group = add_group(top, "party", "A Party's own key, which signs its keyring and the bundles.")
    parser = add_command(
        group, "new", "Make a Party's or witness's key.", "xref party new party.key"
    )
    parser.add_argument(
        "key", type=Path, metavar="FILE", help="the new key file; never overwritten"
    )
    parser.set_defaults(run=commands.party_new)
    parser = add_command(
        group,
        "keyring",
        "Sign a keyring from the offices' public lines.",
        "xref party keyring LA --key party.key --version 1 --bundle ../bundle "
        "--out ../la-hop/keyrings la-nrm.pub la-hop.pub",
    )
    parser.add_argument("party", metavar="PARTY", help="for example LA")
    parser.add_argument("lines", type=Path, nargs="+", metavar="FILE", help="from `xref keys show`")
    add_party_key(parser)
    add_next_version(parser)
    parser.add_argument(
        "--bundle", type=Path, required=True, metavar="DIR", help="the bundle with the directory"
    )
    parser.add_argument(
        "--out", type=Path, required=True, metavar="DIR", help="folder for PARTY.keyring"
    )
    parser.set_defaults(run=commands.party_keyring)


def _add_audit(top: "Commands") -> None:
    parser = add_command(
        top,
        "audit",
        "Verify trails and links offline, and reconcile the accounts of several offices.",
        "xref audit la-hop vn-hop la-nrm vn-nrm",
    )
    parser.add_argument(
        "folders", type=Path, nargs="+", metavar="FOLDER", help="with hop.toml or desk.toml"
    )
    add_json(parser)
    parser.set_defaults(run=commands.audit)
