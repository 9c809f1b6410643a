"""One running program to a data folder."""

from pathlib import Path
from typing import IO

from console.local.cache import try_exclusive
from console.local.errors import DataFolderInUse, DataFolderUnusable


class Ownership:
    """Held from start to stop; the kernel ends it when the holder is killed."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._file: IO[str] | None = None

    def take(self, *also: Path) -> None:
        """Makes the folder, and `also`, when they are missing."""
        try:
            for folder in (self._folder, *also):
                folder.mkdir(parents=True, exist_ok=True)
            self._file = try_exclusive(self._folder / "owner.lock")
        except OSError as error:
            raise DataFolderUnusable(self._folder, error.strerror or str(error)) from error
        if self._file is None:
            raise DataFolderInUse(self._folder)

    def release(self) -> None:
        if self._file:
            self._file.close()
            self._file = None
