"""`worker`, `scheduler`, `ledger`, `api`, `migrate`: one process of each kind, settings from the environment."""

from console.cli import output
from console.cli.environment import load_settings
from console.cli.frame import App

app = App()


@app.command()
def worker() -> None:
    """Decide: spend in, pauses and resumes out."""
    from streams.logs import configure_logs
    from streams.worker import run_worker

    settings = load_settings()
    configure_logs(settings.log_format, process="worker")
    run_worker(settings)


@app.command()
def scheduler() -> None:
    """Publish ticks, budget resets and changes of the catalog."""
    from schedulers.__main__ import main
    from streams.logs import configure_logs

    settings = load_settings()
    configure_logs(settings.log_format, process="scheduler")
    main(settings)


@app.command()
def ledger() -> None:
    """Keep every spend and every command in PostgreSQL."""
    import asyncio

    from streams.ledger.run import run
    from streams.logs import configure_logs

    settings = load_settings()
    configure_logs(settings.log_format, process="ledger")
    asyncio.run(run(settings))


@app.command()
def api() -> None:
    """Serve the HTTP API and the console's pages."""
    from console.api.run import run
    from streams.logs import configure_logs

    settings = load_settings()
    configure_logs(settings.log_format, process="api")
    run(settings)


@app.command()
def migrate() -> None:
    """Bring the database's tables to this version."""
    from models import migrate as schema

    url = load_settings().database
    before = schema.current(url)
    schema.upgrade(url)
    after = schema.current(url)
    text = (
        f"The database is at revision {after}." if before == after else f"The database went from {before} to {after}."
    )
    output.show({"before": before, "after": after}, text)
