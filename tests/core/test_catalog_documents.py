"""Whatever lies on the catalog topic is decided, and a campaign's document touches no other campaign."""

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from core import catalog
from core.catalog import BrandConfig, read_brand_config, read_campaign_config
from core.decide_catalog import decide_brand, decide_campaign
from core.decide_time import Tick, decide_tick
from core.moment import HOUR
from core.reasons import Reason
from core.refusal import Refusal
from core.state import Origin
from core.state_changes import take_changes
from core.state_restore import restore
from tests.core.clock_changes import at
from tests.core.scenario import Scenario, new_state

NOW = at("2025-09-08T09:30:00Z")

dates = [
    "",
    "0001-01-01",
    "9999-12-31",
    "1970-01-01T00:00:00Z",
    "9999-12-31T23:59:59.999Z",
    "2016-12-31T23:59:60Z",
    "0",
]
odd = [
    "999999999999.999999",
    "1000000000000",
    "24:00",
    "00:00",
    "\x00",
    "x" * 300,
    "Asia/Calcutta",
    "Etc/GMT-14",
    "UTC",
]
texts = st.text(max_size=10) | st.sampled_from(dates + odd)
days = st.lists(st.sampled_from(["mon", "sun", "x"]))
numbers = st.sampled_from([0, 1, -1, 2**31, 2**62, 2**62 + 1, 2**63, 2**64, 10**400, 1.5, 1e308]) | st.integers()
anything: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | numbers | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=8,
)
CAMPAIGN = {"kind": "campaign", "brand_id": "nike", "campaign_id": "a", "version": 5}
BRAND = {"kind": "brand", "brand_id": "nike", "version": 5, "currency": "USD"}
windows = st.lists(st.fixed_dictionaries({"days": days | anything, "from": texts, "to": texts}))
zones = st.lists(st.fixed_dictionaries({"time_zone": texts, "from": st.none() | texts}), max_size=3)
campaign_fields = st.fixed_dictionaries(
    {},
    optional={
        "version": numbers | anything,
        "starts_on": texts | anything,
        "ends_on": texts | anything,
        "daily_budget": texts | anything,
        "total_budget": texts | anything,
        "external_id": texts | anything,
        "windows": windows | anything,
        "enabled": anything,
    },
)
brand_fields = st.fixed_dictionaries(
    {"zones": zones | st.just([{"time_zone": "America/New_York", "from": None}])},
    optional={
        "version": numbers | anything,
        "epoch": numbers | anything,
        "daily_budget": texts | anything,
        "monthly_budget": texts | anything,
        "currency": texts | anything,
        "alert_percents": st.lists(numbers, max_size=11) | anything,
        "silent_after_minutes": numbers | anything,
    },
)
campaign_documents = (
    campaign_fields.map(lambda fields: json.dumps(CAMPAIGN | fields).encode())
    | anything.map(lambda value: json.dumps(value).encode())
    | st.binary(max_size=40)
    | st.integers(1, 17).map(lambda power: b"[" * 2**power)
)
brand_documents = brand_fields.map(lambda fields: json.dumps(BRAND | fields).encode()) | st.binary(max_size=40)


brand_objects = brand_fields.map(lambda fields: BRAND | fields)
campaign_objects = campaign_fields.map(lambda fields: CAMPAIGN | fields)
ids = st.sampled_from(["nike", "puma", "x" * 64, "x" * 65, "n ike", "", 'n"', "n\u00efke"])


@given(objects=st.lists(brand_objects, min_size=1, max_size=3), brand_id=ids, name=texts)
def test_a_brand_s_document_is_read_the_same_whatever_was_read_before(
    objects: list[dict[str, Any]], brand_id: str, name: str
) -> None:
    """Brands of equal terms share them, which must let in nothing."""
    asked = json.dumps(objects[0] | {"brand_id": brand_id, "name": name}).encode()
    catalog._shared_brand_config.cache_clear()
    alone = read_brand_config(brand_id, asked)
    for one in objects:
        read_brand_config("nike", json.dumps(one).encode())
    assert read_brand_config(brand_id, asked) == alone
    assert not isinstance(alone, BrandConfig) or len(brand_id) <= 64
    assert not isinstance(read_brand_config("other", asked), BrandConfig)


