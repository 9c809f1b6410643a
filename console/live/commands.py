"""The commands as they are told: one reader of campaign-control for all pages, and the newest of them in memory."""

import asyncio
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from typing import Final, NamedTuple, Self

import msgspec
import structlog
from aiokafka import ConsumerRecord

from streams.core.moment import Moment, parse_moment
from streams.core.records import ControlCommand
from streams.errors import Unreachable
from streams.records import decode_command
from streams.settings import Settings
from streams.topic_reader import TopicReader
from streams.topics import Topic

__all__ = ["CommandFeed", "Told", "order_told"]

#: So many of the newest are kept, and read at the start of each partition.
KEPT: Final = 500
_LOOK_SECONDS: Final = 1.0
_FRESH_SECONDS: Final = 5.0

log = structlog.get_logger()


class Told(NamedTuple):
    """A command and where it stands on its topic."""

    command: ControlCommand
    partition: int
    offset: int


class CommandFeed:
    """`on_command` is called with each command that comes after the start."""

    def __init__(self, settings: Settings, on_command: Callable[[Told], None]) -> None:
        self._reader = TopicReader(settings, Topic.CAMPAIGN_CONTROL)
        self._on_command = on_command
        self._newest: deque[Told] = deque(maxlen=KEPT)
        self._tasks: list[asyncio.Task[None]] = []
        self._fresh_at = 0.0

    async def __aenter__(self) -> Self:
        """Returns when the newest of before are known."""
        try:
            await self._reader.open()
            ends = await self._reader.ends()
            self._reader.go_to({number: max(0, end - KEPT) for number, end in ends.items()})
            found = [told async for record in self._reader.to_end() if (told := _told(record))]
        except BaseException:
            await self._reader.close()
            raise
        self._newest.extend(sorted(found, key=order_told))
        self._fresh_at = time.monotonic()
        self._tasks = [asyncio.create_task(self._follow()), asyncio.create_task(self._watch())]
        return self

    async def __aexit__(self, *_: object) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.wait(self._tasks)
        await self._reader.close()

    def is_fresh(self) -> bool:
        """Whether all that was told until a few seconds ago is known."""
        return time.monotonic() - self._fresh_at < _FRESH_SECONDS

    async def failed(self) -> None:
        """Raises what ended the following."""
        done, _ = await asyncio.wait(self._tasks, return_when=asyncio.FIRST_EXCEPTION)
        for task in done:
            task.result()

    def newest(self, count: int, *, brand_id: str | None = None, campaign_id: str | None = None) -> list[Told]:
        """The newest first, of all or of one brand or campaign."""
        found: list[Told] = []
        for told in reversed(self._newest):
            if len(found) == count:
                break
            if brand_id in (None, told.command.brand_id) and campaign_id in (None, told.command.campaign_id):
                found.append(told)
        return found

    async def _follow(self) -> None:
        while True:
            for record in await self._reader.batch():
                if told := _told(record):
                    self._newest.append(told)
                    self._on_command(told)

    async def _watch(self) -> None:
        """Asks the broker now and then whether there is more than was read, as silence alone does not tell."""
        while True:
            asked_at = time.monotonic()
            with suppress(Unreachable):
                await self._reader.handed_out()
                self._fresh_at = asked_at
            await asyncio.sleep(_LOOK_SECONDS)


def order_told(told: Told) -> tuple[Moment, int, int]:
    """Oldest first; of one campaign's in the same moment the later one is last."""
    command = told.command
    return parse_moment(command.decided_at), command.epoch, command.sequence


def _told(record: ConsumerRecord) -> Told | None:
    """None for what is no command: somebody else wrote it, and it is not shown as one."""
    try:
        told = Told(decode_command(record.value or b""), record.partition, record.offset)
        order_told(told)  # its moment has to be one
        return told
    except (msgspec.MsgspecError, ValueError):
        log.warning("not_a_command", topic=record.topic, partition=record.partition, offset=record.offset)
        return None
