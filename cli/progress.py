"""Bars on stderr: while a first start downloads, and while a long command works."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Lock

from rich.console import Console
from rich.progress import (
    BarColumn,
    DownloadColumn,
    Progress,
    TaskProgressColumn,
    TextColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)

from local.jars import Progress as Report

__all__ = ["counting_progress", "download_progress"]


@contextmanager
def counting_progress(what: str, *, in_bytes: bool = False) -> Iterator[Callable[[int, int | None], None]]:
    """Yield a function of (done, total) that moves a bar; only on a terminal, and removed at the end."""
    console = Console(stderr=True)
    amount = DownloadColumn() if in_bytes else TaskProgressColumn()
    columns = (TextColumn(what), BarColumn(), amount, TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task(what, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)


@contextmanager
def download_progress() -> Iterator[Report]:
    """Yield a function of (bytes done, bytes total), callable from any thread. It prints nothing until it is called."""
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
