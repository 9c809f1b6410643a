"""The document of a brand that is in force for a spend event, by the controller's rule. Pure: no I/O.

A new currency takes effect unless the brand has spend before it (docs/contract.md, "catalog"). The ledger reads the
catalog ahead of spend, so it holds such a document back, and those after it, until it reads spend of the brand: spend
that arrived later puts it in force, spend that arrived earlier and is not refused drops it.
"""

from collections.abc import Iterable

from core.acceptance import Tolerance, refusal_of, replaces
from core.catalog import BrandConfig
from core.moment import Moment
from core.spend import Spend

__all__ = ["BrandConfigs"]


class BrandConfigs:
    """The document in force of every brand, and the documents that are held back."""

    def __init__(self, tolerance: Tolerance) -> None:
        self._tolerance = tolerance
        self._held: dict[str, BrandConfig] = {}
        self._held_back: dict[str, list[tuple[Moment, BrandConfig]]] = {}
        self._with_spend: set[str] = set()

    def __len__(self) -> int:
        return len(self._held)

    def brand_ids(self) -> Iterable[str]:
        return self._held.keys()

    def take(self, brand_id: str, config: BrandConfig, arrival: Moment) -> None:
        """Apply the next document of the brand, in the order of the catalog."""
        held = self._held.get(brand_id)
        if brand_id in self._held_back:
            self._held_back[brand_id].append((arrival, config))
        elif replaces(held, config, has_spend=True):
            self._held[brand_id] = config
        elif brand_id not in self._with_spend and replaces(held, config, has_spend=False):
            self._held_back[brand_id] = [(arrival, config)]

    def held_back(self) -> set[str]:
        """Brands with a document that is held back."""
        return set(self._held_back)

    def note_spend(self, brand_id: str, arrival: Moment) -> None:
        """Note spend or a correction of the brand that arrived then and was not refused: its currency is fixed from
        there."""
        if brand_id in self._held and brand_id not in self._with_spend:
            self._apply_held_back(brand_id, arrival)
            self._with_spend.add(brand_id)
            for _, config in self._held_back.pop(brand_id, []):
                self._put_in_force(brand_id, config)

    def config_for(self, spend: Spend, arrival: Moment) -> BrandConfig | None:
        """The document by which the controller decides on this event, None for an unknown brand. Call it in order of
        the partition's offsets, because the first event that is not refused fixes the brand's currency."""
        brand_id = spend.brand_id
        if brand_id in self._held_back:
            self._apply_held_back(brand_id, arrival)
        config = self._held.get(brand_id)
        if brand_id not in self._with_spend and config is not None:
            refusal = refusal_of(spend, config.currency, arrival, self._tolerance)
            if refusal is None:
                self.note_spend(brand_id, arrival)
        return config

    def _apply_held_back(self, brand_id: str, arrival: Moment) -> None:
        """Put the held-back documents in force that arrived before."""
        waiting = []
        for came_at, config in self._held_back.pop(brand_id, []):
            if came_at > arrival:
                waiting.append((came_at, config))
            else:
                self._put_in_force(brand_id, config)
        if waiting:
            self._held_back[brand_id] = waiting

    def _put_in_force(self, brand_id: str, config: BrandConfig) -> None:
        if replaces(self._held[brand_id], config, brand_id in self._with_spend):
            self._held[brand_id] = config
