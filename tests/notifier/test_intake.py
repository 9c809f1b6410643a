"""Records that are no messages stop no delivery of those beside them."""

from prometheus_client import REGISTRY

from notifier.intake import READ
from operations.channels import add_channel
from streams.kafka.topics import Topic
from streams.settings import Settings
from tests.ledger.conftest import LedgerTables
from tests.notifier.alerts import alert, command, publish_alerts, publish_command
from tests.notifier.conftest import NewNotifier
from tests.notifier.receiver import Receiver
from tests.streams.broker import Broker
from tests.streams.test_worst_bytes import WORST


async def test_the_worst_bytes_are_counted_and_skipped_and_what_stands_beside_them_is_delivered(
    broker: Broker, settings: Settings, tables: LedgerTables, receiver: Receiver, new_notifier: NewNotifier
) -> None:
    add_channel(settings, "ops", receiver.address, actor="ann", commands=True)
    before = {topic: _skipped(topic) for topic in READ}
    new_notifier(settings)
    await publish_alerts(broker, alert(number=1))
    await publish_command(broker, command(sequence=1))
    for topic, partition in ((Topic.BUDGET_ALERTS, broker.home("nike")), (Topic.CAMPAIGN_CONTROL, 0)):
        for value in WORST.values():
            await broker.publish(topic, value, partition=partition, key="nike")
    await publish_alerts(broker, alert(number=2))
    await publish_command(broker, command(sequence=2))
    await receiver.until(lambda: len(receiver.received) == 4)
    await tables.until("SELECT state, count(*)::int FROM delivery GROUP BY state", [("delivered", 4)])
    assert {topic: _skipped(topic) - before[topic] for topic in READ} == dict.fromkeys(READ, len(WORST))


def _skipped(topic: Topic) -> float:
    return REGISTRY.get_sample_value("spendgate_notifier_skipped_total", {"topic": topic}) or 0.0
