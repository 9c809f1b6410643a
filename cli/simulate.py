"""`simulate-traffic`, `simulate-day`: made up spend, and what its totals must be."""

import asyncio
import random
import signal
import tempfile
from collections.abc import Callable, Iterator
from contextlib import AsyncExitStack, ExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import typer

from cli import output
from cli.catalog_editing import run_async
from cli.environment import load_settings
from cli.framework import CommandGroup
from core.moment import SECOND
from streams.clock import current_moment

if TYPE_CHECKING:
    from simulation.brands import SimulatedBrand
    from simulation.comparison import Key, PlanDifference
    from simulation.day import DayPlan
    from simulation.traffic import SpendGenerator
    from streams.settings import Settings

app = CommandGroup()

EVENTS_MAX: Final = 100_000_000
SEED_MAX: Final = 999_999_999
#: How long a simulation's own worker and ledger may take for what is left when all is published.
PATIENCE_SECONDS: Final = 3_600.0

Duplicates = typer.Option("3", metavar="PERCENT", help="Events that are sent a second time.")
Late = typer.Option("2", metavar="PERCENT", help="Events that occurred up to two days before they arrive.")
Refunds = typer.Option("1", metavar="PERCENT", help="Events that take money of a former one back.")
WrongKeys = typer.Option("0.5", metavar="PERCENT", help="Records under a wrong key or in a wrong partition.")
Seed = typer.Option(None, help="Repeats a simulation; random when not given.")


@app.command("simulate-traffic")
def simulate_traffic(
    brand: list[str] = typer.Option([], help="Of this brand alone; may be repeated. All of the catalog by default."),
    rate: str = typer.Option("50", help="Events a second."),
    seconds: str = typer.Option(None, help="How long; until Ctrl-C when neither this nor --events is given."),
    events: str = typer.Option(None, help="How many events."),
    duplicates: str = Duplicates,
    late: str = Late,
    refunds: str = Refunds,
    wrong_keys: str = WrongKeys,
    seed: str = Seed,
) -> None:
    """Live spend of the catalog's campaigns, with duplicates, late events, refunds and wrong keys in it.

    It goes to the real topics: what it spends is spent, and cannot be taken out of the ledger again.
    """
    from operations import validation
    from simulation import options
    from simulation.traffic import SpendGenerator

    mix = options.mix(duplicates=duplicates, late=late, refunds=refunds, wrong_keys=wrong_keys)
    a_second = options.rate("rate", rate, most=100_000)
    most = None if events is None else validation.number("events", events, least=1, most=EVENTS_MAX)
    if seconds is not None:
        in_time = max(1, int(a_second * validation.number("seconds", seconds, least=1, most=31 * 86_400)))
        most = in_time if most is None else min(most, in_time)
    settings = load_settings()
    brands = _brands_of_catalog(settings, [validation.identifier("brand", one) for one in brand])
    name = f"sim{datetime.fromtimestamp(current_moment() / SECOND, UTC):%Y%m%dT%H%M%S%f}"
    generator = SpendGenerator(brands, mix, seed=_seed(seed), name=name, partitions=settings.partitions)
    before = run_async(_send_traffic(settings, generator, a_second, most))
    _report_traffic(generator, name, before)


