"""`brand …`: advertisers, their time zones, currencies and budgets."""

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
from cli.confirmation import confirm_budgets, confirm_new_budgets
from cli.environment import load_settings
from cli.framework import CommandGroup
from streams.clock import current_moment

if TYPE_CHECKING:
    from models.queries.catalog_edits import BrandChanges

app = CommandGroup("brand", help="Advertisers: add, change, show, pause and put away.", panel="Catalog")

_ID = typer.Argument(metavar="ID", help="The brand's id.")
_BUDGET = "An amount such as 100.00, or none for no limit."
_PERCENTS = "Percentages of budgets that raise an alert, such as 50,80,100; none, or default for 80,100."
_SILENT = "Raises an alert after such a time without spend: 90m, 3h, 2d, or none."
_PACING = "even spreads the monthly budget over its days, none does not."
_OVERRIDE = "Budgets for certain dates, such as '2026-11-27..2026-11-30 daily=500'; monthly=… for whole months."


@app.command()
def add(
    brand_id: str = _ID,
    currency: str = typer.Option(..., help="ISO 4217, such as USD."),
    time_zone: str = typer.Option(None, help="IANA name, such as America/New_York; SPENDGATE_TIME_ZONE, else UTC."),
    name: str = typer.Option("", help="What people call it."),
    daily_budget: str = typer.Option("none", help=_BUDGET),
    monthly_budget: str = typer.Option("none", help=_BUDGET),
    alert_percents: str = typer.Option("default", help=_PERCENTS),
    silent_after: str = typer.Option("none", help=_SILENT),
    pacing: str = typer.Option("none", help=_PACING),
    yes: bool = typer.Option(False, "--yes", help="Add it without being asked whether its budgets are meant."),
) -> None:
    """Add a brand; returns when the broker has its document."""
    from models.queries.catalog_edits import add_brand
    from operations import validation
    from operations.catalog_views import brand_row_view

    settings = load_settings()
    brand_id = validation.identifier("brand", brand_id)
    zone = validation.time_zone(settings.time_zone if time_zone is None else time_zone)
    code = validation.currency(currency)
    name = validation.name(name)
    daily = validation.budget("daily budget", daily_budget)
    monthly = validation.budget("monthly budget", monthly_budget)
    percents, silent = validation.alert_percents_text(alert_percents), validation.silent_after(silent_after)
    pace = validation.pacing(pacing)
    confirm_new_budgets({"daily_budget_micros": daily, "monthly_budget_micros": monthly}, yes=yes)
    with editing(settings) as session:
        row = add_brand(
            session,
            brand_id,
            time_zone=zone,
            currency=code,
            actor=actor(settings),
            name=name,
            daily_budget_micros=daily,
            monthly_budget_micros=monthly,
            alert_percents=percents,
            silent_after_minutes=silent,
            pacing=pace,
        )
    output.show(brand_row_view(row), f"brand {brand_id} added")


