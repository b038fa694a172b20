"""Which notice a person was told: its text, found by the desk and bound to the record. Pure.

A form names the version, and the language in which it was explained. The desk looks for that text
in the bundles and in the adapter's folder; a sharing consent on words that nobody can show is
refused.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Final

from xref.desk.adapter import Adapter
from xref.desk.consent import Explanation, SharingConsent
from xref.desk.form_file import Problem
from xref.desk.read_form import Record
from xref.policy import ADAPTER_NOTICE_PATH, Notice, Policy, find_notice, read_notices

_FIELD: Final = "sharing consent: "


class ToldFault(Exception):  # noqa: N818 - it is what the office has to put right
    """Member of the sharing consent, problem and cure; never what the record says."""


def notices_of(adapter: Adapter, policies: Iterable[Policy]) -> tuple[Notice, ...]:
    """Return the notices of bundles, in their order, and then the adapter's own.

    Raises `ConfigError` for one of the adapter that promises what no rule of the first keeps.
    """
    books = [policy.rulebook for policy in policies]
    own = read_notices(adapter.notices, books[0].keeping, ADAPTER_NOTICE_PATH)
    return (*(notice for book in books for notice in book.notices), *own)


def with_notice(
    items: Iterable[Record | Problem], notices: Sequence[Notice], adapter: Adapter | None
) -> Iterator[Record | Problem]:
    """Yield the items, each record with the digest of the notice's text, or its problem.

    `adapter` is that of the form, None for xref's own form.
    """
    for item in items:
        if isinstance(item, Problem) or item.sharing_consent is None:
            yield item
            continue
        form = adapter.file.publications[item.publication].sharing_consent if adapter else None
        try:
            told = bound(item.sharing_consent, notices, form.interpreted_from if form else "")
        except ToldFault as fault:
            member, problem, cure = fault.args
            yield Problem(item.source, item.line, f"{_FIELD}{member}", problem, cure)
        else:
            yield replace(item, sharing_consent=told)


def bound(
    given: SharingConsent, notices: Sequence[Notice], interpreted_from: str
) -> SharingConsent:
    """Return a sharing consent with the digest of the text that was told; raises `ToldFault`.

    That text is the one in the language of the explanation, else the one that was interpreted. A
    record of version 1 says nothing of it: only that there is such a notice is seen to.
    """
    texts = [each for each in notices if each.version == given.notice_version]
    if not texts:
        known = ", ".join(sorted({each.version for each in notices})) or "none"
        raise ToldFault(
            "notice_version",
            "no bundle and no adapter of this office has that notice",
            f"name one of: {known}; or add its texts to the adapter's folder, notices/VERSION/",
        )
    if (explained := given.explanation) is None:
        return given
    if explained.notice_sha256:
        if explained.notice_sha256 not in {each.sha256 for each in texts}:
            raise ToldFault(
                "notice_sha256",
                "the notice of that version has no such text",
                "leave it empty for the text in the language of the explanation, or correct it",
            )
        return given
    digest = _text_of(texts, given.language, explained, interpreted_from).sha256
    return replace(given, explanation=replace(explained, notice_sha256=digest))


def _text_of(
    texts: Sequence[Notice], language: str, explained: Explanation, interpreted_from: str
) -> Notice:
    version = texts[0].version
    found = find_notice(texts, version, language)
    if found is None and explained.interpreted_by:
        found = find_notice(texts, version, interpreted_from)
    if found is None:
        known = ", ".join(sorted({each.language for each in texts}))
        raise ToldFault(
            "language",
            "the notice has no text in the language of the explanation, and none was interpreted",
            f"say who interpreted, and from which text of {known}; or add the text",
        )
    return found