@app.command("simulate-day")
def simulate_day(
    day: str = typer.Argument("yesterday", metavar="[DATE]", help="A past day, in UTC."),
    events: str = typer.Option("100000", help="How many events."),
    brands: str = typer.Option("40", help="How many brands, in several time zones."),
    campaigns: str = typer.Option("3", help="How many campaigns each of them has."),
    rush_hour: str = typer.Option("19", help="The hour, in UTC, in which most events come."),
    duplicates: str = Duplicates,
    late: str = Late,
    refunds: str = Refunds,
    wrong_keys: str = WrongKeys,
    seed: str = Seed,
    speed: str = typer.Option(None, help="Times faster than the day; as fast as it goes when not given."),
    run: bool = typer.Option(False, "--run", help="Start a worker and a ledger for it, and compare; exit 1 if wrong."),
    keep: bool = typer.Option(False, "--keep", help="With --run: leave topics and database there."),
) -> None:
    """A whole past day of spend, ticks and resets on topics of its own, for brands of its own, and its totals."""
    from core.calendar import local_date
    from operations import validation
    from simulation import options
    from simulation.day import DayOptions, DayPlan
    from streams.settings import Timestamps

    number = _seed(seed)
    settings = load_settings()
    wanted = DayOptions(
        day=options.past_day(day, local_date("UTC", current_moment())),
        events=validation.number("events", events, least=1, most=EVENTS_MAX),
        brands=validation.number("brands", brands, least=1, most=1_000),
        campaigns=validation.number("campaigns", campaigns, least=1, most=100),
        rush_hour=validation.number("hours", rush_hour, least=0, most=23),
        seed=number,
        mix=options.mix(duplicates=duplicates, late=late, refunds=refunds, wrong_keys=wrong_keys),
    )
    times = None if speed is None else options.rate("speed", speed, most=1_000_000)
    prefix = f"{settings.topic_prefix}sim-{wanted.day:%Y%m%d}-{number}-"
    own = settings.replace(topic_prefix=prefix, timestamps=Timestamps.CREATE)
    plan = DayPlan(wanted, name=f"sim{number}", partitions=own.partitions)
    with ExitStack() as stack:
        if run:
            from simulation.installation import own_database

            own = stack.enter_context(own_database(own, keep=keep))
        differences = run_async(_send_day(own, plan, times, run=run, keep=keep or not run))
    _report_day(own, plan, number, differences, stored_differences=keep or not run)
    if differences:
        raise typer.Exit(1)


def _brands_of_catalog(settings: "Settings", brand_ids: list[str]) -> "list[SimulatedBrand]":
    """The brands that have campaigns, without what is archived."""
    from core.errors import NotFound
    from models.queries.catalog import get_brand, list_brands, list_campaigns
    from models.session import session_scope
    from operations.schedule_preview import zones_of
    from simulation.brands import SimulatedBrand

    found = []
    with session_scope(settings.database) as session:
        rows = [get_brand(session, one) for one in brand_ids] if brand_ids else list_brands(session, archived=False)
        for row in rows:
            campaigns = list_campaigns(session, brand_id=row.brand_id, archived=False)
            ids = tuple(campaign.campaign_id for campaign in campaigns)
            if ids:
                found.append(SimulatedBrand(row.brand_id, zones_of(row), row.currency, ids))
    if not found:
        raise NotFound("No brand has a campaign that could spend: add one with `spendgate campaign add`.")
    return found


async def _send_traffic(
    settings: "Settings", generator: "SpendGenerator", rate: float, events: int | None
) -> "dict[Key, int]":
    """Returns what the controller held before."""
    from simulation.comparison import controller_totals
    from simulation.run import publish_traffic

    before = await controller_totals(settings, generator.brand_ids)
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    with _progress("Spending; Ctrl-C ends it" if events is None else "Spending", events) as report:
        await publish_traffic(settings, generator, report, rate=rate, events=events, stop=stop)
    return before


async def _send_day(
    settings: "Settings", plan: "DayPlan", speed: float | None, *, run: bool, keep: bool
) -> "list[PlanDifference] | None":
    """Publish the day. Returns the totals that differ from the plan; None where nothing was compared."""
    from simulation.installation import delete_topics, make_topics, running_processes
    from simulation.run import publish_day

    async with AsyncExitStack() as stack:
        await make_topics(settings)
        if not keep:
            stack.push_async_callback(delete_topics, settings)
        if run:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="spendgate-simulation-")))
            await stack.enter_async_context(running_processes(settings, folder, ["worker", "ledger"], output.note))
        with _progress("Publishing the day", plan.events) as report:
            await publish_day(settings, plan, report, speed=speed)
        return await _compared(settings, plan) if run else None


