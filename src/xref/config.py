"""Configuration: one frozen model a participant, read once from a TOML file beside its state.

Relative paths are relative to the configuration file. There is no setting that turns a protection
off.
"""

import base64
import binascii
import tomllib
from pathlib import Path
from typing import Annotated, Final, Literal, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

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
OfficeCode = Annotated[str, Field(pattern=r"^[A-Z]{2}[A-Z0-9]{6}$")]


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class TransportConfig(_Model):
    """Where parcels go. `sqlite`: a folder that the processes of one machine share."""

    driver: Literal["sqlite"]
    folder: str
    retention_days: Annotated[int, Field(ge=1, le=3650)] = 30


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


class WitnessConfig(_Participant):
    """A witness: `xref witness run`."""

    name: Annotated[str, Field(min_length=1, max_length=200)]
    host: str = "127.0.0.1"
    port: Annotated[int, Field(ge=0, le=65_535)]
    state: str = "witness.sqlite"


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
