"""Configuration: one frozen model a participant, read once from a TOML file beside its state.

Relative paths are relative to the configuration file. There is no setting that turns a protection
off.
"""

import base64
import binascii
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Final, Literal, Self, TypeVar

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    model_validator,
)

from xref.errors import ConfigError, cause_of


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


def _like(pattern: str, says: str) -> AfterValidator:
    """Hold a text to a pattern, and say in words what is expected."""

    def check(value: str) -> str:
        if re.fullmatch(pattern, value) is None:
            raise ValueError(says)
        return value

    return AfterValidator(check)


PartyCode = Annotated[
    str, _like(r"[A-Z]{2}", 'is no Party: write its two capital letters, for example "LA"')
]
ServerAddress = Annotated[
    str, _like(r"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9.-]+):[0-9]{1,5}", 'write it as "HOST:PORT"')
]
OfficeCode = Annotated[
    str,
    _like(
        r"[A-Z]{2}[A-Z0-9]{6}",
        "is no office code: two capital letters of the Party and six capitals or digits, "
        'for example "LANRM001"',
    ),
]
PathText = Annotated[str, Field(min_length=1)]


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class SqliteConfig(_Model):
    """Parcels go into a folder that the processes of one machine share."""

    driver: Literal["sqlite"]
    folder: PathText
    retention_days: Annotated[int, Field(ge=1, le=3650)] = 30


class TlsConfig(_Model):
    """Files in PEM: the authority of the brokers' certificates, and one's own for mutual TLS."""

    ca: PathText
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
    password_file: PathText


class _ClusterConfig(_Model):
    servers: Annotated[list[ServerAddress], Field(min_length=1)]
    tls: TlsConfig | None = None
    sasl: SaslConfig | None = None
    prefix: Annotated[
        str, _like(r"[a-z0-9][a-z0-9-]{0,63}", "write small letters, digits and -, at most 64")
    ] = "xref"
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
    url: Annotated[str, _like(r"https?://.+", "begins with http:// or https://")]
    key: PublicKeyText


class _Participant(_Model):
    parties: Annotated[dict[PartyCode, PublicKeyText], Field(min_length=1)]
    """Each Party's own public key, agreed in person: the root of all trust."""
    keyrings: PathText = "keyrings"
    keys: PathText = "keys.json"


class _OfficeConfig(_Participant):
    office: OfficeCode
    state: PathText = "state.sqlite"
    bundles: Annotated[list[PathText], Field(min_length=1)]
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

    adapter: PathText
    spool: PathText = "spool.sqlite"
    received: PathText = "received"
    """The folder where opened messages are put in the office's own form."""
    incoming: PathText = "incoming"
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
    state: PathText = "witness.sqlite"


def load_office(file: Path) -> HopConfig | DeskConfig:
    """Return the configuration of a hop or of a desk, which is one that names an adapter."""
    is_desk = file.is_file() and b"\nadapter" in file.read_bytes()
    return load_config(file, DeskConfig) if is_desk else load_config(file, HopConfig)


_SAYS: Final = {
    "extra_forbidden": "no such setting here; correct its spelling, or remove it",
    "missing": "is missing; add it",
    "string_type": "write a text in quotes",
    "bytes_type": "write a text in quotes",
    "int_type": "write a whole number, without quotes",
    "list_type": 'write a list: ["..."]',
    "dict_type": "write it as a table, under its name in [ ]",
    "model_type": "write it as a table, under its name in [ ]",
    "model_attributes_type": "write it as a table, under its name in [ ]",
    "too_short": "is empty; fill it in",
    "string_too_short": "is empty; fill it in",
    "union_tag_not_found": 'driver is missing; add driver = "sqlite" or "kafka"',
    "union_tag_invalid": 'driver is "sqlite" or "kafka", and nothing else',
}
_TOML_CURES: Final = {
    "Invalid value": "; write texts in quotes",
    "Cannot overwrite": "; it is set twice, remove one",
    "Unescaped": "; write / in place of a backslash",
    "Invalid hex": "; write / in place of a backslash",
}

ConfigModel = TypeVar("ConfigModel", bound=_Model)


def load_config(file: Path, model: type[ConfigModel]) -> ConfigModel:
    """Return the configuration in a TOML file; `ConfigError` names file, key and cure."""
    try:
        text = file.read_bytes().decode("utf-8-sig")  # some editors put a mark before the text
    except OSError as error:
        message = f"{file}: cannot be read: {cause_of(error)}; name it with --config"
        raise ConfigError(message) from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"{file}: is not UTF-8; save it as UTF-8") from error
    try:
        return model.model_validate(tomllib.loads(text))
    except tomllib.TOMLDecodeError as error:
        cures = [cure for said, cure in _TOML_CURES.items() if str(error).startswith(said)]
        message = f"{file}: not TOML: {error}{''.join(cures)}"
        raise ConfigError(message) from error
    except ValidationError as error:
        message = f"{file}: {'; '.join(_problems(error))}"
        raise ConfigError(message) from error


def _problems(error: ValidationError) -> Iterator[str]:
    """Yield each setting that is wrong, as it stands in the file, with the cure; no value."""
    for each in error.errors(include_input=False, include_url=False):
        # The driver, and a mark where the name itself is wrong, are of the model, not of the file.
        place = [part for part in each["loc"] if part not in ("sqlite", "kafka", "[key]")]
        named = ".".join(str(part + 1) if isinstance(part, int) else part for part in place)
        says = _SAYS.get(each["type"]) or each["msg"].removeprefix("Value error, ")
        yield f"{named}: {says}" if named else says
