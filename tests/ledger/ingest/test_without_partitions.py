"""A ledger that a rebalance has left without a partition, as there are more of them than partitions."""

from types import SimpleNamespace

from aiokafka import AIOKafkaConsumer

from ledger.ingest.ledger import Ledger


async def test_a_ledger_without_a_partition_commits_nothing_and_goes_on() -> None:
    """aiokafka takes a commit of no offsets for a defect of its caller."""
    consumer = AIOKafkaConsumer(group_id="spendgate-ledger")
    try:
        ledger = SimpleNamespace(_consumer=consumer)
        await Ledger._commit(ledger, SimpleNamespace(offsets={}, newest_arrival=0))  # type: ignore[arg-type]
    finally:
        await consumer.stop()
