"""What a consumer of commands or alerts was told: each once, and commands numbered without a gap."""

from collections import defaultdict
from collections.abc import Callable
from typing import Any, Final, NamedTuple

__all__ = ["Told"]

#: What a message says that is decided again from the same records, of commands and of alerts.
_SAME: Final = ("action", "reasons", "sequence", "kind", "campaign_id", "budget", "period", "percent")


class Repeat(NamedTuple):
    """A message whose id was there before."""

    told_id: str
    brand_id: str
    #: What it says otherwise than the first.
    differing: list[str]


class Told:
    """`of` has the messages by campaign, or by brand, in their order. A number that is missing or out of order is in
    `misnumbered` at once, a message that was there before in `repeated`."""

    def __init__(self) -> None:
        self.of: dict[str, list[Any]] = defaultdict(list)
        self.misnumbered: list[str] = []
        self.repeated: list[Repeat] = []
        self._first: dict[tuple[str, str | None], dict[str, Any]] = {}

    @property
    def total(self) -> int:
        """Messages of different ids."""
        return len(self._first)

    def take(self, message: dict[str, Any]) -> None:
        told_id = message.get("command_id") or message["alert_id"]
        first = self._first.setdefault((told_id, message.get("state")), message)
        if first is not message:
            differing = [it for it in _SAME if first.get(it) != message.get(it)]
            self.repeated.append(Repeat(told_id, message["brand_id"], differing))
            return
        told = self.of[message["campaign_id"] or message["brand_id"]]
        told.append(message)
        if message.get("sequence", len(told)) != len(told):
            number = message["sequence"]
            self.misnumbered.append(f"{message['campaign_id']}: its command {len(told)} is numbered {number}")

    def check(self, may_repeat: Callable[[str], bool]) -> None:
        """Raise AssertionError where a number is wrong, or a message came again: of a brand for which it may not, or
        not as it was."""
        assert not self.misnumbered, self.misnumbered
        wrong = [it for it in list(self.repeated) if it.differing or not may_repeat(it.brand_id)]
        assert not wrong, wrong
