"""Rows of before topics were told apart go up, down and up again with what they say."""

import psycopg2
import pytest

from models.migrations import migrate
from tests.models.rows import run

ROWS = """
INSERT INTO spend_log (brand_id, event_id, campaign_id, amount, currency, occurred_at, booked_day, booked_month,
                       arrived_at, topic, partition, record_offset)
SELECT brand, event, 'c', 1, 'USD', now(), '2025-09-08', '2025-09-01', now(), topic, 0, number
FROM (VALUES ('nike', 'a', 'spend-events', 1), ('nike', 'b', 'spend-events', 2), ('puma', 'a', 'old-spend-events', 1))
    it (brand, event, topic, number);
INSERT INTO spend_repeat (brand_id, event_id, campaign_id, amount, currency, occurred_at, booked_day, booked_month,
                          arrived_at, topic, partition, record_offset)
VALUES ('nike', 'b', 'c', 5, 'USD', now(), '2025-09-08', '2025-09-01', now(), 'spend-events', 0, 3);
INSERT INTO spend_refusal (topic, partition, record_offset, brand_id, event_id, reason, message, refused_at,
                           letter_partition, letter_offset)
VALUES ('spend-events', 0, 2, 'nike', 'b', 'occurred_in_future', '', now(), 0, 0);
INSERT INTO spend_unbooked (topic, partition, record_offset, brand_id, arrived_at, value)
VALUES ('spend-events', 0, 9, 'adidas', now(), 'x')
"""
COUNTED = "SELECT brand_id, event_id, amount::int, topic, record_offset FROM spend_counted ORDER BY 1, 2"
COUNTED_ROWS = [
    ("nike", "a", 1, "spend-events", 1),
    ("nike", "b", 5, "spend-events", 3),
    ("puma", "a", 1, "old-spend-events", 1),
]
IDS = ["00000000-0000-0000-0000-00000000000a", "00000000-0000-0000-0000-00000000000b"]


def test_rows_of_before_belong_to_one_first_incarnation_of_their_topic(database_url: str) -> None:
    migrate.upgrade(database_url, "0002")
    run(database_url, ROWS)

    migrate.upgrade(database_url)
    assert run(database_url, COUNTED) == COUNTED_ROWS
    assert run(database_url, "SELECT incarnation, topic, topic_id FROM topic_incarnation ORDER BY 1") == [
        (1, "old-spend-events", None),
        (2, "spend-events", None),
    ]
    with pytest.raises(psycopg2.errors.RestrictViolation, match="kept for ever"):
        run(database_url, "UPDATE spend_log SET amount = 2")

    migrate.downgrade(database_url, "0002")
    assert run(database_url, COUNTED) == COUNTED_ROWS


def test_going_down_and_up_again_keeps_incarnations_of_one_name_apart(database_url: str) -> None:
    migrate.upgrade(database_url, "0002")
    run(database_url, ROWS)
    migrate.upgrade(database_url)
    run(database_url, "UPDATE topic_incarnation SET topic_id = %s WHERE topic = 'spend-events'", IDS[0])
    [(second,)] = run(
        database_url,
        "INSERT INTO topic_incarnation (topic, topic_id) VALUES ('spend-events', %s) RETURNING incarnation",
        IDS[1],
    )
    again = "INSERT INTO spend_refusal SELECT %s, partition, record_offset, brand_id, 'c', reason, message, refused_at"
    run(database_url, f"{again}, letter_partition, letter_offset FROM spend_refusal", second)

    migrate.downgrade(database_url, "0002")
    assert run(database_url, "SELECT topic, record_offset FROM spend_refusal ORDER BY event_id") == [
        (f"spend-events@{IDS[0]}", 2),
        ("spend-events", 2),
    ]
    migrate.upgrade(database_url)
    assert run(database_url, COUNTED) == COUNTED_ROWS
    assert run(
        database_url,
        "SELECT event_id, t.topic, topic_id::text FROM spend_refusal JOIN topic_incarnation t USING (incarnation) "
        "ORDER BY 1",
    ) == [("b", "spend-events", IDS[0]), ("c", "spend-events", None)]
