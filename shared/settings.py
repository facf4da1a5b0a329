"""What may differ between the places a service runs, read once from the environment and checked before a port opens."""

import json
import os
import re
from collections.abc import Mapping
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated, Self
from urllib.parse import quote, urlsplit, urlunsplit

from pydantic import AfterValidator, BeforeValidator, Field, FilePath, ValidationError, model_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

# No user, and nothing that would mean more in a header that names the address, such as a Content-Security-Policy.
_HOST_AND_PORT = re.compile(r"([A-Za-z0-9.-]+|\[[0-9A-Fa-f:.]+\])(:[0-9]{1,5})?")


class InvalidSettings(Exception):
    """The environment does not describe a service that may start; the message names keys, never values."""


def is_loopback(host: str | None) -> bool:
    """Say whether an address cannot leave this machine; only such may be spoken to without TLS from a browser."""
    if host == "localhost":
        return True
    try:
        return ip_address(host or "").is_loopback
    except ValueError:
        return False


def check_secure_url(url: str) -> str:
    """Accept https anywhere and plain http on loopback only; without user, query, fragment or trailing slash.

    Raises ValueError, which names the rule and not the value.
    """
    parts = urlsplit(url)
    if parts.scheme not in ("https", "http") or not _HOST_AND_PORT.fullmatch(parts.netloc):
        raise ValueError("must be an absolute http(s) URL")
    if parts.scheme == "http" and not is_loopback(parts.hostname):
        raise ValueError("plain http is for loopback only")
    if parts.query or parts.fragment:
        raise ValueError("must have no query or fragment")
    return url.rstrip("/")


def check_origin(url: str) -> str:
    """Accept a secure URL that is an origin and nothing more (RFC 6454)."""
    origin = check_secure_url(url)
    if urlsplit(origin).path:
        raise ValueError("must be an origin without a path")
    return origin


def check_collector(url: str) -> str:
    """Accept an http(s) URL to which `/v1/traces` can be added; raises ValueError, naming the rule."""
    parts = urlsplit(url)
    if parts.scheme not in ("https", "http") or not _HOST_AND_PORT.fullmatch(parts.netloc):
        raise ValueError("must be an absolute http(s) URL")
    if parts.query or parts.fragment or parts.path.rstrip("/").endswith(("/v1/traces", "/v1/metrics")):
        raise ValueError("must be a base URL, without /v1/traces")
    return url.rstrip("/")


def _from_json(given: object) -> object:
    return json.loads(given) if isinstance(given, str) else given


JSON_ARRAY = BeforeValidator(_from_json)
"""A setting of several values: in the environment a JSON array."""
CollectorUrl = Annotated[str, AfterValidator(check_collector)]
SecureUrl = Annotated[str, AfterValidator(check_secure_url)]
Origin = Annotated[str, AfterValidator(check_origin)]
Port = Annotated[int, Field(ge=1, le=65535)]


class ServiceSettings(BaseSettings):
    """The settings every service has; a service adds its own and names its prefix (`env_prefix="CONSENT_"`)."""

    model_config = SettingsConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    database_url: str = Field(repr=False)
    database_password_file: FilePath | None = None
    kafka_bootstrap: str
    kafka_username: str | None = None
    kafka_password_file: FilePath | None = None
    kafka_ca_file: FilePath | None = None
    ca_file: FilePath | None = None
    """PEM: authorities that may vouch for whom we call by https, beside the public ones."""
    public_origin: Origin
    listen_host: str = "127.0.0.1"
    listen_port: Port
    service_key_file: FilePath
    trust_file: FilePath
    contracts_dir: Path = Path("contracts")
    identity_url: str
    consent_url: str
    reuse_url: str
    audit_url: str
    partitions: Annotated[int, Field(ge=1, le=1024)] = 4
    drain_seconds: Annotated[float, Field(ge=0, le=60)] = 0.0
    """How long a service that was told to stop is not ready before its port closes; where a balancer asks, longer than
    its pause between two questions and than five seconds, for which a connection is kept."""
    otlp_endpoint: Annotated[CollectorUrl | None, BeforeValidator(lambda url: url or None)] = None
    """Base URL of an OpenTelemetry collector (OTLP over HTTP), as OTEL_EXPORTER_OTLP_ENDPOINT is; empty is none."""
    trace_ratio: Annotated[float, Field(ge=0, le=1)] = 1.0
    """How many of the requests from outside are traced; metrics are of all."""

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Take nothing but what is passed: only `from_environment` looks at the environment."""
        return (init_settings,)

    @classmethod
    def from_environment(cls, environ: Mapping[str, str] | None = None) -> Self:
        """Read the settings; refuses a key with our prefix that no setting has, so that a typing slip is no default.

        Raises InvalidSettings naming every wrong key.
        """
        environ = os.environ if environ is None else environ
        prefix = cls.model_config.get("env_prefix")
        if not prefix:
            raise InvalidSettings(f"{cls.__module__}.{cls.__qualname__} names no env_prefix")
        given = {key.removeprefix(prefix).lower(): value for key, value in environ.items() if key.startswith(prefix)}
        wrong = [f"{prefix}{key.upper()}: no such setting" for key in given if key not in cls.model_fields]
        try:
            settings = cls.model_validate_strings(given) if not wrong else None
        except ValidationError as error:
            settings = None
            wrong = [f"{prefix}{_key(e['loc'])}: {e['msg']}" for e in error.errors(include_input=False)]
        if settings is None:
            raise InvalidSettings("\n".join(sorted(wrong)))
        return settings

    @model_validator(mode="after")
    def _login_is_whole(self) -> Self:
        given = {part is None for part in (self.kafka_username, self.kafka_password_file, self.kafka_ca_file)}
        if len(given) > 1:  # a password without TLS would be everybody's on the way
            raise ValueError("kafka_username, kafka_password_file and kafka_ca_file come together or not at all")
        return self

    @property
    def service(self) -> str:
        """The service these settings are of: its prefix in small letters."""
        return self.model_config.get("env_prefix", "").rstrip("_").lower()

    @property
    def secure(self) -> bool:
        """Whether browsers reach us over TLS."""
        return self.public_origin.startswith("https:")

    @property
    def issuer(self) -> str:
        """The one issuer of our access tokens (RFC 8414): a setting, never a `Host` header."""
        return f"{self.public_origin}/identity"

    def dsn(self) -> str:
        """Give the database address with its password, which lies in a file of its own."""
        if self.database_password_file is None:
            return self.database_url
        parts = urlsplit(self.database_url)
        password = quote(read_text(self.database_password_file), safe="")
        netloc = f"{parts.username or ''}:{password}@{parts.netloc.rpartition('@')[2]}"
        return urlunsplit(parts._replace(netloc=netloc))


def _key(location: tuple[int | str, ...]) -> str:
    """Name the key that is wrong; `…` where several do not go together."""
    return str(location[0]).upper() if location else "…"


def read_text(path: Path) -> str:
    """Read a secret of one line from its file."""
    return path.read_text(encoding="utf-8").strip()


def read_key(path: Path) -> bytes:
    """Read a symmetric key: exactly 32 raw bytes; raises InvalidSettings otherwise, naming the file only."""
    key = path.read_bytes()
    if len(key) != 32:
        raise InvalidSettings(f"{path}: a key file holds exactly 32 bytes")
    return key
