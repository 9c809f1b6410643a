"""`brand …`: advertisers, their time zones, currencies and budgets."""

import time
from typing import TYPE_CHECKING

import typer

from console.cli import output
from console.cli.catalog import actor, ask, editing, nothing_given, show_history
from console.cli.environment import load_settings
from console.cli.frame import App

if TYPE_CHECKING:
    from models.brand import Brand
    from models.catalog import BrandChanges

app = App("brand", help="Advertisers: add, change, show, pause and put away.", panel="Catalog")

_ID = typer.Argument(metavar="ID", help="The brand's id.")
_BUDGET = "An amount such as 100.00, or none for no limit."


@app.command()
def add(
    brand_id: str = _ID,
    currency: str = typer.Option(..., help="ISO 4217, such as USD."),
    time_zone: str = typer.Option(None, help="IANA name, such as America/New_York; SPENDGATE_TIME_ZONE, else UTC."),
    name: str = typer.Option("", help="What people call it."),
    daily_budget: str = typer.Option("none", help=_BUDGET),
    monthly_budget: str = typer.Option("none", help=_BUDGET),
) -> None:
    """Add a brand; returns when the broker has its document."""
    from console import validation
    from console.views import brand_row_view
    from models.catalog import add_brand

    settings = load_settings()
    brand_id = validation.identifier("brand", brand_id)
    zone = validation.time_zone(time_zone or settings.time_zone)
    code = validation.currency(currency)
    name = validation.name(name)
    daily = validation.budget("daily budget", daily_budget)
    monthly = validation.budget("monthly budget", monthly_budget)
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
        )
    output.show(brand_row_view(row), f"brand {brand_id} added")


@app.command("set")
def set_(
    brand_id: str = _ID,
    time_zone: str = typer.Option(None, help="From the next whole minute at least 60 s ahead."),
    name: str = typer.Option(None),
    daily_budget: str = typer.Option(None, help=_BUDGET),
    monthly_budget: str = typer.Option(None, help=_BUDGET),
) -> None:
    """Change what is named; everything else stays."""
    from console import validation
    from console.views import brand_row_view
    from console.zone_change import zone_starts_at
    from models.catalog import change_time_zone, edit_brand
    from streams.core.moment import format_moment
    from streams.errors import RefusedValue

    if nothing_given(time_zone, name, daily_budget, monthly_budget):
        raise RefusedValue("Nothing to change was named: see `spendgate brand set --help`.")
    brand_id = validation.identifier("brand", brand_id)
    changes: BrandChanges = {}
    if name is not None:
        changes["name"] = validation.name(name)
    if daily_budget is not None:
        changes["daily_budget_micros"] = validation.budget("daily budget", daily_budget)
    if monthly_budget is not None:
        changes["monthly_budget_micros"] = validation.budget("monthly budget", monthly_budget)
    zone = None if time_zone is None else validation.time_zone(time_zone)
    text = f"brand {brand_id} changed"
    settings = load_settings()
    with editing(settings) as session:
        row = edit_brand(session, brand_id, changes, actor=actor(settings))
        if zone is not None and zone != row.time_zone:
            starts_at = zone_starts_at(time.time_ns() // 1_000_000)
            row = change_time_zone(session, brand_id, zone, starts_at=starts_at, actor=actor(settings))
            text += f"; it lives in {zone} from {format_moment(starts_at)}"
    output.show(brand_row_view(row), text)


@app.command()
def show(brand_id: str = _ID) -> None:
    """What the controller holds now: spend, budgets, and every campaign's state."""
    from console import validation
    from console.cli.live import look_at_brand, show_brand

    show_brand(ask(look_at_brand(load_settings(), validation.identifier("brand", brand_id))))


@app.command("list")
def list_(search: str = typer.Option(None, help="A part of the id or name.")) -> None:
    """All brands as they were set up; `show` tells what they spend."""
    from console.views import brand_row_view
    from models.catalog_reads import list_brands
    from models.session import session_scope

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


@app.command()
def pause(brand_id: str = _ID) -> None:
    """Pause all of its campaigns until `resume`; nothing else ends it."""
    _switch(brand_id, {"enabled": False}, "paused")


@app.command()
def resume(brand_id: str = _ID) -> None:
    """End `pause`; a campaign runs when nothing else holds it."""
    _switch(brand_id, {"enabled": True}, "no longer paused by hand")


@app.command()
def archive(brand_id: str = _ID) -> None:
    """Put it away: its campaigns pause, what is still spent is still counted."""
    _switch(brand_id, {"archived": True}, "archived")


@app.command()
def unarchive(brand_id: str = _ID) -> None:
    """Take it out again."""
    _switch(brand_id, {"archived": False}, "no longer archived")


@app.command()
def history(brand_id: str = _ID, limit: str = typer.Option("100", help="How many of the newest.")) -> None:
    """Who changed what of the brand and its campaigns, newest first."""
    from console import validation
    from models.catalog_reads import changes_of, get_brand
    from models.session import session_scope

    most = validation.number("changes", limit, least=1, most=10_000)
    with session_scope(load_settings().database) as session:
        get_brand(session, validation.identifier("brand", brand_id))
        show_history(changes_of(session, brand_id=brand_id, limit=most))


def _switch(brand_id: str, changes: "BrandChanges", said: str) -> None:
    from console import validation
    from console.views import brand_row_view
    from models.catalog import edit_brand

    settings = load_settings()
    with editing(settings) as session:
        row: Brand = edit_brand(session, validation.identifier("brand", brand_id), changes, actor=actor(settings))
    output.show(brand_row_view(row), f"brand {brand_id} is {said}")
