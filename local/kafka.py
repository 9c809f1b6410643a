"""An Apache Kafka broker (KRaft, one node) whose data lies in a folder."""

import base64
import signal
import subprocess
import time
import uuid
from contextlib import suppress
from pathlib import Path
from typing import Any

from local.child import exits, last_line, run_to_end, start_child, stop, stop_orphans
from local.class_archive import Recording, archive_options
from local.jars import LOCK_FILE, Progress, kafka_jars
from local.java import QUICK_START, java_command
from local.kafka_security import KafkaSecurity, write_private_file
from local.ownership import Ownership
from local.ports import HOST, choose_port
from local.readiness import serves, serves_secured
from local.service_errors import DataFolderUnsecured, ServiceDidNotStart

LOGGING = (
    f"-Dlog4j2.configurationFile={Path(__file__).with_name('log4j2-broker.properties').as_uri()}",
    "-Dspendgate.log=../logs/kafka.log",
)
#: Java's, for a broker that lives on.
BROKER_OPTIONS: tuple[str, ...] = ("-Xmx512m",)
START_SECONDS = 120  # after a kill -9 a broker reads its log again, which takes long when it is large
STOP_SECONDS = 30
ORPHAN_STOP_SECONDS = 10


class LocalKafka:
    """Keeps its data in `data_dir/kafka` and its log in `data_dir/logs`; `port` 0 means any free one.

    `secured` asks for a password over TLS, `authorizer` for rights too; a folder that was secured once stays so.
    """

    #: The jars of the brokers' version.
    lock_file: Path = LOCK_FILE

    def __init__(
        self,
        data_dir: Path,
        port: int = 0,
        progress: Progress | None = None,
        *,
        secured: bool = False,
        authorizer: bool = False,
    ) -> None:
        self.folder = data_dir.resolve() / "kafka"
        self.log = data_dir.resolve() / "logs" / "kafka.log"
        self.port = port
        self.process: subprocess.Popen[bytes] | None = None
        cluster_id = base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
        self.cluster_id = f"c{cluster_id[1:]}"  # a leading "-" would look like an option
        self._any_port = port == 0
        self._progress = progress
        self._ownership = Ownership(self.folder)
        self._recording: Recording | None = None
        security = KafkaSecurity(self.folder / "security", authorizer)
        self.security = security if secured or security.exists else None

    @property
    def brokers(self) -> str:
        return f"{HOST}:{self.port}"

    @property
    def client_settings(self) -> dict[str, Any]:
        """The `Settings` of a client: address and credentials."""
        entry = self.security.client_settings() if self.security else {"kafka_security_protocol": "PLAINTEXT"}
        return {"brokers": self.brokers, **entry}

    def start(self) -> None:
        """Returns when the broker answers requests. Raises LocalServiceError where it does not."""
        jars = kafka_jars(self._progress, lock_file=self.lock_file)
        self._ownership.take(self.log.parent, self.folder)
        try:
            stop_orphans(self.folder, {"java"}, signal.SIGTERM, timeout_seconds=ORPHAN_STOP_SECONDS)
            formatted = (self.folder / "log" / "meta.properties").exists()
            if self.security and not self.security.exists:
                self._secure(formatted)
            self._write_settings()
            if not formatted:
                self._format(jars)
            self._run(jars)
        except BaseException:
            self.kill()
            raise

    def stop(self) -> None:
        """Stop cleanly, so that the next start is quick; SIGKILL after STOP_SECONDS. No effect when it does not run."""
        if self.process:
            stop(self.process, signal.SIGTERM, timeout_seconds=STOP_SECONDS)
            if self._recording:
                self._recording.keep()
        self._release()

    def kill(self) -> None:
        """Send SIGKILL, as in a power failure."""
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

    def _write_settings(self) -> None:
        self.port = choose_port(0 if self._any_port else self.port, "Kafka")
        controller_port = choose_port(0, "Kafka's controller")
        protocol = "SASL_SSL" if self.security else "PLAINTEXT"
        settings = SETTINGS.format(host=HOST, port=self.port, controller_port=controller_port, protocol=protocol)
        if self.security:
            settings += self.security.server_settings()
        settings += self._further_settings(controller_port)
        write_private_file(self.folder / "server.properties", settings)

    def _further_settings(self, controller_port: int) -> str:
        """Lines that go below those of `server.properties`, where the last of a name counts."""
        return ""

    def _java_options(self) -> list[str]:
        return []

    def _secure(self, formatted: bool) -> None:
        """Create credentials before the first start. Raises DataFolderUnsecured where the folder was formatted
        without."""
        if formatted:
            raise DataFolderUnsecured(self.folder.parent)
        self.folder.chmod(0o700)
        assert self.security
        self.security.make()

    def _format(self, jars: list[Path]) -> None:
        arguments = ["format", "--cluster-id", self.cluster_id, "--config", "server.properties"]
        if self.security:
            arguments += ["--add-scram", self.security.scram_user()]
        # By a file, because everybody may read a command line.
        listed = self.folder / "format.arguments"
        write_private_file(listed, "\n".join(arguments))
        options = [QUICK_START, *archive_options(jars), *LOGGING]
        command = [*java_command("kafka.tools.StorageTool", jars, options), f"@{listed.name}"]
        result = run_to_end(command, "Kafka", self.log, folder=self.folder)
        listed.unlink()
        if result.returncode:
            raise ServiceDidNotStart("Kafka", self.log, last_line(result.stderr or result.stdout))

    def _run(self, jars: list[Path]) -> None:
        console = self.log.with_suffix(".out")
        console.write_bytes(b"")
        log_start = self.log.stat().st_size if self.log.exists() else 0
        options = [*BROKER_OPTIONS, *self._archive(jars), *LOGGING, *self._java_options()]
        command = [*java_command("kafka.Kafka", jars, options), "server.properties"]
        self.process = start_child(command, folder=self.folder, log=console)
        deadline = time.monotonic() + START_SECONDS
        while not self._serves():
            if time.monotonic() > deadline:
                raise ServiceDidNotStart("Kafka", self.log, f"no answer within {START_SECONDS} s")
            if exits(self.process, within_seconds=0.05):
                raise ServiceDidNotStart("Kafka", self.log, _cause(self.log, log_start) or _cause(console, 0))

    def _serves(self) -> bool:
        return serves_secured(self.client_settings) if self.security else serves(HOST, self.port)

    def _archive(self, jars: list[Path]) -> list[str]:
        options = archive_options(jars)
        if not options:
            with suppress(OSError):  # a full disk, for one: the broker only starts more slowly without
                self._recording = Recording(jars)
                options = self._recording.options()
        return options


def _cause(log: Path, offset: int) -> str:
    """The last `Caused by` of the log, which is the root cause, else the last line with an error."""
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
listeners={protocol}://{host}:{port},CONTROLLER://{host}:{controller_port}
advertised.listeners={protocol}://{host}:{port}
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
