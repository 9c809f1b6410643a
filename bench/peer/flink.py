"""Apache Flink, in one JVM, does the worker's work on the worker's core. Needs a JDK 17, `java` and `javac`."""

from pathlib import Path
from typing import Final

from bench.peer.jvm import drain_by, javac
from bench.peer.program import Drained
from local.jars import kafka_jars
from streams.settings import Settings

__all__ = ["BACKENDS", "INTERVALS_MS", "drain"]

BACKENDS: Final = ("hashmap", "rocksdb")
#: From one checkpoint to the next: as the other peers commit, and nearer to Spendgate, which commits a pause at once.
INTERVALS_MS: Final = (500, 50)

_LOCK: Final = Path(__file__).with_name("flink.lock")
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


def drain(settings: Settings, events: int, backend: str, interval_ms: int, commands: str) -> Drained:
    """With totals on the heap or in RocksDB; pauses go to the topic `commands`."""
    java = str(Path(javac()).with_name("java"))  # a newer one than Flink knows may be on PATH for other programs
    opens = (f"--add-opens={it}=ALL-UNNAMED" for it in _OPENS)
    command = [java, *opens, f"-Dcheckpoint.interval={interval_ms}"]
    return drain_by("FlinkPeer", kafka_jars(lock_file=_LOCK), command, settings, events, backend, commands)
