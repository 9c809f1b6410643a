"""`spendgate ledger`: the process around the ledger's loop."""

from typing import Final

from aiokafka import AIOKafkaConsumer

from ledger.ingest.brand_catalog import BrandCatalog
from ledger.ingest.ledger import Ledger
from streams.health import serve_health
from streams.kafka.clients import explaining
from streams.kafka.identities import LEDGER_GROUP
from streams.kafka.missing_rights import check_rights, work_while_allowed
from streams.kafka.options import consumer_options
from streams.kafka.reader import topic_reader
from streams.kafka.rights import Process
from streams.kafka.topics import Topic
from streams.settings import Settings
from streams.until_signal import run_until_signal
from streams.worker.startup_checks import check_topics

__all__ = ["run"]

_METRICS_PORT: Final = 9102
_FETCH_BYTES: Final = 4 * 1024 * 1024


async def run(settings: Settings) -> None:
    """Run until SIGTERM or SIGINT. Records that are saved and not yet committed to the group are not added again.
    Raises NotAllowed where it lacks a right."""
    await run_until_signal(_run(settings))


async def _run(settings: Settings) -> None:
    await check_rights(settings, Process.LEDGER)
    await check_topics(settings)
    consumer = AIOKafkaConsumer(
        **consumer_options(settings),
        group_id=settings.topic(LEDGER_GROUP),
        isolation_level="read_committed",
        enable_auto_commit=False,
        auto_offset_reset="none",  # a position that the log no longer has is a hole to record
        max_partition_fetch_bytes=_FETCH_BYTES,
        session_timeout_ms=10_000,
        heartbeat_interval_ms=2_000,
    )
    async with explaining(settings), topic_reader(settings, Topic.CATALOG) as catalog, consumer:
        ledger = Ledger(settings, consumer, BrandCatalog(catalog, settings.tolerance))
        port = _METRICS_PORT if settings.metrics_port is None else settings.metrics_port
        serve_health(settings.metrics_host, port, lambda: ledger.ready, ledger.obstacles)
        await work_while_allowed(settings, Process.LEDGER, ledger.run())