@given(objects=st.lists(campaign_objects, min_size=1, max_size=3), brand_id=ids, campaign_id=ids, name=texts)
def test_a_campaign_s_document_is_read_the_same_whatever_was_read_before(
    objects: list[dict[str, Any]], brand_id: str, campaign_id: str, name: str
) -> None:
    asked = json.dumps(objects[0] | {"brand_id": brand_id, "campaign_id": campaign_id, "name": name}).encode()
    catalog._shared_campaign_config.cache_clear()
    alone = read_campaign_config(brand_id, campaign_id, asked)
    for one in objects:
        read_campaign_config("nike", "a", json.dumps(one).encode())
    assert read_campaign_config(brand_id, campaign_id, asked) == alone
    assert not read_campaign_config("other", campaign_id, asked).usable
    assert not read_campaign_config(brand_id, "other", asked).usable


def test_brands_and_campaigns_of_equal_terms_share_them() -> None:
    zone = {"zones": [{"time_zone": "UTC", "from": None}]}
    brands = [
        read_brand_config(it, json.dumps(BRAND | zone | {"brand_id": it, "name": it}).encode()) for it in ("nike", "p")
    ]
    window = {"windows": [{"days": ["mon"], "from": "09:00", "to": "17:00"}]}
    campaigns = [
        read_campaign_config("nike", it, json.dumps(CAMPAIGN | window | {"campaign_id": it, "name": it}).encode())
        for it in ("a", "b")
    ]
    for one, other in (brands, campaigns):
        assert one is other


def test_long_documents_are_not_kept_to_be_shared() -> None:
    """As many of them as are kept of others would not fit into memory."""
    later = [{"time_zone": "UTC", "from": f"{year}-01-01T00:00:00Z"} for year in range(2000, 2100)]
    brand = json.dumps(BRAND | {"zones": [{"time_zone": "UTC", "from": None}, *later]}).encode()
    windows = {"windows": [{"days": ["mon"], "from": "09:00", "to": "17:00"}] * 100}
    campaign = json.dumps(CAMPAIGN | windows).encode()
    for one, other in (
        (read_brand_config("nike", brand), read_brand_config("nike", brand)),
        (read_campaign_config("nike", "a", campaign), read_campaign_config("nike", "a", campaign)),
    ):
        assert one == other
        assert one is not other


def founded() -> Scenario:
    scenario = Scenario()
    for line in (
        "day 2025-09-08",
        "09:00 brand nike zone=Asia/Calcutta daily=10",
        '09:00 campaign b windows="daily 09:00-17:00"',
        "09:00 campaign a",
    ):
        scenario.run(line)
    return scenario


@given(value=campaign_documents)
def test_any_bytes_for_a_campaign_are_decided_and_no_other_campaign_is_touched(value: bytes) -> None:
    scenario = founded()
    state = scenario.state
    other = scenario.campaign("b")
    before = (other.reasons, other.last_action, other.boundary_at, other.sequence)
    decide_campaign(state, "nike", "a", value, Origin("catalog", 9, NOW))
    assert (other.reasons, other.last_action, other.boundary_at, other.sequence) == before
    campaign = scenario.campaign("a")
    assert campaign.config
    assert campaign.config.usable is (Reason.INVALID not in campaign.reasons)
    assert decide_tick(state, Tick(NOW + HOUR), Origin("dayparting-ticks", 1, NOW + HOUR)) == []
    scenario.run("restart")
    assert not scenario.state.underived


@given(value=brand_documents)
def test_any_bytes_for_a_brand_are_decided_or_refused(value: bytes) -> None:
    scenario = founded()
    state = scenario.state
    verdict = decide_brand(state, "nike", value, Origin("catalog", 9, NOW))
    scenario.run("10:00 spend a 1")
    scenario.run("10:00 spend b 100")
    for moment in (NOW + HOUR, at("9999-12-31T23:59:59.999Z")):
        assert decide_tick(state, Tick(moment), Origin("dayparting-ticks", 1, moment)) == []
    entries = {key.decode(): held for key, held in take_changes(state, {}, {}) if held is not None}
    restored = new_state()
    assert restore(restored, entries.items()) is not None
    assert not restored.underived
    assert isinstance(verdict, Refusal) or state.brands["nike"].config
