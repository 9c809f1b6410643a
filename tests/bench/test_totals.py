"""The sums by which `bench.peers` accepts or refuses a program."""

from datetime import UTC, datetime

import pytest

from bench.totals import Arrived, add_up, differences, read_sums


def _event(event_id: str, amount: str, at: str = "2026-03-31T12:00:00", brand: str = "b") -> Arrived:
    value = f'{{"event_id":"{event_id}","brand_id":"{brand}","campaign_id":"c","amount":"{amount}","currency":"USD"}}'
    return Arrived(int(datetime.fromisoformat(at).replace(tzinfo=UTC).timestamp() * 1000), value.encode())


def test_amounts_are_added_in_whole_micros() -> None:
    assert add_up([_event("1", "0.000001"), _event("2", "3"), _event("3", "0.1")], {}).sums == {
        "b": (3_100_001, 3_100_001),
        "b/c": (3_100_001, 3_100_001),
    }


def test_an_event_id_counts_once_in_each_brand() -> None:
    sums = add_up([_event("1", "1"), _event("1", "1"), _event("1", "1", brand="other")], {}).sums
    assert (sums["b"], sums["other"]) == ((1_000_000, 1_000_000), (1_000_000, 1_000_000))


def test_a_new_day_and_a_new_month_begin_at_zero() -> None:
    records = [
        _event("1", "1", "2026-03-30T23:59:59"),
        _event("2", "2", "2026-03-31T00:00:00"),
        _event("3", "4", "2026-04-01T00:00:00"),
    ]
    assert add_up(records[:2], {}).sums == {"b": (2_000_000, 3_000_000), "b/c": (2_000_000, 3_000_000)}
    assert add_up(records, {}).sums == {"b": (4_000_000, 4_000_000), "b/c": (4_000_000, 7_000_000)}


def test_a_campaign_is_paused_once_a_day_when_its_spend_comes_to_its_budget() -> None:
    day = [_event("1", "1"), _event("2", "1"), _event("3", "1")]
    next_day = [_event("4", "2", "2026-04-01T00:00:00")]
    assert [add_up(day[:count], {"b/c": 2_000_000}).pauses for count in (1, 2, 3)] == [0, 1, 1]
    assert add_up([*day, *next_day], {"b/c": 2_000_000}).pauses == 2
    assert add_up(day, {}).pauses == 0


def test_whatever_differs_is_named() -> None:
    expected = {"a": (1, 2), "b": (3, 4)}
    assert differences(read_sums(["a\t1\t2\n", "b\t3\t4\n"]), expected) == []
    assert differences({"a": (1, 3), "c": (0, 0)}, expected) == [
        "a: (1, 3) instead of (1, 2)",
        "b: None instead of (3, 4)",
        "c: (0, 0) instead of None",
    ]


def test_a_name_that_was_written_twice_is_no_sum() -> None:
    with pytest.raises(ValueError, match="twice"):
        read_sums(["a\t1\t2", "a\t1\t2"])
