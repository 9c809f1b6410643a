"""`doctor` and `status` on real services."""

import asyncio
import json
import secrets
from contextlib import closing

import psycopg2
import pytest
from aiokafka import AIOKafkaProducer
from psycopg2.extensions import make_dsn, parse_dsn

from cli.__main__ import application
from cli.framework import run
from local.kafka import LocalKafka


@pytest.fixture(autouse=True)
def environment(kafka: LocalKafka, topic_prefix: str, database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SPENDGATE_BROKERS", kafka.brokers)
    monkeypatch.setenv("SPENDGATE_DATABASE_URL", database_url)
    monkeypatch.setenv("SPENDGATE_TOPIC_PREFIX", topic_prefix)


def wrong(capsys: pytest.CaptureFixture[str]) -> dict[str, str]:
    capsys.readouterr()
    run(application(), ["doctor", "--json"])
    findings = json.loads(capsys.readouterr().out)["findings"]
    return {finding["check"]: finding["mend"] for finding in findings if not finding["good"]}


def test_a_complete_installation_has_nothing_to_mend(capsys: pytest.CaptureFixture[str]) -> None:
    run(application(), ["migrate"])
    run(application(), ["topics", "create"])
    assert wrong(capsys) == {}
    assert run(application(), ["doctor"]) == 0


def test_each_thing_that_is_missing_is_named_with_the_command_that_makes_it(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert wrong(capsys) == {"migrations": "run `spendgate migrate`", "topics": "run `spendgate topics create`"}
    assert run(application(), ["doctor"]) == 1


def test_services_that_are_away_are_findings_like_any_other(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("SPENDGATE_BROKERS", "127.0.0.1:1")
    monkeypatch.setenv("SPENDGATE_DATABASE_URL", "postgresql://nobody@127.0.0.1:1/none")
    assert set(wrong(capsys)) == {"broker", "database"}


def test_a_data_folder_that_cannot_be_made_is_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("SPENDGATE_DATA_DIR", "/dev/null/spendgate")
    assert "data folder" in wrong(capsys)


def test_a_role_that_may_not_add_to_a_table_is_told_what_it_lacks(
    database_url: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    run(application(), ["migrate"])
    run(application(), ["topics", "create"])
    role = f"reader_{secrets.token_hex(4)}"
    with closing(psycopg2.connect(database_url)) as connection, connection.cursor() as cursor:
        cursor.execute(
            f"CREATE ROLE {role} LOGIN PASSWORD 'reader'; GRANT SELECT ON ALL TABLES IN SCHEMA public TO {role}"
        )
        connection.commit()
        try:
            monkeypatch.setenv("SPENDGATE_DATABASE_URL", _as(database_url, role, "reader"))
            assert set(wrong(capsys)) == {"permissions"}
            run(application(), ["doctor"])
            observed = capsys.readouterr().out
            assert "INSERT on spend_log" in observed
            assert "UPDATE on ledger_position" in observed
            assert "UPDATE on spend_log" not in observed
        finally:
            cursor.execute(f"DROP OWNED BY {role}; DROP ROLE {role}")
            connection.commit()


def test_status_of_an_installation_that_never_ran_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    run(application(), ["topics", "create"])
    capsys.readouterr()
    assert run(application(), ["status", "--json"]) == 0
    status = json.loads(capsys.readouterr().out)
    nothing = dict.fromkeys(("last_tick", "last_decision", "last_reconcile", "restored"))
    window = {"capacity": 1_000_000, "event_ids": 0, "since": None, "seconds": None}
    resumes = {"count": 0, "since": None, "seconds": None}
    assert status == {
        "groups": [],
        "dead_letters": 0,
        "holes": [],
        "hidden_state": [],
        "duplicate_window": window,
        "held_resumes": resumes,
        **nothing,
    }
    assert run(application(), ["status"]) == 0
    assert "spendgate up" in capsys.readouterr().out


def test_status_passes_over_what_is_no_tick_and_no_command(
    capsys: pytest.CaptureFixture[str], kafka: LocalKafka, topic_prefix: str
) -> None:
    run(application(), ["topics", "create"])
    tick = json.dumps({"tick_id": "a", "due_at": "2025-09-08T12:00:00Z"}).encode()
    rubbish = [("dayparting-ticks", tick), ("dayparting-ticks", b"[]"), ("campaign-control", b"\x00")]
    asyncio.run(_publish(kafka.brokers, [(f"{topic_prefix}{topic}", value) for topic, value in rubbish]))
    capsys.readouterr()
    assert run(application(), ["status", "--json"]) == 0
    status = json.loads(capsys.readouterr().out)
    assert status["last_tick"]["due_at"] == "2025-09-08T12:00:00Z"
    assert status["last_decision"] is None


async def _publish(brokers: str, records: list[tuple[str, bytes]]) -> None:
    async with AIOKafkaProducer(bootstrap_servers=brokers) as producer:
        for topic, value in records:
            await producer.send_and_wait(topic, value, key=b"any", partition=0)


def _as(url: str, role: str, password: str) -> str:
    return make_dsn(**{**parse_dsn(url), "user": role, "password": password})
