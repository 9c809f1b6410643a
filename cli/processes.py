"""`worker`, `scheduler`, `ledger`, `notifier`, `api`, `migrate`: one process of each kind, settings from the
environment."""

from typing import TYPE_CHECKING

from cli import output
from cli.environment import advice_on_defaults, load_settings
from cli.framework import CommandGroup

if TYPE_CHECKING:
    from streams.settings import Settings

app = CommandGroup()


@app.command()
def worker() -> None:
    """Decide: spend in, pauses and resumes out."""
    from streams.worker.run import run_worker

    run_worker(_process_settings("worker"))


@app.command()
def scheduler() -> None:
    """Publish ticks, budget resets and changes of the catalog."""
    from schedulers.__main__ import main

    main(_process_settings("scheduler"))


@app.command()
def ledger() -> None:
    """Keep every spend and every command in PostgreSQL."""
    import asyncio

    from ledger.ingest.run import run

    asyncio.run(run(_process_settings("ledger")))


@app.command()
def notifier() -> None:
    """Deliver alerts and commands to webhooks, chat and mail."""
    import asyncio

    from notifier.run import run

    asyncio.run(run(_process_settings("notifier")))


@app.command()
def api() -> None:
    """Serve the HTTP API and the console's pages."""
    from console.run import run

    run(_process_settings("api"))


@app.command()
def migrate() -> None:
    """Bring the database's tables to this version."""
    from models.migrations import migrate as schema

    url = load_settings().database
    before = schema.current(url)
    schema.upgrade(url)
    after = schema.current(url)
    text = (
        f"The database is at revision {after}." if before == after else f"The database went from {before} to {after}."
    )
    output.show({"before": before, "after": after}, text)


def _process_settings(process: str) -> "Settings":
    """Sets up the log, looks for garbage more often than a command does, and warns of addresses that nobody has chosen:
    some processes wait until the broker answers, so that no error ends them."""
    import gc

    import structlog

    from streams.logs import configure_logs

    settings = load_settings().of_process(process)
    configure_logs(settings.log_format, process=process)
    gc.set_threshold(50_000, 10, 10)
    if advice := advice_on_defaults():
        structlog.get_logger().warning("addresses_are_defaults", advice=advice)
    return settings
