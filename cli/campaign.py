"""`campaign …`: budgets, flights and daypart windows."""

from functools import partial
from typing import TYPE_CHECKING, cast

import typer

from cli import output
from cli.catalog_editing import (
    REMOVE_OVERRIDE,
    OverrideOptions,
    actor,
    add_action_commands,
    checked_options,
    editing,
    require_option,
    run_async,
    show_history,
)
from cli.confirmation import confirm_budgets
from cli.environment import load_settings
from cli.framework import CommandGroup
from streams.clock import current_moment

if TYPE_CHECKING:
    from models.queries.catalog_edits import CampaignChanges

app = CommandGroup("campaign", help="Campaigns: add, change, show, pause and put away.", panel="Catalog")

_ID = typer.Argument(metavar="ID", help="The campaign's id.")
_BUDGET = "An amount such as 100.00, or none for no limit."
_OVERRIDE = "A daily budget for certain dates, such as '2026-11-27..2026-11-30 daily=500'."
_DATE = "A date in the brand's time zone, inclusive, or none."
_WINDOW = "When it may run, such as 'mon-fri 09:00-17:00'; may be given several times."


@app.command()
def add(
    campaign_id: str = _ID,
    brand: str = typer.Option(..., help="The brand that it belongs to, for ever."),
    name: str = typer.Option("", help="What people call it."),
    external_id: str = typer.Option("none", help="Its id on the advertising platform."),
    daily_budget: str = typer.Option("none", help=_BUDGET),
    total_budget: str = typer.Option("none", help=_BUDGET),
    starts_on: str = typer.Option("none", help=_DATE),
    ends_on: str = typer.Option("none", help=_DATE),
    window: list[str] = typer.Option([], help=_WINDOW),
    paused: bool = typer.Option(False, "--paused", help="Added paused by hand."),
) -> None:
    """Add a campaign to a brand; returns when the broker has its document."""
    from models.queries.catalog_edits import add_campaign
    from operations import validation
    from operations.catalog_views import campaign_row_view

    campaign_id, brand = validation.identifier("campaign", campaign_id), validation.identifier("brand", brand)
    name, external = validation.name(name), validation.text_or_none(external_id)
    daily = validation.budget("daily budget", daily_budget)
    total = validation.budget("total budget", total_budget)
    starts, ends = validation.date_or_none("starts-on", starts_on), validation.date_or_none("ends-on", ends_on)
    validation.flight(starts, ends)
    windows = validation.windows(window)
    settings = load_settings()
    with editing(settings) as session:
        row = add_campaign(
            session,
            campaign_id,
            brand_id=brand,
            actor=actor(settings),
            name=name,
            external_id=external,
            daily_budget_micros=daily,
            total_budget_micros=total,
            starts_on=starts,
            ends_on=ends,
            enabled=not paused,
            windows=windows,
        )
    output.show(campaign_row_view(row), f"campaign {campaign_id} of brand {brand} added")


