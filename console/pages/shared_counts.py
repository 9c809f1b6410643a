"""What lists over everything count, for open pages: each question is answered once for all pages that ask it."""

import asyncio
import time
from collections.abc import Callable, Coroutine
from typing import Any, Final, Generic, TypeVar

__all__ = ["SharedCounts"]

_Question = TypeVar("_Question")
_Answer = TypeVar("_Answer")

#: Between two counts for open pages; of many brands a count costs a tenth of a second, and it takes a share of a core.
_COUNT_SECONDS: Final = 0.5
_TIMES_ITS_COST: Final = 30
_QUESTIONS_MAX: Final = 100


class SharedCounts(Generic[_Question, _Answer]):
    """Counts the answer to a question, which is hashable, not before _TIMES_ITS_COST of what it cost last are over."""

    def __init__(self, count: Callable[[_Question], Coroutine[Any, Any, _Answer]]) -> None:
        self._count = count
        self._counted: dict[_Question, asyncio.Task[_Answer]] = {}
        self._due_at: dict[_Question, float] = {}

    async def counted(self, question: _Question) -> tuple[_Answer, bool]:
        """The answer, and whether it was counted since this call: else a change of just now may be missing in it."""
        task = self._counted.get(question)
        is_new = task is None or (task.done() and time.monotonic() >= self._due_at.get(question, 0.0))
        if task is None or is_new:
            if len(self._counted) >= _QUESTIONS_MAX:
                self._counted.clear()
                self._due_at.clear()
            task = self._counted[question] = asyncio.create_task(self._count_now(question))
        return await asyncio.shield(task), is_new

    async def _count_now(self, question: _Question) -> _Answer:
        started_at = time.monotonic()
        answer = await self._count(question)
        ended_at = time.monotonic()
        self._due_at[question] = ended_at + max(_COUNT_SECONDS, (ended_at - started_at) * _TIMES_ITS_COST)
        return answer
