"""Apache Flink, in one JVM, does the worker's work on the worker's core. Needs a JDK 17, `java` and `javac`."""

import os
import tempfile
from pathlib import Path
from typing import Final

from bench.peer.jvm import Drained, compile_java, figures, javac, run_java
from local.jars import kafka_jars
from streams.kafka.topics import Topic
from streams.settings import Settings

__all__ = ["BACKENDS", "drain"]

BACKENDS: Final = ("hashmap", "rocksdb")

_HERE: Final = Path(__file__).parent
#: What Flink's own scripts open for Java 17.
_OPENS: Final = (
    "java.base/java.lang",
    "java.base/java.net",
    "java.base/java.io",
    "java.base/java.nio",
    "java.base/sun.nio.ch",
    "java.base/java.lang.reflect",
    "java.base/java.text",
    "java.base/java.time",
    "java.base/java.util",
    "java.base/java.util.concurrent",
    "java.base/java.util.concurrent.atomic",
    "java.base/java.util.concurrent.locks",
)


def drain(settings: Settings, events: int, backend: str, commands: str) -> Drained:
    """With totals on the heap or in RocksDB; pauses go to the topic `commands`."""
    jars = kafka_jars(lock_file=_HERE / "flink.lock")
    with tempfile.TemporaryDirectory(prefix="spendgate-peer-") as name:
        folder = Path(name)
        compile_java([_HERE / "Work.java", _HERE / "FlinkPeer.java"], jars, folder)
        totals = folder / "totals.tsv"
        arguments = [
            commands,  # the job's name: one a run
            settings.brokers,
            backend,
            settings.topic(Topic.SPEND_EVENTS),
            settings.topic(Topic.CATALOG),
            commands,
            str(events),
            str(folder / "state"),
            str(totals),
            str(settings.partitions),
        ]
        java = str(Path(javac()).with_name("java"))  # a newer one than Flink knows may be on PATH for other programs
        opens = [f"--add-opens={it}=ALL-UNNAMED" for it in _OPENS]
        path = os.pathsep.join([name, *map(str, jars)])
        moments = run_java([java, *opens, "-cp", path, "FlinkPeer", *arguments])
        return Drained(figures(moments, events), totals.read_text().splitlines())