@app.command("set")
def set_(
    campaign_id: str = _ID,
    name: str = typer.Option(None),
    external_id: str = typer.Option(None, help="none clears it."),
    daily_budget: str = typer.Option(None, help=_BUDGET),
    total_budget: str = typer.Option(None, help=_BUDGET),
    starts_on: str = typer.Option(None, help=_DATE),
    ends_on: str = typer.Option(None, help=_DATE),
    budget_today: str = typer.Option(None, help="The daily budget of today alone, in the brand's time zone."),
    override: list[str] = typer.Option([], help=f"{_OVERRIDE} May be given several times; the last one counts."),
    remove_override: list[str] = typer.Option([], help=REMOVE_OVERRIDE),
    window: list[str] = typer.Option([], help=f"{_WINDOW} Replaces all windows; none clears them."),
    yes: bool = typer.Option(False, "--yes", help="Change a budget without being asked whether it is meant."),
) -> None:
    """Change what is named; everything else stays."""
    from models.queries.catalog import get_brand
    from models.queries.catalog_edits import edit_campaign, locked_for_edit, set_windows
    from models.tables.campaign import Campaign
    from operations import validation
    from operations.catalog_views import campaign_row_view
    from operations.schedule_preview import zones_of

    overrides = OverrideOptions(budget_today, override, remove_override)
    texts = (name, external_id, daily_budget, total_budget, starts_on, ends_on)
    require_option("campaign set", *texts, window, *overrides)
    campaign_id = validation.identifier("campaign", campaign_id)
    changes = _changes(*texts)
    validation.flight(changes.get("starts_on"), changes.get("ends_on"))
    windows = validation.windows(window)
    settings = load_settings()
    confirm_budgets(settings, Campaign, campaign_id, changes, yes=yes)
    with editing(settings) as session:
        if overrides.given:
            held = locked_for_edit(session, Campaign, campaign_id)
            zones = zones_of(get_brand(session, held.brand_id))
            changes["budget_overrides"] = overrides.edited(held.budget_overrides, zones, has_monthly=False)
        row = edit_campaign(session, campaign_id, changes, actor=actor(settings))
        if window:
            row = set_windows(session, campaign_id, windows, actor=actor(settings))
    output.show(campaign_row_view(row), f"campaign {campaign_id} changed")


@app.command("set-matching")
def set_matching(
    brand: str = typer.Option(None, help="Those of this brand alone."),
    search: str = typer.Option(None, help="Those with this part in their id, name or external id."),
    archived: bool = typer.Option(False, "--archived", help="Those in the archive, instead of those outside."),
    state: str = typer.Option("", help="pause, resume, archive or unarchive."),
    daily_budget: str = typer.Option("", help=f"{_BUDGET} Or a change of each one's own, such as '+10 %'."),
    total_budget: str = typer.Option("", help="As --daily-budget."),
    starts_on: str = typer.Option("", help=_DATE),
    ends_on: str = typer.Option("", help=_DATE),
    window: list[str] = typer.Option([], help=f"{_WINDOW} Replaces all windows; none clears them."),
    note: str = typer.Option(None, help="Why, for the history of each campaign."),
    yes: bool = typer.Option(False, "--yes", help="Change them without being asked."),
) -> None:
    """Change all campaigns that match, all of them or none, as "Change all that match" of the console does."""
    import io
    import json

    from cli.catalog import apply_rows
    from core.errors import RefusedValue
    from models.queries.catalog import get_brand, list_campaigns
    from models.queries.text_search import folded
    from models.session import session_scope
    from operations import validation
    from operations.catalog_file.reading import read_rows
    from operations.many_campaigns import CAMPAIGNS_MAX, ManyChange, rows_of_change

    if search is not None and not folded(search):
        raise RefusedValue("--search is empty, so every campaign would match: name a text, or leave it out.")
    change = ManyChange(state, daily_budget, total_budget, starts_on, ends_on, "; ".join(window))
    why = None if note is None else validation.note(note)
    settings = load_settings()
    with session_scope(settings.database) as session:
        if brand is not None:
            get_brand(session, validation.identifier("brand", brand))
        found = list_campaigns(session, brand_id=brand, search=search, archived=archived, limit=CAMPAIGNS_MAX + 1)
        if not found:
            raise RefusedValue("No campaign fits.")
        if len(found) > CAMPAIGNS_MAX:
            raise RefusedValue(f"More than {CAMPAIGNS_MAX:,} campaigns match: name a brand, or use a catalog file.")
        rows = rows_of_change(found, change)
    apply_rows(settings, read_rows(io.BytesIO(json.dumps({"rows": rows}).encode()), None), note=why, yes=yes)


@app.command()
def show(campaign_id: str = _ID) -> None:
    """What the controller holds now: whether it runs, why not, until when, and what it has spent."""
    from cli.live_views import read_campaign_view, show_campaign
    from operations import validation

    show_campaign(*run_async(read_campaign_view(load_settings(), validation.identifier("campaign", campaign_id))))


