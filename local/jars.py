"""Kafka's jars: exactly those of `kafka.lock`, fetched once through jgo and checked by SHA-256 at every start."""

import hashlib
import logging
import shutil
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from local.cache import cache_folder, exclusive
from local.service_errors import ChecksumMismatch, DownloadFailed

LOCK_FILE = Path(__file__).with_name("kafka.lock")
PARALLEL_DOWNLOADS = 6
TIMEOUT_SECONDS = 30
ATTEMPTS = 4

Progress = Callable[[int, int], None]
"""Called with (bytes done, bytes total), from any thread, while a first start downloads."""


@dataclass(frozen=True)
class LockedJar:
    group: str
    artifact: str
    version: str
    size: int
    sha256: str

    @property
    def file_name(self) -> str:
        return f"{self.artifact}-{self.version}.jar"


def kafka_jars(progress: Progress | None = None, *, lock_file: Path = LOCK_FILE) -> list[Path]:
    """Paths of the verified jars, in the order of the lock file, on which the class-data archive depends. Raises
    DownloadFailed, ChecksumMismatch or CacheUnusable."""
    locked = read_lock(lock_file)
    folder = cache_folder() / "jars"
    folder.mkdir(exist_ok=True)
    if any(not is_intact(folder, jar) for jar in locked):
        with exclusive(folder / ".lock"):
            _fetch([jar for jar in locked if not is_intact(folder, jar)], folder, progress)
    return [folder / jar.file_name for jar in locked]


def read_lock(lock_file: Path) -> list[LockedJar]:
    rows = [line.split() for line in lock_file.read_text().splitlines() if line and not line.startswith("#")]
    return [_locked_jar(*row) for row in rows]


def _locked_jar(coordinate: str, size: str, sha256: str) -> LockedJar:
    group, artifact, version = coordinate.split(":")
    return LockedJar(group, artifact, version, int(size), sha256)


def is_intact(folder: Path, jar: LockedJar) -> bool:
    path = folder / jar.file_name
    return path.is_file() and path.stat().st_size == jar.size and sha256_of(path) == jar.sha256


def sha256_of(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _fetch(missing: list[LockedJar], folder: Path, progress: Progress | None) -> None:
    counter = _ProgressCounter(sum(jar.size for jar in missing), progress)
    with (
        tempfile.TemporaryDirectory(dir=folder, prefix=".download-") as staging,
        ThreadPoolExecutor(PARALLEL_DOWNLOADS) as pool,
    ):
        downloads = [pool.submit(_fetch_one, jar, Path(staging), folder, counter) for jar in missing]
        try:
            for download in downloads:
                download.result()
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise


def _fetch_one(jar: LockedJar, staging: Path, folder: Path, counter: "_ProgressCounter") -> None:
    """A jar appears in `folder` whole and verified, or not at all."""
    downloaded = _download(jar, staging, counter)
    actual = sha256_of(downloaded)
    if actual != jar.sha256:
        raise ChecksumMismatch(jar.file_name, jar.sha256, actual)
    shutil.move(downloaded, folder / jar.file_name)


def _download(jar: LockedJar, staging: Path, counter: "_ProgressCounter") -> Path:
    # Imported here because it costs half a second, which only a first start has to pay.
    import requests
    from jgo.config import GlobalSettings
    from jgo.constants import MAVEN_CENTRAL_URL
    from jgo.maven import MavenContext, PythonResolver

    logging.getLogger("jgo").setLevel(logging.ERROR)
    context = MavenContext(
        resolver=PythonResolver(progress_callback=counter.file),
        repo_cache=staging,
        remote_repos={"central": MAVEN_CENTRAL_URL, **GlobalSettings.load().repositories},
        timeout=TIMEOUT_SECONDS,
    )
    artifact = context.project(jar.group, jar.artifact).at_version(jar.version).artifact()
    for attempt in range(1, ATTEMPTS + 1):
        try:
            return Path(artifact.resolve())
        except requests.RequestException as error:
            if attempt == ATTEMPTS:
                raise DownloadFailed(jar.file_name, type(error).__name__) from error
        except RuntimeError as error:
            raise DownloadFailed(jar.file_name, "no repository has it") from error
        # jgo leaves a partial file, and would take it for the whole one.
        artifact.cached_path.unlink(missing_ok=True)
        time.sleep(attempt)
    raise AssertionError("the last attempt returns or raises")


class _ProgressCounter:
    """The sum of the bytes of concurrent downloads."""

    def __init__(self, total: int, progress: Progress | None) -> None:
        self._lock = threading.Lock()
        self._done = 0
        self._total = total
        self._progress = progress

    @contextmanager
    def file(self, _name: str, _size: int) -> Iterator[Callable[[int], None]]:
        yield self._add

    def _add(self, count: int) -> None:
        with self._lock:
            self._done += count
            if self._progress:
                self._progress(self._done, self._total)
