"""What an office's sharing-consent notice says for everybody, as its adapter has it."""

from collections.abc import Mapping
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from xref.desk.consent import WAYS, Explanation
from xref.errors import MalformedError

Word = Annotated[str, Field(pattern=r"^[a-z][a-z0-9]*(-[a-z0-9]+)*$", max_length=64)]


class SharingConsentForm(BaseModel):
    """What the office's sharing-consent notice says for everybody who signs it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    purposes: Annotated[tuple[Word, ...], Field(min_length=1)]
    always: tuple[Word, ...] = ()
    notice_version: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")]
    interpreted_from: Annotated[str, Field(pattern=r"^([a-z]{2,3})?$")] = ""
    """The language of the text that interpreters work from, where there is none in the person's."""
    explained_how: str = ""
    withdrawal_routes: tuple[Word, ...] = ()

    @model_validator(mode="after")
    def _is_of_one_version(self) -> Self:
        """Refuse half of what a record of version 2 says."""
        how = self.explained_how or WAYS[0]  # unless the notice says how, a column has to
        try:
            self.explanation({"explained_how": how})
        except MalformedError as error:
            raise ValueError(error.detail) from error
        return self

    @property
    def is_explained(self) -> bool:
        """Whether records are of version 2, which says how the notice was explained."""
        return bool(self.explained_how or self.withdrawal_routes)

    @property
    def asks_how(self) -> bool:
        """Whether a column has to say how it was explained, as the notice does not."""
        return self.is_explained and not self.explained_how

    def explanation(self, parts: Mapping[str, object]) -> Explanation | None:
        """Return how it was explained, by the form's columns before what the notice always says.

        Which text was told is bound later (`xref.desk.told`). None where the notice says nothing
        of how: the record is then of version 1.
        """
        if not self.is_explained:
            return None
        return Explanation(
            how=str(parts.get("explained_how", self.explained_how)),
            interpreted_by=str(parts.get("interpreted_by", "")),
            notice_sha256="",
            withdrawal_routes=tuple(sorted(set(self.withdrawal_routes))),
        )
