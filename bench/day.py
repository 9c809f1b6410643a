"""A simulated day with faults in the middle of it, and the proof that no money and no command was lost or repeated.

A worker is killed, a ledger is killed, PostgreSQL is stopped for a while. Afterwards every total of controller and
ledger must be the one that was planned, reconcile must find no difference, and every campaign's commands must be in
the journal without a gap.
"""

import argparse
import asyncio
import json
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg2

from bench.machine import broker, describe
from ledger.reconcile.reconciliation import reconcile
from local.child_process import ChildProcess
from local.ports import choose_port
from local.postgres import LocalPostgres
from models.migrations import migrate
from simulation.comparison import PlanDifference, controller_differences, ledger_differences
from simulation.completion import until_applied, until_stored
from simulation.day import DayOptions, DayPlan
from simulation.installation import make_topics, running_processes
from simulation.run import publish_day
from streams.live_state import LiveState
from streams.settings import Settings, Timestamps

__all__ = ["DayOutcome", "faulty_day"]

#: Shares of the day that are published when it happens.
WORKER_DIES_AT, LEDGER_DIES_AT, DATABASE_GOES_AT = 0.3, 0.45, 0.6

_JOURNAL = "SELECT campaign_id, count(*), min(sequence), max(sequence) FROM control_log GROUP BY campaign_id"


@dataclass(frozen=True, slots=True)
class DayOutcome:
    """Seconds count from the first record published."""

    events: int
    published_seconds: float
    applied_seconds: float
    stored_seconds: float
    commands: int
    differences: list[PlanDifference]
    reconciled: list[str]  # what reconcile has found
    gaps: list[str]  # campaigns whose commands are not all in the journal, once each
    messages: list[str]  # by who looked after the processes

    @property
    def is_right(self) -> bool:
        return not (self.differences or self.reconciled or self.gaps)


async def faulty_day(
    settings: Settings,
    postgres: LocalPostgres,
    plan: DayPlan,
    folder: Path,
    *,
    workers: int,
    away_seconds: float,
    patience_seconds: float,
) -> DayOutcome:
    """`settings` are of a database on `postgres`, migrated, and of topics that are not there yet."""
    await make_topics(settings)
    messages: list[str] = []
    names = [*["worker"] * workers, "ledger"]
    async with running_processes(settings, folder, names, messages.append) as children:
        started_at = time.monotonic()
        await _publish_with_faults(settings, postgres, plan, children, away_seconds)
        published = time.monotonic() - started_at
        assert await until_applied(settings, patience_seconds), "the controller does not get through"
        applied = time.monotonic() - started_at
        assert await until_stored(settings, patience_seconds), "the ledger does not get through"
        stored = time.monotonic() - started_at
        reconciled = await reconcile(settings, patience_seconds=patience_seconds)
    totals = plan.generator.totals
    differences = await controller_differences(settings, totals) + ledger_differences(settings.database, totals)
    gaps_reported = await _sequences(settings)
    assert reconciled.brands == len(plan.brands)
    return DayOutcome(
        events=plan.generator.counts["events"],
        published_seconds=published,
        applied_seconds=applied,
        stored_seconds=stored,
        commands=sum(gaps_reported.values()),
        differences=differences,
        reconciled=[str(it) for it in reconciled.differences],
        gaps=_gaps(settings.database, gaps_reported),
        messages=messages,
    )


async def _publish_with_faults(
    settings: Settings,
    postgres: LocalPostgres,
    plan: DayPlan,
    children: Sequence[ChildProcess],
    away_seconds: float,
) -> None:
    way = _Progress(plan.events)
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(publish_day(settings, plan, way.report))
        tasks.create_task(way.at(WORKER_DIES_AT, children[0].kill))
        tasks.create_task(way.at(LEDGER_DIES_AT, children[-1].kill))
        tasks.create_task(way.at(DATABASE_GOES_AT, lambda: _go_away(postgres, away_seconds)))


def _go_away(postgres: LocalPostgres, seconds: float) -> None:
    postgres.stop()
    time.sleep(seconds)
    postgres.start()


class _Progress:
    """What is to happen on the way through a day."""

    def __init__(self, events: int) -> None:
        self._events = events
        self._done = 0.0
        self._moved = asyncio.Event()

    def report(self, events: int) -> None:
        self._done = events / self._events
        self._moved.set()

    async def at(self, share: float, happens: Callable[[], None]) -> None:
        while self._done < share:
            self._moved.clear()
            await self._moved.wait()
        await asyncio.to_thread(happens)


async def _sequences(settings: Settings) -> dict[str, int]:
    """The number of each campaign's last command, as the controller holds it."""
    async with LiveState(settings) as live:
        brands = [live.brand(brand_id) for brand_id in live.brand_ids()]
    return {it.campaign_id: it.sequence for brand in brands if brand for it in brand.state.campaigns.values()}


def _gaps(database_url: str, gaps_reported: dict[str, int]) -> list[str]:
    with closing(psycopg2.connect(database_url)) as connection, connection.cursor() as cursor:
        cursor.execute(_JOURNAL)
        journal = {campaign_id: tuple(found) for campaign_id, *found in cursor.fetchall()}
    wanted = {campaign_id: (last, 1, last) for campaign_id, last in gaps_reported.items()}
    return sorted(it for it in journal.keys() | wanted.keys() if journal.get(it) != wanted.get(it))


def main() -> None:
    options = _options()
    about = describe()
    day = datetime.now(UTC).date() - timedelta(days=1)
    plan = DayPlan(
        DayOptions(day=day, events=options.events, brands=options.brands, seed=options.seed),
        name=f"sim{options.seed}",
        partitions=options.partitions,
    )
    with broker(*range(about["cores"])) as kafka, tempfile.TemporaryDirectory(prefix="spendgate-bench-") as folder:
        Path(folder).chmod(0o755)
        postgres = LocalPostgres(Path(folder), choose_port(0, "PostgreSQL"))
        postgres.start()
        migrate.upgrade(postgres.url)
        settings = Settings(
            brokers=kafka.brokers,
            database_url=postgres.url,
            topic_prefix="day-",
            partitions=options.partitions,
            timestamps=Timestamps.CREATE,
        )
        outcome = asyncio.run(
            faulty_day(
                settings,
                postgres,
                plan,
                Path(folder) / "day",
                workers=options.workers,
                away_seconds=options.away_seconds,
                patience_seconds=1_800,
            )
        )
        postgres.stop()
    figures = {**asdict(outcome), "events_per_second": round(outcome.events / outcome.applied_seconds)}
    figures |= {
        "rows_per_second": round(outcome.events / outcome.stored_seconds),
        "counts": plan.generator.counts,
    }
    print(json.dumps({"machine": about, "seed": options.seed, **figures}, indent=2, default=str))
    sys.exit(0 if outcome.is_right else 1)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--events", type=int, default=1_000_000)
    parser.add_argument("--brands", type=int, default=200)
    parser.add_argument("--partitions", type=int, default=4)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--away-seconds", type=float, default=60, help="how long PostgreSQL is stopped")
    parser.add_argument("--seed", type=int, default=1)
    return parser.parse_args()


if __name__ == "__main__":
    main()
