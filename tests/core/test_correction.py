"""A correction is read whole or refused, and changes totals once."""

import json
from datetime import date

import pytest

from core.correction import Correction, read_correction
from core.refusal import Refusal, RefusalReason
from core.verdict import Verdict
from streams.kafka.codec import decode_correction
from tests.core.scenario import check

GOOD = {
    "correction_id": "repair-1",
    "brand_id": "nike",
    "campaign_id": "a",
    "amount": "-1.50",
    "booked_on": "2025-09-08",
    "opening": False,
    "reason": "reconcile",
}


def read(**fields: object) -> Correction | Refusal:
    return read_correction(json.dumps(GOOD | fields).encode())


def test_a_correction_is_read() -> None:
    assert read() == Correction("repair-1", "nike", "a", -1_500_000, date(2025, 9, 8))


@pytest.mark.parametrize("number", ["-1.5", "-1.50", "-15e-1"])
def test_an_amount_may_be_a_json_number_and_is_exact(number: str) -> None:
    value = json.dumps(GOOD).replace('"-1.50"', number).encode()
    assert read_correction(value) == read()
    assert decode_correction(value).amount == "-1.50"  # as the ledger reads it
    exact = json.dumps(GOOD).replace('"-1.50"', "123456789012.345678").encode()
    correction = read_correction(exact)
    assert isinstance(correction, Correction) and correction.amount_micros == 123_456_789_012_345_678


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"amount": "1e3"}, RefusalReason.INVALID_FIELD),
        ({"amount": [1.5]}, RefusalReason.INVALID_FIELD),
        ({"amount": 1e-7}, RefusalReason.AMOUNT_PRECISION),
        ({"amount": 1e12}, RefusalReason.AMOUNT_OUT_OF_RANGE),
        ({"amount": "0.0000001"}, RefusalReason.AMOUNT_PRECISION),
        ({"amount": "1000000000001"}, RefusalReason.AMOUNT_OUT_OF_RANGE),
        ({"booked_on": "2025-02-30"}, RefusalReason.INVALID_FIELD),
        ({"booked_on": "20250908"}, RefusalReason.INVALID_FIELD),
        ({"booked_on": "2025-W37-1"}, RefusalReason.INVALID_FIELD),
        ({"booked_on": None}, RefusalReason.INVALID_FIELD),
        ({"brand_id": "ni ke"}, RefusalReason.INVALID_FIELD),
        ({"campaign_id": ""}, RefusalReason.INVALID_FIELD),
        ({"correction_id": 7}, RefusalReason.INVALID_FIELD),
    ],
)
def test_a_field_that_cannot_be_taken_is_named(fields: dict[str, object], reason: RefusalReason) -> None:
    refusal = read(**fields)
    assert isinstance(refusal, Refusal)
    assert refusal.reason is reason
    assert next(iter(fields)) in refusal.message


@pytest.mark.parametrize("field", ["brand_id", "campaign_id"])
def test_a_refusal_of_an_id_names_the_field_and_shows_the_value(field: str) -> None:
    assert read(**{field: "ni ke"}) == Refusal(RefusalReason.INVALID_FIELD, f"{field}: not an id: 'ni ke'")


def test_a_refusal_of_what_is_not_json_says_so() -> None:
    refusal = read_correction(b"no json")
    assert isinstance(refusal, Refusal)
    assert refusal.message.startswith("the value is not JSON: ")


@pytest.mark.parametrize("value", [None, b"", b"no json", b"\xff", b"[" * 5_000])
def test_a_value_that_is_not_json_is_refused(value: bytes | None) -> None:
    refusal = read_correction(value)
    assert isinstance(refusal, Refusal)
    assert refusal.reason in (RefusalReason.NOT_JSON, RefusalReason.INVALID_FIELD)


def test_a_correction_counts_on_the_date_that_it_names_and_once() -> None:
    scenario = check("""
        day 2025-09-08
        09:00 brand nike zone=UTC daily=100 monthly=1000
        09:00 campaign a total=500
        10:00 correct a 60 on=2025-09-08 id=c1
        10:01 correct a 60 on=2025-09-08 id=c1
        == nike daily=60.00 monthly=60.00
        10:02 correct a 40 on=2025-09-07 id=c2
        == nike daily=60.00 monthly=100.00
        10:03 correct a 300 on=2025-08-31 id=c3
        == nike daily=60.00 monthly=100.00
        == a daily=60.00 total=400.00
        10:04 correct a 40 on=2025-09-08 id=c4
          -> pause a daily_budget cause=correction
        10:05 correct a -0.01 on=2025-09-08 id=c5
          -> resume a cause=correction
    """)
    assert scenario.verdicts.count(Verdict.DUPLICATE) == 1


def test_a_correction_and_a_spend_event_may_have_the_same_id() -> None:
    scenario = check("""
        day 2025-09-08
        09:00 brand nike zone=UTC
        09:00 campaign a
        10:00 spend a 1 id=same
        10:01 correct a 2 on=2025-09-08 id=same
        == nike daily=3.00
    """)
    assert scenario.verdicts[-2:] == [Verdict.COUNTED, Verdict.COUNTED]


def test_two_brands_may_have_corrections_of_the_same_id() -> None:
    scenario = check("""
        day 2025-09-08
        09:00 brand nike zone=UTC
        09:00 campaign a
        10:00 correct a 1 on=2025-09-08 id=same
        10:01 brand puma zone=UTC
        10:01 campaign b
        10:02 correct b 2 on=2025-09-08 id=same
        == nike daily=1.00
        == puma daily=2.00
    """)
    assert scenario.verdicts[-1:] == [Verdict.COUNTED]


def test_a_correction_of_a_brand_that_is_not_known_changes_nothing() -> None:
    scenario = check("""
        day 2025-09-08
        09:00 correct a 2 on=2025-09-08 brand=nike
    """)
    assert scenario.verdicts == [Verdict.UNKNOWN_BRAND]
    assert scenario.state.brands == {}


def test_a_correction_for_tomorrow_counts_tomorrow() -> None:
    check("""
        day 2025-09-30
        09:00 brand nike zone=UTC daily=100 monthly=100
        09:00 campaign a daily=100
        09:01 correct a 100 on=2025-10-01
        == nike daily=0.00 monthly=0.00
        == a daily=0.00 total=100.00
        10-01T00:00 tick
          -> pause a campaign_daily_budget,daily_budget,monthly_budget resumes_at=11-01T00:00
    """)
