"""Small things that somebody may write: into a rule, a form, a schema, or as a signed number."""

import json
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from unit.audit.tampering import DESK_TO_LA, LA
from unit.audit.test_accesses import changed, said
from unit.bundle.signed_bundle import draft
from unit.desk.test_agreed import BASIS, faults
from world import NOW_MS, keychain
from xref import limits
from xref.bundle import read_files
from xref.desk.json_file import json_rows
from xref.errors import ConfigError, RecordError
from xref.policy_page import page_of
from xref.sharing_consents import _begin
from xref.tlog import checkpoint as checkpoints
from xref.tlog.checkpoint import Checkpoint
from xref.tlog.note import Signer
from xref.wire.key import KeyUse
from xref.wire.schema import Schema
from xref.wiring import read_keyrings

MARKUP = "<script>alert(1)</script>"


def test_writes_markup_where_a_law_is_cited() -> None:
    """Who may write a national rule may not write into the page that other people open."""
    bundle = draft()
    book = bundle.policy.rulebook
    forbids = tuple(
        replace(each, rule=replace(each.rule, cite=(MARKUP,), weight="national"))
        for each in book.forbids
    )
    permits = tuple(
        replace(each, rule=replace(each.rule, cite=(MARKUP,), weight="national"))
        for each in book.permits
    )
    marked = replace(book, forbids=forbids, permits=permits)
    rules = {rule.id: rule for rule in marked.rules}
    policy = replace(bundle.policy, _rulebook=marked, _rules={**bundle.policy._rules, **rules})
    page = page_of(replace(bundle, policy=policy))
    assert "&lt;script&gt;" in page
    assert MARKUP not in page


def test_writes_a_name_where_a_basis_stands() -> None:
    """No problem says what the record says: it is shown, and written beside the form."""
    said_of = faults({BASIS: "CANARY", "identification_bases": ["CANARY", "CANARY 2"]})
    assert len(said_of) == 2  # once a field, however many codes there are
    assert "CANARY" not in "".join(said_of)


def test_signs_a_link_of_endless_size() -> None:
    """The hop signs its own numbers; its reader counts no leaf that nobody showed."""
    size = 2**60
    key = keychain(LA).signing(KeyUse.LOG, NOW_MS).private
    name = DESK_TO_LA.replace("LANRM001/LAHOP001", "LAHOP001/LANRM001")
    note = checkpoints.sign(Checkpoint(name, size, bytes(32)), Signer(name, key))
    links = json.loads(changed())["links"]
    assert f"of {size} leaves are without their entry" in said(changed(links={**links, name: note}))


def test_repeats_different_objects_until_comparing_them_takes_minutes() -> None:
    """Each was compared with all before it, and a cell may hold few."""
    objects: list[dict[str, Any]] = [{"name": str(number)} for number in range(40_000)]
    data = json.dumps({"case": "1", "family": objects}).encode()
    before = time.process_time()
    (row,) = json_rows(data)
    assert time.process_time() - before < 5
    cell = row.cells["family[] / name"]  # type: ignore[union-attr] # it is no fault
    assert isinstance(cell, list)
    assert len(cell) == limits.CELL_ITEMS_MAX + 1, "enough to refuse it"


def deep(levels: int) -> Any:
    return {"type": "array", "items": deep(levels - 1)} if levels else "string"


@pytest.mark.parametrize("doc", [2**60, "half \ud800", [1.0], deep(300)])
def test_writes_into_a_schema_what_has_no_canonical_form(doc: Any) -> None:
    field = {
        "name": "case_ref",
        "type": ["null", "string"],
        "default": None,
        "doc": doc,
        "xref.id": 1,
        "xref.category": "reference",
        "xref.sensitivity": "operational",
    }
    schema = {"type": "record", "name": "a", "namespace": "xref", "doc": "", "fields": [field]}
    with pytest.raises(ConfigError):
        Schema.parse(json.dumps(schema).encode())


def test_key_in_a_trace_shows_no_seed() -> None:
    key = keychain(LA).keys[0]
    assert repr(key.seed) not in repr(key)


@pytest.mark.parametrize("day", ["0001-01-01", "2026-13-01", "1", ""])
def test_names_a_day_that_is_in_no_calendar_here(day: str) -> None:
    with pytest.raises(RecordError, match="--warned-on"):
        _begin(day, "--warned-on", 7 * 60)


def test_sends_a_bundle_that_fits_no_memory(tmp_path: Path) -> None:
    """A sparse file costs its sender nothing; what is too large is not read."""
    (tmp_path / "bundle").mkdir()
    with (tmp_path / "bundle" / "directory.toml").open("wb") as stream:
        stream.truncate(2**40)
    with pytest.raises(ConfigError, match="over"):
        read_files(tmp_path / "bundle")


def test_sends_a_keyring_that_fits_no_memory(tmp_path: Path) -> None:
    with (tmp_path / "LA.keyring").open("wb") as stream:
        stream.truncate(2**40)
    with pytest.raises(ConfigError, match="too large"):
        read_keyrings(tmp_path)
