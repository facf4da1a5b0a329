"""Settings are checked as a whole before a port opens, and an error never shows a value."""

from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError
from pydantic_settings import SettingsConfigDict

from shared.kafka import Login
from shared.messaging import login_of
from shared.settings import InvalidSettings, check_secure_url, read_key
from tests.shared.credentials import ConsentSettings, make_settings


def environment(folder: Path, **changes: str) -> dict[str, str]:
    made = make_settings(folder).model_dump(exclude_none=True)
    return {f"CONSENT_{name.upper()}": str(value) for name, value in made.items()} | changes


def test_settings_come_from_the_environment_under_their_prefix(tmp_path: Path) -> None:
    read = ConsentSettings.from_environment(environment(tmp_path, REUSE_LISTEN_PORT="1", PATH="/bin"))
    assert read == make_settings(tmp_path)
    assert read.service == "consent"
    assert read.issuer == "http://localhost:8080/identity"


def test_an_unknown_key_with_our_prefix_is_refused_so_that_a_slip_is_no_default(tmp_path: Path) -> None:
    with pytest.raises(InvalidSettings, match="CONSENT_LEASE_SECOND: no such setting"):
        ConsentSettings.from_environment(environment(tmp_path, CONSENT_LEASE_SECOND="3"))


def test_every_wrong_key_is_named_and_no_value_shown(tmp_path: Path) -> None:
    wrong = environment(tmp_path, CONSENT_LISTEN_PORT="hunter2", CONSENT_PUBLIC_ORIGIN="http://hunter2.example")
    del wrong["CONSENT_AUDIT_URL"]
    with pytest.raises(InvalidSettings) as refused:
        ConsentSettings.from_environment(wrong)
    told = str(refused.value)
    assert "CONSENT_LISTEN_PORT" in told
    assert "CONSENT_PUBLIC_ORIGIN: Value error, plain http is for loopback only" in told
    assert "CONSENT_AUDIT_URL" in told
    assert "hunter2" not in told


@pytest.mark.parametrize("url", ["collector:4318", "http://c:4318/v1/traces", "http://c/v1/metrics/", "http://c/?a=b"])
def test_a_collector_is_named_by_its_base_url_as_opentelemetry_does(tmp_path: Path, url: str) -> None:
    given = ConsentSettings.from_environment(environment(tmp_path, CONSENT_OTLP_ENDPOINT="http://collector:4318/"))
    assert given.otlp_endpoint == "http://collector:4318"
    with pytest.raises(InvalidSettings, match="CONSENT_OTLP_ENDPOINT"):
        ConsentSettings.from_environment(environment(tmp_path, CONSENT_OTLP_ENDPOINT=url))


def test_no_collector_may_be_said_by_an_empty_name(tmp_path: Path) -> None:
    assert ConsentSettings.from_environment(environment(tmp_path, CONSENT_OTLP_ENDPOINT="")).otlp_endpoint is None


def test_settings_made_in_code_do_not_look_at_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CONSENT_OTLP_ENDPOINT", "http://collector")
    assert make_settings(tmp_path).otlp_endpoint is None


def test_a_service_must_name_its_prefix() -> None:
    class Nameless(ConsentSettings):
        model_config = SettingsConfigDict(env_prefix="")

    with pytest.raises(InvalidSettings, match="env_prefix"):
        Nameless.from_environment({})


def test_settings_do_not_change(tmp_path: Path) -> None:
    settings: Any = make_settings(tmp_path)
    with pytest.raises(ValidationError):
        settings.listen_port = 1


@pytest.mark.parametrize(
    "url",
    ["https://motlan.example", "http://localhost:8080", "http://127.0.0.1", "http://[::1]:1", "https://a.example/path"],
)
def test_https_anywhere_and_http_on_loopback_is_secure(url: str) -> None:
    assert check_secure_url(url) == url


@pytest.mark.parametrize(
    "url",
    [
        "http://motlan.example",
        "http://10.0.0.1",
        "http://0.0.0.0",
        "http://localhost.evil.example",
        "http://localhost@evil.example",
        "https://user:secret@motlan.example",
        "https://motlan.example?x",
        "https://motlan.example#x",
        "ftp://localhost",
        "motlan.example",
        "https://",
    ],
)
def test_any_other_address_is_not(url: str) -> None:
    with pytest.raises(ValueError, match=r"must|plain"):
        check_secure_url(url)


@pytest.mark.parametrize("origin", ["https://motlan.example/gateway", "http://motlan.example"])
def test_the_public_origin_is_an_origin_and_secure(tmp_path: Path, origin: str) -> None:
    with pytest.raises(ValidationError):
        make_settings(tmp_path, public_origin=origin)


def test_a_missing_key_file_stops_the_start(tmp_path: Path) -> None:
    with pytest.raises(ValidationError):
        make_settings(tmp_path, service_key_file=tmp_path / "gone.pem")


def test_the_databases_password_lies_in_a_file(tmp_path: Path) -> None:
    (tmp_path / "password").write_text("p@ss\n")
    settings = make_settings(
        tmp_path, database_url="postgresql://consent@db:5432/consent", database_password_file=tmp_path / "password"
    )
    assert settings.dsn() == "postgresql://consent:p%40ss@db:5432/consent"
    assert "p@ss" not in repr(settings)


def test_the_brokers_password_is_given_with_an_authority_or_not_at_all(tmp_path: Path) -> None:
    (tmp_path / "password").write_text("p@ss\n")
    whole = {
        "kafka_username": "consent",
        "kafka_password_file": tmp_path / "password",
        "kafka_ca_file": tmp_path / "password",
    }
    assert login_of(make_settings(tmp_path, **whole)) == Login("consent", "p@ss", tmp_path / "password")
    assert login_of(make_settings(tmp_path)) is None
    for missing in whole:
        with pytest.raises(ValidationError, match="come together or not at all"):
            make_settings(tmp_path, **{name: value for name, value in whole.items() if name != missing})


def test_half_a_login_at_the_broker_stops_the_start(tmp_path: Path) -> None:
    with pytest.raises(InvalidSettings, match="come together or not at all"):
        ConsentSettings.from_environment(environment(tmp_path, CONSENT_KAFKA_USERNAME="consent"))


def test_a_key_file_holds_exactly_32_bytes(tmp_path: Path) -> None:
    (tmp_path / "good").write_bytes(b"k" * 32)
    (tmp_path / "short").write_bytes(b"k" * 31)
    assert read_key(tmp_path / "good") == b"k" * 32
    with pytest.raises(InvalidSettings):
        read_key(tmp_path / "short")
