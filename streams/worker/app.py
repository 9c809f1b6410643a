"""The Faust app: an agent for each input topic and one table. `faust -A streams.app agents` lists the agents."""

from typing import Any

import faust
from faust.app.base import BootStrategy
from faust.serializers import codecs
from faust.tables.manager import TableManager
from faust.tables.recovery import Recovery
from typing_extensions import override

from streams.kafka.identities import WORKER_GROUP
from streams.kafka.missing_rights import watch_rights
from streams.kafka.options import client_options
from streams.kafka.rights import Process
from streams.kafka.topics import INPUTS, Topic
from streams.settings import Settings
from streams.worker.agents import add_agents
from streams.worker.consumer import BatchTransport
from streams.worker.fatal import or_end_process
from streams.worker.table import ControllerTable

__all__ = ["ControllerApp", "create_app"]


class _ChunkCodec(codecs.Codec):  # type: ignore[misc]
    """Passes chunks on as they are: `RecordApplier` decodes their records."""

    @override
    def _loads(self, s: Any) -> Any:
        return s

    @override
    def _dumps(self, s: Any) -> Any:
        return s


class _PatientRecovery(Recovery):  # type: ignore[misc]
    """Waits for a take-over as long as it makes progress, which `watch` looks at. Faust's gives the rebalance up after
    90 s, and the worker would never begin to read."""

    @override
    async def _wait(self, coro: Any, timeout: Any = None) -> None:
        await super()._wait(coro)


class _ListedTables(TableManager):  # type: ignore[misc]
    """Tables that Faust lists and does not recover."""

    @property
    @override
    def recovery(self) -> Recovery:
        if self._recovery is None:  # type: ignore[has-type]
            self._recovery = _PatientRecovery(self.app, self, beacon=self.beacon, loop=self.loop)
        return self._recovery

    @override
    def add(self, table: Any) -> Any:
        self[table.name] = table
        return table

    def __bool__(self) -> bool:
        return False  # Faust then resumes the streams without a recovery

    @override
    async def _update_channels(self) -> None:
        self._tables_finalized.set()
        self._tables_registered.set()


class _ConsumerOnly(BootStrategy):  # type: ignore[misc]
    """Starts neither Faust's producer nor its web server.

    The worker writes in the transactions of its partitions. Faust's server listens on every interface and shows tables
    to anyone; `faust worker` enables it by default.
    """

    enable_kafka_producer = False
    enable_web = False


class ControllerApp(faust.App):  # type: ignore[misc]
    """A Faust app with our transport and our table."""

    BootStrategy = _ConsumerOnly

    def configure(self, settings: Settings) -> None:
        self.settings: Settings = settings
        self.inputs: frozenset[str] = frozenset(settings.topic(topic) for topic in INPUTS)
        self.client_options: dict[str, Any] = client_options(settings)
        self.table: ControllerTable = ControllerTable(
            self,
            name=Topic.CONTROLLER_STATE,
            default=None,
            partitions=settings.partitions,
            help=ControllerTable.__doc__,
        )
        self.table.configure(settings)
        self.tables.add(self.table)

    @override
    async def on_started_init_extra_tasks(self) -> None:
        await super().on_started_init_extra_tasks()
        self.add_future(or_end_process(watch_rights(self.settings, Process.WORKER), self.settings))

    @override
    def _new_transport(self) -> BatchTransport:
        return BatchTransport(self.conf.broker_consumer, self, loop=self.loop)


def create_app(settings: Settings, app_class: type[ControllerApp] = ControllerApp) -> ControllerApp:
    """The app of one worker. docs/architecture.md explains the settings that are not obvious."""
    codecs.register("chunk", _ChunkCodec())
    app = app_class(
        settings.topic(WORKER_GROUP),
        broker=[f"kafka://{broker.strip()}" for broker in settings.brokers.split(",")],
        TableManager=_ListedTables,
        store="memory://",
        datadir=str(settings.data_dir / "faust"),
        topic_partitions=settings.partitions,
        topic_replication_factor=settings.replication_factor,
        topic_allow_declare=False,
        topic_disable_leader=True,
        table_standby_replicas=0,
        web_enabled=False,
        broker_commit_interval=0.5,
        broker_session_timeout=6.0,
        broker_heartbeat_interval=1.0,
        broker_rebalance_timeout=6.0,
        broker_max_poll_records=5000,
        consumer_max_fetch_size=8 * 1024 * 1024,
        stream_buffer_maxsize=1,
    )
    app.configure(settings)
    add_agents(app, settings, app.table)
    return app
