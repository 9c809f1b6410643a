"""What docs/scaling.md derives, from figures that are made here."""

from typing import Any

import pytest

from bench import scaling
from bench.core_cost import state_bytes
from bench.scaling import derived
from core.records import ControlHeartbeat
from streams.kafka.codec import encode
from streams.kafka.topics import INPUTS
from streams.worker import heartbeat
from tests.docs.repository import section, table_rows, text_of


def _of_brands(brands: int, restart_seconds: float, resident_mib: float) -> dict[str, Any]:
    figures = {
        "events_per_second": 50_000,
        "cpu_seconds_per_million": 8.0,
        "documents_per_second": 2_000,
        "restart_seconds": restart_seconds,
        "resident_mib": resident_mib,
    }
    return {"group": "brands", "column": f"{brands:,} brands", "arguments": "scale", "runs": [{"figures": figures}]}


def _derived(*of_brands: dict[str, Any]) -> list[str]:
    figures = {"bytes_per_event": 117.0, "raw_events_per_second": 60_000}
    backlog = {"group": "backlog", "column": "1,000 brands", "arguments": "backlog", "runs": [{"figures": figures}]}
    return derived({"cases": [backlog, *of_brands]}).splitlines()


@pytest.mark.parametrize("many", [5_000, 100_000])
def test_more_brands_that_do_not_have_more_show_no_difference(many: int) -> None:
    lines = _derived(_of_brands(1_000, 14, 149), _of_brands(many, 13, 149))
    end = f"with {many:,} brands: no difference shown | both | not shown |"
    assert f"| restart | 14 s, and 13 {end}" in lines
    assert f"| memory of a worker | 149 MiB, and 149 {end}" in lines
    assert f"6. **A restart.** In these figures {many:,} brands do not show what one of them costs." in lines


def test_what_a_brand_costs_is_derived_from_many_times_as_many() -> None:
    lines = _derived(_of_brands(1_000, 4, 100), _of_brands(101_000, 14, 300))
    end = "the difference of both | brands of the partitions |"
    assert f"| restart | 4 s, and 14 with 101,000 brands: 100 µs for each brand | {end}" in lines
    assert f"| memory of a worker | 100 MiB, and 300 with 101,000 brands: 2 KiB for each brand | {end}" in lines
    assert any(line.startswith("6. **A restart.** 1,000,000 brands take one worker 100 s") for line in lines)


def test_what_a_brand_costs_is_not_derived_from_a_few_times_as_many() -> None:
    lines = _derived(_of_brands(1_000, 14, 100), _of_brands(5_000, 15, 101))
    assert "| restart | 14 s, and 15 with 5,000 brands: too few brands more to tell | both | not shown |" in lines
    assert "6. **A restart.** In these figures 5,000 brands do not show what one of them costs." in lines


def test_the_cost_of_an_event_with_each_number_of_brands_is_one_sentence() -> None:
    lines = _derived(_of_brands(1_000, 4, 100), _of_brands(1_000_000, 14, 300), _of_brands(50_000, 8, 200))
    assert (
        "A million events take a worker 8 CPU seconds with 1,000 brands, 8 with 50,000 and 8 with 1,000,000." in lines
    )


def test_what_the_steps_take_from_elsewhere_stands_there() -> None:
    ledger = section(text_of("bench/README.md"), "## Measured")
    for rows_per_second in (scaling._LEDGER_ROWS_PER_SECOND, scaling._LEDGER_ROWS_PER_SECOND_EMPTY):
        assert f"| **{rows_per_second:,}** |" in ledger
    steps = section(text_of("docs/scaling.md"), "## How the steps are calculated")
    assert f"busy for {scaling._BUSY_SHARE:.0%}".replace("%", " %") in steps
    assert f"with {scaling._FLUSHES_PER_SECOND} flushes a second" in " ".join(steps.split())
    table = section(text_of("docs/scaling.md"), "## What one core does")
    assert f"| {state_bytes().brand} bytes with one campaign |" in table


def _heartbeat_bytes(partitions: int, digits: int) -> int:
    end, moment = 10**digits - 1, "2026-11-27T12:00:00.123Z"
    offsets = {str(topic): end for topic in INPUTS}
    name = "w" * 23
    return len(encode(ControlHeartbeat(1, partitions - 1, moment, offsets, moment, name, (end,) * partitions)))


@pytest.mark.parametrize("partitions", [12, 64, 256])
def test_the_rate_of_heartbeats_is_that_of_their_records(partitions: int) -> None:
    table = table_rows(section(text_of("docs/scaling.md"), "## How the steps are calculated"))
    rows = {first: others for first, *others in table}
    sizes = [_heartbeat_bytes(partitions, digits) for digits in (7, 10)]
    rates = [
        [f"{size * partitions / seconds / 1_000:,.0f}" for size in sizes]
        for seconds in (heartbeat.LONGEST_SILENCE_SECONDS, heartbeat._ALONG_AFTER_SECONDS)
    ]
    assert rows[str(partitions)] == [" - ".join(pair) for pair in ([f"{it:,}" for it in sizes], *rates)]
