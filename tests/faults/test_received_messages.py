"""Which messages may come a second time without the count of a fault test calling it wrong."""

from typing import Any, Final

import pytest

from tests.faults.received_messages import ReceivedMessages

COMMAND: Final = {
    "command_id": "nike.0:1:1",
    "brand_id": "nike",
    "campaign_id": "nike.0",
    "action": "pause",
    "reasons": ["total_budget"],
    "sequence": 1,
}
ALERT: Final = {
    "alert_id": "nike:threshold:campaign_total_budget:nike.0::80:1",
    "state": "raised",
    "kind": "threshold",
    "brand_id": "nike",
    "campaign_id": "nike.0",
    "budget": "campaign_total_budget",
    "period": None,
    "percent": 80,
}


@pytest.mark.parametrize("message", [COMMAND, ALERT])
def test_a_message_may_come_again_where_its_brand_is_decided_again_alone(message: dict[str, Any]) -> None:
    received = _received(message, dict(message))
    assert (received.total, len(received.repeated)) == (1, 1)
    received.check(lambda brand_id: brand_id == "nike")
    with pytest.raises(AssertionError, match=message.get("command_id") or message["alert_id"]):
        received.check(lambda brand_id: brand_id != "nike")


@pytest.mark.parametrize(
    ("message", "field", "value"),
    [
        (COMMAND, "action", "resume"),
        (COMMAND, "reasons", ["manual"]),
        (COMMAND, "sequence", 2),
        (ALERT, "percent", 100),
        (ALERT, "budget", "daily_budget"),
    ],
)
def test_a_message_that_comes_again_otherwise_is_wrong(message: dict[str, Any], field: str, value: object) -> None:
    with pytest.raises(AssertionError, match=field):
        _received(message, message | {field: value}).check(lambda _: True)


def test_an_alert_that_is_resolved_is_no_repetition() -> None:
    _received(ALERT, ALERT | {"state": "resolved"}).check(lambda _: False)


def test_a_number_that_is_missing_is_wrong() -> None:
    with pytest.raises(AssertionError, match="its command 2 is numbered 3"):
        _received(COMMAND, COMMAND | {"command_id": "nike.0:1:3", "sequence": 3}).check(lambda _: True)


def _received(*messages: dict[str, Any]) -> ReceivedMessages:
    received = ReceivedMessages()
    for message in messages:
        received.take(message)
    return received
