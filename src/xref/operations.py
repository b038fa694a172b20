"""What people do once: make keys, sign keyrings and bundles, submit forms, correct facts."""

import base64
import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from xref import bundle as bundles
from xref.bundle_check import check_draft
from xref.consultation import consultation_of
from xref.desk.approval import approval_fault, check_name
from xref.desk.read_form import Record
from xref.desk.spool import Approval, Correction, Withdrawal
from xref.desk.story import GONE
from xref.errors import ConfigError, MalformedError, RecordError, cause_of
from xref.issue_keys import key_lines, make_keyring, new_keys, sign_keyring
from xref.keychain import Keychain, OwnKey
from xref.limits import CLOCK_SKEW_MS, DAY_MS, FORM_RECORDS_MAX
from xref.policy import APPROVAL_FACT, SCOPE_FACT
from xref.policy.rulebook import CONSULTATION_PATH
from xref.resources import data_folder
from xref.running import now_ms
from xref.sources import read_sources
from xref.story import HeldRecord, cabinet_of, held_records, sent_messages
from xref.tlog.note import Signer
from xref.wire.key import SEED_BYTES, KeyUse, SigningKey
from xref.wire.keyring import KeyLine, Keyring, SubscribeLine, parse_keyring
from xref.wire.office import check_office, party_name
from xref.wiring import (
    DeskOffice,
    read_keys,
    read_seed,
    write_keys,
    write_seed,
    write_whole,
)

_OVERLAP_MS = 7 * DAY_MS


def new_seed(file: Path) -> str:
    """Make the key of a Party or witness; return its public half in base64."""
    if file.exists():
        message = f"{file}: exists; a key is never overwritten"
        raise ConfigError(message)
    seed = os.urandom(SEED_BYTES)
    write_seed(file, seed)
    return public_text(seed)


def public_text(seed: bytes) -> str:
    """Return the public key of a seed in base64."""
    return base64.b64encode(SigningKey(seed).public.public).decode()


def party_signer(party: str, file: Path) -> Signer:
    """Return the signer of a Party from its key file."""
    return Signer(party_name(party), SigningKey(read_seed(file)).private)


def new_office_keys(file: Path, office: str, days: int) -> list[KeyLine]:
    """Make an office's keys, one of each use; return their public lines for its Party."""
    if file.exists():
        message = f"{file}: exists; renew it with `xref keys rotate`"
        raise ConfigError(message)
    from_ms = now_ms() - CLOCK_SKEW_MS
    keys = new_keys(KeyUse, from_ms, from_ms + days * DAY_MS, os.urandom)
    write_keys(file, check_office(office), keys, os.urandom(SEED_BYTES))
    return key_lines(Keychain(office, keys))


def rotate_keys(file: Path, days: int) -> list[KeyLine]:
    """Begin a new epoch: new keys beside the old ones, which end after an overlap of a week.

    The log's key stays, as it is bound to the log's size, and is good for longer. Return all
    public lines.
    """
    keychain, storage = read_keys(file)
    now = now_ms()
    until = now + days * DAY_MS
    uses = [use for use in KeyUse if use is not KeyUse.LOG]
    ended: list[OwnKey] = [
        replace(key, until_ms=max(key.until_ms, until))
        if key.use is KeyUse.LOG
        else replace(key, until_ms=min(key.until_ms, now + _OVERLAP_MS))
        for key in keychain.keys
    ]
    fresh = new_keys(uses, now, until, os.urandom)
    rotated = Keychain(keychain.office, [*ended, *fresh])
    write_keys(file, keychain.office, rotated.keys, storage)
    return key_lines(rotated)


def public_lines(file: Path) -> list[KeyLine]:
    """Return the public lines of a key file."""
    return key_lines(read_keys(file)[0])


def read_public_lines(files: Sequence[Path], party: str) -> Keyring:
    """Return the key and subscribe lines in files as an unsigned keyring.

    `ConfigError` for lines that `xref keys show` or `xref subscribe` do not print.
    """
    lines: list[str] = []
    for file in files:
        try:
            lines += [line for line in file.read_text("utf-8").splitlines() if line.strip()]
        except (OSError, UnicodeDecodeError) as error:
            message = f"{file}: cannot be read: {cause_of(error)}; check the path"
            raise ConfigError(message) from error
    head = ["xref/keyring/v1", party, "1"]
    try:
        return parse_keyring("\n".join([*head, *sorted(set(lines), key=str.encode)]) + "\n")
    except MalformedError as error:
        message = (
            f"key lines: {error.detail}; take them as `xref keys show` and "
            "`xref subscribe` print them"
        )
        raise ConfigError(message) from error


