"""A document is in force as a whole or not at all; a broken campaign breaks no other."""

import json
from datetime import date
from typing import Any

import pytest

from core.calendar import ZoneSpan
from core.catalog import BrandConfig, CampaignConfig, read_brand_config, read_campaign_config
from core.dayparting import Schedule
from core.decide_catalog import decide_brand, decide_campaign
from core.moment import parse_moment
from core.refusal import Refusal, RefusalReason
from core.state import Origin
from core.verdict import Verdict
from core.windows import Window
from tests.core.scenario import check, new_state

BRAND: dict[str, Any] = {
    "kind": "brand",
    "brand_id": "nike",
    "version": 12,
    "name": "Nike",
    "zones": [{"time_zone": "Asia/Karachi", "from": None}],
    "currency": "USD",
    "daily_budget": "100.00",
    "monthly_budget": "2000.00",
    "enabled": True,
    "archived": False,
    "epoch": 1,
}
CAMPAIGN: dict[str, Any] = {
    "kind": "campaign",
    "brand_id": "nike",
    "campaign_id": "nike-summer",
    "version": 3,
    "name": "Summer",
    "external_id": None,
    "enabled": True,
    "archived": False,
    "daily_budget": None,
    "total_budget": None,
    "starts_on": None,
    "ends_on": None,
    "windows": [{"days": ["mon", "tue", "wed", "thu", "fri"], "from": "09:00", "to": "17:00"}],
}
KARACHI = {"time_zone": "Asia/Karachi", "from": None}
BROKEN_BYTES = [b"", b"no json", b"\xff", b"[]", b"null", b"{}", b'{"a":' * 5_000]


def brand_terms(**fields: object) -> BrandConfig | Refusal:
    return read_brand_config("nike", json.dumps(BRAND | fields).encode())


def campaign_terms(**fields: object) -> CampaignConfig:
    return read_campaign_config("nike", "nike-summer", json.dumps(CAMPAIGN | fields).encode())


def test_the_contracts_brand_is_read() -> None:
    assert brand_terms() == BrandConfig(
        12, (ZoneSpan("Asia/Karachi", None),), "USD", 100_000_000, 2_000_000_000, True, False, 1
    )


def test_the_contracts_campaign_is_read() -> None:
    schedule = Schedule((Window((0, 1, 2, 3, 4), 540, 1020),))
    assert campaign_terms() == CampaignConfig(version=3, usable=True, schedule=schedule)


@pytest.mark.parametrize(
    ("number", "text"),
    [("100", "100.00"), ("0.1", "0.1"), ("1.5e2", "150"), ("123456789012.345678", "123456789012.345678"), ("0", "0")],
)
def test_money_may_be_a_json_number_and_is_exact(number: str, text: str) -> None:
    budgets = {"daily_budget": "{}", "monthly_budget": "{}"}
    dated = {"from": "2025-09-01", "to": "2025-09-30", "monthly_budget": "{}"}
    document = json.dumps(BRAND | budgets | {"budget_overrides": [dated]})
    as_text = read_brand_config("nike", document.replace("{}", text).encode())
    assert isinstance(as_text, BrandConfig)
    assert read_brand_config("nike", document.replace('"{}"', number).encode()) == as_text
    campaign = json.dumps(CAMPAIGN | {"daily_budget": "{}", "total_budget": "{}"})
    usable = read_campaign_config("nike", "nike-summer", campaign.replace('"{}"', number).encode())
    assert usable == read_campaign_config("nike", "nike-summer", campaign.replace("{}", text).encode())
    assert usable.usable


def test_percents_may_come_in_any_order() -> None:
    config = brand_terms(alert_percents=[100, 50, 100])
    assert isinstance(config, BrandConfig) and config.alert_percents == (50, 100)


def test_a_flight_and_budgets_are_read() -> None:
    config = campaign_terms(
        daily_budget="0", total_budget="1.5", starts_on="2025-10-05", ends_on="2025-10-05", external_id="x-1"
    )
    assert (config.daily_budget_micros, config.total_budget_micros, config.external_id) == (0, 1_500_000, "x-1")
    assert (config.schedule.starts_on, config.schedule.ends_on) == (date(2025, 10, 5), date(2025, 10, 5))


