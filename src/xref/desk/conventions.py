"""What a country's offices do alike, and where its law means less than a code says: as data."""

from datetime import date
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

NameOrder = Literal["family-first", "given-first"]


class AdapterData(BaseModel):
    """Closed members and no change afterwards, for everything in an adapter file."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=False)


class Reflection(AdapterData):
    """A reflection and recovery period: its days, the line that gives them, and as of when."""

    days: Annotated[int, Field(ge=1, le=3650)]
    source: Annotated[str, Field(min_length=4)]
    as_of: date

    def __str__(self) -> str:
        """Return it as people are told it."""
        return f"{self.days} days ({self.source}, as of {self.as_of})"


class Definition(AdapterData):
    """Codes of a field that the country's law does not know, or means less by, and who says so."""

    field: Literal["victim_status", "age_status", "exploitation_types"]
    codes: Annotated[tuple[str, ...], Field(alias="narrower", min_length=1)]
    cite: Annotated[str, Field(min_length=4)]


class Conventions(AdapterData):
    """What a country's offices do alike; `xref adapter check` shows it and holds the forms to it.

    Full names are derived in the `name_order`; the forms need a word for each of the `scripts` of
    names and for each language of the `notices`. `counting` says who counts whom once, in
    statistics. A reflection period that no source gives is `unspecified`; one that is given is held
    to in the records: none can say that the law has none.
    """

    name_order: NameOrder
    scripts: Annotated[
        tuple[Annotated[str, Field(pattern="^[A-Z][a-z]{3}$")], ...], Field(min_length=1)
    ]
    reflection: Literal["unspecified"] | Reflection
    notices: Annotated[tuple[str, ...], Field(min_length=1)]
    counting: Annotated[str, Field(min_length=10)]
