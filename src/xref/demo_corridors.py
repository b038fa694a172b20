"""The case that `xref demo --corridor` plays: a nationality check, a referral and a return.

Whose people they are, and in which words, comes from the countries' adapters: the sample form of
the State that refers where it is about this corridor, else its facts with the person in the sample
of the State of origin, as xref's own form. A State without an adapter starts from the template.
"""

import json
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, Final

from xref.agreement_commands import shipped_agreements
from xref.demo_cases import Case, HandIn, Run, Step
from xref.demo_form import own_form
from xref.demo_setup import Participant, adapter_of, in_time
from xref.desk.adapter import Adapter
from xref.desk.publish import DESK_FILLS
from xref.desk.read_form import Record, read_form
from xref.policy import Agreement
from xref.resources import data_folder

DIRECTIONS: Final[Mapping[str, tuple[str, str]]] = {
    "la-th-2005": ("TH", "LA"),
    "kh-th-2003": ("TH", "KH"),
    "kh-vn-2005": ("VN", "KH"),
    "cn-vn-2010": ("CN", "VN"),
    "mm-th-2009": ("TH", "MM"),
    "th-vn-2008": ("TH", "VN"),
}
"""Who refers to whom; Lao PDR and Viet Nam have cases of their own."""
_REFERRALS: Final = "referrals.csv"
_RETURNS: Final = "returns.csv"
_GATES_OPEN: Final = "la"
"""Whose sample of a return stands in for that of a State without an adapter."""
_NAMED_ANEW: Final = ("initials", "full_name_native", "birth_year", "age_band")
_PERSON: Final = "victim-referral.values.json"
_PLAIN: Final = "in xref's own form"
_REPLY_IN: Final = timedelta(days=21)
_CHECKED: Final = (
    *("family_name_native", "given_names_native", "name_script", "family_name_romanised"),
    *("given_names_romanised", "birth_date", "sex"),
)
_GOING_HOME: Final = (
    *("arrival_date", "languages", "needs", "contact_restrictions", "return_decision_ref"),
    *("safe_return_assessed_on", "welfare_check_by"),
)
_QUESTION: Final = {"basis_claimed": "NATIONALITY", "inquiry_scope": "REGISTERS_ONLY"}
_NATIONAL: Final = {"outcome": "NATIONAL", "basis_confirmed": "NATIONALITY"}


@dataclass(frozen=True, slots=True)
class Played:
    """A case on a corridor, who takes part, and what is not there yet, in words."""

    case: Case
    offices: tuple[Participant, ...]
    missing: tuple[str, ...]


def case_on(agreement: str, today: date) -> Played:
    """Return the case of an agreement's corridor."""
    (profile,) = (each for each in shipped_agreements() if each.id == agreement)
    found, origin = DIRECTIONS[agreement]
    nrm, there, provider = f"{found.lower()}-nrm", f"{origin.lower()}-nrm", _provider(origin)
    referral = _referral(nrm, found, origin, today)
    steps: tuple[Step, ...] = (
        *_check(referral.case, found, origin, today),
        referral,
        *_beyond(profile, nrm, found, origin, today),
        _answer(there, origin),
        *(_return(referral.case, found, origin, today) if profile.shared_flows else ()),
        Run(
            nrm,
            f"The story of the case, from {found} nrm's own records",
            ("journey", referral.case),
        ),
    )
    registers = tuple(_register(party) for party in (found, origin))
    immigration = tuple(
        Participant(f"{found.lower()}-immigration", "desk", code, found.lower())
        for code in [f"{found}IMM001"]
        if _is_listed(code)
    )
    title = f"A nationality check, a referral and a return. {profile.title}"
    desks = (nrm, there, provider, *registers, *(each.folder for each in immigration))
    case = Case(title, desks, steps)
    offices = (
        Participant(f"{found.lower()}-hop", "hop", f"{found}HOP001"),
        Participant(f"{origin.lower()}-hop", "hop", f"{origin}HOP001"),
        Participant(nrm, "desk", f"{found}NRM001", found.lower()),
        Participant(there, "desk", f"{origin}NRM001", origin.lower()),
        Participant(provider, "desk", f"{origin}SVC001", origin.lower()),
        Participant(_register(found), "desk", f"{found}NAT001", found.lower()),
        Participant(_register(origin), "desk", f"{origin}NAT001", origin.lower()),
        *immigration,
    )
    return Played(case, offices, tuple(_missing(party) for party in _without(found, origin)))


