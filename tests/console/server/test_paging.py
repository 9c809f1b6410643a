"""Lists in memory: searched in slices beside all other requests, each id once, whatever is added meanwhile."""

import asyncio
import random
from bisect import insort
from collections.abc import Callable

import pytest

from console.server.paging import find_ids

MANY = 200_000


def _ids(count: int) -> list[str]:
    return [f"campaign-{number:07d}" for number in range(count)]


async def _turns_beside(search: "asyncio.Task[list[str]]") -> int:
    """How often another request is served until the search has ended."""
    turns = 0
    while not search.done():
        turns += 1
        await asyncio.sleep(0)
    return turns


async def test_others_are_answered_while_a_search_passes_many_ids() -> None:
    search = asyncio.create_task(find_ids(_ids(MANY), lambda an_id: an_id.endswith("x"), after=None, most=51))
    assert await _turns_beside(search) > 5
    assert search.result() == []


@pytest.mark.parametrize("seed", range(20))
async def test_each_id_is_found_once_while_ids_are_added(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """`most` at a time, each search behind the last id of the one before, with an id added between any two slices."""
    monkeypatch.setattr("console.server.paging._SLICE_SECONDS", 0.0)
    drawn = random.Random(seed)
    ids, found, after = _ids(60), list[str](), None
    there_at_first, matches = list(ids), _endings(drawn)
    while True:
        search = asyncio.create_task(find_ids(ids, matches, after=after, most=drawn.randint(1, 7)))
        while not search.done():
            insort(ids, f"campaign-{drawn.randint(0, 60):07d}-{drawn.randint(0, 9)}{len(ids)}")
            await asyncio.sleep(0)
        if not search.result():
            break
        found += search.result()
        after = found[-1]
    assert found == sorted(set(found))
    assert set(found) >= {it for it in there_at_first if matches(it)}
    assert all(matches(it) for it in found)


def _endings(drawn: random.Random) -> Callable[[str], bool]:
    endings = tuple(drawn.sample("0123456789", 4))
    return lambda an_id: an_id.endswith(endings)
