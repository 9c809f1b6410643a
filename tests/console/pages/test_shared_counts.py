"""What lists find for open pages is counted once for all of them."""

import asyncio

from console.pages.shared_counts import SharedCounts


async def test_all_that_ask_at_once_get_one_count_and_know_whether_it_is_of_now() -> None:
    asked: list[str] = []

    async def count(question: str) -> int:
        asked.append(question)
        await asyncio.sleep(0)
        return len(asked)

    counts = SharedCounts(count)
    assert await asyncio.gather(*map(counts.counted, ("a", "a", "b"))) == [(2, True), (2, False), (2, True)]
    assert asked == ["a", "b"]
    assert await counts.counted("a") == (2, False)


async def test_who_goes_takes_the_count_from_nobody_else() -> None:
    may_end = asyncio.Event()

    async def count(question: str) -> str:
        await may_end.wait()
        return question

    counts = SharedCounts(count)
    goes, stays = (asyncio.create_task(counts.counted("a")) for _ in range(2))
    await asyncio.sleep(0)
    goes.cancel()
    may_end.set()
    assert await stays == ("a", False)
