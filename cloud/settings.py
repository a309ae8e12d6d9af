"""Every knob of the cloud, read once from the environment at start; nobody else reads the environment.

In: variables OKC_<NAME>, or OKC_<NAME>_FILE with the path of a file that holds a secret. Out: one frozen object.
Anything missing or wrong ends the process with the name of the variable, never with its value.
"""

from __future__ import annotations

import ipaddress
import os
import re
import ssl
from datetime import time
from pathlib import Path
from typing import Annotated, Any, Literal, Self, TypeVar
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, ValidationError, ValidationInfo, field_validator, model_validator
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from protocol.fields import LABEL_CHARS_MAX, NUMBER_CHARS_MAX, NUMBER_CHARS_MIN

PREFIX = "OKC_"
KEY_BYTES = 32  # of AES-256, see sealed.py
MAIL_RECIPIENTS_MAX = 50  # a team; for more there are lists
# A plain address: no name beside it, nothing that could begin another header.
_ADDRESS = re.compile(r"[A-Za-z0-9._%+=-]{1,64}@[A-Za-z0-9-]{1,63}(\.[A-Za-z0-9-]{1,63}){0,8}")
SECRETS = ("database_url", "broker_password", "data_key", "carrier_token", "mail_password")


class SettingsError(Exception):
    """The environment does not hold what the process needs."""


def _loopback(host: str) -> str:
    """Until people log in, the pages may be reached from this machine only."""
    if not is_loopback(host):
        raise ValueError("a loopback address: there are no logins yet")
    return host


def _address(host: str) -> str:
    return host if host == "localhost" else str(ipaddress.ip_address(host))


def is_loopback(host: str) -> bool:
    """Whether an address of ours can be reached from this machine only."""
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False  # a name; what it means tomorrow is not ours to know


def _platform(url: str | None) -> str | None:
    """Where the platform is. The token goes by TLS, or does not leave this machine."""
    if not url:
        return None
    parts = urlsplit(url)
    if parts.scheme not in {"https", "http"} or not parts.hostname or parts.username or parts.query or parts.fragment:
        raise ValueError("https://host[:port][/path]")
    _ = parts.port  # raises for one that is none
    if parts.scheme == "http" and not is_loopback(parts.hostname):
        raise ValueError("https: the token goes by TLS only")
    return url


def _hex_key(text: str) -> str:
    if len(bytes.fromhex(text)) != KEY_BYTES:
        raise ValueError(f"{KEY_BYTES} bytes in hex")
    return text


class _SecretFiles(PydanticBaseSettingsSource):
    """OKC_<NAME>_FILE: the first line of that file is the value."""

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[Any, str, bool]:
        del field
        path = os.environ.get(f"{PREFIX}{field_name.upper()}_FILE") if field_name in SECRETS else None
        return (_first_line(path) if path else None), field_name, False

    def __call__(self) -> dict[str, Any]:
        values = {name: self.get_field_value(field, name)[0] for name, field in self.settings_cls.model_fields.items()}
        return {name: value for name, value in values.items() if value is not None}


def _first_line(path: str) -> str:
    try:
        return Path(path).read_text(encoding="utf-8").split("\n", 1)[0].strip()
    except OSError as error:
        raise SettingsError(f"{path} cannot be read: {error.strerror}") from None


class DatabaseSettings(BaseSettings):
    """What is needed to prepare the database."""

    # The text of a validation error must not hold what was given: it may be a secret.
    model_config = SettingsConfigDict(env_prefix=PREFIX, frozen=True, hide_input_in_errors=True, extra="ignore")

    database_url: str = Field(min_length=1, repr=False)

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Arguments, then the environment, then files named there."""
        del dotenv_settings, file_secret_settings
        return init_settings, env_settings, _SecretFiles(settings_cls)


class WatchedSettings(DatabaseSettings):
    """What a process needs that shows how it goes, `watch.py`."""

    # Counts and ages, nothing personal: another address than this machine's is the operator's choice.
    metrics_host: Annotated[str, AfterValidator(_address)] = "127.0.0.1"
    metrics_port: int | None = Field(default=None, ge=0, le=65_535)  # None: each process its own, see run/watch.py


class CarrierSettings(DatabaseSettings):
    """What is needed to read the operator's SIM platform, cloud/carrier/CONTRACT.md. No address: it is not read."""

    carrier_url: Annotated[str | None, AfterValidator(_platform)] = None
    carrier_token: Annotated[str, Field(repr=False, pattern=r"^[\x21-\x7e]{0,4096}$", validate_default=True)] = ""
    carrier_ca: Path | None = None  # the roots of a platform with an authority of its own; else the public ones

    @field_validator("carrier_token")
    @classmethod
    def _known_there(cls, token: str, info: ValidationInfo) -> str:
        if info.data.get("carrier_url") and not token:
            raise ValueError("what the platform knows us by")
        return token

    @field_validator("carrier_ca")
    @classmethod
    def _roots_of_carrier(cls, roots: Path | None) -> Path | None:
        if roots is not None:
            _context(roots)
        return roots

    @property
    def carrier_tls(self) -> ssl.SSLContext | None:
        """For a connection to the platform: its certificate and name are checked. None: in the clear, this machine."""
        if self.carrier_url is None or not self.carrier_url.startswith("https:"):
            return None
        return _context(self.carrier_ca)


class RegistrySettings(DatabaseSettings):
    """What is needed to read and write personal data."""

    data_key: Annotated[str, AfterValidator(_hex_key)] = Field(repr=False)

    @property
    def data_key_bytes(self) -> bytes:
        """The key for `sealed.Box`."""
        return bytes.fromhex(self.data_key)


