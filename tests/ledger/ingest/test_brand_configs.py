"""The ledger takes a brand's new currency exactly when the controller does. Without a broker or a database."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.acceptance import Tolerance, currency_refusal
from core.catalog import BrandConfig, read_brand_config
from core.decide import decide_spend
from core.decide_catalog import decide_brand
from core.moment import Moment, parse_moment
from core.refusal import Refusal
from core.spend import Spend
from core.state import Origin
from ledger.ingest.brand_configs import BrandConfigs
from tests.core.scenario import new_state
from tests.lengths import length

NOON = parse_moment("2025-09-08T12:00:00Z")
TOLERANCE = Tolerance()

documents = st.tuples(st.just("document"), st.sampled_from(["USD", "EUR"]), st.integers(1, 6))
spends = st.tuples(st.just("spend"), st.sampled_from([None, "USD", "EUR"]), st.sampled_from([None, 0, 400_000]))
restarts = st.tuples(st.just("restart"), st.none(), st.none())


@given(st.lists(documents | spends | restarts, max_size=12), st.integers(0, 12))
@settings(deadline=None, max_examples=length(100, 500))
def test_the_ledger_has_the_controllers_currency_however_far_it_lags(events: list[tuple], ahead: int) -> None:  # type: ignore[type-arg]
    """The ledger reads the catalog up to `ahead` records before it comes to a spend event, and restarts in between."""
    timed = [(NOON + number * 1000, *event) for number, event in enumerate(events)]
    state, brands, first_counted = new_state(), BrandConfigs(TOLERANCE), dict[str, Moment]()
    taken, asked = 0, False  # whether the database was asked since the last restart
    for number, (arrival, kind, currency, detail) in enumerate(timed):
        if kind == "document":
            decide_brand(state, "nike", document(currency, detail), Origin("catalog", number, arrival))
        elif kind == "restart":
            brands, taken, asked = BrandConfigs(TOLERANCE), 0, False
        while taken < max(number + 1, min(number + ahead, len(timed))):
            came_at, came, its_currency, version = timed[taken]
            if came == "document":
                brands.take("nike", config(its_currency, version), came_at)
            taken += 1
        if brands.held_back() and not asked:
            asked = True
            for brand_id, first in first_counted.items():
                brands.note_spend(brand_id, first)
        if kind == "spend":
            spend = Spend(f"e{number}", "nike", "a", 1, currency, None if detail is None else arrival + detail)
            verdict = decide_spend(state, spend, "spend-events", number, arrival)
            in_force = brands.config_for(spend, arrival)
            held = state.brand("nike").config
            if held is None:  # the ledger may know the brand already: the worker would wait for the catalog
                return
            assert in_force and in_force.currency == held.currency  # budgets and zones are known ahead on purpose
            if not isinstance(verdict, Refusal):
                first_counted.setdefault("nike", arrival)
            assert not isinstance(verdict, Refusal) or detail == 400_000 or currency_refusal(spend, in_force.currency)


def test_a_new_currency_counts_from_its_documents_arrival_until_there_is_spend() -> None:
    brands = BrandConfigs(TOLERANCE)
    brands.take("nike", config("EUR", 1), NOON)
    brands.take("nike", config("USD", 2), NOON + 2000)
    brands.take("nike", config("EUR", 3), NOON + 4000)
    assert brands.held_back() == {"nike"}
    dollars = Spend("e", "nike", "a", 1, "USD", None)
    assert of(brands, dollars, NOON + 1000) == ("EUR", 1), "refused, so it fixes nothing"
    assert of(brands, dollars, NOON + 3000) == ("USD", 2)
    assert of(brands, dollars, NOON + 5000) == ("USD", 2)
    brands.take("nike", config("EUR", 4), NOON + 6000)
    brands.take("nike", config("USD", 5), NOON + 7000)
    assert of(brands, dollars, NOON + 8000) == ("USD", 5)
    assert not brands.held_back()


def test_a_correction_fixes_the_currency_as_spend_does() -> None:
    brands = BrandConfigs(TOLERANCE)
    brands.take("nike", config("EUR", 1), NOON)
    brands.take("nike", config("USD", 2), NOON + 2000)
    brands.note_spend("nike", NOON + 1000)
    assert of(brands, Spend("e", "nike", "a", 1, None, None), NOON + 3000) == ("EUR", 1)


@pytest.mark.parametrize("arrival", [NOON, NOON + 9000])
def test_spend_of_no_known_brand_fixes_nothing(arrival: Moment) -> None:
    brands = BrandConfigs(TOLERANCE)
    assert brands.config_for(Spend("e", "nike", "a", 1, "USD", None), arrival) is None
    brands.note_spend("nike", arrival)
    brands.take("nike", config("EUR", 1), NOON)
    brands.take("nike", config("USD", 2), NOON)
    assert of(brands, Spend("e", "nike", "a", 1, None, None), NOON) == ("USD", 2)


def of(brands: BrandConfigs, spend: Spend, arrival: Moment) -> tuple[str, int]:
    found = brands.config_for(spend, arrival)
    assert found
    return found.currency, found.version


def config(currency: str, version: int) -> BrandConfig:
    read = read_brand_config("nike", document(currency, version))
    assert isinstance(read, BrandConfig)
    return read


def document(currency: str, version: int) -> bytes:
    fields = {"kind": "brand", "brand_id": "nike", "version": version, "name": "Nike", "currency": currency}
    zones = [{"time_zone": "UTC", "from": None}]
    budgets = {"daily_budget": None, "monthly_budget": None, "enabled": True, "archived": False, "epoch": 1}
    return json.dumps(fields | budgets | {"zones": zones}).encode()
