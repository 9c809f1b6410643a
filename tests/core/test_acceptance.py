"""Who asks before a record is sent gets the answer that the controller gives when it arrives."""

import pytest

from core.acceptance import (
    Tolerance,
    currency_refusal,
    date_refusal,
    is_ahead,
    is_too_early,
    read_acceptable,
    refusal_of,
    replaces,
    unknown_brand,
)
from core.catalog import BrandConfig
from core.moment import HOUR, MINUTE, parse_moment
from core.refusal import Refusal, RefusalReason
from core.spend import Spend

NOW = parse_moment("2025-09-08T09:00:00Z")
AHEAD, BEHIND = 5 * MINUTE, 72 * HOUR
TOLERANCE = Tolerance(AHEAD, BEHIND)


def spend(currency: str | None = None, occurred_at: int | None = None) -> Spend:
    return Spend("e1", "nike", "a", 1_000_000, currency, occurred_at)


def config(version: int, currency: str = "USD") -> BrandConfig:
    return BrandConfig(version, (), currency, None, None, enabled=True, archived=False, epoch=1)


def reason(refusal: object) -> RefusalReason | None:
    return refusal.reason if isinstance(refusal, Refusal) else None


@pytest.mark.parametrize(
    ("event", "currency", "expected"),
    [
        (spend(), "USD", None),
        (spend("USD", NOW), "USD", None),
        (spend("USD", NOW + AHEAD), "USD", None),
        (spend("USD", NOW + AHEAD + 1), "USD", RefusalReason.OCCURRED_IN_FUTURE),
        (spend("USD", NOW - BEHIND), "USD", None),
        (spend("USD", NOW - BEHIND - 1), "USD", RefusalReason.OCCURRED_TOO_EARLY),
        (spend("EUR", NOW + AHEAD + 1), "USD", RefusalReason.CURRENCY_MISMATCH),
        (spend("EUR"), None, RefusalReason.UNKNOWN_BRAND),
    ],
)
def test_an_event_is_refused_for_its_brand_its_currency_or_its_date(
    event: Spend, currency: str | None, expected: RefusalReason | None
) -> None:
    assert reason(refusal_of(event, currency, NOW, TOLERANCE)) is expected


def test_a_refusal_says_what_was_sent_and_what_is_accepted() -> None:
    assert refusal_of(spend(), None, NOW, TOLERANCE) == unknown_brand("nike")
    assert refusal_of(spend("EUR"), "USD", NOW, TOLERANCE) == Refusal(
        RefusalReason.CURRENCY_MISMATCH, "currency: 'EUR' where the brand has USD"
    )
    assert refusal_of(spend(occurred_at=NOW + 301_500), "USD", NOW, TOLERANCE) == Refusal(
        RefusalReason.OCCURRED_IN_FUTURE, "occurred_at: 301.500 s ahead of arrival, at most 300 s are taken"
    )
    assert refusal_of(spend(occurred_at=NOW - 84 * HOUR), "USD", NOW, TOLERANCE) == Refusal(
        RefusalReason.OCCURRED_TOO_EARLY, "occurred_at: 3.500 days before arrival, at most 3 are taken"
    )
    assert unknown_brand("nike") == Refusal(RefusalReason.UNKNOWN_BRAND, "brand_id: no brand nike; add it first")


def test_the_currency_alone_is_checked_whatever_the_date() -> None:
    for occurred_at in (None, 0, NOW, NOW + 100 * AHEAD):
        assert currency_refusal(spend(None, occurred_at), "USD") is None
        assert currency_refusal(spend("USD", occurred_at), "USD") is None
        assert reason(currency_refusal(spend("EUR", occurred_at), "USD")) is RefusalReason.CURRENCY_MISMATCH


def test_the_date_alone_is_checked_whatever_the_currency() -> None:
    for currency in (None, "EUR", "USD"):
        assert date_refusal(spend(currency), NOW, TOLERANCE) is None
        assert date_refusal(spend(currency, NOW + AHEAD), NOW, TOLERANCE) is None
        late = date_refusal(spend(currency, NOW + AHEAD + 1), NOW, TOLERANCE)
        assert reason(late) is RefusalReason.OCCURRED_IN_FUTURE
        early = date_refusal(spend(currency, NOW - BEHIND - 1), NOW, TOLERANCE)
        assert reason(early) is RefusalReason.OCCURRED_TOO_EARLY


def test_there_is_no_limit_for_late_spend_unless_one_is_set() -> None:
    assert refusal_of(spend(occurred_at=0), "USD", NOW, Tolerance()) is None


@pytest.mark.parametrize(("before_ms", "expected"), [(0, False), (BEHIND, False), (BEHIND + 1, True)])
def test_spend_is_too_early_when_it_is_dated_further_back_than_the_tolerance(before_ms: int, expected: bool) -> None:
    assert is_too_early(NOW - before_ms, NOW, TOLERANCE) is expected
    assert (refusal_of(spend(occurred_at=NOW - before_ms), "USD", NOW, TOLERANCE) is not None) is expected


@pytest.mark.parametrize(("after_ms", "expected"), [(-1, False), (0, False), (AHEAD, False), (AHEAD + 1, True)])
def test_spend_is_ahead_when_it_is_dated_further_than_the_tolerance(after_ms: int, expected: bool) -> None:
    assert is_ahead(NOW + after_ms, NOW, TOLERANCE) is expected
    refused = refusal_of(spend(occurred_at=NOW + after_ms), "USD", NOW, TOLERANCE) is not None
    assert refused is expected


def test_a_value_is_read_and_refused_as_the_controller_would() -> None:
    currencies = {"nike": "USD", "puma": "EUR"}.get

    def read(value: bytes) -> Spend | Refusal:
        return read_acceptable(value, currencies, NOW, TOLERANCE)

    good = b'{"event_id":"e1","brand_id":"nike","campaign_id":"a","amount":"1","currency":"USD"}'
    ahead = good[:-1] + b',"occurred_at":"2025-09-08T09:05:00.001Z"}'
    assert read(good) == spend("USD")
    assert reason(read(b"no json")) is RefusalReason.NOT_JSON
    assert reason(read(good.replace(b"nike", b"puma"))) is RefusalReason.CURRENCY_MISMATCH
    assert reason(read(good.replace(b"nike", b"asics"))) is RefusalReason.UNKNOWN_BRAND
    assert reason(read(ahead)) is RefusalReason.OCCURRED_IN_FUTURE
    assert read(ahead.replace(b".001", b"")) == spend("USD", NOW + AHEAD)


@pytest.mark.parametrize(
    ("held", "new", "has_spend", "expected"),
    [
        (None, config(1), False, True),
        (None, config(1), True, True),
        (config(1), config(1), False, False),
        (config(2), config(1), False, False),
        (config(1), config(2), True, True),
        (config(1), config(2, "EUR"), False, True),
        (config(1), config(2, "EUR"), True, False),
        (config(1), config(1, "EUR"), False, False),
    ],
)
def test_a_newer_document_takes_effect_with_its_currency_until_the_first_spend(
    held: BrandConfig | None, new: BrandConfig, has_spend: bool, expected: bool
) -> None:
    assert replaces(held, new, has_spend) is expected
