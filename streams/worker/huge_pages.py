"""Has Linux keep the memory of the process in huge pages.

With many brands each event reads objects all over the heap. The processor caches the addresses of few pages: with pages
of 4 KiB those of a few MiB, and it looks up all others in tables in memory.
"""

import ctypes
import mmap
import re
import resource
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Thread
from typing import Final

import structlog

__all__ = ["collapse", "keep_in_huge_pages"]

log = structlog.get_logger()

_PAGE_BYTES: Final = 2 * 1024 * 1024
#: Python has no name for it yet. Linux before 6.1 refuses it, and makes huge pages of what is advised in its own time.
_MADV_COLLAPSE: Final = 25
#: What the operator of the system allows: `always`, `madvise` or `never`. Linux collapses pages in spite of `never`.
_ENABLED: Final = Path("/sys/kernel/mm/transparent_hugepage/enabled")
_SMAPS: Final = Path("/proc/self/smaps")
#: Memory that is no file's: where it begins and ends, and how many KiB of it are in use.
_REGION: Final = re.compile(
    r"^([0-9a-f]+)-([0-9a-f]+) rw-p \S+ \S+ 0 *(?:\[heap\])?\n(?:\w+: .*\n){3}Rss: +([0-9]+) kB$", re.MULTILINE
)
_CHECK_SECONDS: Final = 5.0
#: In less memory little is gained.
_LEAST_KIB: Final = 256 * 1024
#: How much memory grows until it is looked at again.
_GROWTH: Final = 1.25


def keep_in_huge_pages(is_wanted: Callable[[], bool]) -> None:
    """Start a thread that moves the process's memory into huge pages whenever it has grown by a quarter; a GiB takes
    two CPU seconds, and nothing is moved while `is_wanted` says False. Does nothing where the system is not Linux, has
    no huge pages or has them switched off, or hides its files from the process."""
    if sys.platform == "linux":
        Thread(target=_keep, args=(is_wanted,), name="huge-pages", daemon=True).start()


def collapse() -> None:
    """Move the process's memory into huge pages now, as far as the system has some; none where its operator has
    switched them off (`never`). Raises OSError where the process may not read the system's files about them."""
    if "[never]" in _ENABLED.read_text():
        return
    advise = ctypes.CDLL(None).madvise
    advise.argtypes = (ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int)
    for start, size in _regions():
        for advice in (mmap.MADV_HUGEPAGE, _MADV_COLLAPSE):
            advise(start, size, advice)


def _keep(is_wanted: Callable[[], bool]) -> None:
    next_kib = float(_LEAST_KIB)
    while True:
        most_kib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        if most_kib >= next_kib and is_wanted():
            try:
                collapse()
            except OSError as error:
                log.info("huge_pages_not_used", why=str(error))
                return
            next_kib = most_kib * _GROWTH
        time.sleep(_CHECK_SECONDS)


def _regions() -> Iterator[tuple[int, int]]:
    """Where they begin, and their sizes. Those of which the most is not in use, as stacks of threads, would grow."""
    for start, end, resident_kib in _REGION.findall(_SMAPS.read_text(errors="replace")):
        size = int(end, 16) - int(start, 16)
        if size >= _PAGE_BYTES and int(resident_kib) * 1024 > size // 2:
            yield int(start, 16), size
