"""Memory that is in use is kept in huge pages where Linux has some and its operator wants them."""

import ctypes
import mmap
import platform
import re
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from streams.worker import huge_pages
from streams.worker.huge_pages import collapse

MIB = 1024 * 1024
ENABLED = Path("/sys/kernel/mm/transparent_hugepage/enabled")
SMAPS = Path("/proc/self/smaps")
#: Where a region of memory begins and ends, and how many KiB of it are in huge pages.
REGION = re.compile(r"^([0-9a-f]+)-([0-9a-f]+) .*\n(?:\w+: .*\n)*?AnonHugePages: +(\d+) kB$", re.MULTILINE)


def can_collapse() -> bool:
    version = [int(part) for part in platform.release().split(".")[:2]] if ENABLED.exists() else [0]
    return version >= [6, 1]


needs_collapse = pytest.mark.skipif(
    not can_collapse(), reason="no huge pages, or a Linux that makes them in its own time"
)
needs_huge_pages = pytest.mark.skipif(
    not can_collapse() or "[never]" in ENABLED.read_text(), reason="no huge pages, or switched off"
)


def in_small_pages(size: int) -> mmap.mmap:
    """Memory of which Linux makes no huge pages by itself, also where it always does, and that borders on no other."""
    memory = mmap.mmap(-1, size, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    memory.madvise(mmap.MADV_NOHUGEPAGE)
    return memory


def huge_bytes(memory: mmap.mmap) -> int:
    """How much of it is in huge pages."""
    address = ctypes.addressof(ctypes.c_char.from_buffer(memory))
    (kib,) = [
        int(huge) for start, end, huge in REGION.findall(SMAPS.read_text()) if int(start, 16) <= address < int(end, 16)
    ]
    return kib * 1024


@needs_huge_pages
def test_memory_that_is_in_use_gets_huge_pages() -> None:
    with in_small_pages(32 * MIB) as used:
        used[:] = b"x" * len(used)
        assert huge_bytes(used) == 0
        collapse()
        assert huge_bytes(used) >= 24 * MIB
        assert used[-1] == ord("x")


@needs_huge_pages
def test_memory_that_is_hardly_in_use_gets_none() -> None:
    with in_small_pages(128 * MIB) as hardly_used:
        hardly_used[:: 2 * MIB] = b"x" * 64
        collapse()
        assert huge_bytes(hardly_used) == 0


@needs_collapse
def test_there_are_none_where_the_operator_has_switched_them_off(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(huge_pages, "_ENABLED", _setting(tmp_path, "always madvise [never]"))
    with in_small_pages(32 * MIB) as used:
        used[:] = b"x" * len(used)
        collapse()
        assert huge_bytes(used) == 0


@pytest.mark.parametrize("hidden", ["_ENABLED", "_SMAPS"])
def test_a_process_from_which_linux_hides_its_memory_goes_on_without(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, hidden: str
) -> None:
    monkeypatch.setattr(huge_pages, "_LEAST_KIB", 0)
    monkeypatch.setattr(huge_pages, "_ENABLED", _setting(tmp_path, "always [madvise] never"))
    monkeypatch.setattr(huge_pages, hidden, tmp_path / "hidden")
    with capture_logs() as logged:
        huge_pages._keep(lambda: True)
    assert [it["event"] for it in logged] == ["huge_pages_not_used"]


def test_there_are_none_until_they_are_wanted(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(huge_pages, "_LEAST_KIB", 0)
    monkeypatch.setattr(huge_pages, "_CHECK_SECONDS", 0)
    monkeypatch.setattr(huge_pages, "_ENABLED", tmp_path / "hidden")  # to look into it ends the thread
    asked: list[bool] = []

    def is_wanted() -> bool:
        asked.append(len(asked) == 2)
        return asked[-1]

    with capture_logs():
        huge_pages._keep(is_wanted)
    assert asked == [False, False, True]


def _setting(folder: Path, words: str) -> Path:
    path = folder / "enabled"
    path.write_text(f"{words}\n")
    return path
