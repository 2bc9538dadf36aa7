"""Each process reads its own sections and its own secrets, and no other's."""

import inspect

import pytest
from pydantic import SecretStr

from contracts import settings
from contracts.settings import (
    SECRETS_FILE,
    BadSettings,
    KafkaSection,
    OwnerSection,
    Section,
    StackSettings,
    environment_name,
    load_settings,
    loading,
)

SECRETS = {
    "KrakenProducerSettings": set(),
    "MarketPollerSettings": set(),
    "ArticleScraperSettings": set(),
    "BackfillSettings": set(),
    "SimulatorSettings": set(),
    "EmbeddedKafkaSettings": set(),
    "SparkJobSettings": {"db_writer_password"},
    "RawJobSettings": {"db_writer_password"},
    "WindowJobSettings": {"db_writer_password"},
    "AcceptUnreadableSettings": {"db_writer_password"},
    "ApiSettings": {"db_api_password", "api_secret_key"},
    "CandleAuditSettings": {"db_api_password"},
    "RetentionSettings": {"db_owner_password"},
    "AuditSettings": {"db_owner_password"},
    "BackfillCommandSettings": {"db_owner_password"},
    "MigrationSettings": {f"db_{role}_password" for role in ("owner", "writer", "api", "analyst")},
    "NotifierSettings": {"notify_webhook_url"},
    "SecretSettings": {f"db_{role}_password" for role in ("owner", "writer", "api", "analyst")} | {"api_secret_key"},
}
"""The secrets of each process's settings, except the password that every client of Kafka needs."""

PROCESSES = {name: getattr(settings, name) for name in SECRETS}
OUTSIDE = "postgresql://boss:hunter2@db.example:5432/market?sslmode=require"


@pytest.fixture(autouse=True)
def _alone(monkeypatch, tmp_path):
    for field in StackSettings.model_fields:
        monkeypatch.delenv(environment_name(field), raising=False)
    monkeypatch.setattr(loading, "ROOT", tmp_path)
    monkeypatch.setenv("CRYPTOVIZ_DATA_DIR", str(tmp_path))


def secrets_of(kind):
    return {name for name, field in kind.model_fields.items() if field.annotation is SecretStr}


def sections():
    """Every section: a class of fields in a module of sections."""
    found = {kind for kind in StackSettings.__mro__ if issubclass(kind, Section)}
    return {kind for kind in found if kind.__module__ != settings.processes.__name__}


def own_fields(kind):
    return set(inspect.get_annotations(kind)) & set(kind.model_fields)


def test_every_process_is_listed():
    made = {name for name in settings.__all__ if name.endswith("Settings")}
    assert made - {"BadSettings", "StackSettings"} == set(PROCESSES)


@pytest.mark.parametrize("name", PROCESSES)
def test_a_process_has_only_its_own_secrets(name):
    assert secrets_of(PROCESSES[name]) - {"kafka_sasl_password"} == SECRETS[name]
    assert ("kafka_sasl_password" in secrets_of(PROCESSES[name])) == issubclass(PROCESSES[name], KafkaSection)


@pytest.mark.parametrize("name", PROCESSES)
def test_secrets_of_others_are_not_kept(name, tmp_path, monkeypatch):
    foreign = secrets_of(StackSettings) - secrets_of(PROCESSES[name])
    (tmp_path / SECRETS_FILE).write_text("".join(f"{environment_name(field)}=hunter2\n" for field in foreign))
    monkeypatch.setenv("DATABASE_URL", OUTSIDE)
    found = load_settings(PROCESSES[name])
    values = {
        member: value.get_secret_value() if isinstance(value, SecretStr) else value
        for member, value in ((member, getattr(found, member)) for member in dir(PROCESSES[name]) if "url" in member)
    } | found.model_dump()
    assert ("hunter2" in str(values)) == issubclass(PROCESSES[name], OwnerSection)
    assert not foreign & set(found.model_dump())


def test_every_field_is_of_one_section():
    owners = [(field, kind.__name__) for kind in sections() for field in own_fields(kind)]
    assert len(owners) == len({field for field, _ in owners})
    assert {field for field, _ in owners} == set(StackSettings.model_fields)


@pytest.mark.parametrize("name", PROCESSES)
def test_the_settings_of_a_process_are_sections_alone(name):
    kind = PROCESSES[name]
    assert issubclass(StackSettings, kind)
    assert own_fields(kind) == set()
    for field, info in kind.model_fields.items():
        whole = StackSettings.model_fields[field]
        assert (info.annotation, info.default, info.validation_alias) == (
            whole.annotation,
            whole.default,
            whole.validation_alias,
        )


@pytest.mark.parametrize("name", PROCESSES)
def test_a_wrong_setting_of_another_process_stops_none(name, monkeypatch):
    monkeypatch.setenv("CRYPTOVIZ_API_PORT", "abc")
    if name == "ApiSettings":
        with pytest.raises(BadSettings, match=r"^settings: CRYPTOVIZ_API_PORT='abc': "):
            load_settings(PROCESSES[name])
    else:
        load_settings(PROCESSES[name])


@pytest.mark.parametrize("name", PROCESSES)
def test_every_process_names_a_variable_that_nobody_knows(name, monkeypatch):
    monkeypatch.setenv("CRYPTOVIZ_API_PROT", "8000")
    with pytest.raises(BadSettings, match="no setting is called CRYPTOVIZ_API_PROT; did you mean CRYPTOVIZ_API_PORT"):
        load_settings(PROCESSES[name])


def test_a_variable_of_another_process_is_known(monkeypatch):
    monkeypatch.setenv("CRYPTOVIZ_SIMULATOR_SEED", "8")
    assert load_settings(KafkaSection).log_level == "INFO"


def test_kafka_is_plain_by_default():
    assert load_settings(KafkaSection).kafka_client_options == {}


def test_kafka_client_options_hold_what_is_set(monkeypatch):
    monkeypatch.setenv("CRYPTOVIZ_KAFKA_SECURITY_PROTOCOL", "SSL")
    monkeypatch.setenv("CRYPTOVIZ_KAFKA_CA_FILE", "/etc/ca.pem")
    assert load_settings(KafkaSection).kafka_client_options == {
        "security.protocol": "SSL",
        "ssl.ca.location": "/etc/ca.pem",
    }
    monkeypatch.setenv("CRYPTOVIZ_KAFKA_SECURITY_PROTOCOL", "SASL_SSL")
    monkeypatch.setenv("CRYPTOVIZ_KAFKA_SASL_MECHANISM", "SCRAM-SHA-512")
    monkeypatch.setenv("CRYPTOVIZ_KAFKA_SASL_USER", "viz")
    monkeypatch.setenv("CRYPTOVIZ_KAFKA_SASL_PASSWORD", "hunter2")
    found = load_settings(KafkaSection)
    assert found.kafka_client_options == {
        "security.protocol": "SASL_SSL",
        "sasl.mechanism": "SCRAM-SHA-512",
        "sasl.username": "viz",
        "sasl.password": "hunter2",
        "ssl.ca.location": "/etc/ca.pem",
    }
    assert "hunter2" not in repr(found)


def test_a_wrong_security_protocol_is_named(monkeypatch):
    monkeypatch.setenv("CRYPTOVIZ_KAFKA_SECURITY_PROTOCOL", "TLS")
    with pytest.raises(BadSettings, match=r"^settings: CRYPTOVIZ_KAFKA_SECURITY_PROTOCOL='TLS': "):
        load_settings(KafkaSection)
