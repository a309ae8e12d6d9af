"""The knobs: read from the environment or from files, refused by name and never by value."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pydantic
import pytest

from cloud.settings import CarrierSettings, DatabaseSettings, Settings, SettingsError, load

if TYPE_CHECKING:
    from pathlib import Path

SECRET = "postgresql://okc:very-secret@db/okc"
GOOD = {"OKC_DATABASE_URL": SECRET, "OKC_DATA_KEY": "ab" * 32, "OKC_HOTLINE_NUMBER": "01055500001"}


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    for name, value in GOOD.items():
        monkeypatch.setenv(name, value)
    return monkeypatch


def test_the_three_that_have_no_default_are_enough(environment: pytest.MonkeyPatch) -> None:
    """Everything else has a default that is safe."""
    settings = load(Settings)
    assert (settings.web_host, settings.metrics_host, settings.broker_mqtt5) == ("127.0.0.1", "127.0.0.1", True)
    assert settings.data_key_bytes == b"\xab" * 32


def test_a_secret_can_come_from_a_file(environment: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Where an operator keeps them."""
    (tmp_path / "url").write_text("postgresql:///from-file\n")
    environment.delenv("OKC_DATABASE_URL")
    environment.setenv("OKC_DATABASE_URL_FILE", str(tmp_path / "url"))
    assert load(Settings).database_url == "postgresql:///from-file"


def test_a_secret_file_that_is_missing_is_named(environment: pytest.MonkeyPatch) -> None:
    """Loudly, at the start."""
    environment.setenv("OKC_DATA_KEY_FILE", "/nowhere/key")
    with pytest.raises(SettingsError, match="/nowhere/key"):
        load(Settings)


def test_what_is_missing_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """As the variable that must be set."""
    monkeypatch.delenv("OKC_DATABASE_URL", raising=False)
    with pytest.raises(SettingsError, match="OKC_DATABASE_URL"):
        load(DatabaseSettings)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("OKC_DATA_KEY", "secret-but-not-hex"),
        ("OKC_DATA_KEY", "abcd"),
        ("OKC_HOTLINE_NUMBER", "call me"),
        ("OKC_BROKER_PORT", "99999"),
        ("OKC_BROKER_CA", "/nowhere/roots.pem"),
        ("OKC_WEB_HOST", "0.0.0.0"),
        ("OKC_WEB_HOST", "192.0.2.7"),
        ("OKC_HOTLINE_LABEL", "a label that is too long for a key"),
    ],
)
def test_what_is_wrong_is_refused_by_name_and_not_by_value(
    environment: pytest.MonkeyPatch, name: str, value: str
) -> None:
    """The text may be in a log within a second."""
    environment.setenv(name, value)
    with pytest.raises(SettingsError) as caught:
        load(Settings)
    assert name in str(caught.value)
    assert value not in str(caught.value)


@pytest.mark.parametrize(
    "url",
    ["http://sim.example", "sim.example", "https://", "ftp://sim.example", "https://user:pass@sim.example",
     "https://sim.example/?token=1", "https://sim.example:port"],
)  # fmt: skip
def test_the_token_of_the_sim_platform_goes_by_tls_only(environment: pytest.MonkeyPatch, url: str) -> None:
    """And to an address that holds no secret of its own: it may be shown."""
    environment.setenv("OKC_CARRIER_TOKEN", "very-secret-token")
    environment.setenv("OKC_CARRIER_URL", url)
    with pytest.raises(SettingsError, match="OKC_CARRIER_URL"):
        load(CarrierSettings)


