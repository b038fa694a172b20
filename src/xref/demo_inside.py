"""The case that `xref demo --corridor police-ngo` plays: inside one country, no border crossed.

The model's Party is no country: here Lao PDR took it over, as `docs/how-to/add-a-corridor.md` says.
"""

from datetime import date
from typing import Final

from xref.demo_cases import Case, HandIn, Run
from xref.demo_corridors import sample_people
from xref.demo_form import own_form
from xref.demo_setup import INSIDE_OF, NOW, Participant

_POLICE, _NRM, _PROVIDER = "la-police", "la-nrm", "la-service-provider"
_OFFICES: Final = (
    Participant("la-hop", "hop", "LAHOP001"),
    Participant(_POLICE, "desk", "LAPOL001", "la"),
    Participant(_NRM, "desk", "LANRM001", "la"),
    Participant(_PROVIDER, "desk", "LASVC001", "la"),
)
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
    told = {name: sample.values[name] for name in _TOLD if name in sample.values}
    recipients = {"recipients": ["LANRM001", "LASVC001"]}
    steps = (
        HandIn(
            _POLICE,
            "The police found a person who wants support, and ask the referral mechanism",
            "support-wish.json",
            sample.case,
            content=own_form(
                "support-wish", sample.case, told, like=sample, sharing_consent_with=recipients
            ),
        ),
        HandIn(
            _NRM,
            "LA nrm asked her anew, and asks the service provider that she chose: the police had "
            "told it for itself alone",
            "support.json",
            sample.case,
            content=own_form(
                "support",
                sample.case,
                told,
                like=sample,
                sharing_consent_with=recipients | {"given_on_ms": NOW},
                named={"service-provider": "LASVC001"},
            ),
        ),
        HandIn(
            _PROVIDER,
            "The service provider accepts",
            "support-answer.json",
            about="support-asked",
            content=own_form("support-answer", "LA-support-answer", _ACCEPTED, is_about=True),
        ),
        HandIn(
            _NRM,
            "The police learn that she is supported, and nothing of where, by whom and how",
            "support-outcome.json",
            about="support-wanted",
            content=own_form("support-outcome", "LA-support-outcome", _ACCEPTED, is_about=True),
        ),
        HandIn(
            _PROVIDER,
            "The service provider raises a concern about a place: it names nobody",
            "concern.json",
            content=own_form("concern", "LA-concern", _CONCERN),
        ),
        Run(_POLICE, "What the police know of the case", ("journey", sample.case)),
    )
    title = (
        "Police and a service provider inside one country, after a model of the Baltic Sea States"
    )
    return Case(title, (_POLICE, _NRM, _PROVIDER), steps), _OFFICES
