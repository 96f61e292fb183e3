"""The file that names the stations to admit and the tokens to know.

[stations.CP001]
password_hash = "scrypt$..."          # from `wayside csms --hash-password`; without it no password is asked for
common_name = "CP001.example"         # of its TLS certificate, which is asked for then

[tokens.04A1B2C3D4E5F6]
status = "Accepted"                    # the default
parent = "FLEET"
expires_at = 2030-01-31T12:00:00Z
"""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError, field_validator

from csms.config import StationConfig
from csms.passwords import check_hash
from csms.tokens import STATUSES, TokenEntry


class _Station(BaseModel):
    model_config = ConfigDict(extra="forbid")

    password_hash: str | None = None
    common_name: str | None = None

    @field_validator("password_hash")
    @classmethod
    def _is_hash(cls, text: str | None) -> str | None:
        return None if text is None else check_hash(text)


class _Token(BaseModel):
    model_config = ConfigDict(extra="forbid")

    status: str = "Accepted"
    parent: str | None = None
    expires_at: AwareDatetime | None = None

    @field_validator("status")
    @classmethod
    def _is_status(cls, status: str) -> str:
        if status not in STATUSES:
            raise ValueError(f"use one of {', '.join(STATUSES)}")
        return status


class _File(BaseModel):
    model_config = ConfigDict(extra="forbid")

    stations: dict[str, _Station]
    tokens: dict[str, _Token] = Field(default_factory=dict)


class AdmittedError(ValueError):
    """The file cannot be used: which file, where in it, and why, in one line. Passwords are not repeated."""


@dataclass(frozen=True, slots=True)
class Admitted:
    """What the file says."""

    stations: Mapping[str, StationConfig]
    tokens: tuple[TokenEntry, ...]


def load_admitted(path: Path) -> Admitted:
    """Read the file. Raises AdmittedError."""
    try:
        found = _File.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
    except OSError as error:
        raise AdmittedError(f"{path}: {error.strerror}") from error
    except tomllib.TOMLDecodeError as error:
        raise AdmittedError(f"{path}: not TOML: {error}") from error
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        place = ".".join(map(str, first["loc"]))
        raise AdmittedError(f"{path}: {place}: {first['msg'].removeprefix('Value error, ')}") from None
    except UnicodeDecodeError as error:
        raise AdmittedError(f"{path}: not UTF-8") from error
    return Admitted(
        stations={
            identity: StationConfig(each.password_hash, each.common_name) for identity, each in found.stations.items()
        },
        tokens=tuple(
            TokenEntry(id_token, each.status, each.parent, each.expires_at) for id_token, each in found.tokens.items()
        ),
    )
