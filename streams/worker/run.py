"""`spendgate worker`: the process around the Faust app."""

import asyncio
import gc
from pathlib import Path
from typing import Final

import faust
import uvloop

from core.errors import ConfigurationError
from streams.health import serve_health
from streams.kafka.missing_rights import check_rights
from streams.kafka.rights import Process
from streams.settings import Settings
from streams.worker.app import ControllerApp, create_app
from streams.worker.fatal import end_process, end_process_over
from streams.worker.huge_pages import keep_in_huge_pages
from streams.worker.startup_checks import check_topics
from streams.worker.watchdog import watch

__all__ = ["check_cluster", "prepare_process", "run_worker"]

_METRICS_PORT: Final = 9100
#: The state of fewer brands is small. The rest of the memory, above all event ids, is hardly read, and to move it takes
#: a worker's core from decisions when most events come.
_MANY_BRANDS: Final = 20_000


def run_worker(settings: Settings) -> None:
    """Run until SIGTERM or SIGINT. Ends the process."""
    uvloop.install()
    asyncio.run(check_cluster(settings))
    app = create_app(settings)
    prepare_process(app)
    _run_to_the_end(faust.Worker(app, loglevel="WARNING", redirect_stdouts=False, quiet=True), settings)


async def check_cluster(settings: Settings) -> None:
    """Raise ConfigurationError for the first right or topic without which a worker must not run."""
    await check_rights(settings, Process.WORKER)
    await check_topics(settings)


def prepare_process(app: ControllerApp) -> None:
    """Make the data folder, set the garbage collector and the pages of memory, serve health and metrics, and start the
    thread that ends a process that hangs. Raises ConfigurationError where the folder cannot be written."""
    settings = app.settings
    _make_data_folder(app)
    # The state is large and long-lived: collecting it again and again would block the process for a second each time.
    gc.freeze()
    gc.set_threshold(50_000, 50, 1000)
    keep_in_huge_pages(lambda: app.table.ready and app.table.brands >= _MANY_BRANDS)
    port = _METRICS_PORT if settings.metrics_port is None else settings.metrics_port
    serve_health(settings.metrics_host, port, lambda: app.table.ready, app.table.obstacles)
    watch(app.table.waiting, settings.patience_seconds)


def _make_data_folder(app: ControllerApp) -> None:
    """Faust makes its own folder, but not the one above it, and ends with a traceback where it cannot."""
    folder = app.settings.data_dir
    try:
        Path(app.conf.datadir).mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigurationError(
            f"The data folder {folder.absolute()} cannot be written ({error.strerror}): set SPENDGATE_DATA_DIR to a "
            "folder of your own."
        ) from error


def _run_to_the_end(worker: faust.Worker, settings: Settings) -> None:
    """Run Faust; a crash of one of its services ends with the exit code for a restart, where Faust would exit with
    1."""
    worker.spinner = None  # it writes control sequences also where there is no terminal
    try:
        worker.execute_from_commandline()
    except SystemExit as end:
        if end.code:
            if worker.crash_reason:
                end_process_over(worker.crash_reason, settings)
            end_process("Faust gave up; its own lines above say why")
        raise
    except Exception as error:
        end_process_over(error, settings)
