"""Memory that is in use is kept in huge pages where Linux has some."""

import mmap
import platform
import re
from pathlib import Path

import pytest

from streams.worker.huge_pages import collapse

MIB = 1024 * 1024
ENABLED = Path("/sys/kernel/mm/transparent_hugepage/enabled")
SMAPS = Path("/proc/self/smaps")


def has_huge_pages() -> bool:
    version = [int(part) for part in platform.release().split(".")[:2]] if ENABLED.exists() else [0]
    return version >= [6, 1] and "[never]" not in ENABLED.read_text()


def huge_bytes() -> int:
    return 1024 * sum(map(int, re.findall(r"^AnonHugePages: +(\d+) kB$", SMAPS.read_text(), re.MULTILINE)))


@pytest.mark.skipif(not has_huge_pages(), reason="no huge pages, or a Linux that makes them in its own time")
def test_memory_that_is_in_use_gets_huge_pages_and_what_is_hardly_in_use_none() -> None:
    used = bytearray(b"x") * (32 * MIB)
    before = huge_bytes()
    collapse()
    assert huge_bytes() - before >= 24 * MIB
    assert used[-1] == ord("x")
    with mmap.mmap(-1, 128 * MIB, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS) as hardly_used:
        hardly_used[:: 2 * MIB] = b"x" * 64
        before = huge_bytes()
        collapse()
        assert huge_bytes() - before < 64 * MIB
