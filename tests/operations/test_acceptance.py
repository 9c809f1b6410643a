"""All who ask whether the controller accepts a spend event get its own answer. Without a broker or a database."""

import json
from types import SimpleNamespace
from typing import Any, NamedTuple, cast

import pytest
from aiokafka import ConsumerRecord
from hypothesis import given, settings
from hypothesis import strategies as st

from console.server.services import Services
from console.server.spend_check import checked_spend
from core.acceptance import FOREVER, Tolerance, date_refusal, read_acceptable, refusal_of
from core.decide import decide_spend
from core.moment import HOUR, SECOND, Moment, format_moment, parse_moment
from core.partitioner import partition_of
from core.refusal import Refusal, RefusalReason
from core.spend import Spend, read_spend
from core.verdict import Verdict
from ledger.ingest.brand_configs import BrandConfigs
from ledger.ingest.decode import SkippedRecord, spend_row
from ledger.ingest.rows import SpendRow, UnbookedRow
from operations.spend_import.check import import_refusal
from streams.dead_letters.dead_letter import read_dead_letter
from streams.dead_letters.outbox import Outbox, arrival_of
from streams.dead_letters.redelivery import redelivery_headers, redelivery_obstacle
from streams.kafka.topics import Topic
from streams.settings import Settings
from tests.core.scenario import Scenario, check

NOON = parse_moment("2025-09-08T12:00:00Z")
CURRENCIES = {"nike": "USD"}
PARTITIONS = 4


class Drawn(NamedTuple):
    value: bytes
    spend: Spend
    arrival: Moment
    tolerance: Tolerance

    @property
    def currency(self) -> str | None:
        return CURRENCIES.get(self.spend.brand_id)

    @property
    def settings(self) -> Settings:
        days = None if self.tolerance.behind_ms == FOREVER else self.tolerance.behind_ms // (24 * HOUR)
        ahead = self.tolerance.ahead_ms // SECOND
        return Settings(future_tolerance_seconds=ahead, past_tolerance_days=days, partitions=PARTITIONS)


@st.composite
def drawn_spend(draw: st.DrawFn) -> Drawn:
    ahead_ms, behind_ms = draw(st.sampled_from([0, 1, 300, 3600])) * 1000, draw(st.sampled_from([24 * HOUR, FOREVER]))
    arrival = NOON + draw(st.integers(0, 86_400_000))
    event: dict[str, Any] = {"event_id": "e", "brand_id": draw(st.sampled_from(["nike", "nobody"])), "campaign_id": "a"}
    event["amount"] = draw(st.sampled_from(["1", "-0.5", "999999999999"]))
    if currency := draw(st.sampled_from([None, "USD", "EUR", "usd", ""])):
        event["currency"] = currency
    ahead = draw(st.none() | st.sampled_from([-1, 0, 1]) | st.integers(-(10**7), 10**7))
    if ahead is not None:
        near = draw(st.sampled_from([ahead_ms, -24 * HOUR]))
        event["occurred_at"] = format_moment(arrival + near + ahead)
    value = json.dumps(event).encode()
    spend = read_spend(value)
    assert isinstance(spend, Spend)
    return Drawn(value, spend, arrival, Tolerance(ahead_ms, behind_ms))


@given(drawn_spend())
@settings(deadline=None)
def test_the_controller_the_api_and_an_import_refuse_the_same(drawn: Drawn) -> None:
    value, spend, arrival, tolerance = drawn
    refusal = refusal_of(spend, drawn.currency, arrival, tolerance)
    assert _decided(spend, arrival, tolerance) == refusal

    catalog = SimpleNamespace(brand=lambda it: SimpleNamespace(currency=CURRENCIES[it]) if it in CURRENCIES else None)
    live = SimpleNamespace(brand=lambda _: None)
    services = cast(Services, SimpleNamespace(catalog=catalog, live=live, settings=drawn.settings))
    assert checked_spend(services, value, arrival) == (refusal or spend)
    assert read_acceptable(value, CURRENCIES.get, arrival, tolerance) == (refusal or spend)

    of_import = import_refusal(spend, drawn.currency, arrival, drawn.settings)
    if drawn.currency is None:  # sent with a warning: a dead letter that is replayed once the brand is added
        assert of_import == date_refusal(spend, arrival, tolerance)
    else:
        assert of_import == refusal


