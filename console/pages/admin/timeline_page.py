"""The page of a campaign's timeline: a line for each day, and each band in words."""

from collections.abc import Iterator, Mapping
from datetime import date, timedelta
from typing import Annotated, Final, NamedTuple

from fastapi import APIRouter, Depends, Request, Response

from console.access.rights import PageViewer
from console.pages.admin.catalog_access import campaign_and_brand, read_catalog
from console.rendering.render import page
from console.server.paging import CampaignId
from console.server.queries import PageQuery
from console.server.services import Served
from core.calendar import Day, date_of, span_at
from core.errors import RefusedValue
from core.moment import Moment
from operations import validation
from operations.accounts.person import Role
from operations.schedule_preview import day_remark, zones_of
from operations.timeline.timeline import ShownBand, Timeline, read_timeline
from streams.clock import current_moment

__all__ = ["DrawnBand", "DrawnDay", "day_lines", "router"]

router = APIRouter(include_in_schema=False)

#: A week and today: a weekday by its name is always among them.
_DAYS_SHOWN: Final = 8
DaysQuery = Annotated[Mapping[str, str], Depends(PageQuery("from", "to"))]


class DrawnBand(NamedTuple):
    """A part of a band on one day; percent of the day's length."""

    shown: ShownBand
    x: float
    width: float
    starts_at: Moment
    ends_at: Moment


class DrawnDay(NamedTuple):
    day: Day
    time_zone: str
    remark: str | None
    stretches: list[DrawnBand]


@router.get("/campaigns/{campaign_id}/timeline")
async def show(
    request: Request, campaign_id: CampaignId, query: DaysQuery, person: PageViewer, services: Served
) -> Response:
    """The last days where none are named."""
    campaign, brand = await campaign_and_brand(services, campaign_id)
    now = current_moment()
    today = date_of(zones_of(brand), now)
    texts = {"from": (today - timedelta(days=_DAYS_SHOWN - 1)).isoformat(), "to": today.isoformat()}
    texts |= {name: text for name, text in query.items() if text}
    errors: dict[str, str] = {}
    first, last = (_day(texts, errors, name) for name in ("from", "to"))
    timeline: Timeline | None = None
    if first is not None and last is not None:
        try:
            timeline = await read_catalog(
                services, lambda session: read_timeline(session, campaign_id, first, last, now)
            )
        except RefusedValue as error:
            errors["to"] = str(error)
    return page(
        request,
        "catalog/timeline.html",
        person=person,
        may_edit=person.may(Role.OPERATOR),
        campaign=campaign,
        brand=brand,
        texts=texts,
        errors=errors,
        timeline=timeline,
        days=[] if timeline is None else list(day_lines(timeline)),
        now=now,
    )


def day_lines(timeline: Timeline) -> Iterator[DrawnDay]:
    """The bands cut at the days' ends; a day that a change of zone skips has no line."""
    for day in timeline.days:
        length = day.ends_at - day.starts_at
        if length <= 0:
            continue
        stretches = []
        for it in timeline.bands:
            starts_at, ends_at = max(it.band.starts_at, day.starts_at), min(it.band.ends_at, day.ends_at)
            if starts_at < ends_at:
                x, width = (100 * part / length for part in (starts_at - day.starts_at, ends_at - starts_at))
                stretches.append(DrawnBand(it, round(x, 3), round(width, 3), starts_at, ends_at))
        time_zone = span_at(timeline.zones, day.starts_at)[0].time_zone
        yield DrawnDay(day, time_zone, day_remark(time_zone, day.date), stretches)


def _day(texts: Mapping[str, str], errors: dict[str, str], name: str) -> date | None:
    try:
        return validation.day("This day", texts[name])
    except RefusedValue as error:
        errors[name] = str(error)
        return None
