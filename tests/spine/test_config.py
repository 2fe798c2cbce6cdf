"""Settings: typed, read by name, and one clear line where one is wrong."""

from typing import Literal

import pytest
from msgspec import Struct

from evslot.spine.config import Config, PartSettings, SettingInvalid, SharedSettings


class Mail(Struct, frozen=True, kw_only=True):
    smtp_host: str
    smtp_port: int = 1025
    start_tls: bool = False
    timeout_seconds: float = 10.0
    mode: Literal["plain", "tls"] = "plain"
    languages: tuple[str, ...] = ("en",)
    api_token: int | None = None


def test_settings_are_read_by_part_and_field() -> None:
    config = Config(
        {
            "EVSLOT_NOTIFICATION_SMTP_HOST": "mail.example",
            "EVSLOT_NOTIFICATION_SMTP_PORT": "2525",
            "EVSLOT_NOTIFICATION_START_TLS": "true",
            "EVSLOT_NOTIFICATION_LANGUAGES": "en, de",
            "EVSLOT_PAYMENT_SMTP_PORT": "1",
        }
    )
    assert config.read(Mail, "notification") == Mail(
        smtp_host="mail.example", smtp_port=2525, start_tls=True, languages=("en", "de")
    )


def test_shared_settings_have_no_part_in_their_name() -> None:
    config = Config({"EVSLOT_KEYS_PUBLIC_FILE": "keys.json", "EVSLOT_TOPIC_PREFIX": "t1-"})
    shared = config.shared(SharedSettings)
    assert (shared.keys_public_file, shared.topic_prefix) == ("keys.json", "t1-")
    assert shared.kafka_bootstrap == "localhost:9092"


@pytest.mark.parametrize(
    ("name", "value", "line"),
    [
        ("SMTP_PORT", "abc", "EVSLOT_A_SMTP_PORT must be a whole number, not 'abc'"),
        ("START_TLS", "perhaps", "EVSLOT_A_START_TLS must be true or false, not 'perhaps'"),
        ("TIMEOUT_SECONDS", "x", "EVSLOT_A_TIMEOUT_SECONDS must be a number, not 'x'"),
        ("MODE", "odd", "EVSLOT_A_MODE must be one of plain, tls, not 'odd'"),
        ("API_TOKEN", "hunter2", "EVSLOT_A_API_TOKEN must be a whole number"),
        ("SMTP_HOST", "  ", "EVSLOT_A_SMTP_HOST is not set: it must be a text"),
    ],
)
def test_a_wrong_setting_is_named_in_one_line(name: str, value: str, line: str) -> None:
    config = Config({"EVSLOT_A_SMTP_HOST": "h", f"EVSLOT_A_{name}": value})
    with pytest.raises(SettingInvalid) as refused:
        config.read(Mail, "a")
    assert str(refused.value) == line


def test_limits_are_part_of_the_line() -> None:
    config = Config(
        {
            "EVSLOT_USER_DATABASE_URL": "postgresql://x",
            "EVSLOT_USER_KEYS_FILE": "k",
            "EVSLOT_USER_HEALTH_PORT": "70000",
        }
    )
    with pytest.raises(SettingInvalid, match="a whole number at least 0 at most 65535, not '70"):
        config.read(PartSettings, "user")


def test_the_environment_is_copied_once() -> None:
    environment = {"EVSLOT_A_SMTP_HOST": "first"}
    config = Config(environment)
    environment["EVSLOT_A_SMTP_HOST"] = "second"
    assert config.read(Mail, "a").smtp_host == "first"
