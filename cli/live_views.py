"""`brand show` and `campaign show`: the state that the controller holds, read from Kafka, beside the catalog's rows."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from cli import output
from core.dayparting import flight_is_over
from models.errors import RowNotFound
from models.names import brand_names, campaign_name
from operations.catalog_views import Json, brand_view, campaign_view, override_text, window_text
from operations.reason_words import in_words
from operations.validation import silent_after_text
from streams.live_state import find_brand_id, read_brand

if TYPE_CHECKING:
    from models.tables.brand import Brand
    from models.tables.campaign import Campaign
    from streams.live_state import HeldBrand
    from streams.settings import Settings

__all__ = ["read_brand_view", "read_campaign_view", "show_brand", "show_campaign"]

View = Mapping[str, Json]

_NOT_HELD = "The controller does not hold it yet: is `spendgate worker` running?"
_BEHIND = "The controller has not applied all that was sent before: is `spendgate worker` running?"


async def read_brand_view(settings: "Settings", brand_id: str) -> View:
    """Raises RowNotFound where neither the database nor the controller knows the brand."""
    names = brand_names(settings.database, brand_id)
    held = await read_brand(settings, brand_id)
    if names is None and (held is None or held.state.config is None):
        raise RowNotFound(f"There is no brand {brand_id}.")
    view = brand_view(brand_id, held, None, ())
    if names is None:
        return view
    if view["state"] == "unknown" or not _held_campaigns(held).issuperset(names.campaigns):
        return brand_view(brand_id, held, *_brand_rows(settings, brand_id))
    campaigns = view["campaigns"]
    assert isinstance(campaigns, Sequence)
    named = [
        {**it, "name": names.campaigns.get(str(it["campaign_id"]), "")} for it in campaigns if isinstance(it, Mapping)
    ]
    return {**view, "name": names.name, "campaigns": named}


async def read_campaign_view(settings: "Settings", campaign_id: str) -> tuple[View, bool | None]:
    """The view, and whether the flight is over, None where that is not known. The brand comes from the database, else
    from the controller's state. Raises RowNotFound where neither knows the campaign."""
    named = campaign_name(settings.database, campaign_id)
    brand_id = named.brand_id if named else await find_brand_id(settings, campaign_id)
    if brand_id is None:
        raise RowNotFound(f"There is no campaign {campaign_id}.")
    held = await read_brand(settings, brand_id)
    view = campaign_view(campaign_id, held, None, brand_id)
    if named and view["state"] == "unknown":
        return campaign_view(campaign_id, held, _campaign_row(settings, campaign_id), brand_id), None
    is_over = None if held is None else _flight_is_over(held, campaign_id)
    return {**view, "name": named.name} if named else view, is_over


def show_brand(view: View) -> None:
    _warn(view)
    campaigns = view["campaigns"]
    assert isinstance(campaigns, Sequence)
    lines = [
        _titled(view, "brand_id"),
        f"  time zone  {view['time_zone']}, {view['currency']}",
        f"  today      {_spent(view, 'daily')} on {view['day'] or '-'}",
        f"  month      {_spent(view, 'monthly')} in {view['month'] or '-'}",
        *_allowance(view),
        *_overrides(view, str(view["day"] or "")),
        *_alerts(view),
    ]
    output.show(view, "\n".join(lines))
    if not output.is_json():
        rows = [campaign for campaign in campaigns if isinstance(campaign, Mapping)]
        columns = ("campaign_id", "state", "reasons", "resumes_at", "daily_spent", "daily_budget", "total_spent")
        output.show_table(columns, rows, "  no campaigns")


def _alerts(view: View) -> list[str]:
    percents, silent = view.get("alert_percents"), view.get("silent_after_minutes")
    if not isinstance(percents, Sequence):
        return []
    after = f", silent after {silent_after_text(silent)}" if isinstance(silent, int) else ""
    return [f"  alerts     {', '.join(f'{percent} %' for percent in percents) or 'no percentages'}{after}"]


