"""A topic that is made anew has the old name and the old offsets; the ledger keeps the two apart."""

from collections.abc import Callable
from decimal import Decimal

import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition

from core.errors import ConfigurationError
from streams.kafka.identities import LEDGER_GROUP
from streams.kafka.provision import admin_client
from streams.settings import Settings
from tests.ledger.conftest import LedgerTables, RunningLedger
from tests.ledger.ingest.test_ledger import NOON, refuse
from tests.streams.broker import Broker, open_broker, spend_event
from tests.topics import make_anew

NewLedger = Callable[[], RunningLedger]
SUM = "SELECT count(*), sum(amount) FROM spend_counted"
INCARNATIONS = "SELECT count(DISTINCT incarnation), min(record_offset) FROM {}"


async def test_a_new_topic_of_the_old_name_is_read_from_its_first_record(
    settings: Settings, new_ledger: NewLedger, ledger_tables: LedgerTables
) -> None:
    """Offsets committed by the group outlive the topic where only its records went; here they are put back."""
    async with open_broker(settings) as broker:
        first = new_ledger()
        await _three_spends(broker, "old")
        await ledger_tables.until(SUM, [(3, Decimal(3))])
        await first.stop()
        committed = await _committed(settings)
        assert max(committed.values()) == 3
    await make_anew(settings)
    async with open_broker(settings) as broker:
        await _three_spends(broker, "new")
        await _commit(settings, committed)
        new_ledger()
        await ledger_tables.until(SUM, [(6, Decimal(6))])

        await refuse(broker, ledger_tables, spend_event("nike", "c", "1.00", "new-2", NOON))
        await ledger_tables.until(SUM, [(5, Decimal(5))])
        assert ledger_tables.rows(INCARNATIONS.format("spend_log")) == [(2, 0)]
        assert ledger_tables.rows("SELECT event_id FROM spend_refusal") == [("new-2",)]


async def test_a_topic_that_is_made_anew_under_a_running_ledger_ends_it_before_a_row_has_the_wrong_position(
    settings: Settings, new_ledger: NewLedger, ledger_tables: LedgerTables
) -> None:
    async with open_broker(settings) as broker:
        first = new_ledger()
        await _three_spends(broker, "old")
        await ledger_tables.until(SUM, [(3, Decimal(3))])
    await make_anew(settings)
    with pytest.raises(ConfigurationError, match="made anew: start the ledger again"):
        await first.ended()
    new_ledger()
    async with open_broker(settings) as broker:
        await _three_spends(broker, "old")
        await _three_spends(broker, "new")
        await ledger_tables.until(SUM, [(6, Decimal(6))])
        await ledger_tables.until("SELECT count(*) FROM spend_repeat", [(3,)])
        assert ledger_tables.rows(INCARNATIONS.format("spend_log")) == [(2, 0)]
        assert ledger_tables.rows(INCARNATIONS.format("spend_repeat")) == [(1, 0)]


async def test_what_is_read_again_from_the_beginning_is_not_added_again(
    broker: Broker, new_ledger: NewLedger, ledger_tables: LedgerTables
) -> None:
    first = new_ledger()
    await _three_spends(broker, "e")
    await _three_spends(broker, "e")
    await ledger_tables.until("SELECT count(*) FROM spend_repeat", [(3,)])
    await first.stop()
    before = (
        ledger_tables.rows("SELECT * FROM spend_log ORDER BY event_id"),
        ledger_tables.rows("SELECT * FROM spend_repeat ORDER BY 2"),
    )
    ledger_tables.rows("DELETE FROM ledger_position")

    new_ledger()
    await ledger_tables.until(
        "SELECT max(position) FROM ledger_position JOIN topic_incarnation USING (incarnation)", [(6,)]
    )
    after = (
        ledger_tables.rows("SELECT * FROM spend_log ORDER BY event_id"),
        ledger_tables.rows("SELECT * FROM spend_repeat ORDER BY 2"),
    )
    assert after == before


async def _three_spends(broker: Broker, name: str) -> None:
    await broker.brand("nike", at=NOON)
    for number in range(3):
        await broker.spend("nike", "c", "1.00", at=NOON, event_id=f"{name}-{number}")


async def _committed(settings: Settings) -> dict[TopicPartition, int]:
    async with admin_client(settings) as admin:
        found = await admin.list_consumer_group_offsets(settings.topic(LEDGER_GROUP))
    return {part: at.offset for part, at in found.items()}


async def _commit(settings: Settings, offsets: dict[TopicPartition, int]) -> None:
    group = settings.topic(LEDGER_GROUP)
    async with AIOKafkaConsumer(
        bootstrap_servers=settings.brokers, group_id=group, enable_auto_commit=False
    ) as consumer:
        consumer.assign(list(offsets))
        await consumer.commit(offsets)
