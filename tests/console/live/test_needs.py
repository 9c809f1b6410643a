"""What needs somebody, of states that the core has decided, and of time."""

import json
from typing import Any

import pytest

from console.live.needs import Need, needs_of_state, needs_of_time
from core.decide import decide_spend
from core.decide_catalog import decide_brand, decide_campaign
from core.decide_time import Tick, decide_tick
from core.duplicates import DuplicateWindow
from core.emission import release_resumes
from core.moment import HOUR, MINUTE, Moment, parse_moment
from core.money import MICROS
from core.spend import Spend
from core.state import Origin, PartitionState

NOON = parse_moment("2025-09-08T12:00:00Z")


class Decided:
    """A brand and its campaign `c`, as the controller holds them."""

    def __init__(self, brand: dict[str, Any] | None = None, campaign: dict[str, Any] | None = None) -> None:
        self.state = PartitionState(0, DuplicateWindow(100))
        zones = [{"time_zone": "UTC", "from": None}]
        document = {"kind": "brand", "brand_id": "b", "version": 1, "currency": "USD", "zones": zones}
        document |= {"daily_budget": None, "monthly_budget": None} | (brand or {})
        decide_brand(self.state, "b", json.dumps(document).encode(), Origin("catalog", 0, NOON))
        of_campaign = {"kind": "campaign", "brand_id": "b", "campaign_id": "c", "version": 1, **(campaign or {})}
        decide_campaign(self.state, "b", "c", json.dumps(of_campaign).encode(), Origin("catalog", 1, NOON))

    def spend(self, amount: int, campaign_id: str = "c", at: Moment = NOON) -> "Decided":
        event = Spend(f"{campaign_id}{at}", "b", campaign_id, amount * MICROS, None, at)
        decide_spend(self.state, event, "spend-events", 0, at)
        return self

    @property
    def needs(self) -> set[Need]:
        return set(needs_of_state(self.state.brands["b"]))


@pytest.mark.parametrize(
    ("brand", "campaign", "expected"),
    [
        ({}, {}, set()),
        ({"daily_budget": "0"}, {}, {Need.OVER}),
        ({"daily_budget": "5.00"}, {}, {Need.OVER}),
        ({"daily_budget": "5.01"}, {}, set()),
        ({"monthly_budget": "5.00"}, {}, {Need.OVER}),
        ({"enabled": False}, {}, {Need.BY_HAND}),
        ({}, {"enabled": False}, {Need.BY_HAND}),
        ({}, {"enabled": False, "archived": True}, set()),
        ({"enabled": False, "daily_budget": "0", "archived": True}, {}, set()),
    ],
)
def test_budgets_and_people(brand: dict[str, Any], campaign: dict[str, Any], expected: set[Need]) -> None:
    assert Decided(brand, campaign).spend(5).needs == expected


def test_what_raised_an_alert_needs_somebody_until_it_is_resolved() -> None:
    decided = Decided({}, {"enabled": False})
    assert Need.AFTER_PAUSE not in decided.spend(1, at=NOON + MINUTE).needs  # the time that a consumer has
    assert Need.AFTER_PAUSE in decided.spend(1, at=NOON + 2 * MINUTE).needs


def test_spend_of_an_unknown_campaign_does_on_its_day() -> None:
    decided = Decided().spend(1, "nobody")
    assert decided.needs == {Need.UNKNOWN_CAMPAIGN}
    decide_tick(decided.state, Tick(NOON + 12 * HOUR), Origin("ticks", 0, NOON + 12 * HOUR))
    assert decided.needs == set()


def test_a_silent_brand_does_until_spend_arrives() -> None:
    decided = Decided({"silent_after_minutes": 60}).spend(1)
    release_resumes(decided.state, list(decided.state.pending_resumes.values()))
    decide_tick(decided.state, Tick(NOON + 2 * HOUR), Origin("ticks", 0, NOON + 2 * HOUR))
    assert decided.needs == {Need.SILENT}
    assert decided.spend(1, at=NOON + 3 * HOUR).needs == set()


@pytest.mark.parametrize(
    ("runs_out_at", "points", "expected"),
    [
        (None, None, set()),
        (2 * HOUR, 0, {Need.SOON}),
        (2 * HOUR + 1, 4, set()),
        (None, 5, {Need.AHEAD}),
        (None, -5, {Need.BEHIND}),
        (HOUR, -4, {Need.SOON}),
    ],
)
def test_needs_that_time_brings(runs_out_at: int | None, points: int | None, expected: set[Need]) -> None:
    assert set(needs_of_time(runs_out_at, points, 0)) == expected


def test_a_brand_that_is_paused_by_hand_is_not_behind() -> None:
    assert needs_of_time(None, -50, 0, is_enabled=False) == frozenset()
