"""The nightly comparison: when it is due, what it leaves behind, and what it does not disturb."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from prometheus_client import REGISTRY

from core.errors import NotCaughtUp
from core.moment import HOUR, Moment, parse_moment
from local.kafka import LocalKafka
from models.privileges import DatabaseRole
from models.session import engine_of, session_scope
from models.tables.reconcile_run import ReconcileRun, last_reconcile
from schedulers import nightly_reconcile
from schedulers.nightly_reconcile import NightlyReconcile
from streams.kafka.provision import create_topics
from streams.settings import Settings
from tests.database_roles import as_role

EVENING, NIGHT = parse_moment("2025-09-08T20:00:00Z"), parse_moment("2025-09-09T03:30:00Z")


@pytest.fixture
async def settings(kafka: LocalKafka, topic_prefix: str, migrated_url: str) -> AsyncIterator[Settings]:
    settings = Settings(brokers=kafka.brokers, database_url=migrated_url, topic_prefix=topic_prefix, partitions=1)
    await create_topics(settings)
    by_role = as_role(settings, DatabaseRole.SCHEDULER)
    yield by_role
    engine_of(by_role.database).dispose()


class Clock:
    def __init__(self, moment: Moment) -> None:
        self.moment = moment

    def __call__(self) -> Moment:
        return self.moment


def runs(settings: Settings) -> list[ReconcileRun]:
    with session_scope(settings.database) as session:
        return list(session.query(ReconcileRun).order_by(ReconcileRun.run_id))


async def test_it_compares_once_a_night_and_keeps_what_it_found(settings: Settings) -> None:
    clock = Clock(EVENING)
    nightly = NightlyReconcile(settings, clock)
    for moment, made in ((EVENING, 0), (NIGHT - 1, 0), (NIGHT, 1), (NIGHT + HOUR, 1), (NIGHT + 24 * HOUR, 2)):
        clock.moment = moment
        await nightly.compare_if_due()
        assert len(runs(settings)) == made
    first = runs(settings)[0]
    assert (first.outcome, first.started_by, first.differences, first.brands) == ("agrees", "scheduler", [], 0)
    assert first.positions == {"0": {}}
    assert REGISTRY.get_sample_value("spendgate_reconcile_differences") == 0
    assert (REGISTRY.get_sample_value("spendgate_reconcile_last_run_timestamp_seconds") or 0) > 0


async def test_a_night_that_was_slept_through_is_made_up_for(settings: Settings) -> None:
    clock = Clock(NIGHT)
    first = NightlyReconcile(settings, clock)
    await first.compare_if_due()
    assert runs(settings) == [], "a new installation waits for its first night"
    clock.moment += 24 * HOUR
    await first.compare_if_due()

    # Runs are stamped by the machine's own clock, so the nights after them are far in the future.
    clock.moment = parse_moment("2099-01-01T12:00:00Z")
    await NightlyReconcile(settings, clock).compare_if_due()
    assert len(runs(settings)) == 2


async def test_one_that_fails_is_written_down_tried_again_and_holds_up_nothing(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = Clock(EVENING)
    nightly = NightlyReconcile(settings, clock)
    await nightly.compare_if_due()
    clock.moment = NIGHT
    failures = asyncio.Queue[None]()

    async def too_late(_: Settings) -> None:
        failures.put_nowait(None)
        raise NotCaughtUp("The ledger sleeps.")

    with monkeypatch.context() as sleeping:
        sleeping.setattr(nightly_reconcile, "reconcile", too_late)
        sleeping.setattr(nightly_reconcile, "_RETRY_SECONDS", 0.01)
        task = asyncio.create_task(nightly.run())
        for _ in range(3):
            await asyncio.wait_for(failures.get(), 10)
        assert not task.done()
        task.cancel()
        await asyncio.wait([task])
    failed = runs(settings)[0]
    assert (failed.outcome, failed.failure) == ("failed", "The ledger sleeps.")

    await NightlyReconcile(settings, clock).compare_if_due()
    with session_scope(settings.database) as session:
        last = last_reconcile(session)
    assert last and last.outcome == "agrees"
