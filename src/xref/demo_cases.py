"""The cases that `xref demo` plays, as data: who does what, in which order, and why.

Forms are the samples of the countries' adapters; the people in them are invented.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

LA_NRM: Final = "la-nrm"
LA_NATIONALITY: Final = "la-nationality-authority"
LA_IMMIGRATION: Final = "la-immigration"
VN_NRM: Final = "vn-nrm"
VN_NATIONALITY: Final = "vn-nationality-authority"
VN_CONSULATE: Final = "vn-consular-office"
VN_PROVIDER: Final = "vn-service-provider"
VN_BORDER: Final = "vn-border-guard"
HOPS: Final = ("la-hop", "vn-hop")


@dataclass(frozen=True, slots=True)
class HandIn:
    """An office hands in a sample form and waits for what becomes of it.

    `case` takes one person's row of a table; `about` names the flow of the received message that
    the form answers or follows; `by` is who prepared it, where that counts. `waits` is False where
    nothing can arrive yet. `content` is the form itself where no sample is it.
    """

    office: str
    says: str
    form: str
    case: str = ""
    about: str = ""
    by: str = ""
    waits: bool = True
    content: str = ""


@dataclass(frozen=True, slots=True)
class Run:
    """A command at a desk, such as `("desk", "fact", CASE, "asylum=no")`; its output is shown.

    `waits` is True where the command makes the desk send something that can arrive.
    """

    office: str
    says: str
    command: tuple[str, ...]
    waits: bool = False
    exit_code: int = 0


@dataclass(frozen=True, slots=True)
class Line:
    """A hop's process ends, as if the line were down, or starts again."""

    hop: str
    says: str
    is_up: bool


Step = HandIn | Run | Line


@dataclass(frozen=True, slots=True)
class Case:
    """One case: a title, the desks that take part, and the steps."""

    title: str
    desks: tuple[str, ...]
    steps: tuple[Step, ...]


ALL_DESKS: Final = (
    LA_NRM,
    LA_NATIONALITY,
    LA_IMMIGRATION,
    VN_NRM,
    VN_NATIONALITY,
    VN_CONSULATE,
    VN_PROVIDER,
    VN_BORDER,
)

_ADULT: Final = "ຄມ-2026-0001"
_NOT_ASKED: Final = "ຄມ-2026-0002"
_NO_CONSUL: Final = "ຄມ-2026-0003"
_CHILD: Final = "ຄມ-2026-0004"
_OWN_CHOICE: Final = "ຄມ-2026-0005"
_NOT_INFORMED: Final = "ຄມ-2026-0006"
_MISSING: Final = "ຄມ-2026-0007"
_REVOKED: Final = "ຄມ-2026-0008"


def _identity(case: str) -> tuple[Step, ...]:
    return (
        HandIn(
            LA_NRM,
            "Is she a national? LA nrm asks its own nationality authority, and gives no reason",
            "identity-checks.csv",
            case,
        ),
        HandIn(
            LA_NATIONALITY,
            "That authority asks Viet Nam's, as it would for anybody",
            "nationality-check.json",
            about="identity-check-asked",
        ),
        HandIn(
            VN_NATIONALITY,
            "VN nationality authority answers from its registers alone",
            "nationality-answer.json",
            about="nationality-request",
        ),
        HandIn(
            LA_NATIONALITY,
            "The answer comes back the way that the question went",
            "identity-answer.json",
            about="identity-check-asked",
        ),
    )


def _referral(case: str) -> tuple[Step, ...]:
    return (
        HandIn(
            LA_NRM,
            "She decided to go home and asked for help there: referrals to two offices",
            "referrals.csv",
            case,
        ),
        HandIn(VN_NRM, "VN nrm accepts", "answer.json", about="victim-referral"),
    )


def _preparation(case: str) -> tuple[Step, ...]:
    return (
        HandIn(LA_NRM, "What does Viet Nam assure for her return?", "assurances.csv", case),
        HandIn(VN_NRM, "VN nrm assures it", "assurance-answer.json", about="assurance-asked"),
        HandIn(
            LA_NRM,
            "Can the provider that she chose receive someone? No name is given",
            "readiness.csv",
            case,
        ),
        HandIn(VN_PROVIDER, "It is ready", "readiness-answer.json", about="readiness-asked"),
    )


def _notices(case: str, *, to: str) -> tuple[Step, ...]:
    return (
        HandIn(
            LA_NRM,
            "Notices to the two offices that help her; at home LA immigration is asked to arrange "
            "the journey",
            "returns.csv",
            case,
        ),
        HandIn(LA_IMMIGRATION, to, "travel.json", about="travel-asked"),
    )


def _arrival(case: str) -> tuple[Step, ...]:
    return (
        HandIn(LA_NRM, "She departs", "departures.csv", case),
        HandIn(VN_PROVIDER, "She arrived safely", "safe-receipt.json", about="departure"),
    )


_TO_BOTH: Final = (
    "LA immigration tells the border guard of a traveller, and the consulate, which was asked for"
)
_TO_BORDER: Final = (
    "LA immigration tells the border guard of a traveller; the consulate subscribes, but she did "
    "not ask for it"
)


def _told(office: str, case: str, says: str) -> Run:
    return Run(office, says, ("journey", case))


