"""Rows per second of a ledger, from Kafka to committed rows, into an empty table and into one that is full already.

Beside it the database alone: the same rows, ready made, from one connection. See `--help`.
"""

import argparse
import io
import json
import secrets
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from itertools import islice
from random import Random

import psycopg2
from psycopg2.extensions import connection as PsycopgConnection

from bench.load import BRANDS, brand_id, producer, publish_catalog
from bench.machine import Process, broker, database, describe, median, topics, wait_until
from core.moment import Moment, format_moment
from core.partitioner import partition_of
from ledger.ingest.rows import SpendRow
from local.kafka import LocalKafka
from local.postgres import LocalPostgres
from models.migrations import migrate
from models.session import engine_of
from models.tables.spend_log import PARTITION_COUNT
from streams.kafka.topics import Topic
from streams.settings import Settings

CORES = (0, 1)
SAVED = 'spendgate_ledger_rows_total{table="spend_log"}'
#: Rows of a transaction of the database alone: what a ledger with a backlog has at hand.
COMMIT_ROWS = 20_000
#: Over how many days the rows are spread that are there already.
DAYS = 120

_INDEXES = "SELECT indexname, indexdef FROM pg_indexes WHERE tablename = 'spend_log' AND indexname NOT LIKE 'pk_%'"
#: Brands of very different size; event ids that come in no order, as most producers make them.
_FILL = f"""
INSERT INTO spend_log ({SpendRow.columns})
SELECT brand_id, md5(n::text), brand_id || '-c' || n %% 3, (1 + n %% 99999) / 1000000.0, 'USD',
       happened, happened::date, date_trunc('month', happened)::date, happened, 0, 0, n, NULL
FROM (SELECT n, 'brand-' || lpad(floor({BRANDS} * power((hashint8(n) & 65535) / 65536.0, 2))::int::text, 4, '0') brand_id,
             '2025-01-01Z'::timestamptz + n::float8 / %(rows)s * interval '{DAYS} days' happened
      FROM generate_series(%(first)s::bigint, %(last)s::bigint) n) made
"""  # noqa: E501, S608
_ADD = (
    f"INSERT INTO spend_log ({SpendRow.columns}) SELECT {SpendRow.columns} FROM staged "  # noqa: S608
    "ON CONFLICT (brand_id, event_id) DO NOTHING"
)


def main() -> None:
    options = _options()
    figures: dict[str, object] = {"events": options.events, "machine": describe()}
    with broker(*CORES) as kafka, database() as postgres:
        with _fresh(postgres) as url:
            _measure(kafka, url, options, "warm-up", events=100_000, repeat=1)
        for rows in (0, options.rows):
            with _fresh(postgres) as url:
                seconds = _fill(url, rows)
                name = f"{rows:,} rows there"
                runs = _measure(kafka, url, options, name, events=options.events, repeat=options.repeat)
                medians = {key: median([run[key] for run in runs]) for key in runs[0]}
                figures[name] = {"median": medians, "runs": runs, "fill_seconds": round(seconds)}
    print(json.dumps(figures, indent=2))


def _measure(
    kafka: LocalKafka, url: str, options: argparse.Namespace, name: str, *, events: int, repeat: int
) -> list[dict[str, float]]:
    runs = []
    for _ in range(repeat):
        settings = topics(kafka, f"{secrets.token_hex(4)}-", options.partitions).replace(database_url=url)
        publish_catalog(settings, [None] * BRANDS)
        _publish(settings, events)
        figures = _drain(settings, events)
        alone = events / _alone(url, events)
        figures |= {
            "alone_rows_per_second": round(alone),
            "share_of_alone": round(figures["rows_per_second"] / alone, 2),
        }
        runs.append(figures)
        print(json.dumps({"what": name, **figures}), file=sys.stderr, flush=True)
    return runs


def _drain(settings: Settings, events: int) -> dict[str, float]:
    """From the first batch that is committed to the last."""
    with Process("ledger", settings, *CORES) as ledger, closing(psycopg2.connect(settings.database)) as connection:
        before = _wal_bytes(connection)
        first_at = wait_until(lambda: ledger.metric(SAVED) > 0, 120)
        there, cpu = ledger.metric(SAVED), ledger.cpu_seconds()
        last_at = wait_until(lambda: ledger.metric(SAVED) >= events, 600, every=0.05)
        rows, seconds = events - there, last_at - first_at
        return {
            "rows_per_second": round(rows / seconds),
            "cpu_seconds_per_million": round((ledger.cpu_seconds() - cpu) / rows * 1_000_000, 1),
            "wal_mib_per_million": round((_wal_bytes(connection) - before) / events * 1_000_000 / 2**20),
            "batch_seconds_mean": round(ledger.mean("spendgate_ledger_batch_seconds"), 3),
        }


