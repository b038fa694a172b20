"""Configuration: one frozen model a participant, read once from a TOML file beside its state.

Relative paths are relative to the configuration file. There is no setting that turns a protection
off.
"""

import base64
import binascii
import tomllib
from pathlib import Path
from typing import Annotated, Final, Literal, Self, TypeVar

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    model_validator,
)

from xref.errors import ConfigError


def _public_key(value: object) -> object:
    """Decode a base64 Ed25519 public key."""
    if not isinstance(value, str):
        return value
    try:
        decoded = base64.b64decode(value, validate=True)
    except (binascii.Error, ValueError) as error:
        raise ValueError("is not base64") from error
    if len(decoded) != 32:  # noqa: PLR2004 - an Ed25519 public key
        raise ValueError("is not a key of 32 bytes")
    return decoded


PublicKeyText = Annotated[bytes, BeforeValidator(_public_key)]
PartyCode = Annotated[str, Field(pattern=r"^[A-Z]{2}$")]
ServerAddress = Annotated[str, Field(pattern=r"^(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9.-]+):[0-9]{1,5}$")]
OfficeCode = Annotated[str, Field(pattern=r"^[A-Z]{2}[A-Z0-9]{6}$")]


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class SqliteConfig(_Model):
    """Parcels go into a folder that the processes of one machine share."""

    driver: Literal["sqlite"]
    folder: str
    retention_days: Annotated[int, Field(ge=1, le=3650)] = 30


class TlsConfig(_Model):
    """Files in PEM: the authority of the brokers' certificates, and one's own for mutual TLS."""

    ca: str
    certificate: str | None = None
    key: str | None = None

    @model_validator(mode="after")
    def _both_or_none(self) -> Self:
        if (self.certificate is None) != (self.key is None):
            raise ValueError("certificate and key come together; name both")
        return self


class SaslConfig(_Model):
    """A user of the cluster; the password stands alone in a file that nobody else may read."""

    mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"]
    user: Annotated[str, Field(min_length=1, max_length=200)]
    password_file: str


class _ClusterConfig(_Model):
    servers: Annotated[list[ServerAddress], Field(min_length=1)]
    tls: TlsConfig | None = None
    sasl: SaslConfig | None = None
    prefix: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,63}$")] = "xref"
    """What the topics' names begin with; another one keeps a trial apart from the real thing."""
    contents: Annotated[int, Field(ge=1, le=1_000_000)] = 1
    """Counted up when the cluster's topics were made anew, or another cluster takes its place:
    links are then read from their beginning, which they recognise."""

    @model_validator(mode="after")
    def _passwords_need_tls(self) -> Self:
        if self.sasl is not None and self.tls is None:
            raise ValueError("sasl needs tls, which keeps the password from listeners; add it")
        return self


class PeerClusterConfig(_ClusterConfig):
    """The cluster of another Party, on which its offices publish."""

    party: PartyCode


class KafkaConfig(_ClusterConfig):
    """Parcels go over Kafka: a topic a link. Links from `peers` are read on their own clusters."""

    driver: Literal["kafka"]
    peers: list[PeerClusterConfig] = []

    @model_validator(mode="after")
    def _one_cluster_a_party(self) -> Self:
        named = [peer.party for peer in self.peers]
        if len(named) != len(set(named)):
            raise ValueError("peers: a Party is there twice; it has one cluster")
        return self


TransportConfig = Annotated[SqliteConfig | KafkaConfig, Field(discriminator="driver")]


class WitnessAddress(_Model):
    """A witness that countersigns this hop's logs."""

    name: Annotated[str, Field(min_length=1, max_length=200)]
    url: Annotated[str, Field(pattern=r"^https?://")]
    key: PublicKeyText


class _Participant(_Model):
    parties: Annotated[dict[PartyCode, PublicKeyText], Field(min_length=1)]
    """Each Party's own public key, agreed in person: the root of all trust."""
    keyrings: str = "keyrings"
    keys: str = "keys.json"


class _OfficeConfig(_Participant):
    office: OfficeCode
    state: str = "state.sqlite"
    bundles: Annotated[list[str], Field(min_length=1)]
    transport: TransportConfig

    @model_validator(mode="after")
    def _peers_are_others(self) -> Self:
        if isinstance(self.transport, KafkaConfig):
            own = self.office[:2]
            if own in [peer.party for peer in self.transport.peers]:
                raise ValueError(f"transport.peers: {own} is our own Party; name its cluster above")
        return self


class HopConfig(_OfficeConfig):
    """A hop: `xref hop run`."""

    shard: Annotated[int, Field(ge=0, le=99_999)] = 0
    witnesses: list[WitnessAddress] = []


class DeskConfig(_OfficeConfig):
    """A desk: `xref desk run`, `xref desk submit`."""

    adapter: str
    spool: str = "spool.sqlite"
    received: str = "received"
    """The folder where opened messages are put in the office's own form."""
    incoming: str = "incoming"
    """The folder from which `xref desk watch` takes the office's forms."""
    archive_days: Annotated[int, Field(ge=0, le=365)] = 7
    """How long forms that were taken stay in its `archive/`."""
    works_by: str = ""
    """Of `bundles`, the one that the office's own system knows, while it is in force; it publishes
    under it, and reads what comes under the others as that one has it. Empty: the newest."""

    @model_validator(mode="after")
    def _works_by_one_of_them(self) -> Self:
        if self.works_by and self.works_by not in self.bundles:
            raise ValueError("works_by is none of bundles; name one of them, or leave it out")
        return self


class WitnessConfig(_Participant):
    """A witness: `xref witness run`."""

    name: Annotated[str, Field(min_length=1, max_length=200)]
    host: str = "127.0.0.1"
    port: Annotated[int, Field(ge=0, le=65_535)]
    state: str = "witness.sqlite"


def load_office(file: Path) -> HopConfig | DeskConfig:
    """Return the configuration of a hop or of a desk, which is one that names an adapter."""
    is_desk = file.is_file() and b"\nadapter" in file.read_bytes()
    return load_config(file, DeskConfig) if is_desk else load_config(file, HopConfig)


_SAYS: Final = {
    "extra_forbidden": "no such setting here; remove it, or name the file of the right kind",
    "missing": "is missing; add it",
}

ConfigModel = TypeVar("ConfigModel", bound=_Model)


def load_config(file: Path, model: type[ConfigModel]) -> ConfigModel:
    """Return the configuration in a TOML file; `ConfigError` names file, key and cure."""
    try:
        text = file.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        message = f"{file}: cannot be read ({type(error).__name__}); name it with --config"
        raise ConfigError(message) from error
    try:
        return model.model_validate(tomllib.loads(text))
    except tomllib.TOMLDecodeError as error:
        message = f"{file}: not TOML: {error}"
        raise ConfigError(message) from error
    except ValidationError as error:
        problems = "; ".join(
            f"{'.'.join(map(str, each['loc'])) or 'file'}: {_SAYS.get(each['type'], each['msg'])}"
            for each in error.errors(include_input=False, include_url=False)
        )
        message = f"{file}: {problems}"
        raise ConfigError(message) from error
