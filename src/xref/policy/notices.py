"""Notice texts: what a person is told before being asked, in every language the same statements.

Each statement names the rules and obligations that keep it, so a text promises nothing that the
bundle does not hold; what no rule can keep is told as a limit. See docs/spec/sharing-consent.md.
"""

import hashlib
import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from xref.errors import ConfigError
from xref.policy.reading import read_toml

_PLACE: Final = r"notices/([A-Za-z0-9][A-Za-z0-9._-]{0,63})/([a-z]{2,3}|statements)\.toml"
NOTICE_PATH: Final = re.compile(f"policies/{_PLACE}")
ADAPTER_NOTICE_PATH: Final = re.compile(_PLACE)
_STATEMENTS: Final = "statements"


@dataclass(frozen=True, slots=True)
class Notice:
    """One version of the notice in one language; `sha256` is of the file's bytes.

    `review` says who has still to look at it; empty once it may be read to people.
    """

    version: str
    language: str
    title: str
    review: str
    texts: Mapping[str, str]
    sha256: str


def read_notices(
    files: Mapping[str, bytes], known: Collection[str], place: re.Pattern[str] = NOTICE_PATH
) -> tuple[Notice, ...]:
    """Return the notices in a bundle's files, or an adapter's, or raise `ConfigError`.

    `known` are the ids of rules and the names of obligations that may keep a statement.
    """
    places = [(path, match) for path in sorted(files) if (match := place.fullmatch(path))]
    statements = {
        match[1]: _statements(files[path], path, known)
        for path, match in places
        if match[2] == _STATEMENTS
    }
    notices = []
    for path, match in places:
        if match[2] != _STATEMENTS:
            if match[1] not in statements:
                raise ConfigError(f"{path}: its version has no statements.toml; add it")
            notices.append(_notice(files[path], path, match, statements[match[1]]))
    return tuple(notices)


def _statements(data: bytes, path: str, known: Collection[str]) -> tuple[str, ...]:
    file = read_toml(data, path)
    ids = []
    for entry in file.entries("statement"):
        ids.append(entry.text("id"))
        # Without it nothing keeps the statement: it is told as a limit, not as a promise.
        entry.words("kept_by", known, ())
        entry.finish()
    file.finish()
    if not ids or len(set(ids)) != len(ids):
        raise ConfigError(f"{path}: a statement is given twice, or none; correct it")
    return tuple(ids)


def _notice(data: bytes, path: str, place: re.Match[str], statements: tuple[str, ...]) -> Notice:
    file = read_toml(data, path)
    texts = file.entry("texts")
    notice = Notice(
        version=file.word("version", (place[1],)),
        language=file.word("language", (place[2],)),
        title=file.text("title"),
        review=file.text("review", ""),
        texts={name: texts.text(name) for name in statements},
        sha256=hashlib.sha256(data).hexdigest(),
    )
    texts.finish()
    file.finish()
    return notice


def find_notice(notices: Iterable[Notice], version: str, language: str) -> Notice | None:
    """Return the notice of a version in a language, with or without script and region."""
    wanted = (version, language.partition("-")[0])
    return next((each for each in notices if (each.version, each.language) == wanted), None)
