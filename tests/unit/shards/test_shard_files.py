"""What is signed and configured for a shard: keyrings, bundles, `hop.toml`."""

from pathlib import Path

import pytest

from world import draft_bundle, keychain, party_signer
from xref.bundle import build, shards_of
from xref.demo_setup import HOPS, lay_out
from xref.errors import ConfigError
from xref.issue_keys import key_lines, links_of, make_keyring
from xref.operations import write_keyring
from xref.wire.office import Link
from xref.wiring import open_hop, read_keyrings


def test_a_keyring_lists_the_log_of_every_link_on_every_shard() -> None:
    directory = draft_bundle(3).directory
    lines = [line for office in ("LANRM001", "LAHOP001") for line in key_lines(keychain(office))]
    logs = make_keyring("LA", 1, lines, directory).logs
    assert {log.link for log in logs} == {
        *links_of("LANRM001", directory),
        *links_of("LAHOP001", directory),
    }
    assert {log.link for log in logs if log.link.sender == "LANRM001"} == {
        Link("LANRM001", "LAHOP001", shard) for shard in range(3)
    }
    keys = {log.link.sender: log.key for log in logs}
    assert all(log.key == keys[log.link.sender] for log in logs), "one key for all shards"


def test_one_shard_is_what_a_bundle_has_that_names_none() -> None:
    assert draft_bundle().directory.shards == 1
    explicit = {**draft_bundle().files}
    explicit["directory.toml"] = b"shards = 1\n" + explicit["directory.toml"]
    assert build(explicit).directory == draft_bundle().directory
    assert shards_of([draft_bundle(2), draft_bundle()]) == 2


def test_a_next_keyring_made_with_the_old_bundle_is_refused(tmp_path: Path) -> None:
    """It would leave out the logs of a shard that is in use, and stop it everywhere."""
    lines, signer = key_lines(keychain("LAHOP001")), party_signer("LA")
    write_keyring("LA", 1, lines, draft_bundle(2), signer, [tmp_path])
    before = read_keyrings(tmp_path)
    with pytest.raises(ConfigError, match="logs on shard 1; name the newest bundle"):
        write_keyring("LA", 2, lines, draft_bundle(), signer, [tmp_path])
    assert read_keyrings(tmp_path) == before
    write_keyring("LA", 2, lines, draft_bundle(3), signer, [tmp_path])


def test_a_hop_of_a_shard_that_no_bundle_gives_does_not_start(tmp_path: Path) -> None:
    lay_out(tmp_path / "data", HOPS)
    file = tmp_path / "data" / "la-hop" / "hop.toml"
    text = file.read_text(encoding="utf-8")
    file.write_text(text.replace('"LAHOP001"\n', '"LAHOP001"\nshard = 1\n'), encoding="utf-8")
    with pytest.raises(ConfigError, match="the bundles have shards 0 to 0"), open_hop(file):
        pass