def test_the_sim_platform_is_off_until_it_is_set_and_needs_its_token(
    environment: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """From a file as well, and never shown."""
    assert load(Settings).carrier_url is None
    environment.setenv("OKC_CARRIER_URL", "https://sim.example/district")
    with pytest.raises(SettingsError, match="OKC_CARRIER_TOKEN"):
        load(Settings)
    (tmp_path / "token").write_text("very-secret-token\n")
    environment.setenv("OKC_CARRIER_TOKEN_FILE", str(tmp_path / "token"))
    settings = load(Settings)
    assert (settings.carrier_token, settings.carrier_tls is None) == ("very-secret-token", False)
    assert "very-secret" not in repr(settings)
    environment.setenv("OKC_CARRIER_CA", str(tmp_path / "token"))
    with pytest.raises(SettingsError, match="OKC_CARRIER_CA"):
        load(Settings)


def test_secrets_are_not_in_what_is_printed(environment: pytest.MonkeyPatch) -> None:
    """A traceback with local variables shows settings."""
    assert "secret" not in repr(load(Settings))


def test_settings_do_not_change_after_the_start(environment: pytest.MonkeyPatch) -> None:
    """One frozen object."""
    settings = load(Settings)
    with pytest.raises(pydantic.ValidationError):
        settings.web_port = 1


@pytest.mark.parametrize("host", ["mqtt.example", "192.0.2.7", "::"])
def test_a_broker_on_another_machine_needs_roots(environment: pytest.MonkeyPatch, host: str) -> None:
    """Passwords and presses never cross a network in the clear."""
    environment.setenv("OKC_BROKER_HOST", host)
    with pytest.raises(SettingsError, match="OKC_BROKER_CA"):
        load(Settings)


@pytest.mark.parametrize("host", ["localhost", "127.0.0.9", "::1"])
def test_a_broker_on_this_machine_may_be_plain(environment: pytest.MonkeyPatch, host: str) -> None:
    """Its bytes leave nothing that others could listen to."""
    environment.setenv("OKC_BROKER_HOST", host)
    assert load(Settings).broker_tls is None


def test_a_file_without_certificates_is_no_roots(environment: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Said at the start, not at the first connection."""
    (tmp_path / "roots.pem").write_text("nothing")
    environment.setenv("OKC_BROKER_CA", str(tmp_path / "roots.pem"))
    with pytest.raises(SettingsError, match="OKC_BROKER_CA"):
        load(Settings)


MAIL = {"HOST": "mail.example", "FROM": "okc@mail.example", "TO": "a@mail.example"}


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"FROM": ""}, "OKC_MAIL_FROM"),
        ({"FROM": "x <okc@mail.example>"}, "OKC_MAIL_FROM"),
        ({"FROM": "okc@mail.example\r\nBcc: thief@mail.example"}, "OKC_MAIL_FROM"),
        ({"TO": ""}, "OKC_MAIL_TO"),
        ({"TO": "a@mail.example,b@mail.example\nBcc: c@mail.example"}, "OKC_MAIL_TO"),
        ({"TO": ",".join(f"a{n}@mail.example" for n in range(51))}, "OKC_MAIL_TO"),
        ({"TLS": "none"}, "OKC_MAIL_TLS"),
        ({"TLS": "sometimes"}, "OKC_MAIL_TLS"),
        ({"USER": "okc"}, "OKC_MAIL_PASSWORD"),
        ({"AT": "25:00"}, "OKC_MAIL_AT"),
        ({"CA": "/nowhere/roots.pem"}, "certificates"),
    ],
)
def test_mail_that_could_not_go_or_would_go_in_the_clear_is_refused_at_the_start(
    environment: pytest.MonkeyPatch, given: dict[str, str], told: str
) -> None:
    """By the name of the variable, never by its value."""
    for name, value in (MAIL | given).items():
        environment.setenv(f"OKC_MAIL_{name}", value)
    with pytest.raises(SettingsError, match=told) as refused:
        load(Settings)
    assert "thief" not in str(refused.value)


def test_mail_is_off_by_default_and_on_by_three_variables(environment: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The port follows the kind of line; the password may lie in a file; nobody gets two copies."""
    assert load(Settings).mail_host == ""
    for name, value in MAIL.items():
        environment.setenv(f"OKC_MAIL_{name}", value)
    assert load(Settings).mail_port_used == 587
    (tmp_path / "password").write_text("from a file\n")
    environment.setenv("OKC_MAIL_PASSWORD_FILE", str(tmp_path / "password"))
    environment.setenv("OKC_MAIL_USER", "okc")
    environment.setenv("OKC_MAIL_TLS", "implicit")
    environment.setenv("OKC_MAIL_TO", "a@mail.example, b@mail.example,a@mail.example,")
    settings = load(Settings)
    assert (settings.mail_port_used, settings.mail_password) == (465, "from a file")
    assert settings.mail_recipients == ("a@mail.example", "b@mail.example")
    assert "from a file" not in repr(settings)
