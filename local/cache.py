"""Where downloads are kept between runs, and the lock that lets one process at a time change a folder."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from local.service_errors import CacheUnusable


def cache_folder() -> Path:
    """`$XDG_CACHE_HOME/spendgate`, else `~/.cache/spendgate`, made when missing."""
    configured = os.environ.get("XDG_CACHE_HOME", "")
    base = Path(configured) if Path(configured).is_absolute() else Path(os.path.expanduser("~/.cache"))  # noqa: PTH111
    folder = base / "spendgate"
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise CacheUnusable(folder, error.strerror or str(error)) from error
    return folder


@contextmanager
def exclusive(path: Path) -> Iterator[None]:
    """Hold an exclusive lock on the file `path`; waits while another process holds it."""
    with path.open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def try_lock(path: Path) -> IO[str] | None:
    """The open, locked file; None when another process holds the lock. The kernel releases it when the holder dies."""
    file = path.open("a")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        file.close()
        return None
    return file
