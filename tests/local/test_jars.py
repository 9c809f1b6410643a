"""Only jars with the locked checksum are used, whatever a repository or a disk makes of them."""

import hashlib
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from local import jars
from local.cache import cache_folder
from local.jars import kafka_jars
from local.service_errors import CacheUnusable, ChecksumMismatch, DownloadFailed

CONTENT = b"not really a jar" * 1000
NAMES = [f"thing{number}" for number in range(5)]


class Repository(ThreadingHTTPServer):
    """A Maven repository that delivers `content` for every jar and counts the requests."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.content = CONTENT
        self.requests: Counter[str] = Counter()


class _Handler(BaseHTTPRequestHandler):
    server: Repository

    def do_GET(self) -> None:
        name = self.path.rsplit("/", 1)[1]
        self.server.requests[name] += 1
        known = name.endswith(".jar")
        self.send_response(200 if known else 404)
        self.send_header("Content-Length", str(len(self.server.content) if known else 0))
        self.end_headers()
        if known:
            self.wfile.write(self.server.content)

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Repository]:
    with Repository() as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        config = tmp_path / "jgo.conf"
        config.write_text(f"[repositories]\ncentral = http://127.0.0.1:{server.server_port}\n")
        monkeypatch.setenv("JGO_CONFIG_FILE", str(config))
        monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
        yield server
        server.shutdown()


@pytest.fixture
def lock_file(tmp_path: Path) -> Path:
    path = tmp_path / "test.lock"
    digest = hashlib.sha256(CONTENT).hexdigest()
    path.write_text("# a comment\n" + "".join(f"org.example:{name}:1.0 {len(CONTENT)} {digest}\n" for name in NAMES))
    return path


def test_a_first_start_fetches_every_jar_once_and_tells_its_progress(repository: Repository, lock_file: Path) -> None:
    seen: list[tuple[int, int]] = []

    paths = kafka_jars(lambda done, total: seen.append((done, total)), lock_file=lock_file)
    again = kafka_jars(lock_file=lock_file)

    assert [path.read_bytes() for path in paths] == [CONTENT] * len(NAMES)
    assert again == paths
    assert {name: repository.requests[f"{name}-1.0.jar"] for name in NAMES} == dict.fromkeys(NAMES, 1)
    assert seen[-1] == (len(CONTENT) * len(NAMES), len(CONTENT) * len(NAMES))


def test_a_jar_that_is_delivered_changed_is_refused_and_not_kept(repository: Repository, lock_file: Path) -> None:
    repository.content = CONTENT + b"and more"

    with pytest.raises(ChecksumMismatch, match=r"thing\d-1\.0\.jar was refused, its SHA-256 is"):
        kafka_jars(lock_file=lock_file)

    assert list((cache_folder() / "jars").glob("*.jar")) == []


def test_a_jar_that_was_changed_on_disk_is_never_used_but_fetched_again(
    repository: Repository, lock_file: Path
) -> None:
    kafka_jars(lock_file=lock_file)[2].write_bytes(CONTENT[:-1] + b"X")

    paths = kafka_jars(lock_file=lock_file)

    assert paths[2].read_bytes() == CONTENT
    assert repository.requests["thing2-1.0.jar"] == 2


def test_a_repository_that_is_away_gives_one_sentence_that_says_what_to_do(
    repository: Repository, lock_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    repository.server_close()
    monkeypatch.setattr(jars, "ATTEMPTS", 1)

    with pytest.raises(DownloadFailed, match=r"could not be downloaded \(ConnectionError\): check the network"):
        kafka_jars(lock_file=lock_file)


def test_two_processes_that_start_at_once_fetch_each_jar_once(repository: Repository, lock_file: Path) -> None:
    program = "import sys, pathlib; from local.jars import kafka_jars\nkafka_jars(lock_file=pathlib.Path(sys.argv[1]))"
    both = [subprocess.Popen([sys.executable, "-c", program, str(lock_file)]) for _ in range(2)]

    assert [process.wait(60) for process in both] == [0, 0]
    assert {name: repository.requests[f"{name}-1.0.jar"] for name in NAMES} == dict.fromkeys(NAMES, 1)


def test_a_cache_folder_that_cannot_be_made_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))

    with pytest.raises(CacheUnusable, match="set XDG_CACHE_HOME to a writable folder"):
        kafka_jars()