@given(drawn_spend())
@settings(deadline=None)
def test_the_ledger_books_what_the_controller_does_not_refuse(drawn: Drawn) -> None:
    brands, config = BrandConfigs(drawn.tolerance), _world().brand("nike").config
    assert config
    brands.take("nike", config, NOON)
    row = spend_row(_record(drawn, ()), 1, brands, PARTITIONS)
    refusal = refusal_of(drawn.spend, drawn.currency, drawn.arrival, drawn.tolerance)
    match refusal and refusal.reason:
        case RefusalReason.UNKNOWN_BRAND:
            assert isinstance(row, UnbookedRow)
        case RefusalReason.CURRENCY_MISMATCH:
            assert row == SkippedRecord("currency_mismatch")
        case (
            _
        ):  # what is dated ahead or too early is left out by the controller's dead letter, whatever its tolerance was
            assert isinstance(row, SpendRow)
            assert (row.amount_micros, row.currency) == (drawn.spend.amount_micros, "USD")


@given(
    drawn_spend(),
    st.sampled_from([RefusalReason.UNKNOWN_BRAND, RefusalReason.OCCURRED_IN_FUTURE, RefusalReason.OCCURRED_TOO_EARLY]),
    st.integers(0, 10**7),
)
@settings(deadline=None)
def test_a_dead_letter_goes_back_exactly_when_its_copy_is_not_refused(
    drawn: Drawn, reason: RefusalReason, waited_ms: int
) -> None:
    outbox, now = Outbox(), drawn.arrival + waited_ms
    outbox.dead_letter(_record(drawn, ()), Refusal(reason, "because"))
    [out] = outbox.take()
    letter = read_dead_letter(_record(drawn, out.headers, topic="spend-events.dlq"))
    obstacle = redelivery_obstacle(letter, Topic.SPEND_EVENTS, CURRENCIES, now, drawn.tolerance)
    copy = _record(drawn._replace(arrival=now), redelivery_headers(letter, drawn.tolerance))
    refusal = refusal_of(drawn.spend, drawn.currency, arrival_of(copy), drawn.tolerance)
    assert (obstacle is None) is (refusal is None), (obstacle, refusal)
    if drawn.currency is not None:
        assert _decided(drawn.spend, arrival_of(copy), drawn.tolerance) == refusal


@pytest.mark.parametrize("value", [b"", b"{", b'{"event_id":"e","brand_id":"nike","campaign_id":"a","amount":"0"}'])
def test_what_is_no_event_is_refused_before_its_brand_is_looked_up(value: bytes) -> None:
    assert read_acceptable(value, lambda _: pytest.fail("looked up"), NOON, Tolerance()) == read_spend(value)


def _decided(spend: Spend, arrival: Moment, tolerance: Tolerance) -> Refusal | None:
    """What the controller refuses; a brand that it does not know is refused by the worker, in words of its own."""
    scenario = _world()
    scenario.state.tolerance = tolerance
    verdict = decide_spend(scenario.state, spend, "spend-events", 0, arrival)
    if verdict is Verdict.UNKNOWN_BRAND:
        return refusal_of(spend, None, arrival, tolerance)
    return verdict if isinstance(verdict, Refusal) else None


def _world() -> Scenario:
    return check("""
        day 2025-09-08
        09:00 brand nike zone=UTC currency=USD
        09:00 campaign a
    """)


def _record(drawn: Drawn, headers: Any, topic: str = "spend-events") -> ConsumerRecord:
    key = drawn.spend.brand_id.encode()
    number = partition_of(drawn.spend.brand_id, PARTITIONS)
    return ConsumerRecord(topic, number, 7, drawn.arrival, 0, key, drawn.value, None, 0, 0, tuple(headers))
