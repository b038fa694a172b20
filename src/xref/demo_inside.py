"""The case that `xref demo --corridor police-ngo` plays: inside one country, no border crossed.

The model's Party is no country: here Lao PDR took it over, as `docs/how-to/add-a-corridor.md` says.
"""

import json
from collections.abc import Mapping
from datetime import date
from typing import Any, Final

from xref.demo_cases import Case, HandIn, Run
from xref.demo_corridors import sample_people
from xref.demo_setup import INSIDE_OF, NOW, Participant
from xref.desk.read_form import Record

_POLICE, _NRM, _PROVIDER = "la-police", "la-nrm", "la-service-provider"
_OFFICES: Final = (
    Participant("la-hop", "hop", "LAHOP001"),
    Participant(_POLICE, "desk", "LAPOL001", "la"),
    Participant(_NRM, "desk", "LANRM001", "la"),
    Participant(_PROVIDER, "desk", "LASVC001", "la"),
)
_NUMBER: Final = "0" * 32
_TOLD: Final = (
    "family_name_native",
    "given_names_native",
    "name_script",
    "family_name_romanised",
    "given_names_romanised",
    "birth_date",
    "age_status",
    "sex",
    "languages",
    "interpreter_needed",
    "needs",
    "urgency",
    "contact_restrictions",
)
_ACCEPTED: Final = {"answer": "ACCEPTED", "offered_services": ["ACCOMMODATION"]}
_CONCERN: Final = {
    "urgency": "URGENT",
    "indicators": ["COERCED_BY_CONFINEMENT"],
    "place_province": "LA-VT",
    "persons_count": 3,
    "contact_way": "DISCREETLY_AT_PLACE",
}


def case_inside(today: date) -> tuple[Case, tuple[Participant, ...]]:
    """Return the case, and who takes part."""
    sample = sample_people(INSIDE_OF, today)[0]
    steps = (
        HandIn(
            _POLICE,
            "The police found a person who wants support, and ask the referral mechanism",
            "support-wish.json",
            sample.case,
            content=_plain("support-wish", sample, {}),
        ),
        HandIn(
            _NRM,
            "LA nrm asked her anew, and asks the service provider that she chose: the police had "
            "told it for itself alone",
            "support.json",
            sample.case,
            content=_plain("support", sample, {"given_on_ms": NOW}),
        ),
        HandIn(
            _PROVIDER,
            "The service provider accepts",
            "support-answer.json",
            about="support-asked",
            content=_said("support-answer", _ACCEPTED, _NUMBER),
        ),
        HandIn(
            _NRM,
            "The police learn that she is supported, and nothing of where, by whom and how",
            "support-outcome.json",
            about="support-wanted",
            content=_said("support-outcome", _ACCEPTED, _NUMBER),
        ),
        HandIn(
            _PROVIDER,
            "The service provider raises a concern about a place: it names nobody",
            "concern.json",
            content=_said("concern", _CONCERN, None),
        ),
        Run(_POLICE, "What the police know of the case", ("journey", sample.case)),
    )
    title = (
        "Police and a service provider inside one country, after a model of the Baltic Sea States"
    )
    return Case(title, (_POLICE, _NRM, _PROVIDER), steps), _OFFICES


def _plain(publication: str, sample: Record, more: Mapping[str, Any]) -> str:
    given = sample.sharing_consent
    recipients = ["LANRM001", "LASVC001"]
    form = {
        "xref_form": 1,
        "publication": publication,
        "case": sample.case,
        "fields": {name: sample.values[name] for name in _TOLD if name in sample.values},
        "facts": dict(sample.facts),
        "sharing_consent": given and {**given.members(), "recipients": recipients, **more},
        "named": {"service-provider": "LASVC001"} if publication == "support" else {},
    }
    return json.dumps(form, ensure_ascii=False, indent=2)


def _said(publication: str, fields: Mapping[str, Any], reply_to: str | None) -> str:
    form = {"xref_form": 1, "publication": publication, "fields": fields, "reply_to": reply_to}
    return json.dumps({**form, "case": f"{INSIDE_OF}-{publication}"}, indent=2)
