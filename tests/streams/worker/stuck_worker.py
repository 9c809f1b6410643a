"""`spendgate worker` with a defect that would make it stand still for ever, by the name of one."""

import asyncio
import sys
import time
from collections.abc import Callable
from typing import Any

from aiokafka.errors import GroupAuthorizationFailedError, TopicAuthorizationFailedError

from cli.__main__ import main
from streams.worker import run
from streams.worker.consumer import BatchConsumer, _WorkerConsumer
from streams.worker.partition import OwnedPartition
from streams.worker.transaction import PartitionWriter, TransactionFailure
from streams.worker.watchdog import watch

#: Less than a worker may be told, and long enough to be assigned partitions on a busy machine, which is waited for like
#: anything else.
PATIENCE_SECONDS = 15


def transaction() -> None:
    """The broker never answers that it is committed."""

    async def attempt(self: PartitionWriter, writes: object) -> list[TransactionFailure]:
        await asyncio.Event().wait()
        return []

    PartitionWriter.attempt = attempt  # type: ignore[method-assign]


def event_loop() -> None:
    """Something blocks it."""
    OwnedPartition.work = lambda self: time.sleep(3_600)  # type: ignore[method-assign]


def group() -> None:
    """The client's half that keeps the place in the group gives up, which it tells only who asks."""
    perform_seek = BatchConsumer.perform_seek

    async def and_give_up(self: Any) -> None:
        await perform_seek(self)
        coordinator = self._thread._consumer._coordinator
        self._thread.thread_loop.call_soon_threadsafe(coordinator._push_error_to_user, GroupAuthorizationFailedError())

    BatchConsumer.perform_seek = and_give_up  # type: ignore[method-assign]


def crash() -> None:
    """Faust ends itself, as it does for each error that it does not know."""

    async def commit(self: Any, offsets: object) -> None:
        raise TopicAuthorizationFailedError("spend-events")

    _WorkerConsumer.commit = commit  # type: ignore[method-assign]


DEFECTS: dict[str, Callable[[], None]] = {it.__name__: it for it in (transaction, event_loop, group, crash)}

if __name__ == "__main__":
    DEFECTS[sys.argv.pop()]()
    run.watch = lambda waiting, _: watch(waiting, PATIENCE_SECONDS)
    sys.argv.append("worker")
    main()
