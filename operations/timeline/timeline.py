"""The timeline of a campaign: when it was on and off by the brand's clock, why, by whom, what was spent while off."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final

from sqlalchemy.orm import Session

from core.calendar import Day, Zones, day_of, span_at, zone
from core.dayparting import flight_is_over
from core.errors import RefusedValue
from core.moment import SECOND, Moment, format_moment
from core.money import format_money
from core.records import CauseKind
from models.queries.catalog import change_of_version, changes_with_brand, get_brand, get_campaign
from models.queries.commands import Journaled, commands_between
from models.queries.spend_sums import spend_between_moments
from models.tables.brand import Brand
from models.tables.campaign import Campaign
from models.tables.catalog_change import CatalogChange
from operations.catalog_views import Json, change_view
from operations.command_words import cause_sentence
from operations.journal import decoded
from operations.reason_words import in_words
from operations.schedule_preview import zones_of
from operations.timeline.bands import Band, BandState, CommandInForce, bands_of
from operations.timeline.past_config import PastConfigs, past_configs_of

__all__ = ["DAYS_MAX", "ShownBand", "Timeline", "commands_in_force", "read_timeline", "timeline_lines", "timeline_view"]

DAYS_MAX: Final = 93
_ONE_DAY: Final = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class ShownBand:
    """A band, the spend that occurred in it, and of a command that an edit made the edit."""

    band: Band
    spent_micros: int
    change: CatalogChange | None
    #: When the band began.
    flight_is_over: bool

    @property
    def words(self) -> str | None:
        """The reasons in one phrase; None where it has none."""
        return in_words(self.band.reasons, self.flight_is_over) if self.band.reasons else None


@dataclass(frozen=True, slots=True)
class Timeline:
    """`days` are budget days of the brand; the bands touch, from the first day's beginning to the last one's end, or to
    the moment that was asked about."""

    brand: Brand
    campaign: Campaign
    zones: Zones
    days: Sequence[Day]
    bands: Sequence[ShownBand]

    @property
    def spent_off_micros(self) -> int:
        return sum(it.spent_micros for it in self.bands if it.band.state is BandState.PAUSED)


def read_timeline(session: Session, campaign_id: str, first: date, last: date, now: Moment) -> Timeline:
    """The timeline from the beginning of the day `first` to the end of `last`, but not beyond `now`. Raises RowNotFound
    and RefusedValue."""
    _check(first, last)
    campaign = get_campaign(session, campaign_id)
    brand = get_brand(session, campaign.brand_id)
    zones = zones_of(brand)
    days = [day_of(zones, first + number * _ONE_DAY) for number in range((last - first).days + 1)]
    starts_at, ends_at = days[0].starts_at, min(days[-1].ends_at, now)
    if starts_at >= ends_at:
        return Timeline(brand, campaign, zones, days, [])
    changes = changes_with_brand(session, brand.brand_id, [campaign_id])
    before, after = commands_in_force(commands_between(session, [campaign_id], starts_at, ends_at)[campaign_id])
    configs = past_configs_of(brand, campaign, changes)
    bands = bands_of(before, after, starts_at, ends_at, zones, configs)
    limits = [*(it.starts_at for it in bands), ends_at]
    spent = spend_between_moments(
        session,
        limits,
        brand_id=brand.brand_id,
        campaign_id=campaign_id,
        day_from=first - _ONE_DAY,
        day_until=last + _ONE_DAY,
    )
    shown = [
        ShownBand(it, micros, _edit(session, it), _flight_is_over(configs, zones, it.starts_at))
        for it, micros in zip(bands, spent, strict=True)
    ]
    return Timeline(brand, campaign, zones, days, shown)


def _flight_is_over(configs: PastConfigs, zones: Zones, moment: Moment) -> bool:
    return flight_is_over(configs.at(moment).schedule, zones, moment)


def commands_in_force(
    found: tuple[Journaled | None, Iterable[Journaled]],
) -> tuple[CommandInForce | None, list[CommandInForce]]:
    before, after = found
    return None if before is None else _in_force(before), [_in_force(it) for it in after]


def timeline_view(timeline: Timeline) -> dict[str, Json]:
    lengths: dict[str, int] = defaultdict(int)
    off: dict[str, int] = defaultdict(int)
    for it in timeline.bands:
        lengths[it.band.state] += it.band.length_ms
        for reason in it.band.reasons:
            off[reason] += it.band.length_ms
    return {
        "campaign_id": timeline.campaign.campaign_id,
        "brand_id": timeline.brand.brand_id,
        "currency": timeline.brand.currency,
        "from": timeline.days[0].date.isoformat(),
        "to": timeline.days[-1].date.isoformat(),
        "running_seconds": lengths[BandState.RUNNING] // SECOND,
        "paused_seconds": lengths[BandState.PAUSED] // SECOND,
        "unknown_seconds": lengths[BandState.UNKNOWN] // SECOND,
        "paused_seconds_by_reason": {reason: off[reason] // SECOND for reason in sorted(off)},
        "spent": format_money(sum(it.spent_micros for it in timeline.bands)),
        "spent_while_paused": format_money(timeline.spent_off_micros),
        "bands": [_band_view(timeline.zones, it) for it in timeline.bands],
    }


def timeline_lines(timeline: Timeline) -> list[str]:
    """A line for each band, and the sum of what was spent while it was off."""
    view = timeline_view(timeline)
    currency = timeline.brand.currency
    lines = [_band_line(it, _band_view(timeline.zones, it), currency) for it in timeline.bands]
    lines.append(
        f"on {_hours(view['running_seconds'])}, off {_hours(view['paused_seconds'])}; {view['spent']} {currency} "
        f"spent, {view['spent_while_paused']} of it while off"
    )
    return lines


def _band_line(shown: ShownBand, view: Mapping[str, Json], currency: str) -> str:
    state = {BandState.RUNNING: "on", BandState.PAUSED: "off", BandState.UNKNOWN: "not known"}[shown.band.state]
    why = f"  {view['words']}" if view["words"] else ""
    who = f" (by {view['actor']})" if view["actor"] else ""
    gap = "; the command before it is not in the journal" if view["follows_a_gap"] else ""
    spent = f"; {view['spent']} {currency} spent" if shown.spent_micros else ""
    cause = f"; {view['cause']}" if view["cause"] else ""
    return f"{view['local_from']}  {_hours(view['seconds']):>9}  {state:<9}{why}{cause}{who}{spent}{gap}"


def _hours(seconds: Json) -> str:
    assert isinstance(seconds, int)
    return f"{seconds // 3600}:{seconds // 60 % 60:02d}:{seconds % 60:02d}"


def _check(first: date, last: date) -> None:
    if first > last:
        raise RefusedValue("The last day is before the first: write the earlier one as `from`.")
    if (last - first).days >= DAYS_MAX:
        raise RefusedValue(f"A timeline has at most {DAYS_MAX} days: ask for fewer.")
    if first.year < 1970 or last.year > 9_000:
        raise RefusedValue("There is no timeline of those days: write days of the years 1970 to 9000.")


def _in_force(journaled: Journaled) -> CommandInForce:
    return CommandInForce(decoded(journaled.command), journaled.command.decided_at, journaled.follows_a_gap)


def _edit(session: Session, band: Band) -> CatalogChange | None:
    """The edit that a command followed: the later one of those in the two documents that it was decided by."""
    if (
        not band.begins_with_command
        or band.in_force is None
        or band.in_force.command.cause.kind is not CauseKind.CATALOG
    ):
        return None
    command = band.in_force.command
    versions = command.catalog
    found = [
        change_of_version(session, brand_id=command.brand_id, campaign_id=campaign_id, version=version)
        for campaign_id, version in ((None, versions.brand_version), (command.campaign_id, versions.campaign_version))
    ]
    return max((it for it in found if it is not None), key=lambda it: it.change_id, default=None)


def _band_view(zones: Zones, shown: ShownBand) -> Mapping[str, Json]:
    band, in_force = shown.band, shown.band.in_force
    return {
        "from": format_moment(band.starts_at),
        "to": format_moment(band.ends_at),
        "local_from": _local(zones, band.starts_at),
        "local_to": _local(zones, band.ends_at),
        "time_zone": span_at(zones, band.starts_at)[0].time_zone,
        "seconds": band.length_ms // SECOND,
        "state": band.state.value,
        "reasons": list(band.reasons),
        "words": shown.words,
        "spent": format_money(shown.spent_micros),
        "command_id": in_force.command.command_id if in_force else None,
        "begins_with_command": band.begins_with_command,
        "follows_a_gap": band.begins_with_command and in_force is not None and in_force.follows_a_gap,
        "cause": cause_sentence(in_force.command) if in_force and band.begins_with_command else None,
        "event_id": in_force.command.cause.event_id if in_force and band.begins_with_command else None,
        "actor": shown.change.actor if shown.change else None,
        "change": change_view(shown.change) if shown.change else None,
    }


def _local(zones: Zones, moment: Moment) -> str:
    in_zone = zone(span_at(zones, moment)[0].time_zone)
    return datetime.fromtimestamp(moment // SECOND, in_zone).isoformat(timespec="seconds")
