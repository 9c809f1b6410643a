"""Summaries of all brands, kept as the controller's state changes: so that a list of 10,000 sorts at once.

To decode a brand costs about a tenth of a millisecond. A change only marks the brand; marked ones are decoded when
they are shown or, a few at a time, while nothing else is to be done.
"""

import asyncio
import time
from collections.abc import Iterable
from typing import Final

from console.live.brand_summary import BrandSummary, brand_summary
from console.live.budget_forecast import Sample, with_sample
from core.moment import Moment
from streams.live_state import LiveState

__all__ = ["BrandSummaries"]

#: The work between two turns of everybody else.
_SLICE_SECONDS: Final = 0.004
#: And the rest after it: once warm, at most a seventh of a core goes into lists that nobody may be looking at.
_REST_SECONDS: Final = 0.025


class BrandSummaries:
    """The summaries of one LiveState. The `samples` of a brand are its spend at moments of the last hour, by which its
    pace is computed."""

    def __init__(self, live: LiveState, now: Moment) -> None:
        self.live = live
        self._summaries: dict[str, BrandSummary] = {}
        self._samples: dict[str, tuple[Sample, ...]] = {}
        self._now = now
        #: To be decoded, in the order of their changes.
        self._changed: dict[str, None] = dict.fromkeys(live.brand_ids())
        self._stale = set(self._changed)
        self._event = asyncio.Event()
        self._event.set()

    @property
    def is_warm(self) -> bool:
        """Whether every brand was decoded once."""
        return not self._stale

    def mark_changed(self, brand_ids: Iterable[str], now: Moment) -> None:
        """Have these brands decoded anew before they are shown; `now` is the moment of their next sample."""
        self._now = now
        self._changed.update(dict.fromkeys(brand_ids))
        self._event.set()

    def brand(self, brand_id: str) -> BrandSummary | None:
        """The summary of the brand as of now."""
        if brand_id in self._changed:
            self._refresh(brand_id)
        return self._summaries.get(brand_id)

    def samples(self, brand_id: str) -> tuple[Sample, ...]:
        """The brand's spend at moments of the last hour, oldest first."""
        return self._samples.get(brand_id, ())

    def all(self) -> Iterable[BrandSummary]:
        """All summaries with their samples, as of now or, under heavy load, of some seconds ago: good enough to sort
        by."""
        return self._summaries.values()

    async def work(self) -> None:
        """Decode marked brands until cancelled, a few at a time."""
        while True:
            await self._event.wait()
            self._event.clear()
            while self._changed:
                until = time.perf_counter() + _SLICE_SECONDS
                while self._changed and time.perf_counter() < until:
                    self._refresh(next(iter(self._changed)))
                await asyncio.sleep(_REST_SECONDS if self.is_warm else _SLICE_SECONDS)

    def _refresh(self, brand_id: str) -> None:
        del self._changed[brand_id]
        self._stale.discard(brand_id)
        held = self.live.brand(brand_id)
        summary = held and brand_summary(held)
        if not summary:
            return
        self._summaries[brand_id] = summary
        sample = Sample(self._now, summary.day.spent_micros)
        self._samples[brand_id] = with_sample(self._samples.get(brand_id, ()), sample)
