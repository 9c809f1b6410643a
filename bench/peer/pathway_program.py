"""The work of `work.py` on Pathway, in its own operators: ids, sums of days and months, and pauses are tables.

Sums come out as they change, since Pathway shows no state of an operator from outside.
"""

import os
import sys
import threading
from functools import cache
from pathlib import Path
from typing import Any

import pathway as pw
from confluent_kafka import Consumer, TopicPartition
from work import Arguments, Counter, Work, add_to_brand, micros, total_lines

arguments = Arguments.of(sys.argv[1:])
work = Work()
counter = Counter(arguments.count)
kafka = {"bootstrap.servers": arguments.brokers, "group.id": arguments.name, "auto.offset.reset": "earliest"}

#: Milliseconds: a day of any zone begins at a quarter of an hour.
QUARTER = 15 * 60 * 1_000


class Spend(pw.Schema):
    event_id: str
    brand_id: str
    campaign_id: str
    amount: str
    currency: str


def main() -> None:
    work.read_catalog(arguments)
    outputs = define()
    threading.Thread(target=end, args=[outputs], daemon=True).start()
    kept = pw.persistence.Config(pw.persistence.Backend.filesystem(arguments.folder), snapshot_interval_ms=500)
    pw.run(persistence_config=kept, monitoring_level=pw.MonitoringLevel.NONE)


class Output:
    """The rows of a table as they are now, and whether all of them are there."""

    def __init__(self, table: pw.Table) -> None:
        self.rows: dict[pw.Pointer, dict[str, Any]] = {}
        self.closed_at = -1
        self.closed = threading.Condition()
        pw.io.subscribe(table, on_change=self._change, on_time_end=self._close)

    def await_closed(self, at: int) -> None:
        with self.closed:
            self.closed.wait_for(lambda: self.closed_at >= at)

    def _change(self, key: pw.Pointer, row: dict[str, Any], time: int, is_addition: bool) -> None:
        if is_addition:
            self.rows[key] = row
        elif self.rows.get(key) == row:
            del self.rows[key]

    def _close(self, time: int) -> None:
        with self.closed:
            self.closed_at = time
            self.closed.notify()


def define() -> dict[str, Output]:
    read = pw.io.kafka.read(
        kafka,
        arguments.spend,
        schema=Spend,
        format="json",
        with_metadata=True,
        autocommit_duration_ms=500,
    )
    at = read._metadata["timestamp_millis"].as_int()
    parsed = read.select(
        *pw.this.without("_metadata", "amount"),
        micros=pw.apply_with_type(counted_micros, int, pw.this.amount),
        starts=pw.apply_with_type(starts, tuple[int, int], pw.this.brand_id, pw.this.currency, at),
    )
    once = parsed.groupby(pw.this.brand_id, pw.this.event_id).reduce(
        pw.this.brand_id,
        campaign_id=pw.reducers.earliest(pw.this.campaign_id),
        micros=pw.reducers.earliest(pw.this.micros),
        day=pw.reducers.earliest(pw.this.starts)[0],
        month=pw.reducers.earliest(pw.this.starts)[1],
    )
    brand, campaign = (once.brand_id,), (once.brand_id, once.campaign_id)
    campaign_days = summed(once, *campaign, once.day)
    used_up = campaign_days.filter(
        pw.apply_with_type(is_used_up, bool, pw.this.brand_id, pw.this.campaign_id, pw.this.micros)
    )
    pauses = used_up.groupby(pw.this.brand_id, pw.this.campaign_id, pw.this.day).reduce(
        pw.this.brand_id, pw.this.campaign_id, pw.this.day
    )
    pw.io.kafka.write(pauses, kafka, arguments.commands, format="json", key=pauses.campaign_id)
    return {
        "read": Output(read.reduce(count=pw.reducers.count())),
        "brand_days": Output(summed(once, *brand, once.day)),
        "brand_months": Output(summed(once, *brand, once.month)),
        "campaign_days": Output(campaign_days),
        "campaign_totals": Output(summed(once, *campaign)),
        "pauses": Output(pauses),
    }


def end(outputs: dict[str, Output]) -> None:
    """Follow how far the topic is read; at its end write the totals, when the pauses are in Kafka."""
    read, at, count = outputs["read"], -1, 0
    while count < arguments.count:
        read.await_closed(at + 1)
        at = read.closed_at
        (row,) = read.rows.values() or ({"count": 0},)
        count = row["count"]
        for output in outputs.values():
            output.await_closed(at)
        counter.reach(count)
    await_written(len(outputs["pauses"].rows))
    Path(arguments.totals).write_text(totals(outputs))
    os._exit(0)  # it would follow the topic for ever


def await_written(pauses: int) -> None:
    reader = Consumer(kafka)
    parts = [TopicPartition(arguments.commands, number) for number in range(arguments.partitions)]
    while sum(reader.get_watermark_offsets(part, timeout=30)[1] for part in parts) < pauses:
        pass


def summed(once: pw.Table, *by: pw.ColumnReference) -> pw.Table:
    return once.groupby(*by).reduce(*by, micros=pw.reducers.sum(once.micros))


def counted_micros(amount: str) -> int:
    counter.reach(1)
    return micros(amount)


def starts(brand_id: str, currency: str, at: int) -> tuple[int, int]:
    """Of the brand's day and month, in milliseconds."""
    if work.brands[brand_id].currency != currency:
        raise ValueError(f"an event that Spendgate would refuse: {brand_id} {currency}")
    return starts_of_quarter(brand_id, at // QUARTER)


@cache
def starts_of_quarter(brand_id: str, quarter: int) -> tuple[int, int]:
    state = add_to_brand(None, work.brands[brand_id], quarter * QUARTER, 0)
    return state[0], state[3]


def is_used_up(brand_id: str, campaign_id: str, spent: int) -> bool:
    budget = work.budgets.get(f"{brand_id}/{campaign_id}")
    return budget is not None and spent >= budget


def totals(outputs: dict[str, Output]) -> str:
    """Of the last day and month of each brand, of the last day of each campaign and in all, as `work.py` lays them
    out."""
    last = {name: last_of_each(output) for name, output in outputs.items() if name not in ("read", "pauses")}
    brands = {name: [0, 0, spent, 0, 0, last["brand_months"][name]] for name, spent in last["brand_days"].items()}
    campaigns = {name: [0, spent, last["campaign_totals"][name], 0] for name, spent in last["campaign_days"].items()}
    return total_lines(brands, campaigns)


def last_of_each(output: Output) -> dict[str, int]:
    """The sum of the last period, by brand or brand/campaign."""
    rows = sorted(output.rows.values(), key=lambda row: row.get("day") or row.get("month") or 0)
    return {"/".join(row[it] for it in ("brand_id", "campaign_id") if it in row): row["micros"] for row in rows}


if __name__ == "__main__":
    main()
