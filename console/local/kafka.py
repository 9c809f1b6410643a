"""A real Apache Kafka broker, KRaft, one node, in a folder."""

import base64
import signal
import subprocess
import time
import uuid
from pathlib import Path

from console.local.child import ended, last_line, start_tied, stop, stop_leftovers
from console.local.class_archive import Recording, archive_options
from console.local.errors import ServiceDidNotStart
from console.local.jars import Progress, kafka_jars
from console.local.java import QUICK_START, java_command
from console.local.ownership import Ownership
from console.local.ports import HOST, choose_port
from console.local.readiness import serves

LOGGING = (
    f"-Dlog4j2.configurationFile={Path(__file__).with_name('log4j2-broker.properties').as_uri()}",
    "-Dspendgate.log=../logs/kafka.log",
)
START_SECONDS = 120  # after a kill -9 a broker reads its log again, which takes long when it is large
STOP_SECONDS = 30
LEFTOVER_SECONDS = 10


class LocalKafka:
    """Keeps its data in `data_dir/kafka` and its log in `data_dir/logs`; `port` 0 means any free one."""

    def __init__(self, data_dir: Path, port: int = 0, progress: Progress | None = None) -> None:
        self.folder = data_dir.resolve() / "kafka"
        self.log = data_dir.resolve() / "logs" / "kafka.log"
        self.port = port
        self.process: subprocess.Popen[bytes] | None = None
        self._any_port = port == 0
        self._progress = progress
        self._ownership = Ownership(self.folder)
        self._recording: Recording | None = None

    @property
    def brokers(self) -> str:
        return f"{HOST}:{self.port}"

    def start(self) -> None:
        """Returns when the broker answers requests."""
        jars = kafka_jars(self._progress)
        self._ownership.take(self.log.parent)
        try:
            stop_leftovers(self.folder, {"java"}, signal.SIGTERM, patience_seconds=LEFTOVER_SECONDS)
            self._choose_ports()
            if not (self.folder / "log" / "meta.properties").exists():
                self._format(jars)
            self._run(jars)
        except BaseException:
            self.kill()
            raise

    def stop(self) -> None:
        """A clean stop, so that the next start is quick. Without effect when nothing runs."""
        if self.process:
            stop(self.process, signal.SIGTERM, patience_seconds=STOP_SECONDS)
            if self._recording:
                self._recording.keep()
        self._release()

    def kill(self) -> None:
        """kill -9, as a power cut would."""
        if self.process:
            self.process.kill()
            self.process.wait()
        self._release()

    def _release(self) -> None:
        self.process = None
        if self._recording:
            self._recording.drop()
            self._recording = None
        self._ownership.release()

    def _choose_ports(self) -> None:
        self.port = choose_port(0 if self._any_port else self.port, "Kafka")
        controller_port = choose_port(0, "Kafka's controller")
        settings = SETTINGS.format(host=HOST, port=self.port, controller_port=controller_port)
        (self.folder / "server.properties").write_text(settings)

    def _format(self, jars: list[Path]) -> None:
        cluster_id = base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
        # A leading "-" would look like an option.
        arguments = ["format", "--cluster-id", f"c{cluster_id[1:]}", "--config", "server.properties"]
        command = [*java_command("kafka.tools.StorageTool", jars, [QUICK_START, *LOGGING]), *arguments]
        result = subprocess.run(command, cwd=self.folder, capture_output=True, text=True, check=False)
        if result.returncode:
            raise ServiceDidNotStart("Kafka", self.log, last_line(result.stderr or result.stdout))

    def _run(self, jars: list[Path]) -> None:
        console = self.log.with_suffix(".out")
        console.write_bytes(b"")
        said_before = self.log.stat().st_size if self.log.exists() else 0
        options = ["-Xmx512m", *self._archive(jars), *LOGGING]
        command = [*java_command("kafka.Kafka", jars, options), "server.properties"]
        self.process = start_tied(command, folder=self.folder, log=console)
        deadline = time.monotonic() + START_SECONDS
        while not serves(HOST, self.port):
            if time.monotonic() > deadline:
                raise ServiceDidNotStart("Kafka", self.log, f"no answer within {START_SECONDS} s")
            if ended(self.process, within_seconds=0.05):
                raise ServiceDidNotStart("Kafka", self.log, _cause(self.log, said_before) or _cause(console, 0))

    def _archive(self, jars: list[Path]) -> list[str]:
        options = archive_options(jars)
        if not options:
            self._recording = Recording(jars)
            options = self._recording.options()
        return options


def _cause(log: Path, offset: int) -> str:
    """What Java names last as the cause, which is where the trouble began."""
    with log.open("rb") as file:
        file.seek(offset)
        lines = file.read().decode(errors="replace").splitlines()
    return last_line(
        "\n".join(line.removeprefix("Caused by: ") for line in lines if line.startswith("Caused by: "))
    ) or (last_line("\n".join(line for line in lines if "ERROR" in line or "Error" in line)))


# Paths are relative to the folder, which may bear any name: commas and letters outside ASCII mean something else here.
SETTINGS = """\
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@{host}:{controller_port}
listeners=PLAINTEXT://{host}:{port},CONTROLLER://{host}:{controller_port}
advertised.listeners=PLAINTEXT://{host}:{port}
controller.listener.names=CONTROLLER
log.dirs=log
auto.create.topics.enable=false
offsets.topic.replication.factor=1
offsets.topic.num.partitions=4
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=4
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
share.coordinator.state.topic.num.partitions=1
group.initial.rebalance.delay.ms=0
# After a kill -9 the controller takes the dead broker for alive this long, and lets no other in.
broker.session.timeout.ms=3000
broker.heartbeat.interval.ms=500
# One cleaner with a small buffer, which looks often: state topics are small and are to stay so.
log.cleaner.dedupe.buffer.size=16777216
log.cleaner.backoff.ms=5000
"""
