"""`xref desk sharing-consent`: make, show and check a sharing consent's record."""

import json
import sys
from argparse import Namespace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from xref.arguments import add_case, add_command, add_config, add_group, add_json
from xref.as_json import write_json
from xref.desk.consent import ROUTES, WAYS
from xref.desk.sharing_consent_document import SharingConsentDocument, check, signed
from xref.desk.told import notices_of
from xref.errors import ConfigError, MalformedError, UnauthenticError
from xref.moments import in_calendar
from xref.policy import Notice, find_notice
from xref.running import now_ms
from xref.sharing_consents import (
    SharingConsentRequest,
    make_sharing_consent,
    read_trail_digests,
    sharing_consents_of,
)
from xref.wire.key import KeyUse
from xref.wiring import DeskOffice

if TYPE_CHECKING:
    from xref.arguments import Commands

_FILE_BYTES_MAX: Final = 1_048_576


def add_sharing_consent(group: "Commands") -> None:
    """Add the commands about sharing consents."""
    group = add_group(
        group, "sharing-consent", "A sharing consent's record, and the notice before it."
    )
    parser = add_command(
        group,
        "notice",
        "Print the notice to read out before asking, with what keeps each statement.",
        "xref desk sharing-consent notice --language lo",
    )
    parser.add_argument("--language", required=True, metavar="TAG", help="for example lo or vi")
    parser.add_argument("--notice", metavar="VERSION", help="which one (default: the newest)")
    add_config(parser, "desk.toml")
    add_json(parser)
    parser.set_defaults(run=notice)
    _add_new(group)
    parser = add_command(
        group,
        "show",
        "Show what a person agreed to and what went by it; with --json signed, after ISO/IEC TS "
        "27560.",
        "xref desk sharing-consent show CASE-NUMBER",
    )
    add_case(parser)
    add_config(parser, "desk.toml")
    add_json(parser)
    parser.set_defaults(run=show)
    parser = add_command(
        group,
        "check",
        "Check a signed record, and that the decisions on a hop's trail were made on it.",
        "xref desk sharing-consent check record.json --trail ../la-hop",
    )
    parser.add_argument("file", type=Path, metavar="FILE", help="from `show CASE --json`")
    parser.add_argument(
        "--trail", type=Path, metavar="FOLDER", help="the folder of the sender's hop, or a copy"
    )
    add_config(parser, "desk.toml")
    add_json(parser)
    parser.set_defaults(run=check_file)


def _add_new(group: "Commands") -> None:
    parser = add_command(
        group,
        "new",
        "Write a record for xref's own form (`sharing_consent`) from what was agreed.",
        "xref desk sharing-consent new --purpose protection-and-assistance --category identity "
        "--category needs --recipient VNNRM001 --language vi --explained-by nrm --how read-aloud "
        "--warned-on 2026-11-20 --valid-days 180",
    )
    for name, says in (
        ("purpose", "a purpose that was explained"),
        ("category", "a category of fields that may be shared"),
        ("recipient", "an office, or a role for every office of it"),
    ):
        parser.add_argument(
            f"--{name}", action="append", required=True, metavar=name.upper(), help=says
        )
    parser.add_argument("--language", required=True, metavar="TAG", help="of the explanation")
    parser.add_argument("--notice", metavar="VERSION", help="the notice (default: the newest)")
    parser.add_argument("--explained-by", required=True, metavar="ROLE", help="never a name")
    parser.add_argument("--how", required=True, choices=WAYS, help="how it was explained")
    parser.add_argument(
        "--interpreted-by", default="", metavar="ROLE", help="where somebody interpreted"
    )
    parser.add_argument(
        "--interpreted-from",
        default="",
        metavar="TAG",
        help="the notice's text that was interpreted, where it has none in that language",
    )
    parser.add_argument(
        "--warned-on", required=True, metavar="DAY", help="the limits were explained, YYYY-MM-DD"
    )
    parser.add_argument("--given-on", metavar="DAY", help="the day it was given (default: now)")
    parser.add_argument(
        "--valid-days", type=int, required=True, metavar="N", help="for how many days, 1 to 365"
    )
    parser.add_argument("--guardian", action="store_true", help="a child's guardian agreed")
    parser.add_argument(
        "--withdrawal",
        action="append",
        choices=ROUTES,
        metavar="WAY",
        help=f"a way to withdraw (default: this-office): {', '.join(ROUTES)}",
    )
    add_config(parser, "desk.toml")
    parser.set_defaults(run=new)


def notice(options: Namespace) -> int:
    """Print a notice."""
    office = DeskOffice(options.config)
    found = _notice(office, options.notice, options.language)
    if options.json:
        write_json(
            {
                "version": found.version,
                "language": found.language,
                "title": found.title,
                "review": found.review,
                "sha256": found.sha256,
                "texts": dict(found.texts),
            }
        )
        return 0
    lines = [found.title, "", *found.texts.values()]
    sys.stdout.write("\n".join(lines) + "\n")
    sys.stdout.write(f"\n{found.version} {found.language}, SHA-256 {found.sha256}\n")
    if found.review:
        sys.stderr.write(f"{found.review}\n")
    return 0