@app.command("set")
def set_(
    brand_id: str = _ID,
    time_zone: str = typer.Option(None, help="From the next whole minute at least 60 s ahead."),
    name: str = typer.Option(None),
    daily_budget: str = typer.Option(None, help=_BUDGET),
    monthly_budget: str = typer.Option(None, help=_BUDGET),
    alert_percents: str = typer.Option(None, help=_PERCENTS),
    silent_after: str = typer.Option(None, help=_SILENT),
    pacing: str = typer.Option(None, help=_PACING),
    budget_today: str = typer.Option(None, help="The daily budget of today alone, in the brand's time zone."),
    override: list[str] = typer.Option([], help=f"{_OVERRIDE} May be given several times; the last one counts."),
    remove_override: list[str] = typer.Option([], help=REMOVE_OVERRIDE),
    yes: bool = typer.Option(False, "--yes", help="Change a budget without being asked whether it is meant."),
) -> None:
    """Change what is named; everything else stays."""
    from core.moment import format_moment
    from models.queries.catalog_edits import change_time_zone, edit_brand, locked_for_edit
    from models.tables.brand import Brand
    from operations import validation
    from operations.catalog_views import brand_row_view
    from operations.schedule_preview import zones_of
    from operations.zone_change import zone_starts_at

    overrides = OverrideOptions(budget_today, override, remove_override)
    texts = (name, daily_budget, monthly_budget, alert_percents, silent_after, pacing)
    require_option("brand set", time_zone, *texts, *overrides)
    brand_id = validation.identifier("brand", brand_id)
    changes = _changes(*texts)
    zone = None if time_zone is None else validation.time_zone(time_zone)
    text = f"brand {brand_id} changed"
    settings = load_settings()
    confirm_budgets(settings, Brand, brand_id, changes, yes=yes)
    with editing(settings) as session:
        if overrides.given:
            held = locked_for_edit(session, Brand, brand_id)
            changes["budget_overrides"] = overrides.edited(held.budget_overrides, zones_of(held), has_monthly=True)
        row = edit_brand(session, brand_id, changes, actor=actor(settings))
        if zone is not None and zone != row.time_zone:
            starts_at = zone_starts_at(current_moment())
            row = change_time_zone(session, brand_id, zone, starts_at=starts_at, actor=actor(settings))
            text += f"; its time zone is {zone} from {format_moment(starts_at)}"
    output.show(brand_row_view(row), text)


@app.command()
def show(brand_id: str = _ID) -> None:
    """What the controller holds now: spend, budgets, and every campaign's state."""
    from cli.live_views import read_brand_view, show_brand
    from operations import validation

    show_brand(run_async(read_brand_view(load_settings(), validation.identifier("brand", brand_id))))


@app.command("list")
def list_(search: str = typer.Option(None, help="A part of the id or name.")) -> None:
    """All brands as they were set up; `show` has what they spend."""
    from models.queries.catalog import list_brands
    from models.session import session_scope
    from operations.catalog_views import brand_row_view

    with session_scope(load_settings().database) as session:
        views = [brand_row_view(row) for row in list_brands(session, search=search)]
    columns = (
        "brand_id",
        "name",
        "time_zone",
        "currency",
        "daily_budget",
        "monthly_budget",
        "enabled",
        "archived",
    )
    output.show_table(columns, views, "There is no brand: add one with `spendgate brand add`.")


add_action_commands(
    app,
    "brand",
    _ID,
    {
        "pause": "Pause all of its campaigns until `resume`; nothing else ends it.",
        "resume": "End `pause`; a campaign runs when nothing else holds it.",
        "archive": "Put it away: its campaigns pause, what is still spent is still counted.",
        "unarchive": "Take it out again.",
    },
)


@app.command()
def history(brand_id: str = _ID, limit: str = typer.Option("100", help="How many of the newest.")) -> None:
    """Who changed what of the brand and its campaigns, newest first."""
    from models.queries.catalog import changes_of, get_brand
    from models.session import session_scope
    from operations import validation

    most = validation.number("changes", limit, least=1, most=10_000)
    with session_scope(load_settings().database) as session:
        get_brand(session, validation.identifier("brand", brand_id))
        show_history(changes_of(session, brand_id=brand_id, limit=most))


def _changes(
    name: str | None,
    daily_budget: str | None,
    monthly_budget: str | None,
    alert_percents: str | None,
    silent_after: str | None,
    pacing: str | None,
) -> "BrandChanges":
    from operations import validation

    changes = checked_options(
        name=(name, validation.name),
        daily_budget_micros=(daily_budget, partial(validation.budget, "daily budget")),
        monthly_budget_micros=(monthly_budget, partial(validation.budget, "monthly budget")),
        alert_percents=(alert_percents, validation.alert_percents_text),
        silent_after_minutes=(silent_after, validation.silent_after),
        pacing=(pacing, validation.pacing),
    )
    return cast("BrandChanges", changes)
