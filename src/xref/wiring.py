"""Wiring: from configuration to running participants. The only importer of drivers."""

import hashlib
import os
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from functools import cached_property
from pathlib import Path

import structlog

from xref.bundle import Bundle, read_bundle, shards_of
from xref.config import (
    DeskConfig,
    HopConfig,
    KafkaConfig,
    SqliteConfig,
    WitnessConfig,
    load_config,
)
from xref.desk.adapter import Adapter
from xref.desk.definitions import mismatches
from xref.desk.desk import Desk, DeskSetup
from xref.desk.spool import Spool, storage_key
from xref.desk.write_form import Received, write_form
from xref.drivers.files import (
    OverlayFile,
    read_keyrings,
    read_keys,
    read_seed,
    remove_file,
    write_keys,
    write_seed,
    write_whole,
)
from xref.drivers.keyed_store import KeyedStore
from xref.drivers.registry_http import HttpRegistry
from xref.drivers.sqlite_store import SqliteStore
from xref.drivers.sqlite_transport import SqliteTransport
from xref.drivers.watched_folder import WatchedFolder
from xref.drivers.witness_http import HttpWitness, Witness, WitnessServer, WitnessStore
from xref.errors import ConfigError, MalformedError, cause_of
from xref.hop import Hop, HopSetup
from xref.issue_keys import peers_of
from xref.kafka_plan import Applied, Topic
from xref.keychain import Keychain, KeyDirectory
from xref.limits import CLOCK_SKEW_MS, MESSAGE_LIFE_MS_MAX
from xref.ports import SchemaRegistry, Store, Transport
from xref.running import Stop, now_ms, run_desk, run_hop
from xref.tlog.note import NoteError, Verifier, open_note
from xref.wire.key import KeyUse, SigningKey
from xref.wire.keyring import Keyring, parse_keyring
from xref.wire.office import party_name, party_of
from xref.witnessing import WitnessClient

_SPOOL_BATCH = 256
CASE_KEYS = "case-keys.sqlite"
"""The file of a desk's case keys, beside its state: no backup takes it along."""


def _transport(config: SqliteConfig | KafkaConfig, folder: Path) -> Transport:
    if isinstance(config, SqliteConfig):
        return SqliteTransport(folder / config.folder, config.retention_days)
    with _optional_package():
        from xref.kafka_wiring import kafka_transport  # noqa: PLC0415 - its client is optional
    return kafka_transport(config, folder)


def apply_topics(config: KafkaConfig, folder: Path, topics: Sequence[Topic]) -> list[Applied]:
    """Make the topics that a cluster lacks and compare the rest; raises `UnavailableError`."""
    with _optional_package():
        from xref.kafka_wiring import apply_plan  # noqa: PLC0415 - its client is optional
    return apply_plan(config, folder, topics)


@contextmanager
def _optional_package() -> Iterator[None]:
    try:
        yield
    except ImportError as error:
        message = 'Kafka needs a package that is not here; run `pip install "xref[kafka]"`'
        raise ConfigError(message) from error


def registry_at(url: str) -> SchemaRegistry:
    """Return a country's own schema registry."""
    return HttpRegistry(url)


def bundles_of(config: HopConfig | DeskConfig, folder: Path) -> dict[bytes, Bundle]:
    """Return the verified bundles that an office is configured with, by digest."""
    found = [read_bundle(folder / name, config.parties) for name in config.bundles]
    return {bundle.digest32: bundle for bundle in found}


def _newest(bundles: dict[bytes, Bundle]) -> Bundle:
    return max(bundles.values(), key=lambda bundle: bundle.valid_from_ms)


def _works_by(config: DeskConfig, folder: Path) -> bytes:
    """Return the digest of the bundle that a desk is set to work by; empty for the newest."""
    if not config.works_by:
        return b""
    # A bundle is named by its manifest, which was compared with its files when it was read.
    return hashlib.sha256((folder / config.works_by / "manifest").read_bytes()).digest()


def _own_keys(file: Path, office: str) -> tuple[Keychain, bytes]:
    """Read an office's keys and the seed of its spool."""
    keychain, storage = read_keys(file)
    if keychain.office != office:
        message = f"{file}: the keys are of {keychain.office}, the configuration says {office}"
        raise ConfigError(message)
    return keychain, storage


def _keychain(file: Path, office: str) -> tuple[Keychain, bytes]:
    """Read an office's keys and destroy those whose last message has expired.

    For who runs the office alone: a command beside it could undo a rotation of that moment.
    """
    keychain, storage = _own_keys(file, office)
    oldest_ms = now_ms() - MESSAGE_LIFE_MS_MAX - CLOCK_SKEW_MS
    kept = [key for key in keychain.keys if key.use is KeyUse.LOG or key.until_ms > oldest_ms]
    if len(kept) < len(keychain.keys):
        write_keys(file, office, kept, storage)
        keychain = Keychain(office, kept)
    return keychain, storage