CASES: Final[Mapping[str, Case]] = {
    "journey": Case(
        "A case from safety to safe receipt",
        ALL_DESKS,
        (
            *_identity(_ADULT),
            *_referral(_ADULT),
            *_preparation(_ADULT),
            *_notices(_ADULT, to=_TO_BOTH),
            *_arrival(_ADULT),
            _told(LA_NRM, _ADULT, "The same story from LA nrm's own records"),
        ),
    ),
    "first-crossing": Case(
        "A referral and its answer",
        (LA_NRM, VN_NRM, VN_PROVIDER),
        (
            HandIn(
                LA_NRM,
                "LA nrm hands in its spreadsheet: two people, one not yet asked on asylum",
                "referrals.csv",
            ),
            HandIn(VN_NRM, "VN nrm answers: accepted", "answer.json", about="victim-referral"),
        ),
    ),
    "ordinary-check": Case(
        "An ordinary identity check goes the way of the others: abroad nobody can tell them apart",
        (LA_NATIONALITY, LA_IMMIGRATION, VN_NATIONALITY),
        (
            HandIn(
                LA_IMMIGRATION,
                "LA immigration, for a reason of its own, asks whether somebody is a national",
                "ordinary-checks.csv",
            ),
            HandIn(
                LA_NATIONALITY,
                "That authority asks Viet Nam's, as it would for anybody",
                "nationality-check-ordinary.json",
                about="identity-check-asked",
            ),
            HandIn(
                VN_NATIONALITY,
                "VN nationality authority answers from its registers alone",
                "nationality-answer-ordinary.json",
                about="nationality-request",
            ),
            HandIn(
                LA_NATIONALITY,
                "The answer comes back the way that the question went",
                "identity-answer-ordinary.json",
                about="identity-check-asked",
            ),
        ),
    ),
    "asylum": Case(
        "A person who was not told of asylum: nothing leaves the country until she was",
        ALL_DESKS,
        (
            HandIn(
                LA_NRM,
                "LA nrm wants her identity checked before she was told of asylum",
                "identity-checks.csv",
                _NOT_INFORMED,
            ),
            Run(LA_NRM, "The desk holds it, with since when and what to do", ("desk", "status")),
            Run(
                LA_NRM,
                "She was told, asked, and seeks no asylum: the desk sends it as a new message",
                ("desk", "fact", _NOT_INFORMED, "asylum=no"),
                waits=True,
            ),
            _told(LA_NRM, _NOT_INFORMED, "The story of the case"),
        ),
    ),
    "child": Case(
        "A child without a guardian: no return, but protection at once",
        ALL_DESKS,
        (
            HandIn(
                LA_NRM,
                "LA nrm would send her home; every reason against it is told at once",
                "returns.csv",
                _CHILD,
            ),
            HandIn(
                LA_NRM,
                "She is in danger: LA nrm refers her for protection, on her best interests",
                "emergency.csv",
                _CHILD,
                by="Bounmy",
            ),
            Run(
                LA_NRM,
                "The desk waits for a second person's approval, who is not the first",
                ("journey", _CHILD),
            ),
            Run(
                LA_NRM,
                "A second person approves; VN nrm owes to have a guardian appointed",
                ("desk", "approve", _CHILD, "--by", "Khamla"),
                waits=True,
            ),
        ),
    ),
    "own-choice": Case(
        "An adult who goes home by own choice, without a risk assessment: recorded, never blocked",
        ALL_DESKS,
        (
            *_notices(_OWN_CHOICE, to=_TO_BORDER),
            *_arrival(_OWN_CHOICE),
            _told(LA_NRM, _OWN_CHOICE, "The story of the case"),
        ),
    ),
    "no-consular-contact": Case(
        "A returnee who wants no consular contact: the consulate gets nothing and cannot tell",
        ALL_DESKS,
        (
            *_notices(_NO_CONSUL, to=_TO_BORDER),
            Run(VN_CONSULATE, "What the consulate has", ("desk", "inbox")),
        ),
    ),
    "consular-contact-revoked": Case(
        "A returnee who revokes the consular contact: the feed ends at once",
        ALL_DESKS,
        (
            *_notices(_REVOKED, to=_TO_BOTH),
            HandIn(
                LA_NRM,
                "The day of arrival changes, and she wants no consular contact any more",
                "returns-changed.csv",
                _REVOKED,
            ),
            HandIn(LA_IMMIGRATION, _TO_BORDER, "travel.json", about="travel-asked"),
            Run(VN_CONSULATE, "What the consulate has: the first notice alone", ("desk", "inbox")),
        ),
    ),
    "missing-receipt": Case(
        "Nobody says that she arrived: silence becomes an alert",
        ALL_DESKS,
        (
            *_notices(_MISSING, to=_TO_BORDER),
            HandIn(LA_NRM, "She departed, and should have arrived", "departures.csv", _MISSING),
            Run(LA_NRM, "What is overdue at LA nrm", ("desk", "alerts"), exit_code=1),
            HandIn(
                VN_PROVIDER,
                "The provider, called, says that she is safe",
                "safe-receipt.json",
                about="departure",
            ),
            Run(LA_NRM, "The alert is gone", ("desk", "alerts")),
        ),
    ),
    "withdrawal": Case(
        "A sharing consent withdrawn while messages are under way",
        ALL_DESKS,
        (
            *_referral(_ADULT),
            *_notices(_ADULT, to=_TO_BOTH),
            Line("vn-hop", "The line to Viet Nam goes down", is_up=False),
            HandIn(
                LA_NRM,
                "LA nrm tells the day of her departure; the messages wait at the border",
                "departures.csv",
                _ADULT,
                waits=False,
            ),
            Run(
                LA_NRM,
                "She withdraws her sharing consent",
                ("desk", "withdraw", _ADULT),
            ),
            Line("vn-hop", "The line is up again", is_up=True),
            _told(
                LA_NRM,
                _ADULT,
                "What waited was dropped, what was under way is empty, what had arrived is erased, "
                "and what LA immigration had passed on too",
            ),
        ),
    ),
}