def test_zones_come_in_rising_order() -> None:
    later = {"time_zone": "America/Los_Angeles", "from": "2025-09-08T20:00:00Z"}
    config = brand_terms(zones=[KARACHI, later])
    assert isinstance(config, BrandConfig)
    assert config.zones[1] == ZoneSpan("America/Los_Angeles", parse_moment("2025-09-08T20:00:00Z"))


@pytest.mark.parametrize(
    "fields",
    [
        {"brand_id": "puma"},
        {"kind": "campaign"},
        {"version": "12"},
        {"version": None},
        {"currency": "usd"},
        {"currency": "US"},
        {"currency": None},
        {"daily_budget": "-1"},
        {"daily_budget": True},
        {"daily_budget": -1},
        {"monthly_budget": 1e-7},
        {"budget_overrides": [{"from": "2025-09-08", "to": "2025-09-08", "daily_budget": -0.5}]},
        {"budget_overrides": [7]},
        {"daily_budget": "much"},
        {"monthly_budget": "0.0000001"},
        {"monthly_budget": "1000000000001"},
        {"enabled": "yes"},
        {"archived": 1},
        {"epoch": "1"},
        *({"alert_percents": bad} for bad in ([0], [1001], ["80"], 80, list(range(1, 12)))),
        *({"silent_after_minutes": bad} for bad in (4, 10_081, "180")),
        {"zones": []},
        {"zones": None},
        {"zones": [{"time_zone": "Mars/Olympus", "from": None}]},
        {"zones": [{"time_zone": "Asia/Karachi", "from": "2025-09-08T20:00:00Z"}]},
        {"zones": [KARACHI, KARACHI]},
        {"zones": [KARACHI, {"time_zone": "UTC", "from": "2025-09-08T20:00:00"}]},
        {"zones": [KARACHI] + 2 * [{"time_zone": "UTC", "from": "2025-09-08T20:00:00Z"}]},
        {"zones": [KARACHI, {"time_zone": "UTC", "from": "2025-09-08Z"}]},
    ],
)
def test_a_brand_document_with_a_wrong_field_is_refused(fields: dict[str, object]) -> None:
    refusal = brand_terms(**fields)
    assert isinstance(refusal, Refusal)
    assert refusal.reason is RefusalReason.INVALID_FIELD
    assert "nike" in refusal.message


@pytest.mark.parametrize("value", BROKEN_BYTES)
def test_a_brand_document_that_is_no_document_is_refused(value: bytes) -> None:
    assert isinstance(read_brand_config("nike", value), Refusal)


def test_a_brand_id_that_is_no_id_is_refused() -> None:
    assert isinstance(read_brand_config("ni ke", json.dumps(BRAND | {"brand_id": "ni ke"}).encode()), Refusal)


@pytest.mark.parametrize(
    "fields",
    [
        {"brand_id": "puma"},
        {"campaign_id": "nike-winter"},
        {"kind": "brand"},
        {"daily_budget": "-1"},
        {"daily_budget": [7]},
        {"daily_budget": 1e12},
        {"total_budget": "much"},
        {"enabled": None},
        {"external_id": 7},
        {"starts_on": "2025-02-30"},
        {"starts_on": "20251005"},
        {"starts_on": "2025-W40-7"},
        {"ends_on": "tomorrow"},
        {"starts_on": "2025-10-06", "ends_on": "2025-10-05"},
        {"windows": None},
        {"windows": [{}]},
        {"windows": [{"days": [], "from": "09:00", "to": "17:00"}]},
        {"windows": [{"days": ["someday"], "from": "09:00", "to": "17:00"}]},
        {"windows": [{"days": ["mon"], "from": "09:00", "to": "09:00"}]},
        {"windows": [{"days": ["mon"], "from": "9:00", "to": "17:00"}]},
        {"windows": [{"days": ["mon"], "from": "24:00", "to": "17:00"}]},
        {"windows": [{"days": ["mon"], "from": "09:00", "to": "24:01"}]},
        {"windows": [{"days": ["mon"], "from": "09:00:30", "to": "17:00"}]},
    ],
)
def test_a_campaign_document_with_a_wrong_field_is_not_usable_but_keeps_its_version(fields: dict[str, object]) -> None:
    assert campaign_terms(**fields) == CampaignConfig(version=3, usable=False)


