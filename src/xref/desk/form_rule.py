"""A rule of a form: a fact that follows from others, as data."""

from collections.abc import Mapping
from typing import Annotated

from pydantic import Field, model_validator

from xref import limits
from xref.desk.conventions import AdapterData
from xref.desk.sharing_consent_form import Word

FactName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$", max_length=limits.CODE_CHARS_MAX)]


class Rule(AdapterData):
    """A fact that follows from others, such as no guardian for a verified adult."""

    fact: FactName
    value: Annotated[Word, Field(alias="is")]
    when: Annotated[dict[FactName, tuple[Word, ...]], Field(min_length=1)]
    explain: Annotated[str, Field(min_length=10)]

    @model_validator(mode="before")
    @classmethod
    def _is_written_out(cls, data: object) -> object:
        """Refuse the name of a shared rule that the adapter does not have."""
        if isinstance(data, str):
            message = f"no shared rule {data!r}; add [rule.{data}], or correct its name"
            raise ValueError(message)  # noqa: TRY004 - pydantic turns no other error into a fault
        return data

    def holds(self, facts: Mapping[str, str]) -> bool:
        """Say whether every named fact has one of the values; an unknown fact has none."""
        return all(facts.get(fact) in values for fact, values in self.when.items())
