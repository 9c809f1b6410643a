"""A broker, a database and our own processes on chosen cores, and what can be seen of them from outside."""

import asyncio
import os
import platform
import re
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import Any, Self
from urllib.error import URLError
from urllib.request import urlopen

import psutil

from core.errors import SpendgateError
from local.kafka import LocalKafka
from local.lock_kafka import KAFKA_VERSION
from local.ports import choose_port
from local.postgres import LocalPostgres
from streams.kafka.provision import create_topics
from streams.settings import Settings, Timestamps

__all__ = [
    "BROKER_CORE",
    "WORKER_CORE",
    "Process",
    "Worker",
    "broker",
    "database",
    "describe",
    "median",
    "topics",
    "wait_until",
]

BROKER_CORE = 0
WORKER_CORE = 1


@contextmanager
def broker(*cores: int) -> Iterator[LocalKafka]:
    """Kafka in a temporary folder, on these cores (the first one) together with this process, whose children inherit
    them."""
    os.sched_setaffinity(0, cores or {BROKER_CORE})
    with tempfile.TemporaryDirectory(prefix="spendgate-bench-") as folder:
        kafka = LocalKafka(Path(folder))
        kafka.start()
        try:
            yield kafka
        finally:
            kafka.stop()


@contextmanager
def database() -> Iterator[LocalPostgres]:
    """PostgreSQL in a temporary folder, as durable as `up` has it."""
    with tempfile.TemporaryDirectory(prefix="spendgate-bench-") as folder:
        # It runs as another user when this is root.
        Path(folder).chmod(0o755)
        postgres = LocalPostgres(Path(folder))
        postgres.start()
        try:
            yield postgres
        finally:
            postgres.stop()


def topics(kafka: LocalKafka, prefix: str, partitions: int, timestamps: Timestamps = Timestamps.APPEND) -> Settings:
    """A fresh set of topics."""
    settings = Settings(brokers=kafka.brokers, topic_prefix=prefix, partitions=partitions, timestamps=timestamps)
    asyncio.run(create_topics(settings))
    return settings


class Process:
    """`spendgate PROGRAM` as a process of its own, on these cores."""

    def __init__(self, program: str, settings: Settings, *cores: int) -> None:
        self._port = choose_port(0, program)
        self._folder = tempfile.TemporaryDirectory(prefix="spendgate-bench-")
        environment = {
            **os.environ,
            "SPENDGATE_BROKERS": settings.brokers,
            "SPENDGATE_DATABASE_URL": settings.database,
            "SPENDGATE_TOPIC_PREFIX": settings.topic_prefix,
            "SPENDGATE_PARTITIONS": str(settings.partitions),
            "SPENDGATE_TIMESTAMPS": settings.timestamps.value,
            "SPENDGATE_METRICS_PORT": str(self._port),
            "SPENDGATE_HTTP_PORT": str(self._port),  # of `api`, whose metrics are there
            "SPENDGATE_DATA_DIR": self._folder.name,
        }
        pinned = ["taskset", "-c", ",".join(map(str, cores))]
        self._command = [*pinned, str(Path(sys.executable).with_name("spendgate")), program]
        self._environment = environment
        self.start()

    def start(self) -> None:
        """Start it, after a `kill` in the same folder."""
        self._process = subprocess.Popen(self._command, env=self._environment, stdout=subprocess.DEVNULL)
        self._seen = psutil.Process(self._process.pid)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self._process.send_signal(signal.SIGTERM)
        try:
            self._process.wait(20)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._folder.cleanup()

    def kill(self) -> None:
        """As kill -9 does."""
        self._process.kill()
        self._process.wait()

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self._port}"

    def metric(self, name: str) -> float:
        """0 while it does not answer or has not counted yet."""
        if self._process.poll() is not None:
            raise SpendgateError(f"it ended with exit code {self._process.returncode}")
        try:
            with urlopen(f"http://127.0.0.1:{self._port}/metrics", timeout=10) as answer:
                text = answer.read().decode()
        except (URLError, ConnectionError):
            return 0.0
        found = re.search(rf"^{re.escape(name)} (\S+)$", text, re.MULTILINE)
        return float(found[1]) if found else 0.0

    def mean(self, histogram: str) -> float:
        return self.metric(f"{histogram}_sum") / max(1.0, self.metric(f"{histogram}_count"))

    def cpu_seconds(self) -> float:
        times = self._seen.cpu_times()
        return float(times.user + times.system)

    def resident_mib(self) -> float:
        return float(self._seen.memory_info().rss / 1024**2)

    def peak_mib(self) -> float:
        """The most that it had at once."""
        status = Path(f"/proc/{self._process.pid}/status").read_text()
        return int(status.split("VmHWM:")[1].split()[0]) / 1024


class Worker(Process):
    """Alone on its core."""

    def __init__(self, settings: Settings) -> None:
        super().__init__("worker", settings, WORKER_CORE)

    def applied(self, topic: str) -> int:
        return int(self.metric(f'spendgate_records_applied_total{{topic="{topic}"}}'))


def wait_until(true: Callable[[], bool], seconds: float, every: float = 0.02) -> float:
    """The moment, by the monotonic clock, at which it was seen to be true."""
    deadline = time.monotonic() + seconds
    while not true():
        if time.monotonic() > deadline:
            raise TimeoutError(f"not within {seconds:g} s")
        time.sleep(every)
    return time.monotonic()


def describe() -> dict[str, Any]:
    """The machine, how busy it was with other things before the measurement, and the versions of what is measured."""
    return {
        "cores": psutil.cpu_count(),
        "processor": _processor(),
        "memory_gib": round(psutil.virtual_memory().total / 2**30),
        "system": platform.platform(terse=True),
        "load_before": os.getloadavg()[0],
        "python": platform.python_version(),
        **{package: version(package) for package in ("spendgate", "faust-streaming", "aiokafka", "confluent-kafka")},
        "kafka": KAFKA_VERSION,
    }


def _processor() -> str:
    found = re.search(r"^model name\s*: (.+)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
    return found[1] if found else platform.machine()


def median(values: list[float]) -> float:
    return round(statistics.median(values), 2)
