"""All processes of a PostgreSQL server, stopped as by SIGSTOP while the kernel goes on to answer for them."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress

import psutil

from local.postgres import LocalPostgres

__all__ = ["frozen"]


@contextmanager
def frozen(server: LocalPostgres) -> Iterator[None]:
    """The postmaster first, so that it starts no other process meanwhile."""
    assert server.process
    postmaster = psutil.Process(server.process.pid)
    postmaster.suspend()
    processes = [postmaster, *postmaster.children(recursive=True)]
    for process in processes:
        with suppress(psutil.NoSuchProcess):
            process.suspend()
    try:
        yield
    finally:
        for process in processes:
            with suppress(psutil.NoSuchProcess):  # it was about to end
                process.resume()
