"""A file system of its own that is small enough to be filled."""

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

__all__ = ["fill", "small_disk"]

DISK_MIB: Final = 160


@contextmanager
def small_disk(folder: Path) -> Iterator[None]:
    """At the folder, where this user may mount one; else `folder.is_mount()` is false."""
    folder.mkdir(parents=True)
    mount, umount = shutil.which("mount"), shutil.which("umount")
    if not (mount and umount):
        yield
        return
    options = f"size={DISK_MIB}m,mode=0755"
    subprocess.run([mount, "-t", "tmpfs", "-o", options, "tmpfs", str(folder)], check=False, capture_output=True)
    try:
        yield
    finally:
        if folder.is_mount():
            subprocess.run([umount, "--lazy", str(folder)], check=True)


def fill(file: Path) -> None:
    """Up to the last byte."""
    for size in (64 * 1024, 512):
        with suppress(OSError), file.open("ab", buffering=0) as out:
            while True:
                out.write(bytes(size))