def _alone(url: str, events: int) -> float:
    """Seconds that the database takes for as many rows, which are made before the clock starts."""
    lines = (row.line() for _, row in _spend(events))
    batches = []
    while batch := "".join(islice(lines, COMMIT_ROWS)):
        batches.append(batch)
    with closing(psycopg2.connect(url)) as connection:
        with connection, connection.cursor() as cursor:
            cursor.execute("CREATE TEMP TABLE staged (LIKE spend_log) ON COMMIT DELETE ROWS")
        started_at = time.monotonic()
        for batch in batches:
            with connection, connection.cursor() as cursor:
                cursor.copy_expert(f"COPY staged ({SpendRow.columns}) FROM STDIN", io.StringIO(batch))
                cursor.execute(_ADD)
        return time.monotonic() - started_at


def _publish(settings: Settings, events: int) -> None:
    sender = producer(settings, linger_ms=20)
    topic = settings.topic(Topic.SPEND_EVENTS)
    for value, row in _spend(events):
        key = row.brand_id
        sender.produce(topic, value, key, partition_of(key, settings.partitions))
        sender.poll(0)
    assert sender.flush(120) == 0


def _spend(events: int) -> Iterator[tuple[bytes, SpendRow]]:
    """New events of a day, as a producer sends them and as the ledger keeps them."""
    random = Random()
    midnight = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    starts_at: Moment = round(midnight.timestamp()) * 1_000
    for number in range(events):
        brand = brand_id(int(BRANDS * random.random() ** 2))
        event_id, campaign = f"{random.getrandbits(128):032x}", f"{brand}-c"
        at = min(starts_at + number * 3_600_000 // events, time.time_ns() // 1_000_000)
        value = (
            f'{{"event_id":"{event_id}","brand_id":"{brand}","campaign_id":"{campaign}","amount":"0.0125",'
            f'"currency":"USD","occurred_at":"{format_moment(at)}"}}'
        ).encode()
        yield (
            value,
            SpendRow(brand, event_id, campaign, 12_500, "USD", at, midnight.date(), at, 0, 0, number, None),
        )


@contextmanager
def _fresh(postgres: LocalPostgres) -> Iterator[str]:
    """A database with all tables and none of their rows."""
    name = f"bench_{secrets.token_hex(4)}"
    _execute(postgres.url, f"CREATE DATABASE {name}")
    url = postgres.url_of(name)
    migrate.upgrade(url)
    yield url
    engine_of(url).dispose()
    _execute(postgres.url, f"DROP DATABASE {name} WITH (FORCE)")


def _fill(url: str, rows: int) -> float:
    """Rows first and indexes afterwards, which takes a fourth of the time. Returns seconds."""
    if not rows:
        return 0.0
    started_at = time.monotonic()
    with closing(psycopg2.connect(url)) as connection, connection.cursor() as cursor:
        cursor.execute(_INDEXES)
        indexes = cursor.fetchall()
    for name, _ in indexes:
        _execute(url, f"DROP INDEX {name}")
    _execute(url, "ALTER TABLE spend_log DROP CONSTRAINT pk_spend_log")
    parts = len(CORES)
    with ThreadPoolExecutor(parts) as threads:
        bounds = [rows * part // parts for part in range(parts + 1)]
        list(threads.map(lambda part: _fill_part(url, rows, bounds[part] + 1, bounds[part + 1]), range(parts)))
        print(f"filled after {time.monotonic() - started_at:.0f} s", file=sys.stderr, flush=True)
        definitions = ["ALTER TABLE spend_log ADD CONSTRAINT pk_spend_log PRIMARY KEY (brand_id, event_id)"]
        definitions += [definition.replace(" ON ONLY ", " ON ") for _, definition in indexes]
        for definition in definitions:
            _execute(url, "SET maintenance_work_mem = '512MB'", definition)
    for number in range(PARTITION_COUNT):
        _execute(url, f"VACUUM ANALYZE spend_log_{number:02d}")
    _execute(url, "CHECKPOINT")
    return time.monotonic() - started_at


def _fill_part(url: str, rows: int, first: int, last: int) -> None:
    with closing(psycopg2.connect(url)) as connection, connection, connection.cursor() as cursor:
        cursor.execute(_FILL, {"rows": rows, "first": first, "last": last})


def _execute(url: str, *statements: str) -> None:
    with closing(psycopg2.connect(url)) as connection:
        connection.autocommit = True
        with connection.cursor() as cursor:
            for statement in statements:
                cursor.execute(statement)


def _wal_bytes(connection: PsycopgConnection) -> float:
    """Bytes of write-ahead log up to now."""
    with connection, connection.cursor() as cursor:
        cursor.execute("SELECT pg_wal_lsn_diff(pg_current_wal_lsn(), '0/0')")
        return float(cursor.fetchone()[0])


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=400_000, help="of each run, many times what one commit takes")
    parser.add_argument("--rows", type=int, default=20_000_000, help="that are there already in the second half")
    parser.add_argument("--partitions", type=int, default=4)
    parser.add_argument("--repeat", type=int, default=3)
    return parser.parse_args()


if __name__ == "__main__":
    main()