@pytest.mark.parametrize("value", [*BROKEN_BYTES, b'{"version":"3"}', b'{"version":1e400}'])
def test_a_campaign_document_that_is_no_document_is_not_usable(value: bytes) -> None:
    assert read_campaign_config("nike", "nike-summer", value) == CampaignConfig(version=0, usable=False)


def test_a_refused_brand_document_leaves_the_former_in_force() -> None:
    scenario = check("""
        day 2025-09-08
        09:00 brand nike zone=UTC daily=100
        09:00 campaign a
        10:00 brand nike daily=0 zone=Mars/Olympus
        11:00 brand nike zone=UTC daily=none currency=USD
        11:01 spend a 1000
        == nike daily=1000.00
    """)
    assert isinstance(scenario.verdicts[2], Refusal)


def test_the_currency_can_change_before_the_first_spend_and_not_after_it() -> None:
    scenario = check("""
        day 2025-09-08
        09:00 brand nike zone=UTC
        09:00 campaign a
        09:01 brand nike currency=EUR
        09:02 spend a 1 currency=EUR
        restart
        09:03 brand nike currency=USD
        09:04 spend a 1 currency=USD
        == nike daily=1.00
    """)
    assert [it.reason.name for it in scenario.verdicts if isinstance(it, Refusal)] == ["CURRENCY_MISMATCH"] * 2


def test_a_version_that_is_not_above_the_one_held_is_ignored() -> None:
    state, origin = new_state(), Origin("catalog", 0, parse_moment("2025-09-08T09:00:00Z"))

    def brand(version: int, **fields: object) -> object:
        return decide_brand(state, "nike", json.dumps(BRAND | {"version": version} | fields).encode(), origin)

    def campaign(version: int, **fields: object) -> object:
        document = CAMPAIGN | {"version": version} | fields
        return decide_campaign(state, "nike", "nike-summer", json.dumps(document).encode(), origin)

    assert [brand(5), campaign(7)] == [Verdict.APPLIED] * 2
    assert [brand(5, enabled=False), brand(4, enabled=False)] == [Verdict.STALE] * 2
    assert [campaign(7, enabled=False), campaign(6, enabled=False)] == [Verdict.STALE] * 2
    assert campaign(7, windows=7) is Verdict.STALE, "a broken document has a version too"
    assert list(state.pending_resumes) == [("nike", "nike-summer")], "which runs: nothing of the stale ones is in force"
    assert [brand(6), campaign(8)] == [Verdict.APPLIED] * 2


@pytest.mark.parametrize("restarts", [False, True])
def test_a_broken_document_without_a_version_stays_in_force_until_a_higher_one_comes(restarts: bool) -> None:
    scenario = check("""
        day 2025-09-08
        09:00 brand nike zone=UTC
        09:00 campaign a
        09:01 campaign a external_id=x
        09:02 campaign a raw="no json"
          -> pause a invalid
    """)
    assert scenario.commands[-1].catalog.campaign_version == 2
    if restarts:
        scenario.restart()
    document = {"brand_id": "nike", "campaign_id": "a", "version": 2}
    origin = Origin("catalog", 9, parse_moment("2025-09-08T09:03:00Z"))
    assert decide_campaign(scenario.state, "nike", "a", json.dumps(document).encode(), origin) is Verdict.STALE
    document["version"] = 3
    assert decide_campaign(scenario.state, "nike", "a", json.dumps(document).encode(), origin) is Verdict.APPLIED
    assert scenario.campaign("a").reasons == 0


def test_campaigns_that_come_before_their_brand_take_effect_with_it() -> None:
    state, origin = new_state(), Origin("catalog", 0, parse_moment("2025-09-08T09:00:00Z"))
    assert decide_campaign(state, "nike", "nike-summer", json.dumps(CAMPAIGN).encode(), origin) is Verdict.APPLIED
    assert (state.commands, state.pending_resumes) == ([], {})
    assert decide_brand(state, "nike", json.dumps(BRAND).encode(), origin) is Verdict.APPLIED
    assert list(state.pending_resumes) == [("nike", "nike-summer")]
