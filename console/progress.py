"""A bar on stderr while a first start downloads; nothing at all when there is nothing to download."""

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock

from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn

from console.local.jars import Progress as Report

__all__ = ["download_progress"]


@contextmanager
def download_progress() -> Iterator[Report]:
    """What `LocalKafka` and the tools want to be called with, from any thread."""
    lock = Lock()
    console = Console(stderr=True)
    columns = (TextColumn("Downloading Kafka"), BarColumn(), DownloadColumn(), TransferSpeedColumn())
    bar = Progress(*columns, console=console, transient=True)
    task = bar.add_task("Kafka", total=None)
    started = False

    def report(done: int, total: int) -> None:
        nonlocal started
        with lock:
            if not started:
                started = True
                if console.is_terminal:
                    bar.start()
                else:
                    console.print(f"Downloading Kafka ({total // 1_000_000} MB), once …")
            bar.update(task, completed=done, total=total)

    try:
        yield report
    finally:
        if started and console.is_terminal:
            bar.stop()