def _provider(party: str) -> str:
    return f"{party.lower()}-service-provider"


def _register(party: str) -> str:
    return f"{party.lower()}-nationality-authority"


def _is_listed(office: str) -> bool:
    """Return whether an office is in the directory for demonstrations."""
    directory = data_folder("policies") / "directory" / f"{office[:2].lower()}.toml"
    return office in tomllib.loads(directory.read_text("utf-8"))["offices"]


def _without(*parties: str) -> list[str]:
    return [each for each in parties if adapter_of(each.lower()).name != each.lower()]


def _missing(party: str) -> str:
    return (
        f"{party} has no adapter: its offices use the template's forms and xref's own. "
        f"To make one: xref adapter new {party.lower()}"
    )


# What is handed in.


def _check(case: str, found: str, origin: str, today: date) -> Iterator[HandIn]:
    """Yield a check's four steps, in xref's own form: asked at home, abroad, and both answers."""
    record = next(each for each in sample_people(found, today) if each.case == case)
    person = record.values if _is_about(record, origin) else _person(record, origin)
    offices = sorted([f"{found}NAT001", f"{origin}NAT001"])
    agreed = {"purposes": ["identity-and-residence"], "recipients": offices}
    told = {name: person[name] for name in _CHECKED if person.get(name) is not None}
    asked = {**told, **_QUESTION, "reply_by": f"{today + _REPLY_IN:%Y-%m-%d}"}
    nrm, register, there = f"{found.lower()}-nrm", _register(found), _register(origin)
    steps: tuple[tuple[str, str, str, Mapping[str, Any], str], ...] = (
        (
            *(nrm, "identity-check", "", asked),
            f"{found} nrm asks its own nationality authority whether the person is of {origin}",
        ),
        (
            *(register, "nationality-check", "identity-check-asked", asked),
            f"{found} nationality authority asks {origin}'s, like every other check",
        ),
        (
            *(there, "nationality-answer", "nationality-request", _NATIONAL),
            f"{origin} nationality authority answers from its registers",
        ),
        (
            *(register, "identity-answer", "identity-check-asked", _NATIONAL),
            f"{found} nationality authority tells the answer at home",
        ),
    )
    for office, publication, flow, fields, says in steps:
        content = own_form(
            publication,
            f"{office}-1" if flow else case,
            fields,
            like=None if flow else record,
            sharing_consent_with=agreed,
            is_about=bool(flow),
        )
        yield HandIn(office, f"{says}, {_PLAIN}", f"{publication}.json", "", flow, content=content)


def _referral(office: str, found: str, origin: str, today: date) -> HandIn:
    for record in sample_people(found, today):
        if _is_about(record, origin):
            says = f"{found} nrm hands in its own form: a person from {origin} asked for help there"
            return HandIn(office, says, _REFERRALS, record.case)
    record = sample_people(found, today)[0]
    says = f"{found} nrm refers a person from {origin} who asked for help there, {_PLAIN}"
    return HandIn(office, says, "referral.json", record.case, content=_plain(record, origin, {}))


def _beyond(
    agreement: Agreement, office: str, found: str, origin: str, today: date
) -> tuple[HandIn, ...]:
    """Return the referral of a man where the agreement's title leaves men out."""
    if agreement.personal_scope.fallback is None:
        return ()
    record = sample_people(found, today)[0]
    content = _plain(record, origin, {"sex": "M"}, case=f"{record.case}-M")
    says = "A man, whom the agreement does not cover: he gets the same, and oversight sees it"
    return (HandIn(office, says, "referral-man.json", f"{record.case}-M", content=content),)


def _answer(office: str, party: str) -> HandIn:
    says = f"{party} nrm accepts"
    folder = adapter_of(party.lower())
    if "referral-response" in Adapter.load(folder).file.publications:
        return HandIn(office, says, "answer.json", about="victim-referral")
    fields = {"answer": "ACCEPTED", "offered_services": ["ACCOMMODATION", "PSYCHOSOCIAL_SUPPORT"]}
    content = own_form("referral-response", f"{party}-1", fields, is_about=True)
    says = f"{says}, {_PLAIN}"
    return HandIn(office, says, "answer.json", about="victim-referral", content=content)