def new(options: Namespace) -> int:
    """Write a record, as xref's own form wants it."""
    if options.interpreted_from and not options.interpreted_by:
        raise ConfigError("--interpreted-from: say with --interpreted-by who interpreted that text")
    office = DeskOffice(options.config)
    found = _notice(office, options.notice, options.interpreted_from or options.language)
    request = SharingConsentRequest(
        purposes=options.purpose,
        categories=options.category,
        recipients=options.recipient,
        language=options.language,
        explained_by=options.explained_by,
        how=options.how,
        interpreted_by=options.interpreted_by,
        warned_on=options.warned_on,
        given_on=options.given_on,
        valid_days=options.valid_days,
        guardian=options.guardian,
        withdrawal_routes=options.withdrawal or ["this-office"],
    )
    made = make_sharing_consent(
        request, found, office.bundle, office.adapter.file.utc_offset_minutes, now_ms()
    )
    if found.review:
        sys.stderr.write(f"notice {found.version}: {found.review}\n")
    write_json(made.members())
    return 0


def show(options: Namespace) -> int:
    """Show the sharing consents of a case."""
    office, now = DeskOffice(options.config), now_ms()
    with office.records() as store:
        documents = sharing_consents_of(store, office.config.office, options.case, now)
    if not documents:
        message = "no sharing consent of that case number at this desk; see `xref desk status`"
        raise ConfigError(message)
    policy = office.bundle.policy
    if options.json:
        key = office.keychain.signing(KeyUse.DESK, now)
        write_json({"records": [signed(each, key, policy) for each in documents]})
        return 0
    for each in documents:
        record = each.record
        told = record.explanation
        sys.stdout.write(
            f"sharing consent, {each.state()}\n"
            f"  purposes    {', '.join(record.purposes)}\n"
            f"  categories  {', '.join(record.categories)}\n"
            f"  recipients  {', '.join(record.recipients)}\n"
            f"  given on    {_day(record.given_on_ms)}, until {_day(record.valid_until_ms)}\n"
            f"  warned on   {_day(record.warned_on_ms)}\n"
            f"  explained   by {record.explained_by} in {record.language}"
            f"{f', {told.how}' if told else ''}"
            f"{f', interpreted by {told.interpreted_by}' if told and told.interpreted_by else ''}\n"
            f"  notice      {record.notice_version}{_bound(told.notice_sha256 if told else '')}\n"
            f"  guardian    {'agreed' if record.guardian else 'not needed or not asked'}\n"
            f"  messages    {len(each.messages)} went by it\n"
        )
    return 0


def _bound(sha256: str) -> str:
    return f", SHA-256 {sha256}" if sha256 else ", its words are not bound"


def check_file(options: Namespace) -> int:
    """Check signed records; exit code 1 if anything does not fit."""
    office, trail = DeskOffice(options.config), None
    if options.trail is not None:
        trail = read_trail_digests(options.trail)
    found, good = [], True
    for given in _records_in(options.file):
        try:
            document = check(given, office.key_directory(), office.bundle.policy)
        except (MalformedError, UnauthenticError) as error:
            found.append({"verified": False, "problem": str(error)})
            good = False
            continue
        on_trail = _on_trail(document, trail) if trail is not None else []
        good = good and not any(each["trail"] == "another" for each in on_trail)
        found.append(
            {
                "verified": True,
                "office": document.office,
                "state": document.state(),
                "messages": on_trail or len(document.messages),
            }
        )
    if options.json:
        write_json({"records": found})
    else:
        for each in found:
            sys.stdout.write(_line(each))
    return 0 if good else 1


def _on_trail(document: SharingConsentDocument, trail: dict[str, str]) -> list[dict[str, str]]:
    """Return for each message whether the decision on it was made on this record."""
    states = []
    for each in document.messages:
        recorded = trail.get(each.message.hex())
        digest = document.record.digest(each.salt).hex()
        state = "absent" if recorded is None else "same" if recorded == digest else "another"
        states.append({"message": each.message.hex(), "trail": state})
    return states


def _line(found: dict[str, Any]) -> str:
    if not found["verified"]:
        return f"NOT VERIFIED: {found['problem']}\n"
    messages = found["messages"]
    if isinstance(messages, int):
        return f"verified: signed by {found['office']}, {found['state']}; {messages} messages\n"
    counts = {
        state: sum(each["trail"] == state for each in messages)
        for state in ("same", "absent", "another")
    }
    told = (
        f"verified: signed by {found['office']}, {found['state']}; decided on this record: "
        f"{counts['same']}, not released: {counts['absent']}"
    )
    another = f", decided on ANOTHER record: {counts['another']}" if counts["another"] else ""
    return f"{told}{another}\n"


def _records_in(file: Path) -> list[Any]:
    try:
        with file.open("rb") as stream:
            records = json.loads(stream.read(_FILE_BYTES_MAX))["records"]
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        message = f"{file}: not what `xref desk sharing-consent show CASE --json` prints"
        raise ConfigError(message) from error
    if not isinstance(records, list) or not all(isinstance(each, dict) for each in records):
        message = f"{file}: not what `xref desk sharing-consent show CASE --json` prints"
        raise ConfigError(message)
    return records


def _notice(office: DeskOffice, version: str | None, language: str) -> Notice:
    notices = notices_of(office.adapter, [office.bundle.policy])
    newest = version or max((each.version for each in notices), default="")
    found = find_notice(notices, newest, language)
    if found is None:
        known = ", ".join(f"{each.version} {each.language}" for each in notices) or "none"
        message = f"no notice {newest} in {language}; the bundle and the adapter have {known}"
        raise ConfigError(message)
    return found


def _day(at_ms: int | None) -> str:
    if at_ms is None:
        return "never"
    return in_calendar(at_ms).strftime("%Y-%m-%d %H:%M UTC")
