"""Pages of spend, single events and sums agree with the view that says what counts."""

import random
from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from models.errors import Refused
from models.queries.paging import Page, encode_cursor
from models.queries.spend import SpendEntry, find_spend_at, list_spend
from models.queries.spend_sums import spend_by_hour, spend_total
from models.session import session_scope
from models.tables.spend_log import SpendLog, SpendRepeat
from tests.models.ledger_rows import NOON, TOPIC, add, add_topic, refusal, spend_values

HOUR = 3_600_000
DAY = date(2025, 9, 8)


@pytest.fixture(autouse=True)
def _topic(url: str) -> None:
    add_topic(url)


def test_the_newest_come_first_and_pages_together_have_each_row_once(url: str) -> None:
    offset_of = random.Random(7).sample(range(1_000), 50)
    add(url, *(SpendLog(**spend_values(f"e{n}", offset, at=NOON + n // 10)) for n, offset in enumerate(offset_of)))
    with session_scope(url) as session:
        paged = _all_pages(lambda after: list_spend(session, after=after, limit=7))
        whole = list_spend(session, limit=50)
    assert paged == whole.rows
    assert whole.after is None
    arrivals = [entry.arrived_at for entry in paged]
    assert arrivals == sorted(arrivals, reverse=True)
    assert {entry.event_id for entry in paged} == {f"e{n}" for n in range(50)}


def test_what_was_added_after_a_page_was_read_moves_nothing_on_the_next(url: str) -> None:
    add(url, *(SpendLog(**spend_values(f"e{n}", n, at=NOON + n)) for n in range(4)))
    with session_scope(url) as session:
        first = list_spend(session, limit=2)
    add(url, SpendLog(**spend_values("new", 9, at=NOON + 9)))
    with session_scope(url) as session:
        second = list_spend(session, limit=2, after=first.after)
    assert [entry.event_id for entry in first.rows + second.rows] == ["e3", "e2", "e1", "e0"]


def test_each_filter_alone_and_all_of_them_together(url: str) -> None:
    other_day = spend_values("e2", 2, day=DAY + timedelta(1), at=NOON + 24 * HOUR)
    add(
        url,
        SpendLog(**spend_values("e1", 1)),
        SpendLog(**other_day),
        SpendLog(**spend_values("e3", 3, campaign_id="winter", at=NOON + 1)),
        SpendLog(**spend_values("e1", 4, brand_id="puma", campaign_id="cats", at=NOON - 1)),
    )
    wanted: list[tuple[dict[str, Any], list[str]]] = [
        ({}, ["e2", "e3", "e1", "e1"]),
        ({"brand_id": "nike"}, ["e2", "e3", "e1"]),
        ({"campaign_id": "summer"}, ["e2", "e1"]),
        ({"event_id": "e3"}, ["e3"]),
        ({"day_from": DAY + timedelta(1)}, ["e2"]),
        ({"brand_id": "nike", "day_until": DAY}, ["e3", "e1"]),
        ({"arrived_since": NOON, "arrived_until": NOON + 1}, ["e1"]),
        ({"brand_id": "puma", "campaign_id": "cats", "event_id": "e1", "day_from": DAY, "day_until": DAY}, ["e1"]),
        ({"brand_id": "puma", "campaign_id": "summer"}, []),
    ]
    with session_scope(url) as session:
        found = [[entry.event_id for entry in list_spend(session, **options).rows] for options, _ in wanted]
    assert found == [events for _, events in wanted]


def test_a_refused_record_is_left_out_until_a_later_one_of_its_id_counts(url: str) -> None:
    refused, lone, again, duplicate = (
        spend_values("e1", 1),
        spend_values("e2", 2),
        spend_values("e1", 3, micros=2_000_000),
        spend_values("e1", 4, micros=9_000_000),
    )
    add(url, SpendLog(**refused), SpendLog(**lone), SpendRepeat(**again), SpendRepeat(**duplicate))
    add(url, refusal(refused, "unknown_brand"), refusal(lone, "occurred_in_future"))
    with session_scope(url) as session:
        counted = list_spend(session).rows
        refused_alone = list_spend(session, only_refused=True).rows
        every = list_spend(session, counted=False).rows
        total, left_out = spend_total(session), spend_total(session, only_refused=True)
        counting, lone = (list_spend(session, event_id=it, counted=False).rows for it in ("e1", "e2"))
    assert [(it.event_id, it.amount_micros, it.refused_reason) for it in counted] == [("e1", 2_000_000, None)]
    assert [(it.event_id, it.refused_reason) for it in refused_alone] == [
        ("e2", "occurred_in_future"),
        ("e1", "unknown_brand"),
    ]
    assert {it.record_offset for it in every} == {1, 2, 3}
    assert (total, left_out) == ((1, 2_000_000), (2, 2_000_000))
    assert [(it.record_offset, it.refused_message) for it in counting] == [(3, None), (1, "because")]
    assert [it.refused_message for it in lone] == ["because"]


def test_a_record_is_found_by_its_place_in_kafka_whether_it_counts_or_not(url: str) -> None:
    refused, again = spend_values("e1", 1), spend_values("e1", 2)
    add(url, SpendLog(**refused), SpendRepeat(**again), refusal(refused))
    with session_scope(url) as session:
        at = [find_spend_at(session, "nike", "e1", TOPIC, 0, offset) for offset in (1, 2, 3)]
    assert [it and it.refused_reason for it in at] == ["unknown_brand", None, None]
    assert [it and it.record_offset for it in at] == [1, 2, None]


@pytest.mark.parametrize("seed", range(3))
def test_lists_and_sums_are_those_of_the_view(url: str, seed: int) -> None:
    _fill_at_random(url, random.Random(seed))
    with session_scope(url) as session:
        listed = _all_pages(lambda after: list_spend(session, after=after, limit=13))
        assert {(it.brand_id, it.event_id, it.record_offset) for it in listed} == set(
            _rows(session, "SELECT brand_id, event_id, record_offset FROM spend_counted")
        )
        assert spend_total(session) == _sum(session, "true")
        for brand_id in ("nike", "puma"):
            wanted = f"brand_id = '{brand_id}'"
            assert spend_total(session, brand_id=brand_id) == _sum(session, wanted)


def test_the_curve_of_a_day_begins_where_the_brands_day_begins(url: str) -> None:
    """Kathmandu is 5:45 ahead of UTC: its hours are not those of UTC."""
    starts_at = NOON - 12 * HOUR - 5 * HOUR - 45 * 60_000
    minutes = {0: 1, 59: 2, 60: 4, 60 * 24 + 59: 8}
    for minute, micros in minutes.items():
        add(url, SpendLog(**spend_values(f"e{minute}", minute, micros=micros, at=starts_at + minute * 60_000)))
    with session_scope(url) as session:
        curve = spend_by_hour(session, brand_id="nike", day=DAY, day_starts_at=starts_at)
        fine = spend_by_hour(session, brand_id="nike", day=DAY, day_starts_at=starts_at, step_seconds=60)
        others = spend_by_hour(session, brand_id="nike", day=DAY, day_starts_at=starts_at, campaign_id="other")
    assert curve == [(starts_at, 3), (starts_at + HOUR, 4), (starts_at + 24 * HOUR, 8)]
    assert [(start - starts_at) // 60_000 for start, _ in fine] == list(minutes)
    assert others == []


@pytest.mark.parametrize(
    "damaged",
    [
        "",
        "x",
        "ä",
        "a" * 10_000,
        encode_cursor("commands", [1, "c", 1, 1]),
        encode_cursor("spend", [0, NOON, "b", "e", 1, 0, 0]),
        encode_cursor("spend", [1, NOON * 1_000, "b", "e", 1, 0, 0]),
        encode_cursor("spend", [1, NOON, "b", "e\0", 1, 0, 0]),
        encode_cursor("spend", [1, NOON, "b", "e", 1, 0, 0])[:-1] + "_",
        encode_cursor("spend", [1, NOON, "b", "e", 1, 0, 0])[4:],
    ],
)
def test_a_damaged_cursor_is_refused_with_a_sentence(url: str, damaged: str) -> None:
    with pytest.raises(Refused, match="first page"), session_scope(url) as session:
        list_spend(session, after=damaged)


@pytest.mark.parametrize("text", ["a\0b", "\ud800"])
def test_a_text_that_no_row_can_hold_is_refused(url: str, text: str) -> None:
    with pytest.raises(Refused, match="event id"), session_scope(url) as session:
        list_spend(session, event_id=text)


def _all_pages(read: Callable[[str | None], Page[SpendEntry]]) -> list[SpendEntry]:
    entries: list[SpendEntry] = []
    after: str | None = None
    while True:
        page = read(after)
        entries += page.rows
        after = page.after
        if after is None:
            return entries


def _fill_at_random(url: str, chance: random.Random) -> None:
    """Events sent once, twice or three times, some of whose records were refused."""
    rows: list[object] = []
    for number in range(60):
        for attempt in range(chance.choice((1, 1, 2, 3))):
            values = spend_values(
                f"e{number}",
                len(rows),
                brand_id="nike" if number % 3 else "puma",
                campaign_id=f"c{number % 4}",
                micros=chance.randrange(1, 9_000_000),
                day=DAY + timedelta(chance.randrange(3)),
                at=NOON + chance.randrange(5),
            )
            rows.append(SpendRepeat(**values) if attempt else SpendLog(**values))
            if chance.random() < 0.4:
                rows.append(refusal(values))
    add(url, *rows)


def _sum(session: Session, where: str) -> tuple[Any, ...]:
    query = f"SELECT count(*), (sum(amount) * 1000000)::bigint FROM spend_counted WHERE {where}"  # noqa: S608
    return _rows(session, query)[0]


def _rows(session: Session, query: str) -> list[tuple[Any, ...]]:
    return [tuple(row) for row in session.execute(text(query))]
