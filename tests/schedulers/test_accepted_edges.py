"""Whatever the edges accept of brands and campaigns becomes a document that the controller can use."""

from datetime import date
from typing import TypeVar

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from console.api import bodies
from console.api.bodies import BrandEdit, NewCampaign
from core.calendar import time_zone_names
from core.decide_catalog import decide_brand, decide_campaign
from core.decide_time import Tick, decide_tick
from core.errors import RefusedValue
from core.moment import END_OF_TIME, HOUR, parse_moment
from core.overrides import NO_OVERRIDES, Overrides
from core.reasons import Reason
from core.refusal import Refusal
from core.state import Origin
from core.windows import Window
from models.tables.brand import Brand, BrandZone
from models.tables.campaign import Campaign
from models.tables.daypart_window import DaypartWindow, window_columns
from operations import validation
from operations.budget_overrides import edited_overrides
from schedulers.catalog_relay.documents import document_of
from streams.kafka.codec import encode
from tests.core.scenario import new_state

_Value = TypeVar("_Value")

TODAY = date(2025, 9, 8)
NOW = parse_moment("2025-09-08T09:30:00Z")

whole = st.integers(0, 10**13).map(str) | st.sampled_from(["0", "-0", "999999999", "999999999999", "1000000000000"])
amounts = (
    st.sampled_from(["none", "None", "0", "0.000001", "999999999999.999999", "1000000000", "1e11", "1e12", "-0.0"])
    | st.tuples(whole, st.text("0123456789", min_size=1, max_size=7)).map(".".join)
    | st.text(max_size=6)
)
dates = (
    st.dates(date(1969, 12, 25), date(1970, 1, 10)).map(str)
    | st.dates(date(9999, 12, 20)).map(str)
    | st.dates().map(str)
    | st.sampled_from(["none", "", "2025-02-29", "10000-01-01"])
)
texts = (
    st.text(max_size=200) | st.text("\u0000\u007f\u0085\u2028\ud800 e\u0301\U0001f4a9", max_size=8) | st.just("none")
)
ids = st.text("aZ9._:-", min_size=1, max_size=64) | st.text(max_size=3) | st.sampled_from([".", "..", "a" * 64, "b/c"])
clocks = st.sampled_from(["00:00", "00:01", "12:00", "23:59", "24:00"]) | st.times().map(lambda it: f"{it:%H:%M}")
day_lists = st.sampled_from(["mon", "daily", "all", "sat-mon", "sun,mon,sun", "mon-mon", "MON-fri"]) | st.text(
    max_size=4
)
window_texts = st.tuples(day_lists, clocks, clocks).map(lambda it: f"{it[0]} {it[1]}-{it[2]}")
window_lists = st.lists(window_texts, max_size=6) | st.just(["none"]) | st.just(["daily 00:00-24:00"])
override_texts = st.tuples(dates, dates, st.sampled_from(["daily", "monthly"]), amounts).map(
    lambda it: f"{it[0]}..{it[1]} {it[2]}={it[3]}"
) | st.sampled_from(["2026-11-27..2026-11-30 daily=5", "2026-02-01..2026-02-28 monthly=none daily=0"])
override_lists = st.lists(override_texts, max_size=4)
moments = st.sampled_from([0, 1, NOW, END_OF_TIME - 1, END_OF_TIME])


def decide_both(brand: Brand, campaign: Campaign) -> None:
    """Documents of both rows through the controller, and ticks on the first, a usual and the last day."""
    state = new_state()
    read_brand = decide_brand(state, brand.brand_id, encode(document_of(brand, 1)), Origin("catalog", 0, NOW))
    assert not isinstance(read_brand, Refusal), read_brand
    value = encode(document_of(campaign, 2))
    decide_campaign(state, brand.brand_id, campaign.campaign_id, value, Origin("catalog", 1, NOW))
    for moment in (NOW + HOUR, END_OF_TIME):
        assert decide_tick(state, Tick(moment), Origin("dayparting-ticks", 0, moment)) == []
        assert Reason.INVALID not in state.brands[brand.brand_id].campaigns[campaign.campaign_id].reasons
    assert state.commands or state.pending_resumes


