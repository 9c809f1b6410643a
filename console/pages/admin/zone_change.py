"""The effect of another time zone on the open day and month, in words. Pure."""

from console.rendering.clock_words import length_text, local_time
from core.calendar import Zones, ZoneSpan, budget_day, budget_month
from core.moment import Moment
from operations.zone_change import zone_starts_at

__all__ = ["zone_change_words"]


def zone_change_words(zones: Zones, time_zone: str, now: Moment) -> list[str]:
    """Sentences for the person who is about to change the zone."""
    starts_at = zone_starts_at(now)
    changed = (*zones, ZoneSpan(time_zone, starts_at))
    before, after = budget_day(zones, now), budget_day(changed, now)
    month, month_after = budget_month(zones, now), budget_month(changed, now)
    sentences = [
        f"What was spent stays booked as it is. The open day, {after.date}, keeps its start and its spend and "
        f"ends at {_local(time_zone, after.ends_at)}, {_shift(after.ends_at - before.ends_at)}: "
        f"it is {length_text(after.ends_at - after.starts_at)} long."
    ]
    if month_after.ends_at != month.ends_at:
        sentences.append(
            f"The open month ends at {_local(time_zone, month_after.ends_at)}, "
            f"{_shift(month_after.ends_at - month.ends_at)}."
        )
    sentences.append(f"Windows and flight dates go by the clock of {time_zone} from {_local(time_zone, starts_at)}.")
    return sentences


def _local(time_zone: str, at: Moment) -> str:
    return f"{local_time(time_zone, at):%Y-%m-%d %H:%M} ({time_zone})"


def _shift(length: int) -> str:
    if length == 0:
        return "as before"
    return f"{length_text(abs(length))} {'later' if length > 0 else 'earlier'} than before"
