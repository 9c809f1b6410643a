"""`what-if` over many events: rows are put into PostgreSQL as the ledger leaves them, then decided again twice."""

import argparse
import io
import resource
import sys
import tempfile
import time
from contextlib import closing
from datetime import date
from pathlib import Path

from bench.machine import describe
from core.money import MICROS
from local.ports import choose_port
from local.postgres import LocalPostgres
from models.connection import connect
from models.migrations import migrate
from models.queries.catalog_edits import add_brand, add_campaign
from models.session import session_scope
from operations.catalog_file.reading import read_rows
from operations.catalog_file.rows import CatalogFileFormat
from operations.what_if.what_if import WhatIfRequest, what_if

DAY = date(2025, 9, 1)
DAYS = 30

_ROWS = """
INSERT INTO spend_log (brand_id, event_id, campaign_id, amount, currency, occurred_at, booked_day, booked_month,
                       arrived_at, incarnation, partition, record_offset)
SELECT 'b-' || n %% %(brands)s, 'e' || n, 'c-' || n %% %(brands)s || '-' || (n / %(brands)s) %% %(campaigns)s,
       0.0125, 'USD', at, (at AT TIME ZONE 'UTC')::date, '2025-09-01', at, 1, 0, n
FROM (SELECT n, timestamptz '2025-09-01 00:00+00' + n * (interval '30 days' / %(events)s) AS at
      FROM generate_series(0, %(events)s - 1) AS n) AS every
"""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=1_000_000)
    parser.add_argument("--brands", type=int, default=20)
    parser.add_argument("--campaigns", type=int, default=20, help="of each brand")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        postgres = LocalPostgres(Path(folder), choose_port(0, "postgres"))
        postgres.start()
        try:
            _fill(postgres.url, options)
            print(describe())
            _measure(postgres.url, options)
        finally:
            postgres.stop()
    return 0


def _fill(url: str, options: argparse.Namespace) -> None:
    migrate.upgrade(url)
    with session_scope(url) as session:
        for brand in range(options.brands):
            add_brand(session, f"b-{brand}", time_zone="UTC", currency="USD", actor="bench")
            for campaign in range(options.campaigns):
                add_campaign(session, f"c-{brand}-{campaign}", brand_id=f"b-{brand}", actor="bench")
    with closing(connect(url)) as connection, connection, connection.cursor() as cursor:
        cursor.execute("INSERT INTO topic_incarnation (topic) VALUES ('spend-events')")
        cursor.execute(_ROWS, vars(options))


def _measure(url: str, options: argparse.Namespace) -> None:
    a_day = 0.0125 * options.events / options.brands / DAYS
    lines = ["brand_id,revision,daily_budget", *(f"b-{it},1,{a_day * 0.8:.2f}" for it in range(options.brands))]
    file = read_rows(io.BytesIO("\n".join(lines).encode()), CatalogFileFormat.CSV)
    cpu, began_at = _cpu_seconds(), time.monotonic()
    found = what_if(url, file, WhatIfRequest(DAY, date(2025, 9, DAYS)), time.time_ns() // 1_000_000)
    took, cpu = time.monotonic() - began_at, _cpu_seconds() - cpu
    events, stretches = sum(it.events for it in found.brands), sum(len(it.stretches) for it in found.brands)
    micros = sum(it.micros for brand in found.brands for it in brand.stretches)
    print(
        f"{events:,} events of {options.brands} brands decided twice in {took:.1f} s, {cpu:.1f} CPU seconds; "
        f"{stretches:,} stretches with {micros / MICROS:,.2f} USD between"
    )


def _cpu_seconds() -> float:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


if __name__ == "__main__":
    sys.exit(main())
