"""`spendgate worker`: the process around the Faust app."""

import asyncio
import gc
from typing import Final

import faust
import uvloop

from streams.app import create_app
from streams.health import serve_health
from streams.liveness import watch
from streams.settings import Settings
from streams.startup_checks import check_topics

__all__ = ["run_worker"]

_METRICS_PORT: Final = 9100


def run_worker(settings: Settings) -> None:
    """Run until SIGTERM or SIGINT. Ends the process."""
    uvloop.install()
    asyncio.run(check_topics(settings))
    # State is large and lives long: looking through all of it again and again would stop the world for a second.
    gc.freeze()
    gc.set_threshold(50_000, 50, 1000)
    # Faust makes its own folder, but not the one above it.
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    app = create_app(settings)
    port = _METRICS_PORT if settings.metrics_port is None else settings.metrics_port
    serve_health(port, lambda: app.table.ready)
    watch(app.table.waiting, settings.patience_seconds)
    faust.Worker(app, loglevel="WARNING", redirect_stdouts=False, quiet=True).execute_from_commandline()
