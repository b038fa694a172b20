"""Releases: what States may have signed, frozen. `python tests/releases.py [--release]`.

`releases/N/` holds the schemas and policies of a release as they stood. The newest without a
`manifest` is no release yet: it follows `schemas/` and `policies/` whenever this is run. With
`--release` it gets its manifest (`sha256sum` lines), and nothing in it changes from then on.
Beside its files, `changes` tells what changed since the release before: what opens or closes to
whom is in the repository before anybody signs it.
"""

import hashlib
import shutil
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from xref.bundle import Draft, build, manifest_of
from xref.bundle_check import check_draft
from xref.errors import ConfigError
from xref.evolution import Change, compare_all
from xref.flow_evolution import compare_flows
from xref.sources import read_sources

ROOT = Path(__file__).resolve().parents[1]
FOLDER = ROOT / "releases"
MANIFEST = "manifest"
CHANGES = "changes"


@dataclass(frozen=True, slots=True)
class Release:
    """One folder of releases."""

    number: int
    folder: Path

    @property
    def is_final(self) -> bool:
        """Whether it may have been signed, so that nothing in it changes."""
        return (self.folder / MANIFEST).exists()

    def files(self) -> dict[str, bytes]:
        """Return its files by path, without the manifest and the changes."""
        return _files(self.folder)

    def draft(self) -> Draft:
        """Return the bundle of it, unsigned."""
        return _built(self.folder)


@cache
def _built(folder: Path) -> Draft:
    return build(read_sources(folder / "policies", folder / "schemas"))


def _files(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name not in (MANIFEST, CHANGES)
    }


def releases(folder: Path = FOLDER) -> list[Release]:
    """Return all releases, the oldest first."""
    return [Release(int(path.name), path) for path in sorted(folder.glob("[0-9]*"), key=_number)]


def _number(path: Path) -> int:
    return int(path.name)


def present(root: Path = ROOT) -> dict[str, bytes]:
    """Return the files as they stand now."""
    schemas = {f"schemas/{p.name}": p.read_bytes() for p in (root / "schemas").glob("*.avsc")}
    policies = {
        path.relative_to(root).as_posix(): path.read_bytes()
        for path in (root / "policies").rglob("*.toml")
    }
    return dict(sorted((schemas | policies).items()))


def freeze(files: Mapping[str, bytes], folder: Path = FOLDER) -> Release:
    """Write the files as the release to come, in place of what it was until now."""
    known = releases(folder)
    number = known[-1].number + known[-1].is_final if known else 1
    target = folder / str(number)
    shutil.rmtree(target, ignore_errors=True)
    for path, data in files.items():
        file = target / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(data)
    return Release(number, target)


def changes(old: Draft, new: Draft) -> list[Change]:
    """Return all that changed between two releases: schemas, then flows."""
    schemas = compare_all(old.policy.schemas, new.policy.schemas)
    return [*schemas, *compare_flows(old.policy, new.policy)]


def told(found: Release, folder: Path = FOLDER) -> str:
    """Return what a release changes since the one before, a line each; nothing for the first."""
    before = [each for each in releases(folder) if each.number == found.number - 1]
    lines = [
        " ".join(filter(None, ("BREAKS" * each.breaks, each.schema, each.field, each.says))) + "\n"
        for old in before
        for each in changes(old.draft(), found.draft())
    ]
    return "".join(lines)


def release(found: Release) -> None:
    """Make a release final; its bundle must be such as can be signed, and follow the one before."""
    check_draft(found.draft())
    if "BREAKS" in told(found):
        raise ConfigError(f"release {found.number} breaks with the one before: see its changes")
    _finish(found)


def _finish(found: Release) -> None:
    (found.folder / MANIFEST).write_bytes(manifest_of(found.files()))


def is_whole(found: Release) -> bool:
    """Return whether a final release still is what its manifest says."""
    lines = (found.folder / MANIFEST).read_text(encoding="ascii").splitlines()
    said = {path: digest for digest, _, path in (line.partition("  ") for line in lines)}
    return said == {path: hashlib.sha256(data).hexdigest() for path, data in found.files().items()}


if __name__ == "__main__":
    frozen = freeze(present())
    (frozen.folder / CHANGES).write_text(told(frozen), encoding="utf-8")
    if "--release" in sys.argv[1:]:
        release(frozen)
