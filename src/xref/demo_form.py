"""xref's own form, as the demonstration writes it where no sample of an adapter tells its story."""

import json
from collections.abc import Mapping
from typing import Any, Final

from xref.desk.plain_form import MARK, VERSION
from xref.desk.read_form import Record

_NUMBER: Final = "0" * 32  # of the received message, put in when the form is handed in


def own_form(
    publication: str,
    case: str,
    fields: Mapping[str, Any],
    *,
    like: Record | None = None,
    sharing_consent_with: Mapping[str, Any] | None = None,
    named: Mapping[str, str] | None = None,
    is_about: bool = False,
) -> str:
    """Return a record in xref's own form.

    It has the facts of the record that it is `like`, and its sharing consent with the changes.
    One that `is_about` a received message has a place for that message's number.
    """
    form: dict[str, Any] = {MARK: VERSION, "publication": publication, "case": case}
    form["fields"] = dict(fields)
    if like is not None:
        given = like.sharing_consent
        form["facts"] = dict(like.facts)
        form["sharing_consent"] = given and {**given.members(), **(sharing_consent_with or {})}
    if named:
        form["named"] = dict(named)
    form["reply_to"] = _NUMBER if is_about else None
    return json.dumps(form, ensure_ascii=False, indent=2)