class MailSettings(DatabaseSettings):
    """Where letters to our own teams go; without a host there are none."""

    mail_host: str = Field(default="", max_length=253)
    mail_port: int | None = Field(default=None, ge=1, le=65_535)  # None: by OKC_MAIL_TLS, see mail_port_used
    mail_tls: Literal["starttls", "implicit", "none"] = "starttls"
    mail_ca: Path | None = None  # the roots (PEM) of the mail server's certificate; None: the system's
    mail_user: str = ""
    mail_password: str = Field(default="", repr=False)
    mail_from: str = ""
    mail_to: str = Field(default="", max_length=2_000)  # addresses with commas between them
    mail_at: time = time(7, 30)  # of the day in Shanghai at which the finished day is told of
    public_url: str = Field(
        default="", pattern=r"^(https?://[^\s?#@]+)?$", max_length=200
    )  # where people find the pages

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if self.mail_host:
            if not _ADDRESS.fullmatch(self.mail_from):
                raise ValueError("OKC_MAIL_FROM: one address")
            if not 0 < len(self.mail_recipients) <= MAIL_RECIPIENTS_MAX:
                raise ValueError("OKC_MAIL_TO: one address, or up to 50 with commas between them")
            if self.mail_tls == "none" and not is_loopback(self.mail_host):
                raise ValueError("OKC_MAIL_TLS: none is for a server on this machine only")
            if bool(self.mail_user) != bool(self.mail_password):
                raise ValueError("OKC_MAIL_USER, OKC_MAIL_PASSWORD: both or neither")
            if self.mail_ca is not None:
                _context(self.mail_ca)
        if not all(_ADDRESS.fullmatch(each) for each in self.mail_recipients):
            raise ValueError("OKC_MAIL_TO: addresses with commas between them")
        return self

    @property
    def mail_recipients(self) -> tuple[str, ...]:
        """Who gets the letters."""
        return tuple(dict.fromkeys(each.strip() for each in self.mail_to.split(",") if each.strip()))

    @property
    def mail_port_used(self) -> int:
        """As set, else what is usual for the kind of line."""
        return self.mail_port or {"starttls": 587, "implicit": 465, "none": 25}[self.mail_tls]

    @property
    def mail_context(self) -> ssl.SSLContext | None:
        """For the line to the mail server, which is always checked. None: in the clear, on this machine."""
        return None if self.mail_tls == "none" else _context(self.mail_ca)


class Settings(RegistrySettings, WatchedSettings, CarrierSettings, MailSettings):
    """What the processes need."""

    broker_host: str = "127.0.0.1"
    broker_port: int = Field(default=1883, ge=1, le=65_535)
    broker_user: str = "cloud"
    broker_password: str = Field(default="", repr=False)
    # The roots (PEM) of which one signed the broker's certificate; with them TLS, without them only on this machine.
    broker_ca: Annotated[Path | None, Field(validate_default=True)] = None
    broker_mqtt5: bool = True  # off for a broker that cannot hand such a message on to a 3.1.1 terminal
    # What one ingest process works on. A district has a process for each, so that a flood of heartbeats takes no turn
    # away from a press.
    ingest_lanes: Literal["both", "messages", "heartbeats"] = "both"
    web_host: Annotated[str, AfterValidator(_loopback)] = "127.0.0.1"
    web_port: int = Field(default=8000, ge=0, le=65_535)
    # The 24 h desk, last rung of every route. No default: a wrong number here would be dialled in an emergency.
    hotline_number: str = Field(min_length=NUMBER_CHARS_MIN, max_length=NUMBER_CHARS_MAX, pattern=r"^\+?[0-9]+$")
    # Raw heartbeats and events; sums of hours and days stay for longer. Whole weeks are dropped, so up to 7 days more.
    raw_days: int = Field(default=90, ge=30, le=3_650)
    hotline_label: str = Field(default="坐席", min_length=1, max_length=LABEL_CHARS_MAX)

    @field_validator("broker_ca")
    @classmethod
    def _line_to_broker(cls, roots: Path | None, info: ValidationInfo) -> Path | None:
        if roots is not None:
            _context(roots)
        elif not is_loopback(info.data.get("broker_host", "localhost")):
            raise ValueError("the roots of a broker on another machine: its passwords and presses go by TLS only")
        return roots

    @property
    def broker_tls(self) -> ssl.SSLContext | None:
        """For a connection to the broker: its certificate and name are checked. None: in the clear, on this machine."""
        return None if self.broker_ca is None else _context(self.broker_ca)


def _context(roots: Path | None) -> ssl.SSLContext:
    try:
        # The given ones alone, not the system's beside them.
        context = ssl.create_default_context(cafile=None if roots is None else str(roots))
    except OSError as error:  # of the file, or of what is in it
        raise ValueError(f"a file of certificates: {error.strerror or type(error).__name__}") from None
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


SettingsT = TypeVar("SettingsT", bound=DatabaseSettings)


def load(kind: type[SettingsT]) -> SettingsT:
    """The settings of this process from its environment. Raises SettingsError with one readable text."""
    try:
        given: dict[str, Any] = {}
        return kind(**given)
    except ValidationError as error:
        lines = [_line(item["loc"], item["msg"]) for item in error.errors(include_input=False)]
        raise SettingsError("; ".join(lines)) from None


def _line(place: tuple[int | str, ...], told: str) -> str:
    """What concerns several at once names them itself."""
    return f"{PREFIX}{str(place[0]).upper()}: {told}" if place else told.removeprefix("Value error, ")
