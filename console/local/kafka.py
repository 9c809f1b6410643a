"""A real Apache Kafka broker, KRaft, one node, in a folder."""

import base64
import signal
import subprocess
import time
import uuid
from pathlib import Path

from console.local.child import ended, last_line, start_tied, stop, stop_leftovers
from console.local.errors import ServiceDidNotStart
from console.local.jars import Progress, kafka_jars
from console.local.java import FAST_SMALL, java_command
from console.local.ownership import Ownership
from console.local.ports import HOST, choose_port
from console.local.readiness import serves

LOGGING = Path(__file__).with_name("log4j2-broker.properties")
START_SECONDS = 120  # after a kill -9 a broker reads its log again, which takes long when it is large
STOP_SECONDS = 30


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

    @property
    def brokers(self) -> str:
        return f"{HOST}:{self.port}"

    def start(self) -> None:
        """Returns when the broker answers requests."""
        jars = kafka_jars(self._progress)
        self._ownership.take(self.log.parent)
        try:
            stop_leftovers(self.folder, {"java"}, signal.SIGTERM, patience_seconds=STOP_SECONDS)
            self.port = choose_port(0 if self._any_port else self.port, "Kafka")
            self._write_settings()
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
        self._release()

    def kill(self) -> None:
        """kill -9, as a power cut would."""
        if self.process:
            self.process.kill()
            self.process.wait()
        self._release()

    def _release(self) -> None:
        self.process = None
        self._ownership.release()

    def _write_settings(self) -> None:
        settings = SETTINGS.format(
            host=HOST, port=self.port, controller_port=choose_port(0, "Kafka's controller"), folder=self.folder
        )
        (self.folder / "server.properties").write_text(settings)

    def _format(self, jars: list[Path]) -> None:
        cluster_id = base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
        arguments = ["format", "--cluster-id", f"c{cluster_id[1:]}", "--config", str(self.folder / "server.properties")]
        command = [*java_command("kafka.tools.StorageTool", jars, self._options("64m")), *arguments]
        result = subprocess.run(command, capture_output=True, text=True, check=False)
        if result.returncode:
            raise ServiceDidNotStart("Kafka", self.log, last_line(result.stderr or result.stdout))

    def _run(self, jars: list[Path]) -> None:
        console = self.log.with_suffix(".out")
        console.write_bytes(b"")
        command = [*java_command("kafka.Kafka", jars, self._options("512m")), str(self.folder / "server.properties")]
        self.process = start_tied(command, folder=self.folder, log=console)
        deadline = time.monotonic() + START_SECONDS
        while not serves(HOST, self.port):
            if time.monotonic() > deadline:
                raise ServiceDidNotStart("Kafka", self.log, f"no answer within {START_SECONDS} s")
            if ended(self.process, within_seconds=0.05):
                raise ServiceDidNotStart("Kafka", self.log, last_line(console.read_text(errors="replace")))

    def _options(self, heap: str) -> list[str]:
        return [
            *FAST_SMALL,
            f"-Xmx{heap}",
            f"-Dspendgate.log={self.log}",
            f"-Dlog4j2.configurationFile={LOGGING.as_uri()}",
        ]


SETTINGS = """\
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@{host}:{controller_port}
listeners=PLAINTEXT://{host}:{port},CONTROLLER://{host}:{controller_port}
advertised.listeners=PLAINTEXT://{host}:{port}
controller.listener.names=CONTROLLER
log.dirs={folder}/log
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
# One cleaner with a small buffer, which looks often: state topics are small and are to stay so.
log.cleaner.dedupe.buffer.size=16777216
log.cleaner.backoff.ms=5000
"""
