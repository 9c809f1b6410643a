"""What a webhook has received beside what is on the topics."""

import json

from tests.faults.received_messages import ReceivedMessages
from tests.faults.traffic import Traffic
from tests.notifier.receiver import Received

__all__ = ["check_webhooks", "is_alert"]


def is_alert(one: Received) -> bool:
    return str(json.loads(one.body)["type"]).startswith("budget_alert.")


def check_webhooks(received: list[Received], traffic: Traffic) -> int:
    """Each alert and each command came, in their order, and the same where one came again. Returns how many did."""
    commands, alerts = ReceivedMessages(), ReceivedMessages()
    first: dict[str, str] = {}
    for one in received:
        assert first.setdefault(one.message_id, one.body) == one.body
        (alerts if is_alert(one) else commands).take(json.loads(one.body)["data"])
    assert (commands.of, alerts.of) == (traffic.commands.of, traffic.alerts.of)
    repeated = len(commands.repeated) + len(alerts.repeated)
    assert repeated == len(received) - len(first)
    for messages in (commands, alerts):
        messages.check(lambda _: True)
    return repeated
