"""Which brands are due at which moment."""

from collections.abc import Iterable, Iterator
from heapq import heappop, heappush

from core.moment import Moment

__all__ = ["Boundaries"]


class Boundaries:
    """Ids of brands, each entered for a moment at which a boundary of the brand is due.

    A list for each moment, because a midnight has very many brands: an entry of its own for each took 72 bytes.
    """

    def __init__(self, entries: Iterable[tuple[Moment, str]] = ()) -> None:
        self._moments: list[Moment] = []  # a heap
        self._brand_ids: dict[Moment, list[str]] = {}  # each a heap
        for moment, brand_id in entries:
            self.add(moment, brand_id)

    def __iter__(self) -> Iterator[tuple[Moment, str]]:
        """The entries, in no order."""
        return ((moment, brand_id) for moment, brand_ids in self._brand_ids.items() for brand_id in brand_ids)

    def add(self, moment: Moment, brand_id: str) -> None:
        """Enter a brand for a moment, also where it is entered for others."""
        brand_ids = self._brand_ids.get(moment)
        if brand_ids is None:
            self._brand_ids[moment] = [brand_id]
            heappush(self._moments, moment)
        else:
            heappush(brand_ids, brand_id)

    def take_due(self, until: Moment) -> tuple[Moment, str] | None:
        """Remove and return the entry of the earliest moment, and there of the lowest id; None where none is due by
        `until`."""
        if not self._moments or self._moments[0] > until:
            return None
        moment = self._moments[0]
        brand_ids = self._brand_ids[moment]
        brand_id = heappop(brand_ids)
        if not brand_ids:
            heappop(self._moments)
            del self._brand_ids[moment]
        return moment, brand_id
