"""The Faust app: one agent over all input topics and one table. `faust -A streams.app agents` shows them."""

from typing import Any

import faust
from faust.serializers import codecs
from faust.tables.manager import TableManager
from faust.types import StreamT

from streams.agent import control
from streams.batching import BatchTransport, Chunk
from streams.kafka_clients import client_options
from streams.settings import Settings
from streams.table import ControllerTable
from streams.topics import INPUTS, Topic

__all__ = ["ControllerApp", "create_app"]


class _ChunkCodec(codecs.Codec):  # type: ignore[misc]
    """Chunks are no bytes: records are decoded where they are judged."""

    def _loads(self, s: Any) -> Any:
        return s

    def _dumps(self, s: Any) -> Any:
        return s


class _ShownTables(TableManager):  # type: ignore[misc]
    """Tables that Faust lists and leaves alone: none has a changelog that Faust should recover."""

    def add(self, table: Any) -> Any:
        self[table.name] = table
        return table

    def __bool__(self) -> bool:
        return False  # Faust's recovery asks this and resumes the streams at once

    async def _update_channels(self) -> None:
        self._tables_finalized.set()
        self._tables_registered.set()


class ControllerApp(faust.App):  # type: ignore[misc]
    """Faust with our transport, table and positions."""

    def configure(self, settings: Settings) -> None:
        self.settings = settings
        self.inputs = frozenset(settings.topic(topic) for topic in INPUTS)
        self.client_options = client_options(settings)
        self.table = ControllerTable(
            self,
            name=Topic.CONTROLLER_STATE,
            default=None,
            partitions=settings.partitions,
            help=ControllerTable.__doc__,
        )
        self.table.configure(settings)
        self.tables.add(self.table)

    def _new_transport(self) -> BatchTransport:
        return BatchTransport(self.conf.broker_consumer, self, loop=self.loop)


def create_app(settings: Settings) -> ControllerApp:
    """The app of one worker. Settings that are not obvious are explained in docs/architecture.md."""
    codecs.register("chunk", _ChunkCodec())
    app = ControllerApp(
        settings.topic("spendgate-worker"),
        broker=[f"kafka://{broker.strip()}" for broker in settings.brokers.split(",")],
        TableManager=_ShownTables,
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
        stream_buffer_maxsize=16,
    )
    app.configure(settings)
    inputs = app.topic(
        *sorted(app.inputs), partitions=settings.partitions, key_serializer="raw", value_serializer="chunk"
    )

    @app.agent(inputs, name="streams.agent.control")  # type: ignore[untyped-decorator]
    async def _control(stream: StreamT[Chunk]) -> None:
        """Decides on spend, catalog documents, corrections, ticks and resets."""
        await control(app.table, stream)

    return app


def __getattr__(name: str) -> ControllerApp:
    """`app`, for `faust -A streams.app`: made when asked for, because only then the environment must be right."""
    if name == "app":
        return create_app(Settings())
    raise AttributeError(name)
