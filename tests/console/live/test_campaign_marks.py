"""By what the campaigns of a brand are counted: whether they run, what needs somebody, why they are paused."""

from typing import Any

import pytest

from console.live.campaign_marks import MARKS, campaign_facts
from core.moment import MINUTE
from tests.console.live.test_needs import NOON, Decided


def marks(decided: Decided) -> set[str]:
    return set(campaign_facts(decided.state.brands["b"])["c"].marks)


@pytest.mark.parametrize(
    ("brand", "campaign", "expected"),
    [
        ({}, {}, {"running"}),
        ({}, {"enabled": False}, {"paused", "manual"}),
        ({"enabled": False}, {}, {"paused", "manual"}),
        ({"daily_budget": "5.00"}, {}, {"paused", "daily_budget"}),
        ({"monthly_budget": "5.00"}, {}, {"paused", "monthly_budget"}),
        ({}, {"daily_budget": "5.00"}, {"paused", "over"}),
        ({}, {"total_budget": "5.00"}, {"paused", "over"}),
        ({}, {"daily_budget": "5.01"}, {"running"}),
        ({}, {"ends_on": "2025-09-07"}, {"paused", "flight"}),
        ({"archived": True}, {}, {"paused"}),
        ({}, {"archived": True}, set()),
    ],
)
def test_a_campaign_of_which_5_are_spent(brand: dict[str, Any], campaign: dict[str, Any], expected: set[str]) -> None:
    assert marks(Decided(brand, campaign).spend(5)) == expected


def test_spend_after_a_pause_is_a_mark_once_it_is_an_alert() -> None:
    decided = Decided({}, {"enabled": False})
    assert "after_pause" not in marks(decided.spend(1, at=NOON + MINUTE))
    assert "after_pause" in marks(decided.spend(1, at=NOON + 2 * MINUTE))


def test_a_campaign_that_is_not_in_the_catalog_has_no_row_to_mark() -> None:
    assert set(campaign_facts(Decided().spend(1, "nobody").state.brands["b"])) == {"c"}


def test_what_a_campaign_has_spent_is_told_beside_its_marks() -> None:
    facts = campaign_facts(Decided().spend(5).state.brands["b"])["c"]
    assert (facts.daily_micros, facts.total_micros) == (5_000_000, 5_000_000)


def test_each_mark_is_there_once() -> None:
    assert len(MARKS) == len(set(MARKS))
    assert {"flight", "schedule", "pacing", "invalid", "manual"} <= set(MARKS)
