"""The source files of a bundle: which of a folder's policies belong to it, and its directory."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from xref.bundle import DIRECTORY_PATH, Draft, build
from xref.errors import ConfigError
from xref.policy.agreement import SHARED
from xref.policy.reading import read_toml
from xref.policy.rulebook import CONSULTATION_PATH
from xref.resources import data_folder

SHIPPED: Final = "la-vn-2010"
"""The agreement that is meant where a folder holds several and none is named."""
_HEAD: Final = "agreement.toml"
_AGREEMENTS: Final = "agreements"
_OFFICES: Final = "directory"


@dataclass(frozen=True, slots=True)
class Profile:
    """An agreement's files by their path in a bundle, and what its head says for choosing it."""

    id: str
    title: str
    parties: tuple[str, ...]
    shares: bool
    files: dict[str, bytes]


def read_sources(
    policies: Path,
    schemas: Path,
    directory: Path | None = None,
    agreements: Sequence[str] = (),
) -> dict[str, bytes]:
    """Return the source files of a bundle by path.

    `agreements` are ids in `policies`, files or folders. Where none is named, they are those
    between Parties of the `directory`; without that, the only one, or the one that ships. Without a
    directory the Parties' offices are those in `policies/directory`.
    """
    own = policies / DIRECTORY_PATH
    if directory is None and own.is_file():
        directory = own
    listed = _parties_in(directory) if directory is not None else None
    chosen = _chosen(policies, agreements, listed)
    sources = {
        f"policies/{path.relative_to(policies).as_posix()}": path.read_bytes()
        for path in policies.rglob("*.toml")
        if path.relative_to(policies).parts[0] not in (_AGREEMENTS, SHARED, _OFFICES, own.name)
    }
    for profile in chosen:
        sources |= profile.files
    if any(profile.shares for profile in chosen):
        sources |= _folder(policies / SHARED, f"policies/{SHARED}")
    sources |= {f"schemas/{path.name}": path.read_bytes() for path in schemas.glob("*.avsc")}
    if directory is not None:
        sources[DIRECTORY_PATH] = directory.read_bytes()
    else:
        parties = dict.fromkeys(party for each in chosen for party in each.parties)
        sources[DIRECTORY_PATH] = directory_of(policies, parties)
    return sources


def read_rules(folder: Path | None, agreements: Sequence[str] = ()) -> Draft:
    """Return the rules in a folder of policies or of a bundle, by nobody's signature.

    None is what xref ships. `ConfigError` for a folder that is not there.
    """
    shipped = data_folder("schemas")
    if folder is None:
        return build(read_sources(data_folder("policies"), shipped, None, agreements))
    if not folder.is_dir():
        raise ConfigError(f"{folder}: no such folder; name a folder of policies or of a bundle")
    inside = folder / "policies"
    if not inside.is_dir():
        return build(read_sources(folder, shipped, None, agreements))
    schemas, directory = folder / "schemas", folder / DIRECTORY_PATH
    sources = read_sources(
        inside,
        schemas if schemas.is_dir() else shipped,
        directory if directory.is_file() else None,
        agreements,
    )
    record = folder / CONSULTATION_PATH
    if record.is_file():
        sources[CONSULTATION_PATH] = record.read_bytes()
    return build(sources)


def rules_named(place: Path) -> Draft:
    """Return the rules in a folder, or those that xref ships with an agreement by id or place."""
    is_agreement = not place.is_dir() or (place / _HEAD).is_file()
    return read_rules(None, (str(place),)) if is_agreement else read_rules(place)


def profiles_in(policies: Path) -> list[Profile]:
    """Return the agreements in a folder of policies."""
    heads = sorted((policies / _AGREEMENTS).glob(f"*/{_HEAD}"))
    return [read_profile(head.parent) for head in heads]


def read_profile(place: Path) -> Profile:
    """Return the agreement in a folder, or whose head alone is in a file.

    Raises `ConfigError` for a place that holds none. Only `Policy.load` checks what it says.
    """
    head = place / _HEAD if place.is_dir() else place
    if not head.is_file():
        raise ConfigError(f"{place}: no agreement; name a folder with {_HEAD}, or such a file")
    data = head.read_bytes()
    entry = read_toml(data, head.name)
    name = entry.text("id")
    inside = f"policies/{_AGREEMENTS}/{name}"
    files = _folder(place, inside) if place.is_dir() else {}
    return Profile(
        id=name,
        title=entry.text("title"),
        parties=entry.texts("parties"),
        shares=entry.flag("shared_flows") is True,
        files={**files, f"{inside}/{_HEAD}": data},
    )


def _folder(folder: Path, inside: str) -> dict[str, bytes]:
    return {f"{inside}/{path.name}": path.read_bytes() for path in sorted(folder.glob("*.toml"))}


def _chosen(
    policies: Path, names: Sequence[str], listed: frozenset[str] | None
) -> Sequence[Profile]:
    known = {each.id: each for each in profiles_in(policies)}
    if names:
        return [known[name] if name in known else _named(name, known) for name in names]
    if listed is not None:
        found = [each for each in known.values() if listed.issuperset(each.parties)]
        if not found:
            parties = " and ".join(sorted(listed))
            raise ConfigError(f"no agreement of {parties} is here; name one with --agreement")
        return found
    if len(known) == 1 or SHIPPED in known:
        return [known.get(SHIPPED) or next(iter(known.values()))]
    raise ConfigError(f"which of {', '.join(known) or 'no agreements'}? name it with --agreement")


def _named(name: str, known: Iterable[str]) -> Profile:
    if not Path(name).exists():
        message = f"{name}: no such agreement; use one of {', '.join(known)}, a file or a folder"
        raise ConfigError(message)
    return read_profile(Path(name))


def _parties_in(directory: Path) -> frozenset[str]:
    entry = read_toml(directory.read_bytes(), directory.name)
    return frozenset(entry.entry("parties").members())


def directory_of(policies: Path, parties: Iterable[str]) -> bytes:
    """Return a directory with the offices that `policies` lists for each of the Parties.

    A Party of which it lists none is there without offices: enough to read and prove rules by.
    """
    listed, empty = [], []
    for party in parties:
        file = policies / _OFFICES / f"{party.lower()}.toml"
        if file.is_file():
            listed.append(file.read_bytes())
        else:
            empty.append(f'[parties.{party}]\nname = "{party}"\n'.encode())
    return b"\n".join([*empty, *(listed or [b"[offices]\n"])])
