"""The messages that a consumer of commands or alerts has received: each once, and commands numbered without a gap."""

from collections import defaultdict
from collections.abc import Callable
from typing import Any, Final, NamedTuple

__all__ = ["ReceivedMessages"]

#: The fields of commands and alerts that are the same when a message is decided again from the same records.
_DECIDED_FIELDS: Final = ("action", "reasons", "sequence", "kind", "campaign_id", "budget", "period", "percent")


class Repeat(NamedTuple):
    """A message with an id that was received before."""

    message_id: str
    brand_id: str
    #: The decided fields in which it differs from the first.
    differing: list[str]


class ReceivedMessages:
    """`of` has the messages by campaign, or by brand, in their order. A number that is missing or out of order is in
    `misnumbered` at once, a message that was received before in `repeated`."""

    def __init__(self) -> None:
        self.of: dict[str, list[Any]] = defaultdict(list)
        self.misnumbered: list[str] = []
        self.repeated: list[Repeat] = []
        self._first: dict[tuple[str, str | None], dict[str, Any]] = {}

    @property
    def total(self) -> int:
        """The number of messages with different ids."""
        return len(self._first)

    def take(self, message: dict[str, Any]) -> None:
        message_id = message.get("command_id") or message["alert_id"]
        first = self._first.setdefault((message_id, message.get("state")), message)
        if first is not message:
            differing = [it for it in _DECIDED_FIELDS if first.get(it) != message.get(it)]
            self.repeated.append(Repeat(message_id, message["brand_id"], differing))
            return
        received = self.of[message["campaign_id"] or message["brand_id"]]
        received.append(message)
        if message.get("sequence", len(received)) != len(received):
            number = message["sequence"]
            self.misnumbered.append(f"{message['campaign_id']}: its command {len(received)} is numbered {number}")

    def check(self, may_repeat: Callable[[str], bool]) -> None:
        """Raise AssertionError where a number is wrong, or where a message came again and either differs or is of a
        brand for which `may_repeat` is false."""
        assert not self.misnumbered, self.misnumbered
        wrong = [it for it in list(self.repeated) if it.differing or not may_repeat(it.brand_id)]
        assert not wrong, wrong
