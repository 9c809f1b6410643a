"""`spendgate notifier` as a process, on a real Kafka and PostgreSQL."""

import json

from operations.channels import add_channel
from streams.settings import Settings
from tests.ledger.conftest import LedgerTables
from tests.notifier.alerts import alert, publish_alerts
from tests.notifier.conftest import NewProcess
from tests.notifier.receiver import Receiver
from tests.streams.broker import Broker

STATES = "SELECT state, count(*)::int, max(attempts) FROM delivery GROUP BY state ORDER BY state"


async def test_an_alert_on_the_topic_arrives_as_a_signed_webhook(
    broker: Broker, settings: Settings, tables: LedgerTables, receiver: Receiver, new_process: NewProcess
) -> None:
    _, secret = add_channel(settings, "ops", receiver.address, actor="ann")
    assert secret is not None
    process = new_process(settings)
    await process.until_ready()
    value = alert()
    await publish_alerts(broker, value)
    await receiver.until(lambda: len(receiver.received) == 1)
    [one] = receiver.received
    content = one.verified(secret)
    assert (content["type"], content["timestamp"]) == ("budget_alert.raised", "2025-09-08T11:12:00Z")
    assert content["data"] == json.loads(value)
    await tables.until(STATES, [("delivered", 1, 1)])
    assert process.terminate() == 0


async def test_killed_in_the_middle_it_sends_the_same_ids_again_and_loses_nothing(
    broker: Broker, settings: Settings, tables: LedgerTables, receiver: Receiver, new_process: NewProcess
) -> None:
    add_channel(settings, "ops", receiver.address, actor="ann")
    first = new_process(settings)
    receiver.hangs = True  # the request is on its way when the process dies
    await publish_alerts(broker, *(alert(number=it) for it in range(1, 41)))
    await receiver.until(receiver.asked.is_set)
    first.kill()
    receiver.hangs = False

    second = new_process(settings)
    await receiver.until(lambda: len(receiver.received) >= 20)
    second.kill()
    new_process(settings)
    await tables.until(STATES, [("delivered", 40, 1)])
    ids = [row[0] for row in tables.rows("SELECT message_id FROM delivery ORDER BY delivery_id")]
    # In order, each once but the one that was on its way at the second kill, which may have come twice.
    assert list(dict.fromkeys(receiver.ids)) == ids
    assert len(receiver.ids) <= len(ids) + 1