@contextmanager
def open_hop(
    file: Path,
) -> Iterator[tuple[Hop, Transport, list[WitnessClient], list[str], OverlayFile]]:
    """Open a hop by its configuration; it holds its state's lock until closed."""
    config, folder = load_config(file, HopConfig), file.parent
    bundles = bundles_of(config, folder)
    shards = shards_of(bundles.values())
    if config.shard >= shards:
        message = f"{file}: shard = {config.shard}; the bundles have shards 0 to {shards - 1}"
        raise ConfigError(message)
    keychain, _ = _keychain(folder / config.keys, config.office)
    peers = peers_of(config.office, _newest(bundles).directory)
    setup = HopSetup(keychain, bundles, config.parties, peers, config.shard)
    witnesses: list[WitnessClient] = [
        HttpWitness(each.name, each.key, each.url) for each in config.witnesses
    ]
    with (
        closing(SqliteStore(folder / config.state)) as store,
        closing(_transport(config.transport, folder)) as transport,
    ):
        _check_owner(store, folder / config.state, config.office)
        hop = Hop(setup, store, transport, os.urandom)
        notes = folder / config.keyrings
        overlays = OverlayFile(notes, party_of(config.office))
        yield hop, transport, witnesses, _notes_for(config, folder, keychain), overlays


def run_hop_at(file: Path, stop: Stop) -> None:
    """Run the hop of a configuration file until asked to stop."""
    with open_hop(file) as (hop, transport, witnesses, keyrings, overlays):
        run_hop(hop, transport, witnesses, keyrings, overlays, stop)


class Rim:
    """A running desk's spool and the folder of its office; `clock` gives Unix ms."""

    def __init__(
        self, spool: Spool, adapter: Adapter, received: Path, clock: Callable[[], int] = now_ms
    ) -> None:
        """Take records from `spool` and put forms into `received`."""
        self._spool, self._adapter, self._received = spool, adapter, received
        self._now_ms = clock

    def take_spooled(self, desk: Desk) -> int:
        """Publish what was submitted; return how many messages were sent."""
        rows = self._spool.take(_SPOOL_BATCH)
        if not rows:
            return 0
        done = desk.publish(rows, self._now_ms())
        self._spool.remove([key for key, _ in rows])
        return done.sent

    def hand_over(self, desk: Desk) -> int:
        """Write what was opened as files in the office's form; remove what was erased."""
        gone = desk.removals()
        for message in gone:
            remove_file(self._received / f"{message.hex()}.json")
        if gone:
            desk.removed(gone, self._now_ms())
        waiting, told = desk.handoffs(), dict[bytes, tuple[str, ...]]()
        for message, content in waiting:
            form = Received(
                message=message,
                type=content["type"],
                values=content["values"],
                from_office=content["from"],
                received_at_ms=content["received_ms"],
                reply_to=bytes.fromhex(content["reply_to"] or "") or None,
                beyond=tuple(content.get("beyond", ())),
                look=tuple((field, why) for field, why in content.get("look", ())),
            )
            write_whole(self._received / f"{message.hex()}.json", write_form(self._adapter, form))
            told[message] = mismatches(self._adapter, form.type, form.values)
        if waiting:
            desk.handed(told, self._now_ms())
        return len(waiting)


def run_desk_at(file: Path, stop: Stop) -> None:
    """Run the desk of a configuration file until asked to stop."""
    config, folder = load_config(file, DeskConfig), file.parent
    bundles = bundles_of(config, folder)
    keychain, storage = _keychain(folder / config.keys, config.office)
    own = _newest(bundles).directory.office(config.office)
    shards = shards_of(bundles.values())
    setup = DeskSetup(keychain, bundles, config.parties, own.hop, shards, _works_by(config, folder))
    keys = SqliteStore(folder / CASE_KEYS)
    store = KeyedStore(SqliteStore(folder / config.state), keys)
    transport = _transport(config.transport, folder)
    spool_store = SqliteStore(folder / config.spool, shared=True)
    spool = Spool(spool_store, storage_key(storage), os.urandom)
    rim = Rim(spool, Adapter.load(folder / config.adapter), folder / config.received)
    try:
        _check_owner(store, folder / config.state, config.office)
        desk = Desk(setup, store, transport, os.urandom)
        notes = folder / config.keyrings
        overlays = OverlayFile(notes, party_of(config.office))
        run_desk(desk, transport, rim, _notes_for(config, folder, keychain), overlays, stop)
    finally:
        for each in (transport, store, spool_store):
            each.close()


