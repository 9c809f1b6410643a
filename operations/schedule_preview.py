"""Previews the pauses and resumes of a campaign's windows and flight, with clock changes. Pure: no I/O."""

from datetime import UTC, date, datetime, timedelta
from typing import Final

from msgspec import to_builtins

from core.calendar import Zones, ZoneSpan, date_of, day_starts_at, local_date, span_at, zone
from core.dayparting import Schedule, changes, openness
from core.moment import HOUR, MINUTE, SECOND, Moment, format_moment
from core.overrides import override_documents
from core.windows import DAY_NAMES
from models.tables.brand import Brand
from models.tables.campaign import Campaign
from operations.catalog_views import Json

__all__ = ["day_remark", "overrides_ahead", "preview_of", "schedule_of", "zones_of"]

_DAY: Final = 24 * HOUR


def preview_of(schedule: Schedule, zones: Zones, now: Moment, days: int) -> dict[str, Json]:
    """The pauses and resumes within `days` from now, and the days among them that are not 24 hours long."""
    until = now + days * _DAY
    return {
        "from": format_moment(now),
        "until": format_moment(until),
        "time_zone": span_at(zones, now)[0].time_zone,
        "is_open": all(openness(schedule, zones, now)),
        "changes": [_change(zones, at, opens) for at, opens in changes(schedule, zones, now + 1, until)],
        "clock_changes": _clock_changes(zones, now, until),
    }


def overrides_ahead(brand: Brand, campaign: Campaign, now: Moment, days: int) -> list[Json]:
    """The budget overrides of the brand and the campaign that are in force within `days` from now, sorted by date;
    `of` is `brand` or `campaign`."""
    zones = zones_of(brand)
    first, last = (date_of(zones, at).isoformat() for at in (now, now + days * _DAY))
    named = [
        (whose, document)
        for whose, overrides in (("brand", brand.budget_overrides), ("campaign", campaign.budget_overrides))
        for document in override_documents(overrides)
        if document.from_ <= last and document.to >= first
    ]
    named.sort(key=lambda it: it[1].from_)
    return [{"of": whose, **to_builtins(document)} for whose, document in named]


def schedule_of(row: Campaign) -> Schedule:
    """The windows and flight of a row as the core's Schedule."""
    windows = tuple(it.window for it in row.windows)
    return Schedule(windows, row.starts_on, row.ends_on)


def zones_of(row: Brand) -> Zones:
    return tuple(ZoneSpan(it.time_zone, it.starts_at) for it in row.zones)


def day_remark(time_zone: str, day: date) -> str | None:
    """A sentence on a day that is not 24 hours long; None for any other."""
    length = day_starts_at(time_zone, day + timedelta(days=1)) - day_starts_at(time_zone, day)
    if length == _DAY:
        return None
    if length == 0:
        return "this day does not exist here"
    minutes = abs(length - _DAY) // MINUTE
    return f"clocks go {'forward' if length < _DAY else 'back'} by {minutes} minutes on this day"


def _change(zones: Zones, at: Moment, opens: bool) -> dict[str, Json]:
    time_zone = span_at(zones, at)[0].time_zone
    local = datetime.fromtimestamp(at // SECOND, UTC).astimezone(zone(time_zone))
    return {
        "action": "resume" if opens else "pause",
        "at": format_moment(at),
        "local": local.isoformat(timespec="minutes"),
        "weekday": DAY_NAMES[local.weekday()],
        "time_zone": time_zone,
        "remark": day_remark(time_zone, local.date()),
    }


def _clock_changes(zones: Zones, now: Moment, until: Moment) -> list[Json]:
    found: list[Json] = []
    day, last = (local_date(span_at(zones, at)[0].time_zone, at) for at in (now, until))
    while day <= last:
        time_zone = span_at(zones, max(now, day_starts_at(span_at(zones, now)[0].time_zone, day)))[0].time_zone
        if remark := day_remark(time_zone, day):
            found.append({"date": day.isoformat(), "time_zone": time_zone, "remark": remark})
        day += timedelta(days=1)
    return found
