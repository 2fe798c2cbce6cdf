"""How clients reach a broker that demands TLS and a password."""

from pathlib import Path

import pytest
from confluent_kafka import KafkaException
from confluent_kafka import Producer as KafkaProducer

from evslot.spine.config import Config, SettingInvalid, SharedSettings
from evslot.spine.kafka import security_of

CLOSED = {
    "EVSLOT_KEYS_PUBLIC_FILE": "public.jwks.json",
    "EVSLOT_KAFKA_SECURITY": "sasl_ssl",
    "EVSLOT_KAFKA_USER": "evslot-user",
    "EVSLOT_KAFKA_PASSWORD": "of this part",
}


def shared(**changed: str) -> SharedSettings:
    return Config({**CLOSED, **changed}).shared(SharedSettings)


def test_without_a_setting_nothing_is_demanded_of_a_broker() -> None:
    assert security_of(shared(EVSLOT_KAFKA_SECURITY="")) == {}


def test_the_client_understands_what_the_settings_become() -> None:
    settings = security_of(shared())
    assert settings["sasl.username"] == "evslot-user"
    KafkaProducer({"bootstrap.servers": "127.0.0.1:1", "log_level": 0, **settings})


def test_a_client_would_refuse_a_word_it_does_not_know() -> None:
    with pytest.raises(KafkaException):
        KafkaProducer({"bootstrap.servers": "127.0.0.1:1", "sasl.mechanisms.of.ours": "x"})


@pytest.mark.parametrize("name", ["EVSLOT_KAFKA_USER", "EVSLOT_KAFKA_PASSWORD"])
def test_a_missing_name_or_password_is_told_by_its_setting(name: str) -> None:
    with pytest.raises(SettingInvalid, match=name):
        security_of(shared(**{name: ""}))


def test_a_missing_file_of_authorities_is_told_by_its_setting(tmp_path: Path) -> None:
    with pytest.raises(SettingInvalid, match="EVSLOT_KAFKA_CA_FILE"):
        security_of(shared(EVSLOT_KAFKA_CA_FILE=str(tmp_path / "none.crt")))
