"""A whole day under faults: the proof of `python -m bench.day`, in small."""

from datetime import date
from pathlib import Path

import pytest

from bench.day import faulty_day
from local.kafka import LocalKafka
from local.ports import choose_port
from local.postgres import LocalPostgres
from models.migrations import migrate
from simulation.day import DayOptions, DayPlan
from streams.settings import Settings, Timestamps
from tests.lengths import length

EVENTS = length(10_000, 100_000)
PARTITIONS = 4


@pytest.mark.long
async def test_a_day_comes_out_exact_though_worker_and_ledger_are_killed_and_the_database_stops(
    kafka: LocalKafka, topic_prefix: str, tmp_path: Path
) -> None:
    plan = DayPlan(DayOptions(day=date(2025, 8, 31), events=EVENTS), name="sim", partitions=PARTITIONS)
    postgres = LocalPostgres(tmp_path / "own", choose_port(0, "test"))
    postgres.start()
    try:
        migrate.upgrade(postgres.url)
        settings = Settings(
            brokers=kafka.brokers,
            database_url=postgres.url,
            topic_prefix=topic_prefix,
            partitions=PARTITIONS,
            timestamps=Timestamps.CREATE,
        )
        outcome = await faulty_day(
            settings, postgres, plan, tmp_path / "day", workers=1, away_seconds=5, patience_seconds=120
        )
    finally:
        postgres.stop()
    assert outcome.differences == []
    assert outcome.reconciled == []
    assert outcome.gaps == []
    assert outcome.events == EVENTS
    assert outcome.commands > len(plan.documents)
    for name in ("worker", "ledger"):
        assert any(message.startswith(f"{name} was killed by signal 9") for message in outcome.messages), (
            outcome.messages
        )
        assert f"{name} is ready again" in outcome.messages
    counts = plan.generator.counts
    assert min(counts["duplicates"], counts["late"], counts["refunds"], counts["wrong_keys"]) > length(30, 300)
