"""What a what-if found, as JSON and as lines of text. Pure: no I/O."""

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Final

from core.moment import SECOND, format_moment
from core.money import format_money
from core.records import Action
from core.rerun import DecidedCommand, DifferingStretch
from operations.catalog_views import Json
from operations.what_if.what_if import BrandResult, WhatIf

__all__ = ["what_if_lines", "what_if_view"]

_STATES: Final = {Action.RESUME: "running", Action.PAUSE: "paused", None: "absent"}


def what_if_view(found: WhatIf) -> dict[str, Json]:
    return {
        "from": found.request.first.isoformat(),
        "to": found.request.last.isoformat(),
        "differences": len(found.differences),
        "events": sum(it.events for it in found.brands),
        "brands": [_brand_view(it) for it in found.brands],
    }


def what_if_lines(found: WhatIf) -> Iterator[str]:
    """A line for each campaign and each stretch of time in which the catalogs differ about it, and the sums."""
    for result in found.brands:
        campaigns = _campaign_views(result)
        for campaign in campaigns:
            yield (
                f"{campaign['campaign_id']} of {result.brand_id}: {campaign['commands_now']} commands as it is, "
                f"{campaign['commands_then']} with the file"
            )
            stretches = campaign["stretches"]
            assert isinstance(stretches, list)
            for it in stretches:
                yield (
                    f"  {it['from']} to {it['to']}  {it['now']} -> {it['then']}  {it['spent']} {result.currency} "
                    f"spent in it"
                )
        if campaigns:
            yield (
                f"{result.brand_id}: {_money(result.stretches, then=Action.PAUSE)} {result.currency} were spent where "
                f"the file would have it paused, {_money(result.stretches, then=Action.RESUME)} where it would have it "
                "run on"
            )
    events = sum(it.events for it in found.brands)
    if found.is_empty:
        yield f"Nothing would have been decided otherwise: {events:,} events of {len(found.brands)} brands."
    else:
        yield f"{events:,} events decided again; nothing was written."


def _brand_view(result: BrandResult) -> dict[str, Json]:
    return {
        "brand_id": result.brand_id,
        "currency": result.currency,
        "from": format_moment(result.starts_at),
        "to": format_moment(result.ends_at),
        "events": result.events,
        "spent_where_it_would_be_paused": _money(result.stretches, then=Action.PAUSE),
        "spent_where_it_would_be_running": _money(result.stretches, then=Action.RESUME),
        "campaigns": _campaign_views(result),
    }


def _campaign_views(result: BrandResult) -> list[dict[str, Json]]:
    views: list[dict[str, Json]] = []
    for campaign_id in result.campaign_ids():
        stretches = [it for it in result.stretches if it.campaign_id == campaign_id]
        views.append(
            {
                "campaign_id": campaign_id,
                "commands_now": result.commands_now[campaign_id],
                "commands_then": result.commands_then[campaign_id],
                "only_now": _decided_views(result.only_now, campaign_id),
                "only_then": _decided_views(result.only_then, campaign_id),
                "spent_where_it_would_be_paused": _money(stretches, then=Action.PAUSE),
                "spent_where_it_would_be_running": _money(stretches, then=Action.RESUME),
                "stretches": [_stretch_view(it) for it in stretches],
            }
        )
    return views


def _money(stretches: Iterable[DifferingStretch], then: Action) -> str:
    return format_money(sum(it.micros for it in stretches if it.then is then))


def _decided_views(decided: Counter[DecidedCommand], campaign_id: str) -> list[Json]:
    return [
        {"decided_at": format_moment(it.decided_at), "action": it.action.value, "reasons": list(it.reasons)}
        for it in sorted(decided.elements())
        if it.campaign_id == campaign_id
    ]


def _stretch_view(it: DifferingStretch) -> dict[str, Json]:
    return {
        "from": format_moment(it.starts_at),
        "to": format_moment(it.ends_at),
        "seconds": (it.ends_at - it.starts_at) // SECOND,
        "now": _STATES[it.now],
        "then": _STATES[it.then],
        "spent": format_money(it.micros),
        "events": it.events,
    }