class DeskOffice:
    """What commands beside the running desk need: its adapter, bundle, spool and records."""

    def __init__(self, file: Path) -> None:
        """Open by configuration; the running desk goes on undisturbed."""
        self.config, self.folder = load_config(file, DeskConfig), file.parent
        keys = self.folder / self.config.keys
        self.keychain, self._storage = _own_keys(keys, self.config.office)

    @cached_property
    def bundles(self) -> dict[bytes, Bundle]:
        """The verified bundles by digest, which not every command reads; `ConfigError`."""
        return bundles_of(self.config, self.folder)

    @cached_property
    def bundle(self) -> Bundle:
        """The bundle that the office works by; `ConfigError`."""
        return self.bundles.get(_works_by(self.config, self.folder)) or _newest(self.bundles)

    @cached_property
    def adapter(self) -> Adapter:
        """The office's own forms, which not every command reads; `ConfigError`."""
        return Adapter.load(self.folder / self.config.adapter)

    def key_directory(self) -> KeyDirectory:
        """Return the public keys in the folder's keyrings, verified; `ConfigError`."""
        return KeyDirectory(_keyrings(self.config, self.folder))

    @contextmanager
    def spool(self) -> Iterator[Spool]:
        """Open the spool, to which several commands may add."""
        store = SqliteStore(self.folder / self.config.spool, shared=True)
        try:
            yield Spool(store, storage_key(self._storage), os.urandom)
        finally:
            store.close()

    @contextmanager
    def records(self) -> Iterator[Store]:
        """Open the desk's state to read it beside the running desk."""
        state = open_state(self.folder / self.config.state, self.config.office)
        store = KeyedStore(state, open_state(self.folder / CASE_KEYS), owner=False)
        try:
            yield store
        finally:
            store.close()


def watched_folder(office: DeskOffice) -> WatchedFolder:
    """Return the folder of an office's incoming forms; raises `UnavailableError`."""
    return WatchedFolder(office.folder / office.config.incoming, now_ms)


def _check_owner(store: Store, file: Path, office: str) -> None:
    """Raise `ConfigError` for the state of another office: it has links, and none that we send."""
    ours = f"xref/link/v1/{office}/".encode()
    if store.scan("out", b"", b"\xff", 1) and not store.scan("out", ours, ours + b"\xff", 1):
        store.close()
        raise ConfigError(f"{file}: the state is not of {office}; put its own there")


def open_state(file: Path, office: str = "") -> Store:
    """Open a state as of now, running or not; `ConfigError` if missing, or not of `office`."""
    if not file.is_file():
        message = f"{file}: no such state; start the office once, or name its folder"
        raise ConfigError(message)
    store = SqliteStore(file, snapshot=True)
    if office:
        _check_owner(store, file, office)
    return store


def run_witness_at(file: Path, stop: Stop) -> None:
    """Run the witness of a configuration file until asked to stop."""
    config, folder = load_config(file, WitnessConfig), file.parent
    key = SigningKey(read_seed(folder / config.keys))
    directory = KeyDirectory(_keyrings(config, folder))
    witness = Witness(
        WitnessStore(folder / config.state),
        directory.log_verifier,
        config.name,
        key.private,
        lambda: now_ms() // 1000,
    )
    try:
        server = WitnessServer((config.host, config.port), witness)
    except OSError as error:
        witness.store.close()
        message = f"{file}: host, port: cannot listen at {config.host}:{config.port}"
        raise ConfigError(f"{message}: {cause_of(error)}; choose another") from error
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    structlog.get_logger().info("ready", witness=config.name)
    try:
        while not stop.asked():
            stop.pause(1)
    finally:
        server.shutdown()
        server.server_close()
        witness.store.close()


def _keyrings(config: HopConfig | DeskConfig | WitnessConfig, folder: Path) -> dict[str, Keyring]:
    """Return the newest verified keyring of each Party; `ConfigError` names one that is not."""
    found: dict[str, Keyring] = {}
    for file, note in read_keyrings(folder / config.keyrings).items():
        try:
            keyring = parse_keyring(note.rpartition("\n\n")[0] + "\n")
            public = config.parties.get(keyring.party, b"")
            open_note(note, [Verifier(party_name(keyring.party), public)])
        except (NoteError, MalformedError) as error:
            message = f"{file}: no keyring signed with its Party's key; ask the Party for it anew"
            raise ConfigError(message) from error
        known = found.get(keyring.party)
        if known is None or known.version < keyring.version:
            found[keyring.party] = keyring
    return found


def _notes_for(config: HopConfig | DeskConfig, folder: Path, keychain: Keychain) -> list[str]:
    """Return an office's keyrings, all of them verified.

    `ConfigError` where its Party lists it with other keys than it has: everybody would drop what it
    signs, and it would wait for an answer for ever.
    """
    party = party_of(config.office)
    own = _keyrings(config, folder).get(party)
    if own is None:
        message = f"{folder / config.keyrings}: no {party}.keyring, which lists this office's keys"
        raise ConfigError(f"{message}; ask the Party for it")
    listed = {e.key.public for e in own.keys if (e.office, e.use) == (config.office, KeyUse.LOG)}
    mine = {key.public.public for key in keychain.keys if key.use is KeyUse.LOG}
    if listed.isdisjoint(mine):
        message = (
            f"{folder / config.keys}: not the keys that the keyring of its Party lists for "
            f"{config.office}; put the right file there, or have the Party list these"
        )
        raise ConfigError(message)
    return list(read_keyrings(folder / config.keyrings).values())


__all__ = [
    "DeskOffice",
    "Rim",
    "apply_topics",
    "bundles_of",
    "open_hop",
    "open_state",
    "read_keyrings",
    "read_keys",
    "read_seed",
    "registry_at",
    "run_desk_at",
    "run_hop_at",
    "run_witness_at",
    "watched_folder",
    "write_keys",
    "write_seed",
    "write_whole",
]
