"""`replay --from-ledger` as an operator types it; what comes of it is tested with a worker in tests/ledger."""

import asyncio

import pytest

from streams.kafka.provision import create_topics
from streams.settings import Settings
from tests.commands import Commands


@pytest.fixture
def commands(commands: Commands, topic_prefix: str, migrated_url: str, monkeypatch: pytest.MonkeyPatch) -> Commands:
    """On an empty broker and a catalog of one brand."""
    monkeypatch.setenv("SPENDGATE_DATABASE_URL", migrated_url)
    monkeypatch.setenv("SPENDGATE_TOPIC_PREFIX", f"{topic_prefix}lost-")
    asyncio.run(create_topics(Settings()))
    commands.campaign(commands.brand())
    monkeypatch.setenv("SPENDGATE_TOPIC_PREFIX", topic_prefix)
    asyncio.run(create_topics(Settings()))
    return commands


def test_a_dry_run_tells_what_would_be_sent_and_changes_nothing(commands: Commands) -> None:
    wanted = {"brands": 1, "campaigns": 1, "spend": 0, "spend_before": 0, "sent": 0, "replay_id": None}
    since = "2025-09-08T00:00:00Z"
    for _ in range(2):
        plan = commands.json("replay", "--from-ledger", "--dry-run", "--since", since)
        assert plan == {**wanted, "since": since, "unjudged": 0, "left_out_brands": [], "holes": []}
    assert "0 spend events" in commands.done("replay", "--from-ledger", "--dry-run")


def test_it_tells_what_it_has_sent_and_what_to_do_next_and_is_refused_a_second_time(commands: Commands) -> None:
    assert "spendgate reconcile" in commands.done("replay", "--from-ledger")
    assert "already" in commands.refused("replay", "--from-ledger")
    assert "already" in commands.refused("replay", "--from-ledger", "--dry-run")
    (change, _) = commands.json("brand", "history", commands.json("brand", "list")[0]["brand_id"])[:2]
    assert (change["actor"], change["fields"]) == ("cli:tester", {"epoch": {"from": 1, "to": 2}})


def test_a_broker_that_is_not_empty_is_refused(commands: Commands) -> None:
    commands.done("check")
    assert "dayparting-ticks" in commands.refused("replay", "--from-ledger")


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        ([], "--from-ledger"),
        (["--from-ledger", "--since", "yesterday"], "RFC 3339"),
        (["--from-ledger", "--since", "2999-01-01T00:00:00Z"], "ahead"),
    ],
)
def test_what_makes_no_sense_is_refused(commands: Commands, arguments: list[str], why: str) -> None:
    assert why in commands.refused("replay", *arguments)
