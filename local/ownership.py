"""The lock that lets one running program at a time use a data folder."""

from pathlib import Path
from typing import IO

from local.cache import try_lock
from local.service_errors import DataFolderInUse, DataFolderUnusable


class Ownership:
    """Held from start to stop; the kernel releases it when the holder is killed."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._file: IO[str] | None = None

    def take(self, *private: Path) -> None:
        """Create the folder, and the `private` ones with mode 0700, and lock it. Raises DataFolderInUse or
        DataFolderUnusable."""
        try:
            for folder in (self._folder, *private):
                folder.mkdir(parents=True, exist_ok=True)
            for folder in private:
                folder.chmod(0o700)
            self._file = try_lock(self._folder / "owner.lock")
        except OSError as error:
            raise DataFolderUnusable(self._folder, error.strerror or str(error)) from error
        if self._file is None:
            raise DataFolderInUse(self._folder)

    def release(self) -> None:
        if self._file:
            self._file.close()
            self._file = None