@st.composite
def rows_of_the_command_line(draw: st.DrawFn) -> tuple[Brand, Campaign]:
    """Values that `validation` refuses are left out, as nothing would be written."""

    def take(strategy: st.SearchStrategy[str], read: object, default: _Value) -> _Value:
        try:
            return read(draw(strategy))  # type: ignore[operator, no-any-return]
        except RefusedValue:
            return default

    def overrides(*, has_monthly: bool) -> Overrides:
        try:
            return edited_overrides(NO_OVERRIDES, TODAY, added=draw(override_lists), has_monthly=has_monthly)
        except RefusedValue:
            return NO_OVERRIDES

    monthly = take(amounts, lambda it: validation.budget("monthly budget", it), None)
    zone = take(st.sampled_from(sorted(time_zone_names())) | st.text(max_size=5), validation.time_zone, "UTC")
    later = take(st.sampled_from(sorted(time_zone_names())), validation.time_zone, "UTC")
    zones = [BrandZone(time_zone=zone), BrandZone(time_zone=later, starts_at=draw(moments))]
    brand = Brand(
        brand_id=take(ids, lambda it: validation.identifier("brand", it), "nike"),
        name=take(texts, validation.name, ""),
        currency=take(st.sampled_from(["usd", "PKR", "XXX", "idr"]) | texts, validation.currency, "USD"),
        daily_budget_micros=take(amounts, lambda it: validation.budget("daily budget", it), None),
        monthly_budget_micros=monthly,
        budget_overrides=overrides(has_monthly=True),
        pacing="even" if monthly is not None and draw(st.booleans()) else "none",
        enabled=draw(st.booleans()),
        archived=draw(st.booleans()),
        epoch=1,
        zones=zones[: draw(st.integers(1, 2))],
    )
    starts_on = take(dates, lambda it: validation.date_or_none("starts-on", it), None)
    ends_on = take(dates, lambda it: validation.date_or_none("ends-on", it), None)
    try:
        validation.flight(starts_on, ends_on)
    except RefusedValue:
        ends_on = None
    windows: list[Window] = []
    try:
        windows = validation.windows(draw(window_lists))
    except RefusedValue:
        windows = []
    return brand, Campaign(
        brand_id=brand.brand_id,
        campaign_id=take(ids, lambda it: validation.identifier("campaign", it), "a"),
        name=take(texts, validation.name, ""),
        external_id=take(texts, validation.text_or_none, None),
        daily_budget_micros=take(amounts, lambda it: validation.budget("daily budget", it), None),
        total_budget_micros=take(amounts, lambda it: validation.budget("total budget", it), None),
        budget_overrides=overrides(has_monthly=False),
        starts_on=starts_on,
        ends_on=ends_on,
        enabled=draw(st.booleans()),
        archived=draw(st.booleans()),
        windows=[DaypartWindow(**window_columns(it)) for it in windows],
    )


@given(rows=rows_of_the_command_line())
def test_what_the_command_line_accepts_is_decided_and_usable(rows: tuple[Brand, Campaign]) -> None:
    decide_both(*rows)


json_amounts = amounts | st.integers(-1, 10**13) | st.floats(0, 1e13, allow_nan=False) | st.none()
window_objects = st.fixed_dictionaries(
    {"days": st.lists(st.sampled_from(["mon", "sun", "fri", "x"]), max_size=8), "from": clocks, "to": clocks}
)
override_objects = st.lists(
    st.fixed_dictionaries(
        {"from": dates, "to": dates}, optional={"daily_budget": json_amounts, "monthly_budget": json_amounts}
    )
    | st.just({"from": "2026-02-01", "to": "2026-02-28", "daily_budget": None}),
    max_size=2,
)
campaign_bodies = st.fixed_dictionaries(
    {"campaign_id": ids, "brand_id": st.just("nike")},
    optional={
        "name": texts,
        "external_id": texts | st.none(),
        "daily_budget": json_amounts,
        "total_budget": json_amounts,
        "budget_overrides": override_objects,
        "starts_on": dates | st.none(),
        "ends_on": dates | st.none(),
        "enabled": st.booleans(),
        "windows": st.lists(window_texts | window_objects, max_size=3),
    },
)
brand_bodies = st.fixed_dictionaries(
    {},
    optional={
        "name": texts,
        "daily_budget": json_amounts,
        "monthly_budget": json_amounts,
        "budget_overrides": override_objects,
        "enabled": st.booleans(),
    },
)


@given(brand_body=brand_bodies, campaign_body=campaign_bodies)
def test_what_the_api_accepts_is_decided_and_usable(
    brand_body: dict[str, object], campaign_body: dict[str, object]
) -> None:
    try:
        changes = bodies.brand_changes(msgspec.json.decode(msgspec.json.encode(brand_body), type=BrandEdit))
        new = msgspec.json.decode(msgspec.json.encode(campaign_body), type=NewCampaign)
        windows = bodies.windows(new.windows)
        campaign = Campaign(
            brand_id="nike",
            campaign_id=validation.identifier("campaign", new.campaign_id),
            name=validation.name(new.name),
            external_id=bodies.text_or_none(new.external_id),
            daily_budget_micros=bodies.budget("daily budget", new.daily_budget),
            total_budget_micros=bodies.budget("total budget", new.total_budget),
            budget_overrides=bodies.campaign_overrides(new.budget_overrides),
            starts_on=bodies.day_or_none("starts_on", new.starts_on),
            ends_on=bodies.day_or_none("ends_on", new.ends_on),
            enabled=new.enabled,
            archived=False,
            windows=[DaypartWindow(**window_columns(it)) for it in windows],
        )
        validation.flight(campaign.starts_on, campaign.ends_on)
    except (RefusedValue, msgspec.ValidationError, UnicodeEncodeError):
        return
    brand = Brand(
        brand_id="nike",
        currency="IDR",
        name=changes.get("name", ""),
        daily_budget_micros=changes.get("daily_budget_micros"),
        monthly_budget_micros=changes.get("monthly_budget_micros"),
        budget_overrides=changes.get("budget_overrides", NO_OVERRIDES),
        pacing="none",
        enabled=changes.get("enabled", True),
        archived=False,
        epoch=1,
        zones=[BrandZone(time_zone="Asia/Jakarta")],
    )
    decide_both(brand, campaign)