def subscription(office: DeskOffice, flow_name: str) -> SubscribeLine:
    """Return the line with which this office subscribes to a flow, for its Party to sign.

    `ConfigError` for a flow that it cannot receive or that nobody delivers by subscription.
    """
    policy, own = office.bundle.policy, office.bundle.directory.office(office.config.office)
    deliveries = [d for p in policy.publications.values() for d in p.deliveries]
    open_to = {d.flow for d in deliveries if d.choose == "subscribed" and d.role == own.role}
    if flow_name not in open_to:
        message = (
            f"{flow_name}: an office of role {own.role} can subscribe to "
            f"{', '.join(sorted(open_to)) or 'nothing'}"
        )
        raise ConfigError(message)
    return SubscribeLine(own.code, policy.flow_named(flow_name).code)


def write_keyring(
    party: str,
    version: int,
    lines: Sequence[KeyLine],
    bundle: bundles.Draft,
    signer: Signer,
    folders: Sequence[Path],
    subscriptions: Sequence[SubscribeLine] = (),
) -> None:
    """Make, sign and write a Party's keyring as `PARTY.keyring` into each folder.

    Raises `ConfigError` before anything is written over a keyring that is not older, as two of one
    version would stop every office that sees both, or that has the logs of more shards, as these
    would stop.
    """
    keyring = make_keyring(party, version, lines, bundle.directory, subscriptions)
    for folder in folders:
        _check_follows(folder / f"{party}.keyring", keyring)
    note = sign_keyring(keyring, signer)
    for folder in folders:
        write_whole(folder / f"{party}.keyring", note.encode(), private=False)


def _check_follows(file: Path, keyring: Keyring) -> None:
    if not file.exists():
        return
    try:
        known = parse_keyring(file.read_text("utf-8").rpartition("\n\n")[0] + "\n")
    except (OSError, UnicodeDecodeError, MalformedError) as error:
        message = f"{file}: is no keyring; move it away"
        raise ConfigError(message) from error
    if keyring.version <= known.version:
        message = f"{file}: has version {known.version}; give a higher --version"
        raise ConfigError(message)
    lost = {log.link.shard for log in known.logs} - {log.link.shard for log in keyring.logs}
    if lost:
        message = f"{file}: has logs on shard {max(lost)}; name the newest bundle with --bundle"
        raise ConfigError(message)


def draft_bundle(
    directory: Path | None = None,
    agreements: Sequence[str] = (),
    *,
    schemas: Path | None = None,
    policies: Path | None = None,
    consultation: bytes = b"",
) -> bundles.Draft:
    """Return schemas and policies, the shipped ones if none are named, as a bundle's draft.

    `consultation` is the record of who was consulted, without which nobody signs. `ConfigError` for
    what `xref.bundle_check` keeps anybody from signing.
    """
    if directory is not None and not directory.is_file():
        message = f"{directory}: no such file; name a directory of offices"
        raise ConfigError(message)
    for named, holds in ((schemas, "*.avsc"), (policies, "*.toml")):
        if named is not None and not any(named.glob(holds)):
            message = f"{named}: no {holds} there; name the folder that has them"
            raise ConfigError(message)
    sources = read_sources(
        policies or data_folder("policies"),
        schemas or data_folder("schemas"),
        directory,
        agreements,
    )
    if consultation:
        sources[CONSULTATION_PATH] = consultation
        consultation_of(sources)
    draft = bundles.build(sources)
    check_draft(draft)
    _check_offices(draft)
    return draft


def _check_offices(draft: bundles.Draft) -> None:
    for party in draft.directory.parties:
        if not any(office.party == party for office in draft.directory.offices.values()):
            message = f"{party} has no office; list its offices in a file for --directory"
            raise ConfigError(message)


def validity(note: str, days: int) -> tuple[int, int]:
    """Return the validity that a bundle's note gives, or, without signatures, `days` from now."""
    if not note:
        return now_ms(), now_ms() + days * DAY_MS
    try:
        first, second = note.split("\n")[2:4]
        return int(first), int(second)
    except ValueError as error:
        message = "bundle.note: not the note of a bundle; fetch it anew"
        raise ConfigError(message) from error