def show_campaign(view: View, flight_is_over: bool | None) -> None:
    _warn(view)
    reasons, windows = view["reasons"], view.get("windows") or []
    assert isinstance(reasons, Sequence) and isinstance(windows, Sequence)
    why = f": {in_words(map(str, reasons), flight_is_over)}" if reasons else ""
    lines = [
        f"{_titled(view, 'campaign_id')}, brand {view['brand_id']}",
        f"  state      {view['state']}{why}",
        f"  then       {_next(view)}",
        *_after_pause(view),
        f"  today      {_spent(view, 'daily')}",
        *_overrides(view, ""),
        f"  total      {_spent(view, 'total')}",
        f"  flight     {view.get('starts_on') or '-'} to {view.get('ends_on') or '-'}",
        f"  windows    {'; '.join(map(window_text, windows)) or 'always'}",
        f"  commands   {view['sequence']}",
    ]
    output.show(view, "\n".join(lines))


def _flight_is_over(held: "HeldBrand", campaign_id: str) -> bool | None:
    brand, campaign = held.state.config, held.state.campaigns.get(campaign_id)
    if brand is None or campaign is None or campaign.config is None:
        return None
    return flight_is_over(campaign.config.schedule, brand.zones, held.clock)


def _held_campaigns(held: "HeldBrand | None") -> set[str]:
    """The ids of those whose documents the controller has."""
    return {it.campaign_id for it in held.state.campaigns.values() if it.config} if held else set()


def _brand_rows(settings: "Settings", brand_id: str) -> "tuple[Brand, Sequence[Campaign]]":
    """What the database has of a brand that the controller does not hold, or not whole."""
    from models.queries.catalog import get_brand, list_campaigns
    from models.session import session_scope

    with session_scope(settings.database) as session:
        return get_brand(session, brand_id), list_campaigns(session, brand_id=brand_id)


def _campaign_row(settings: "Settings", campaign_id: str) -> "Campaign":
    from models.queries.catalog import get_campaign
    from models.session import session_scope

    with session_scope(settings.database) as session:
        return get_campaign(session, campaign_id)


def _warn(view: View) -> None:
    if view["state"] == "unknown":
        output.note(_NOT_HELD)
    elif not view["up_to_date"]:
        output.note(_BEHIND)


def _next(view: View) -> str:
    """The next change that needs no new event."""
    if view["resumes_at"]:
        return f"resumes at {view['resumes_at']}"
    return f"pauses at {view['pauses_at']}" if view["pauses_at"] else "-"


def _after_pause(view: View) -> list[str]:
    """What was spent although the campaign was paused, while it is."""
    after = view["after_pause"]
    if not isinstance(after, Mapping) or not after["events"]:
        return []
    events = "1 event" if after["events"] == 1 else f"{after['events']} events"
    return [f"  overspend  {after['spent']} after the pause, in {events}, the last of {after['last_occurred_at']}"]


def _allowance(view: View) -> list[str]:
    """The share of a paced brand's month that may be spent today, and how it was worked out."""
    if view.get("daily_allowance") is None:
        return []
    return [f"  pacing     {view['daily_allowance']} may be spent today: {view['allowance_words']}"]


def _overrides(view: View, today: str) -> list[str]:
    """The budgets for certain dates, without those that ended before today."""
    overrides = view.get("budget_overrides") or []
    assert isinstance(overrides, Sequence)
    texts = [override_text(it) for it in overrides if isinstance(it, Mapping) and str(it["to"]) >= today]
    return [f"  {'override' if number == 0 else '':<9}  {text}" for number, text in enumerate(texts)]


def _titled(view: View, id_field: str) -> str:
    return f"{view[id_field]} ({view['name']})" if view.get("name") else str(view[id_field])


def _spent(view: View, period: str) -> str:
    return f"{view[f'{period}_spent'] or '-'} of {view[f'{period}_budget'] or 'unlimited'}"