def _return(case: str, found: str, origin: str, today: date) -> Iterator[HandIn]:
    """Yield the notice of a return, in the State's own form where its sample is this case's."""
    record = _going_home(found, today)
    nrm, there = f"{found.lower()}-nrm", _provider(origin)
    says = f"She goes home of her own will: {found} nrm tells those in {origin} who expect her"
    if record.case == case and _is_about(record, origin):
        yield HandIn(nrm, says, _RETURNS, case)
    else:
        person = _person(record, origin)
        recipients = sorted([f"{origin}NRM001", f"{origin}SVC001", f"{found}IMM001"])
        told = {name: person.get(name) for name in (*_CHECKED, *_GOING_HOME) if name != "sex"}
        content = own_form(
            "return",
            case,
            {
                **{name: value for name, value in told.items() if value is not None},
                "receiving_office": f"{origin}SVC001",
            },
            like=record,
            sharing_consent_with={"recipients": recipients},
            named={"service-provider": f"{origin}SVC001"},
        )
        yield HandIn(nrm, f"{says}, {_PLAIN}", "return.json", case, content=content)
    says = f"{origin} service provider received her safely"
    if "safe-receipt" in Adapter.load(adapter_of(origin.lower())).file.publications:
        yield HandIn(there, says, "safe-receipt.json", about="reception-notice")
    else:
        fields = {"arrival_outcome": "RECEIVED", "received_on": f"{today:%Y-%m-%d}"}
        content = own_form("safe-receipt", f"{there}-1", fields, is_about=True)
        says = f"{says}, {_PLAIN}"
        yield HandIn(there, says, "safe-receipt.json", about="reception-notice", content=content)


def _going_home(party: str, today: date) -> Record:
    """Return the first person of a Party's sample of returns, for whom every gate is open."""
    folder = adapter_of(party.lower())
    if not (folder / "samples" / _RETURNS).is_file():
        folder = adapter_of(_GATES_OPEN)
    text = in_time((folder / "samples" / _RETURNS).read_text("utf-8"), today)
    return read_form(Adapter.load(folder), _RETURNS, text.encode(), today=today).records[0]


def sample_people(party: str, today: date) -> list[Record]:
    """Return the people for whom every gate is open in a Party's sample, or in the template's."""
    folder = adapter_of(party.lower())
    if not (folder / "samples" / _REFERRALS).is_file():
        folder = adapter_of("")
    text = in_time((folder / "samples" / _REFERRALS).read_text("utf-8"), today)
    reading = read_form(Adapter.load(folder), _REFERRALS, text.encode(), today=today)
    return [each for each in reading.records if each.facts.get("asylum") == "no"]


def _person(record: Record, origin: str) -> dict[str, Any]:
    """Return a sample's values with those of the person in the origin's sample, if it has one."""
    file = adapter_of(origin.lower()) / "samples" / _PERSON
    person = json.loads(file.read_text("utf-8"))["values"] if file.is_file() else {}
    return {**record.values, **person}


def _is_about(record: Record, origin: str) -> bool:
    """Return whether a sample's person is from the origin, so that its form can be handed in."""
    return record.named.get("service-provider") == f"{origin}SVC001"


def _plain(record: Record, origin: str, more: Mapping[str, Any], case: str = "") -> str:
    """Return a sample's facts with the person in the origin's sample, in xref's own form."""
    values = {**_person(record, origin), "nationality_claimed": [origin], **more}
    if values["service_province"] and not str(values["service_province"]).startswith(origin):
        values["service_province"] = None  # the sample's own, of another country
    return own_form(
        "referral",
        case or record.case,
        # Coarser siblings would be the sample's own person's: the desk derives this one's.
        {
            name: value
            for name, value in values.items()
            if value is not None and name not in DESK_FILLS and name not in _NAMED_ANEW
        },
        like=record,
        sharing_consent_with={"recipients": [f"{origin}NRM001", f"{origin}SVC001"]},
        named={"service-provider": f"{origin}SVC001"},
    )