def sign_bundle(folder: Path, signer: Signer, window: tuple[int, int]) -> bytes:
    """Add a Party's signature to the bundle in a folder; return its digest.

    `ConfigError` for what `xref.bundle_check` keeps anybody from signing, and without a record of
    who was consulted.
    """
    files, note = bundles.read_files(folder)
    draft = bundles.build(files)
    check_draft(draft)
    consultation_of(files)
    signed = bundles.sign(note or None, draft, window, signer)
    write_whole(folder / "bundle.note", signed.encode(), private=False)
    return draft.digest32


def withdraw_sharing_consent(office: DeskOffice, case: str) -> int:
    """Hand a person's withdrawal to the desk; return how many of its messages it may concern.

    What is held, or waits to be taken by the desk, may not go either, though nothing of it is out.
    `ConfigError` for a case number that the desk does not know.
    """
    check_case(office, case)
    with office.records() as store:
        messages = sent_messages(store, office.config.office, office.bundle)
    with office.spool() as spool:
        spool.put([Withdrawal(case)], now_ms())
    return sum(each.case == case and each.outcome not in GONE for each in messages)


def check_case(office: DeskOffice, case: str) -> None:
    """Raise `ConfigError` for a case number of which the desk has no record and none waits."""
    with office.records() as store:
        is_known = cabinet_of(store).find_case(case) is not None
    if not is_known:
        with office.spool() as spool:
            waiting = spool.take(FORM_RECORDS_MAX)
        if not any(isinstance(row, Record) and row.case == case for _, row in waiting):
            message = "no record of that case number at this desk; see `xref desk status`"
            raise ConfigError(message)


def correct_facts(office: DeskOffice, case: str, facts: Mapping[str, str], by: str = "") -> str:
    """Hand facts that became known about a held record to the desk, which submits it again.

    Only what was refused or rejected goes again. `by` is who says so. Returns the publication.
    `ConfigError` for an unknown case number or a record that is not held, `RecordError` for an
    unknown fact or value, and for one that no office can state.
    """
    office.bundle.policy.facts.encode(facts)
    if APPROVAL_FACT in facts:
        message = (
            f"fact {APPROVAL_FACT}: nobody states it; a second person uses `xref desk approve`"
        )
        raise RecordError(message)
    if SCOPE_FACT in facts:
        message = f"fact {SCOPE_FACT}: the desk says it; correct sex or age_status in the record"
        raise RecordError(message)
    name = check_name(by) if by else ""
    with office.records() as store:
        held = [each for each in held_records(store) if each.case == case]
    if not held:
        message = "no held record of that case number at this desk; see `xref desk status`"
        raise ConfigError(message)
    publication = held[-1].publication
    with office.spool() as spool:
        spool.put([Correction(case, publication, dict(facts), name)], now_ms())
    return publication


def approve(
    office: DeskOffice, case: str, by: str, number: str = "", count: int | None = None
) -> list[str]:
    """Hand a second person's approval of waiting records to the desk; return their publications.

    `ConfigError` where it is not sure which are meant (`to_approve`); `RecordError` where this
    person cannot be the second one.
    """
    name = check_name(by)
    with office.records() as store:
        meant = to_approve(held_records(store), case, number, count)
    for held in meant:
        if fault := approval_fault(held.prepared_by, name):
            raise RecordError(fault)
    with office.spool() as spool:
        spool.put([Approval(each.key, each.statement, name) for each in meant], now_ms())
    return [each.publication for each in meant]


def to_approve(
    held: Sequence[HeldRecord], case: str, number: str = "", count: int | None = None
) -> list[HeldRecord]:
    """Return the records that a person approves, who has looked at each of them.

    It is the one of the case that waits; of several the one of a `number`, or all of them where
    just as many wait as `count` says. Raises `ConfigError` where none or others wait.
    """
    waiting = [each for each in held if each.waiting and each.case == case]
    if not waiting:
        message = "no record of that case number waits for approval; see `xref desk status`"
        raise ConfigError(message)
    meant = [each for each in waiting if number in ("", each.number)]
    if not meant:
        message = (
            "--record: none of that number waits, and a change gives it another; look again at "
            f"{_numbered(waiting)} with `xref desk status`"
        )
        raise ConfigError(message)
    if len(meant) != (1 if count is None else count):
        message = (
            f"of that case wait {len(meant)}: {_numbered(meant)}; look at each with `xref desk "
            f"status`, then add --record NUMBER, or --all {len(meant)}"
        )
        raise ConfigError(message)
    return meant


def _numbered(waiting: Sequence[HeldRecord]) -> str:
    return ", ".join(f"{each.number} ({each.publication})" for each in waiting)
