"""`schedule preview`: what windows and flight alone will do."""

from typing import TYPE_CHECKING, Final

import typer

from cli import output
from cli.environment import load_settings
from cli.framework import CommandGroup
from streams.clock import current_moment

if TYPE_CHECKING:
    from operations.catalog_views import Json

app = CommandGroup("schedule", help="Windows and flights ahead of time.", panel="Try and watch")

_DAYS_MAX: Final = 366


@app.command()
def preview(
    campaign: str = typer.Argument(metavar="CAMPAIGN", help="The campaign's id."),
    days: str = typer.Option("7", help=f"How far to look, 1 to {_DAYS_MAX}."),
) -> None:
    """The pauses and resumes that windows and flight alone will make; budgets and operators may say otherwise."""
    from models.queries.catalog import get_brand, get_campaign
    from models.session import session_scope
    from operations import validation
    from operations.schedule_preview import overrides_ahead, preview_of, schedule_of, zones_of

    campaign = validation.identifier("campaign", campaign)
    length = validation.number("days", days, least=1, most=_DAYS_MAX)
    with session_scope(load_settings().database) as session:
        row = get_campaign(session, campaign)
        brand = get_brand(session, row.brand_id)
    now = current_moment()
    view = preview_of(schedule_of(row), zones_of(brand), now, length)
    view["budget_overrides"] = overrides_ahead(brand, row, now, length)
    output.show({"campaign_id": campaign, "brand_id": row.brand_id, **view}, _preview_text(campaign, view))


def _preview_text(campaign: str, view: "dict[str, Json]") -> str:
    from operations.catalog_views import override_text

    changes, clock_changes = view["changes"], view["clock_changes"]
    assert isinstance(changes, list) and isinstance(clock_changes, list)
    state = "open" if view["is_open"] else "closed"
    lines = [f"{campaign}: windows and flight are {state} now ({view['time_zone']})"]
    lines += [
        f"  {change['action']:<6}  {change['weekday']} {change['local']}  {change['at']}"
        f"{'  ' + change['remark'] if change['remark'] else ''}"
        for change in changes
    ]
    lines += [f"  note    {change['date']}: {change['remark']} ({change['time_zone']})" for change in clock_changes]
    if not changes:
        lines.append("  nothing changes in that time")
    overrides = view["budget_overrides"]
    assert isinstance(overrides, list)
    lines += [f"  budget  {override_text(it)} (of the {it['of']})" for it in overrides]
    return "\n".join(lines)
