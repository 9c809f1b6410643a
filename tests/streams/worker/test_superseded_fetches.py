"""Of two fetches of one partition the one from the former leader is given up."""

import asyncio
from collections.abc import Iterable

from faust.types import TP

from streams.worker.timed_fetcher import TimedFetcher

MOVED, OTHER = TP("spend-events", 0), TP("spend-events", 1)


class Fetches:
    """Fetches that are never answered."""

    def __init__(self) -> None:
        self._fetcher = TimedFetcher.__new__(TimedFetcher)
        self._fetcher.fetching = {}

    def begin(self, tps: Iterable[TP]) -> "asyncio.Task[None]":
        return asyncio.create_task(self._fetch(tps))

    async def _fetch(self, tps: Iterable[TP]) -> None:
        self._fetcher._supersede(tps)
        await asyncio.Event().wait()


async def test_a_fetch_from_the_new_leader_ends_the_one_from_the_former() -> None:
    fetches = Fetches()
    former = fetches.begin([MOVED, OTHER])
    await asyncio.sleep(0)
    new = fetches.begin([MOVED])
    done, _ = await asyncio.wait([former, new], return_when=asyncio.FIRST_COMPLETED)
    assert done == {former}
    assert former.cancelled()
    new.cancel()


async def test_fetches_of_other_partitions_go_on() -> None:
    fetches = Fetches()
    tasks = [fetches.begin([it]) for it in (MOVED, OTHER)]
    done, _ = await asyncio.wait(tasks, timeout=0.05)
    assert not done
    for task in tasks:
        task.cancel()