@app.command()
def why(campaign_id: str = _ID) -> None:
    """Why it is paused, in words and numbers: every reason, what crossed, and what would make it run again."""
    from operations import validation
    from operations.explain_campaign import explain_campaign

    explanation = run_async(explain_campaign(load_settings(), validation.identifier("campaign", campaign_id)))
    output.show(explanation.to_json(), "\n".join(explanation.sentences))


@app.command("list")
def list_(
    brand: str = typer.Option(None, help="Of this brand alone."),
    search: str = typer.Option(None, help="A part of the id, name or external id."),
) -> None:
    """All campaigns as they were set up; `show` says whether they run."""
    from models.queries.catalog import brands_and_campaigns, get_brand, list_campaigns
    from models.session import session_scope
    from operations import validation
    from operations.catalog_views import campaign_row_view, window_text

    with session_scope(load_settings().database) as session:
        if brand is not None:
            get_brand(session, validation.identifier("brand", brand))
        rows = list_campaigns(session, brand_id=brand, search=search)
        currencies, _ = brands_and_campaigns(session, {row.brand_id for row in rows}, ())
    views = [{**campaign_row_view(row), "currency": currencies[row.brand_id]} for row in rows]
    if not output.is_json():
        for view in views:
            assert isinstance(view["windows"], list)
            view["windows"] = [window_text(window) for window in view["windows"]]
    columns = (
        "campaign_id",
        "brand_id",
        "name",
        "currency",
        "daily_budget",
        "total_budget",
        "starts_on",
        "ends_on",
        "windows",
        "enabled",
        "archived",
    )
    output.show_table(columns, views, "There is no campaign: add one with `spendgate campaign add`.")


add_action_commands(
    app,
    "campaign",
    _ID,
    {
        "pause": "Pause it until `resume`; nothing else ends it.",
        "resume": "End `pause`; it runs when nothing else holds it.",
        "archive": "Put it away: it pauses, what is still spent is still counted.",
        "unarchive": "Take it out again.",
    },
)


@app.command()
def timeline(
    campaign_id: str = _ID,
    from_: str = typer.Option(..., "--from", help="The first day, in the brand's time zone, such as 2025-09-08."),
    to: str = typer.Option(..., "--to", help="The last day."),
) -> None:
    """When it was on and off by the brand's clock, why, who did it, and what was spent meanwhile."""
    from models.session import session_scope
    from operations import validation
    from operations.timeline.timeline import read_timeline, timeline_lines, timeline_view

    campaign_id = validation.identifier("campaign", campaign_id)
    first, last = validation.day("--from", from_), validation.day("--to", to)
    with session_scope(load_settings().database) as session:
        found = read_timeline(session, campaign_id, first, last, current_moment())
    output.show(timeline_view(found), "\n".join(timeline_lines(found)))


@app.command()
def history(campaign_id: str = _ID, limit: str = typer.Option("100", help="How many of the newest.")) -> None:
    """Who changed what, newest first."""
    from models.queries.catalog import changes_of, get_campaign
    from models.session import session_scope
    from operations import validation

    most = validation.number("changes", limit, least=1, most=10_000)
    with session_scope(load_settings().database) as session:
        get_campaign(session, validation.identifier("campaign", campaign_id))
        show_history(changes_of(session, campaign_id=campaign_id, limit=most))


def _changes(
    name: str | None,
    external_id: str | None,
    daily_budget: str | None,
    total_budget: str | None,
    starts_on: str | None,
    ends_on: str | None,
) -> "CampaignChanges":
    from operations import validation

    changes = checked_options(
        name=(name, validation.name),
        external_id=(external_id, validation.text_or_none),
        daily_budget_micros=(daily_budget, partial(validation.budget, "daily budget")),
        total_budget_micros=(total_budget, partial(validation.budget, "total budget")),
        starts_on=(starts_on, partial(validation.date_or_none, "starts-on")),
        ends_on=(ends_on, partial(validation.date_or_none, "ends-on")),
    )
    return cast("CampaignChanges", changes)