async def _compared(settings: "Settings", plan: "DayPlan") -> "list[PlanDifference]":
    from simulation.comparison import controller_differences, ledger_differences
    from simulation.completion import until_applied, until_stored

    output.note("All of it is published; the worker and the ledger take the rest of it in.")
    await until_applied(settings, PATIENCE_SECONDS)
    await until_stored(settings, PATIENCE_SECONDS)
    totals = plan.generator.totals
    stored_differences = await asyncio.to_thread(ledger_differences, settings.database, totals)
    return await controller_differences(settings, totals) + stored_differences


def _report_traffic(generator: "SpendGenerator", name: str, before: "dict[Key, int]") -> None:
    from simulation.report import sentence_of, total_rows

    rows = total_rows(generator.totals, generator.currencies, before)
    data: dict[str, Any] = {"name": name, **generator.counts, "totals": rows}
    output.show(data, f"{sentence_of(generator.counts)}.")
    if not output.is_json():
        columns = ("brand_id", "period", "starts_on", "currency", "spent", "then")
        output.show_table(columns, [row for row in rows if row["campaign_id"] is None], "Nothing was spent.")
        output.note(
            "`spent` is what this adds to each total, `then` what it comes to when nothing else is spent. --json has "
            "the campaigns' too. `spendgate brand show` shows what is held, `spendgate reconcile` checks the ledger."
        )


def _report_day(
    settings: "Settings",
    plan: "DayPlan",
    seed: int,
    differences: "list[PlanDifference] | None",
    *,
    stored_differences: bool,
) -> None:
    from simulation.report import difference_rows, sentence_of, total_rows

    environment = {"SPENDGATE_TOPIC_PREFIX": settings.topic_prefix, "SPENDGATE_TIMESTAMPS": "create"}
    currencies = plan.generator.currencies
    rows = total_rows(plan.generator.totals, currencies)
    data: dict[str, Any] = {
        "seed": seed,
        **plan.generator.counts,
        "kept": stored_differences,
        "environment": environment,
    }
    compared = None if differences is None else difference_rows(differences, currencies)
    data |= {"totals": rows, "differences": compared}
    output.show(data, f"{sentence_of(plan.generator.counts)} (seed {seed}).")
    if output.is_json():
        return
    if compared is None:
        columns = ("brand_id", "period", "starts_on", "currency", "spent")
        output.show_table(columns, [row for row in rows if row["campaign_id"] is None], "Nothing was spent.")
    elif compared:
        fields = ("where", "brand_id", "campaign_id", "period", "starts_on", "currency", "planned", "found")
        output.show_table(fields, compared, "")
    else:
        output.show(None, f"Controller and ledger have exactly the {len(rows):,} totals that were planned.")
    if stored_differences:
        _report_environment(environment)


def _report_environment(environment: dict[str, str]) -> None:
    settings = " ".join(f"{name}={value}" for name, value in environment.items())
    prefix = environment["SPENDGATE_TOPIC_PREFIX"]
    output.note(
        f"To run on it: export {settings}, then `spendgate worker` and `spendgate ledger` (its rows are kept for "
        "ever: give it a database of its own).\n"
        f"To delete it: spendgate kafka kafka-topics --delete --topic '{prefix}.*'"
    )


@contextmanager
def _progress(what: str, total: int | None) -> Iterator[Callable[[int], None]]:
    """A bar on a terminal, else a line at the beginning."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    console = Console(stderr=True)
    if not console.is_terminal:
        output.note(f"{what} …")
        yield lambda _: None
        return
    columns = (TextColumn(what), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console) as bar:
        task = bar.add_task(what, total=total)
        yield lambda done: bar.update(task, completed=done)


def _seed(text: str | None) -> int:
    from operations import validation

    if text is None:
        return random.SystemRandom().randrange(100_000, 1_000_000)
    return validation.number("seeds", text, least=0, most=SEED_MAX)
