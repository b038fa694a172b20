"""What an adapter says once for several forms, written out where a form names it. Pure.

`[column]` has columns by their meaning and `[rule.NAME]` rules; a form lists their names. The table
`[sharing_consent]` is what the notice of every form says that has one, unless the form says else.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, Final, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from xref.desk.cell import LIKE, Column
from xref.desk.form_rule import Rule
from xref.desk.toml_lines import Place

_TABLES: Final = ("column", "rule", "sharing_consent")


def _named_by_meaning(columns: object) -> object:
    """Return the columns with what they mean, which is their name where they do not say it."""
    if not isinstance(columns, dict):
        return columns
    for name, members in columns.items():
        if isinstance(members, dict) and {"from", LIKE} & members.keys():
            raise ValueError(f"{name}: a shared column has neither from nor {LIKE}; remove it")
    return {
        name: {"to": name, **members} if isinstance(members, dict) else members
        for name, members in columns.items()
    }


class _Shared(BaseModel):
    """The shared columns, as a form that is read has them, the rules, and the notice's members."""

    model_config = ConfigDict(frozen=True)

    columns: Annotated[
        dict[str, Column],
        Field(alias="column", default_factory=dict),
        BeforeValidator(_named_by_meaning),
    ]
    rules: Annotated[dict[str, Rule], Field(alias="rule", default_factory=dict)]
    notice: Annotated[dict[str, Any], Field(alias="sharing_consent", default_factory=dict)]


@dataclass(frozen=True, slots=True)
class WrittenOut:
    """The data of an adapter's file without what is shared, and the shared that no form names.

    A name that is not shared stays as it is, for the check of the form to refuse.
    """

    data: dict[str, Any]
    unused: tuple[Place, ...]

    @classmethod
    def of(cls, data: Mapping[str, Any]) -> Self:
        """Return a file's data with names written out; `ValidationError` for what is shared."""
        writer = _Writer(data.get("column", {}), _Shared.model_validate(data))
        rest = {name: value for name, value in data.items() if name not in _TABLES}
        for group in ("publication", "received"):
            if isinstance(forms := data.get(group), dict):
                rest[group] = {name: writer.form(group, form) for name, form in forms.items()}
        return cls(rest, writer.unused())


@dataclass(frozen=True, slots=True)
class _Writer:
    raw: Mapping[str, Any]
    shared: _Shared
    used: set[Place] = field(default_factory=set)

    def form(self, group: str, form: object) -> object:
        if not isinstance(form, dict):
            return form
        out = dict(form)
        if isinstance(columns := form.get("column"), list):
            out["column"] = [self._column(group, item) for item in columns]
        if isinstance(rules := form.get("rule"), list):
            out["rule"] = [self._rule(item) for item in rules]
        if isinstance(notice := form.get("sharing_consent"), dict):
            self.used.add(("sharing_consent",))
            out["sharing_consent"] = {**self.shared.notice, **notice}
        return out

    def _column(self, group: str, item: object) -> object:
        name = item.get(LIKE) if isinstance(item, dict) else item
        column = self.shared.columns.get(name) if isinstance(name, str) else None
        if column is None or not isinstance(name, str):
            return item
        self.used.add(("column", name))
        is_read = group == "publication"
        if not isinstance(item, dict):
            return column if is_read else column.model_copy(update={"to": None, "source": name})
        own = {member: value for member, value in item.items() if member != LIKE}
        shared = {member: value for member, value in self.raw[name].items() if member != "to"}
        end = {"to": self.raw[name].get("to", name)} if is_read else {"from": name}
        return {**shared, **end, **own}

    def _rule(self, item: object) -> object:
        rule = self.shared.rules.get(item) if isinstance(item, str) else None
        if rule is None:
            return item
        self.used.add(("rule", str(item)))
        return rule

    def unused(self) -> tuple[Place, ...]:
        notice = [("sharing_consent",)] if self.shared.notice else []
        places: list[Place] = [
            *(("column", name) for name in self.shared.columns),
            *(("rule", name) for name in self.shared.rules),
            *notice,
        ]
        return tuple(place for place in places if place not in self.used)
