"""Settings: where their values come from, which values are refused, and what is said of them."""

from pathlib import Path

import pytest

from core.errors import RefusedValue
from streams.setting_kinds import Secret
from streams.settings import SETTINGS, Settings, Timestamps


@pytest.mark.parametrize(
    ("variable", "value", "sentence"),
    [
        ("PARTITIONS", "many", "Input should be a valid integer, unable to parse string as an integer"),
        ("PARTITIONS", "4.5", "Input should be a valid integer, unable to parse string as an integer"),
        ("PARTITIONS", "", "Input should be a valid integer, unable to parse string as an integer"),
        ("PARTITIONS", "0", "Input should be greater than or equal to 1"),
        ("PARTITIONS", "1025", "Input should be less than or equal to 1024"),
        ("PATIENCE_SECONDS", "soon", "Input should be a valid number, unable to parse string as a number"),
        ("PATIENCE_SECONDS", "nan", "Input should be greater than or equal to 60"),
        ("FLUSH_INTERVAL_SECONDS", "0", "Input should be greater than 0"),
        ("FLUSH_INTERVAL_SECONDS", "nan", "Input should be greater than 0"),
        ("FLUSH_INTERVAL_SECONDS", "inf", "Input should be less than or equal to 60"),
        ("TOPIC_PREFIX", "a/b", r"String should match pattern '^[A-Za-z0-9._-]{0,100}$'"),
        ("TOPIC_PREFIX", "a\n", r"String should match pattern '^[A-Za-z0-9._-]{0,100}$'"),
        ("TIMESTAMPS", "broker", "Input should be 'append' or 'create'"),
        ("SPEND_FORM", "perhaps", "Input should be a valid boolean, unable to interpret input"),
        (
            "TRUSTED_PROXIES",
            "10.0.0.1/8",
            "Input should be addresses and networks such as 10.0.0.0/8, separated by commas",
        ),
    ],
)
def test_a_wrong_value_is_refused_by_the_name_of_its_variable(variable: str, value: str, sentence: str) -> None:
    with pytest.raises(RefusedValue) as refused:
        Settings(environment={f"SPENDGATE_{variable}": value})
    assert str(refused.value) == f"SPENDGATE_{variable}: {sentence}"


def test_all_wrong_values_are_told_at_once() -> None:
    with pytest.raises(RefusedValue, match=r"^SPENDGATE_PARTITIONS: .*; SPENDGATE_TIMESTAMPS: "):
        Settings(environment={"SPENDGATE_TIMESTAMPS": "x", "SPENDGATE_PARTITIONS": "x"})


def test_what_must_not_be_empty_takes_no_none() -> None:
    for name, setting in SETTINGS.items():
        if setting.default is None:
            assert getattr(Settings(environment={}, **{name: None}), name) is None
        elif isinstance(setting.default, str | Secret):
            with pytest.raises(RefusedValue, match=f"^SPENDGATE_{name.upper()}: Input should be "):
                Settings(environment={}, **{name: None})


def test_a_caller_wins_over_a_variable_and_a_variable_over_the_default() -> None:
    environment = {"SPENDGATE_BROKERS": "variable:1", "spendgate_partitions": "7", "SPENDGATE_OTHER": "x"}
    settings = Settings(environment=environment, brokers="caller:1")
    assert (settings.brokers, settings.partitions, settings.http_port) == ("caller:1", 7, 8000)
    assert settings.given == {"brokers", "partitions"}


@pytest.mark.parametrize("text", ["1", "true", "TRUE", "yes", "on"])
def test_texts_become_values(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"SPEND_FORM": text, "TIMESTAMPS": "create", "DATA_DIR": "/a", "METRICS_PORT": " 9100 "}.items():
        monkeypatch.setenv(f"SPENDGATE_{name}", value)
    settings = Settings()
    assert (settings.spend_form, settings.timestamps) == (True, Timestamps.CREATE)
    assert (settings.data_dir, settings.metrics_port) == (Path("/a"), 9100)


def test_a_secret_comes_from_a_file_unless_it_is_given_itself(tmp_path: Path) -> None:
    file = tmp_path / "url"
    file.write_text("postgresql://in-a-file\n")
    environment = {"SPENDGATE_DATABASE_URL_FILE": str(file)}
    settings = Settings(environment=environment)
    assert settings.database == "postgresql://in-a-file" and "database_url" in settings.given
    assert Settings(environment=environment, database_url="postgresql://given").database == "postgresql://given"
    file.write_text(" \n")
    with pytest.raises(RefusedValue, match=r"^SPENDGATE_DATABASE_URL_FILE: .*url is empty$"):
        Settings(environment=environment)
    with pytest.raises(RefusedValue, match=r"none cannot be read \(No such file or directory\)$"):
        Settings(environment={"SPENDGATE_DATABASE_URL_FILE": str(tmp_path / "none")})


def test_a_secret_is_in_no_text_of_the_settings() -> None:
    settings = Settings(environment={}, database_url="postgresql://u:hunter2@h/d")
    assert "hunter2" not in f"{settings} {settings!r} {settings.database_url}"
    assert "hunter2" in settings.database


def test_a_replaced_value_is_checked_and_the_others_stay() -> None:
    settings = Settings(environment={"SPENDGATE_DATABASE_URL": "postgresql://one"}, topic_prefix="a-")
    replaced = settings.replace(partitions=9, database_url="postgresql://two")
    assert (replaced.partitions, replaced.topic_prefix, replaced.database) == (9, "a-", "postgresql://two")
    assert replaced.given == {"database_url", "topic_prefix", "partitions"}
    assert settings.partitions == 4
    with pytest.raises(RefusedValue, match="SPENDGATE_PARTITIONS"):
        settings.replace(partitions=0)


def test_a_name_that_is_no_setting_is_a_defect() -> None:
    with pytest.raises(TypeError):
        Settings(portions=1)  # type: ignore[call-arg]


@pytest.mark.parametrize(
    "brokers", ["kafka", "kafka:9092", "kafka-1:9092, kafka-2:9092", "10.0.0.1:1", "[::1]:9092", "[::1]", "::1"]
)
def test_brokers_are_hosts_with_their_ports(brokers: str) -> None:
    assert Settings(environment={"SPENDGATE_BROKERS": brokers}).brokers == brokers


@pytest.mark.parametrize(
    "brokers", ["", " ", "a:b", "a:b:c", "kafka:9092,", "kafka:", ":9092", "[::1", "SSL://kafka:9092"]
)
def test_what_names_no_broker_is_refused(brokers: str) -> None:
    with pytest.raises(RefusedValue, match="SPENDGATE_BROKERS: Input should be hosts with their ports"):
        Settings(environment={"SPENDGATE_BROKERS": brokers})
