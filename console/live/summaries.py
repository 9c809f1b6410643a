"""A glance of every brand, kept as the controller's state changes: so that a list of 10,000 sorts at once.

To decode a brand costs about a tenth of a millisecond. A change only marks the brand; marked ones are decoded when
they are shown or, a few at a time, while nothing else is to be done.
"""

import asyncio
import time
from collections.abc import Iterable
from typing import Final

from console.live.glance import BrandGlance, glance
from console.live.pace import Sample, with_sample
from streams.core.moment import Moment
from streams.live import LiveState

__all__ = ["Summaries"]

#: The work between two turns of everybody else.
_SLICE_SECONDS: Final = 0.004
#: And the rest after it: once warm, at most a seventh of a core goes into lists that nobody may be looking at.
_REST_SECONDS: Final = 0.025


class Summaries:
    """Of one LiveState. A brand's `samples` are its spend at moments of the last hour, for its pace."""

    def __init__(self, live: LiveState, now: Moment) -> None:
        self.live = live
        self._glances: dict[str, BrandGlance] = {}
        self._samples: dict[str, tuple[Sample, ...]] = {}
        self._now = now
        #: To be decoded, in the order of their changes.
        self._marked: dict[str, None] = dict.fromkeys(live.brand_ids())
        self._unseen = set(self._marked)
        self._woken = asyncio.Event()
        self._woken.set()

    @property
    def is_warm(self) -> bool:
        """Whether every brand was looked at once."""
        return not self._unseen

    def mark(self, brand_ids: Iterable[str], now: Moment) -> None:
        self._now = now
        self._marked.update(dict.fromkeys(brand_ids))
        self._woken.set()

    def brand(self, brand_id: str) -> BrandGlance | None:
        """As of now."""
        if brand_id in self._marked:
            self._look(brand_id)
        return self._glances.get(brand_id)

    def samples(self, brand_id: str) -> tuple[Sample, ...]:
        return self._samples.get(brand_id, ())

    def all(self) -> Iterable[BrandGlance]:
        """As of now or, under heavy load, some seconds ago: good enough to sort by."""
        return self._glances.values()

    async def work(self) -> None:
        """For ever: decodes what was marked, in slices."""
        while True:
            await self._woken.wait()
            self._woken.clear()
            while self._marked:
                until = time.perf_counter() + _SLICE_SECONDS
                while self._marked and time.perf_counter() < until:
                    self._look(next(iter(self._marked)))
                await asyncio.sleep(_REST_SECONDS if self.is_warm else _SLICE_SECONDS)

    def _look(self, brand_id: str) -> None:
        del self._marked[brand_id]
        self._unseen.discard(brand_id)
        held = self.live.brand(brand_id)
        seen = held and glance(held)
        if not seen:
            return
        self._glances[brand_id] = seen
        sample = Sample(self._now, seen.day.spent_micros)
        self._samples[brand_id] = with_sample(self._samples.get(brand_id, ()), sample)
