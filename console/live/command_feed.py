"""Commands as the controller publishes them: one follower of `campaign-control` for all pages, the newest in memory."""

from collections import deque
from collections.abc import Callable
from typing import Final, NamedTuple, Self

import msgspec
import structlog
from aiokafka import ConsumerRecord

from core.moment import Moment, parse_moment
from core.records import ControlCommand
from streams.kafka.codec import decode_command
from streams.kafka.follower import FollowedView, TopicFollower
from streams.kafka.topics import Topic
from streams.settings import Settings

__all__ = ["NEWEST_MAX", "CommandFeed", "ReceivedCommand", "in_order"]

#: So many of the newest are kept, and read at the start of each partition.
NEWEST_MAX: Final = 500

log = structlog.get_logger()


class ReceivedCommand(NamedTuple):
    """A command and where it stands on its topic."""

    command: ControlCommand
    partition: int
    offset: int


class CommandFeed(FollowedView):
    """Keeps the newest commands in memory. `on_command` is called with each of them, from the oldest on."""

    def __init__(self, settings: Settings, on_command: Callable[[ReceivedCommand], None]) -> None:
        super().__init__(TopicFollower(settings, Topic.CAMPAIGN_CONTROL, self._take, newest=NEWEST_MAX))
        self._on_command = on_command
        self._earlier: list[ReceivedCommand] | None = []  # until the start is over, in the order of reading
        self._newest: deque[ReceivedCommand] = deque(maxlen=NEWEST_MAX)

    async def __aenter__(self) -> Self:
        """Returns when the newest commands from before are known."""
        await super().__aenter__()
        self._newest.extend(sorted(self._earlier or (), key=in_order))
        self._earlier = None
        for received in self._newest:
            self._on_command(received)
        return self

    def newest(
        self, count: int, *, brand_id: str | None = None, campaign_id: str | None = None
    ) -> list[ReceivedCommand]:
        """The newest commands of all brands, of one brand or of one campaign, newest first."""
        found: list[ReceivedCommand] = []
        for received in reversed(self._newest):
            if len(found) == count:
                break
            if brand_id in (None, received.command.brand_id) and campaign_id in (None, received.command.campaign_id):
                found.append(received)
        return found

    def _take(self, record: ConsumerRecord) -> None:
        received = _received(record)
        if received is None:
            return
        if self._earlier is not None:
            self._earlier.append(received)
            return
        self._newest.append(received)
        self._on_command(received)


def in_order(received: ReceivedCommand) -> tuple[Moment, int, int]:
    """The commands, oldest first; of those of one campaign in the same moment the later one is last."""
    command = received.command
    return parse_moment(command.decided_at), command.epoch, command.sequence


def _received(record: ConsumerRecord) -> ReceivedCommand | None:
    """None, and a warning, for a record that is no command of the controller's."""
    try:
        received = ReceivedCommand(decode_command(record.value or b""), record.partition, record.offset)
        in_order(received)  # raises where `decided_at` is no moment
        return received
    except (msgspec.MsgspecError, ValueError):
        log.warning("not_a_command", topic=record.topic, partition=record.partition, offset=record.offset)
        return None
