"""What a person reads who mistyped a setting, moved a file or has no right to it."""

import errno
import sqlite3
from pathlib import Path

import pytest

from xref.config import DeskConfig, HopConfig, load_config
from xref.drivers.files import read_keyrings, read_seed
from xref.drivers.sqlite_store import SqliteStore
from xref.errors import ConfigError, UnavailableError, XrefError, cause_of

KEY = "vlWVfrh2KlKweuhv1HFqSJiIS27Rnie4kibf12jZqC4="
DESK = f"""\
office = "LANRM001"
bundles = ["../bundle"]
adapter = "adapter"
archive_days = 7

[parties]
LA = "{KEY}"

[transport]
driver = "sqlite"
folder = "../transport"
"""
HOP = (
    DESK.replace("NRM", "HOP").replace('adapter = "adapter"\narchive_days = 7\n', "")
    + f"""
[[witnesses]]
name = "w"
url = "http://127.0.0.1:8400"
key = "{KEY}"
"""
)
LIBRARY_WORDS = (
    "Input should",
    "String should",
    "Value error",
    "pattern",
    "discriminator",
    "[key]",
)


def refusal(tmp_path: Path, text: str, model: type[DeskConfig | HopConfig]) -> str:
    """Return what is said of a configuration, without the path."""
    file = tmp_path / "x.toml"
    file.write_text(text, "utf-8")
    with pytest.raises(ConfigError) as refused:
        load_config(file, model)
    return str(refused.value).removeprefix(f"{file}: ")


@pytest.mark.parametrize(
    ("good", "bad", "says"),
    [
        ('"LANRM001"', '"lanrm1"', "office: is no office code: two capital letters"),
        ('"LANRM001"', "17", "office: write a text in quotes"),
        ('"LANRM001"', "LANRM001", "not TOML: Invalid value (at line 1, column 10); write texts"),
        ('["../bundle"]', '"../bundle"', "bundles: write a list"),
        ('["../bundle"]', "[]", "bundles: is empty; fill it in"),
        ('"adapter"', '""', "adapter: is empty; fill it in"),
        ("archive_days = 7", 'archive_days = "7"', "archive_days: write a whole number"),
        ("archive_days", "archive_day", "archive_day: no such setting here"),
        ("LA =", "Laos =", "parties.Laos: is no Party: write its two capital letters"),
        (KEY, "c2hvcnQ=", "parties.LA: is not a key of 32 bytes"),
        ('driver = "sqlite"', 'driver = "mysql"', 'transport: driver is "sqlite" or "kafka"'),
        ('driver = "sqlite"\n', "", 'transport: driver is missing; add driver = "sqlite"'),
        ("folder =", "folders =", "transport.folder: is missing; add it"),
        ('"../transport"', '"C:\\data"', "write / in place of a backslash"),
    ],
)
def test_mistyped_setting_is_named_with_its_cure(
    tmp_path: Path, good: str, bad: str, says: str
) -> None:
    """Each says the setting as it stands in the file, and what to write; no word of a library's."""
    assert good in DESK
    said = refusal(tmp_path, DESK.replace(good, bad), DeskConfig)
    assert says in said
    assert not [word for word in LIBRARY_WORDS if word in said]


def test_witness_is_counted_from_one(tmp_path: Path) -> None:
    """The first table of an array is the first for a person, too."""
    said = refusal(tmp_path, HOP.replace("http://", "ftp://"), HopConfig)
    assert said == "witnesses.1.url: begins with http:// or https://"


def test_mark_before_the_text_is_no_fault(tmp_path: Path) -> None:
    """Some editors put a byte order mark before UTF-8, and end lines with CR LF."""
    file = tmp_path / "desk.toml"
    file.write_bytes(b"\xef\xbb\xbf" + DESK.replace("\n", "\r\n").encode())
    assert load_config(file, DeskConfig).office == "LANRM001"


def test_other_encoding_is_called_so(tmp_path: Path) -> None:
    """What is no UTF-8 is not a missing file."""
    file = tmp_path / "desk.toml"
    file.write_bytes(DESK.encode("utf-16"))
    with pytest.raises(ConfigError, match="is not UTF-8; save it as UTF-8"):
        load_config(file, DeskConfig)


def test_missing_folder_of_keyrings_is_an_error(tmp_path: Path) -> None:
    """A mistyped folder must not start an office that trusts nobody's keys."""
    with pytest.raises(ConfigError, match="no such folder; put the Parties' keyrings"):
        read_keyrings(tmp_path / "nowhere")


def test_causes_are_in_words(tmp_path: Path) -> None:
    """A file's fault is told without the names of a language's exceptions."""
    assert cause_of(OSError(errno.ENOSPC, "a name")) == "the disk is full"
    assert cause_of(OSError(errno.EPROTO, "a name")) == "OSError"
    assert cause_of(sqlite3.OperationalError("a value")) == "OperationalError"
    with pytest.raises(XrefError, match="there is no such file or folder; make it with"):
        read_seed(tmp_path / "none.key")
    (tmp_path / "state.sqlite").write_bytes(b"not a database" * 100)
    with pytest.raises(UnavailableError, match=r"state\.sqlite: it is no SQLite file"):
        SqliteStore(tmp_path / "state.sqlite")
