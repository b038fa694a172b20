"""Whether a person is one of those whom an agreement covers, by sex and age as a record says. Pure.

Only who is said to be covered is `within`: with doubt a message goes by the agreement's fallback,
to the same offices with the same fields, and is flagged. Nothing but the flag depends on it.
"""

from collections.abc import Mapping
from typing import Final

from xref.policy import Agreement
from xref.policy.vocabulary import BEYOND_SCOPE, WITHIN_SCOPE

SEX_FIELD: Final = "sex"
_AGE_FACT: Final = "age_status"
_CHILD: Final = ("presumed-child", "verified-child")
_ADULT: Final = ("undisputed-adult", "verified-adult")
_FEMALE: Final = "F"


def scope_of(agreement: Agreement, sex: str, facts: Mapping[str, str]) -> str:
    """Return the answer to the fact `personal_scope`; `sex` is empty where it is not known."""
    covers_all = agreement.personal_scope.fallback is None
    if covers_all or sex == _FEMALE or facts.get(_AGE_FACT) in _CHILD:
        return WITHIN_SCOPE
    return BEYOND_SCOPE


def said_beyond(
    agreement: Agreement, values: Mapping[str, object], facts: Mapping[str, str]
) -> str:
    """Return on what authority a person goes whom the record itself puts beyond the scope."""
    fallback, sex = agreement.personal_scope.fallback, str(values.get(SEX_FIELD) or "")
    beyond = scope_of(agreement, sex, facts) == BEYOND_SCOPE
    if fallback is None or not beyond or not sex or facts.get(_AGE_FACT) not in _ADULT:
        return ""
    return fallback.explain
