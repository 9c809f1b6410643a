"""Looking at what the controller holds, and telling it to people."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from console.cli import output
from console.reason_words import in_words
from console.views import Json, brand_view, campaign_view, window_text
from models.catalog_reads import get_brand, get_campaign, list_campaigns
from models.errors import NotFound
from models.session import session_scope
from streams.live import find_held, read_held

if TYPE_CHECKING:
    from models.brand import Brand
    from models.campaign import Campaign
    from streams.settings import Settings

__all__ = ["look_at_brand", "look_at_campaign", "show_brand", "show_campaign"]

View = Mapping[str, Json]

_NOT_HELD = "The controller does not hold it yet: is `spendgate worker` running?"
_BEHIND = "The controller has not applied all that was sent before: is `spendgate worker` running?"


async def look_at_brand(settings: "Settings", brand_id: str) -> View:
    """A brand that neither the database nor the controller knows is NotFound."""
    row, rows = _brand_rows(settings, brand_id)
    held = await read_held(settings, brand_id)
    if row is None and (held is None or held.state.terms is None):
        raise NotFound(f"There is no brand {brand_id}.")
    return brand_view(brand_id, held, row, rows)


async def look_at_campaign(settings: "Settings", campaign_id: str) -> View:
    """The database only says which brand to look at; where it knows nothing, the controller is asked for that too."""
    row = _campaign_row(settings, campaign_id)
    brand_id = row.brand_id if row else await find_held(settings, campaign_id)
    if brand_id is None:
        raise NotFound(f"There is no campaign {campaign_id}.")
    return campaign_view(campaign_id, await read_held(settings, brand_id), row, brand_id)


def show_brand(view: View) -> None:
    _warn(view)
    campaigns = view["campaigns"]
    assert isinstance(campaigns, Sequence)
    lines = [
        _titled(view, "brand_id"),
        f"  time zone  {view['time_zone']}, {view['currency']}",
        f"  today      {_spent(view, 'daily')} on {view['day'] or '-'}",
        f"  month      {_spent(view, 'monthly')} in {view['month'] or '-'}",
    ]
    output.show(view, "\n".join(lines))
    if not output.is_json():
        rows = [campaign for campaign in campaigns if isinstance(campaign, Mapping)]
        columns = ("campaign_id", "state", "reasons", "resumes_at", "daily_spent", "daily_budget", "total_spent")
        output.show_table(columns, rows, "  no campaigns")


def show_campaign(view: View) -> None:
    _warn(view)
    reasons, windows = view["reasons"], view.get("windows") or []
    assert isinstance(reasons, Sequence) and isinstance(windows, Sequence)
    why = f": {in_words(map(str, reasons))}" if reasons else ""
    lines = [
        f"{_titled(view, 'campaign_id')}, brand {view['brand_id']}",
        f"  state      {view['state']}{why}",
        f"  then       {_next(view)}",
        f"  today      {_spent(view, 'daily')}",
        f"  total      {_spent(view, 'total')}",
        f"  flight     {view.get('starts_on') or '-'} to {view.get('ends_on') or '-'}",
        f"  windows    {'; '.join(map(window_text, windows)) or 'always'}",
        f"  commands   {view['sequence']}",
    ]
    output.show(view, "\n".join(lines))


def _brand_rows(settings: "Settings", brand_id: str) -> "tuple[Brand | None, Sequence[Campaign]]":
    with session_scope(settings.database) as session:
        try:
            return get_brand(session, brand_id), list_campaigns(session, brand_id=brand_id)
        except NotFound:
            return None, ()


def _campaign_row(settings: "Settings", campaign_id: str) -> "Campaign | None":
    with session_scope(settings.database) as session:
        try:
            return get_campaign(session, campaign_id)
        except NotFound:
            return None


def _warn(view: View) -> None:
    if view["state"] == "unknown":
        output.note(_NOT_HELD)
    elif not view["up_to_date"]:
        output.note(_BEHIND)


def _next(view: View) -> str:
    """What time alone will change."""
    if view["resumes_at"]:
        return f"resumes at {view['resumes_at']}"
    return f"pauses at {view['pauses_at']}" if view["pauses_at"] else "-"


def _titled(view: View, id_field: str) -> str:
    return f"{view[id_field]} ({view['name']})" if view.get("name") else str(view[id_field])


def _spent(view: View, period: str) -> str:
    return f"{view[f'{period}_spent'] or '-'} of {view[f'{period}_budget'] or 'unlimited'}"
