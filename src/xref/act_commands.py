"""`xref desk asylum|keep|done`: what an office learns or does about messages, for its desk."""

import re
import sys
from argparse import ArgumentParser, Namespace
from datetime import date
from typing import TYPE_CHECKING, Any, Final

from xref.arguments import add_by, add_case, add_command, add_config
from xref.desk.acts import ASYLUM_OPENS
from xref.desk.approval import check_name
from xref.desk.duties import owed
from xref.desk.read_form import midnight_ms
from xref.desk.spool import Act, AsylumAnswer, Done, Kept
from xref.errors import ConfigError, RecordError
from xref.operations import check_case
from xref.running import now_ms
from xref.story import cabinet_of
from xref.wiring import DeskOffice

if TYPE_CHECKING:
    from xref.arguments import Commands

_MESSAGE: Final = re.compile(r"[0-9a-f]{32}")


def add_acts(group: "Commands") -> None:
    """Add the commands."""
    parser = add_command(
        group,
        "asylum",
        "Record where a person stands with asylum; a claim recalls what was sent, and tells the "
        "own asylum authority.",
        'cd la-nrm && xref desk asylum CASE-NUMBER intends --by "NAME"',
    )
    add_case(parser)
    parser.add_argument("answer", metavar="ANSWER", help="an answer to the fact asylum")
    add_by(parser, "who says so", required=True)
    add_config(parser, "desk.toml")
    parser.set_defaults(run=asylum)
    parser = add_command(
        group,
        "keep",
        "Keep a received message by a court's order: a withdrawal then ends its use, not the copy.",
        "cd vn-nrm && xref desk keep MESSAGE --court COURT --order NUMBER --until 2027-01-31 "
        '--by "NAME"',
    )
    _add_message(parser)
    parser.add_argument("--court", required=True, metavar="NAME", help="which court")
    parser.add_argument("--order", required=True, metavar="NUMBER", help="the order's number")
    parser.add_argument(
        "--until", required=True, metavar="DAY", help="the last day, YYYY-MM-DD; a past one ends it"
    )
    add_by(parser, "who read the order", required=True)
    add_config(parser, "desk.toml")
    parser.set_defaults(run=keep)
    parser = add_command(
        group,
        "done",
        "Record that your office did what it owed for a message; the trail keeps a digest of it.",
        'cd vn-nrm && xref desk done MESSAGE appoint-guardian --by "NAME"',
    )
    _add_message(parser)
    parser.add_argument("obligation", metavar="OBLIGATION", help="as `xref desk alerts` names it")
    add_by(parser, "who did it", required=True)
    add_config(parser, "desk.toml")
    parser.set_defaults(run=done)


def _add_message(parser: ArgumentParser) -> None:
    parser.add_argument("message", metavar="MESSAGE", help="its number, from `xref desk inbox`")


def asylum(options: Namespace) -> int:
    """Record where a person stands with asylum."""
    office = DeskOffice(options.config)
    office.bundle.policy.facts.encode({"asylum": options.answer})
    name = check_name(options.by)
    check_case(office, options.case)
    _hand_over(office, AsylumAnswer(options.case, options.answer, name))
    told = "what waits goes by it"
    if options.answer not in ASYLUM_OPENS:
        told = "what was sent is recalled, and nothing more goes"
    sys.stdout.write(f"asylum {options.answer}: handed to the desk; {told}\n")
    return 0


def keep(options: Namespace) -> int:
    """Keep a received message by a court's order."""
    office = DeskOffice(options.config)
    _, message, _ = _found(office, options.message, ("inbox",))
    try:
        day = date.fromisoformat(options.until)
        until_ms = max(0, midnight_ms(day, office.adapter.file.utc_offset_minutes, days=1))
    except (ValueError, OverflowError) as error:
        raise RecordError("--until: write the day as YYYY-MM-DD") from error
    court, order = check_name(options.court), check_name(options.order)
    _hand_over(office, Kept(message, court, order, until_ms, check_name(options.by)))
    sys.stdout.write(f"kept by order until {day}: handed to the desk\n")
    return 0


def done(options: Namespace) -> int:
    """Record that an obligation was carried out."""
    office = DeskOffice(options.config)
    space, message, content = _found(office, options.message, ("inbox", "sent"))
    due = owed(office.bundle, office.config.office, space, content)
    if options.obligation not in due:
        known = ", ".join(due) or "nothing"
        message_text = f"{options.obligation}: for that message this office owes {known}"
        raise RecordError(message_text)
    _hand_over(office, Done(message, options.obligation, check_name(options.by)))
    sys.stdout.write(f"{options.obligation}: handed to the desk, which has its hop note it\n")
    return 0


def _found(
    office: DeskOffice, text: str, spaces: tuple[str, ...]
) -> tuple[str, bytes, dict[str, Any]]:
    """Return a message of the office with the space that it is in, or raise `ConfigError`."""
    number = text.lower().replace("-", "")
    if _MESSAGE.fullmatch(number):
        message = bytes.fromhex(number)
        with office.records() as store:
            cabinet = cabinet_of(store)
            for space in spaces:
                content = cabinet.get(space, message)
                if content is not None:
                    return space, message, content
    message_text = "no message of that number at this desk; see `xref desk inbox`"
    raise ConfigError(message_text)


def _hand_over(office: DeskOffice, row: Act) -> None:
    with office.spool() as spool:
        spool.put([row], now_ms())
