"""Confines a defect to one brand and one record: a decision that raises does not change the state.

An unguarded brand is not copied before a decision, for speed: its first exception puts the state of the whole partition
in doubt, and the owner must restore it from the last flush. From then on the brand is guarded: its state is copied
before each decision on it and put back when that raises, so that further exceptions need no restore.
"""

from collections.abc import Callable
from copy import copy
from dataclasses import fields
from heapq import heappush
from typing import Final, ParamSpec, TypeVar

from core.boundaries import Boundaries
from core.campaigns import Campaigns
from core.errors import ExitCode, SpendgateError
from core.refresh import derive
from core.state import BrandState, CampaignState, PartitionState

__all__ = ["StateInDoubt", "Undecidable", "attempt"]

_BRAND_FIELDS: Final = tuple(field.name for field in fields(BrandState))
_CAMPAIGN_FIELDS: Final = tuple(field.name for field in fields(CampaignState))

_Arguments = ParamSpec("_Arguments")
_Answer = TypeVar("_Answer")


class StateInDoubt(SpendgateError):
    """A decision on the brand raised half-way: the partition's state must not be used or written any more."""

    exit_code = ExitCode.RESTART

    def __init__(self, brand_id: str) -> None:
        super().__init__(f"deciding about brand {brand_id} failed; the partition's state must be restored")
        self.brand_id = brand_id


class Undecidable(SpendgateError):
    """A decision on a guarded brand raised; the state is as before. The original exception is its `__cause__`."""

    def __init__(self, brand_id: str) -> None:
        super().__init__(f"deciding about brand {brand_id} failed; its state is as before")
        self.brand_id = brand_id


def attempt(
    state: PartitionState,
    brand_id: str,
    decide: Callable[_Arguments, _Answer],
    *args: _Arguments.args,
    **kwargs: _Arguments.kwargs,
) -> _Answer:
    """Call `decide`, a decision that changes this brand alone, and return its answer.

    When it raises: raises StateInDoubt, or Undecidable for a guarded brand, from that exception.
    """
    if brand_id not in state.guarded:
        try:
            return decide(*args, **kwargs)
        except Exception as error:
            raise StateInDoubt(brand_id) from error
    checkpoint = _Checkpoint(state, brand_id)
    try:
        if brand_id in state.underived:
            derive(state, state.brands[brand_id])
        answer = decide(*args, **kwargs)
    except Exception as error:
        checkpoint.put_back()
        raise Undecidable(brand_id) from error
    state.underived.discard(brand_id)
    checkpoint.keep()
    return answer


class _Checkpoint:
    """A copy of all that a decision on one brand may change. `put_back` keeps the identity of brand and campaigns,
    because lists of the state refer to them."""

    def __init__(self, state: PartitionState, brand_id: str) -> None:
        self._state, self._brand_id = state, brand_id
        self._brand = state.brands.get(brand_id)
        self._brand_copy = copy(self._brand)
        self._campaigns = self._brand.campaigns.copy() if self._brand else Campaigns()
        self._campaign_copies = [(it, copy(it), copy(it.pause)) for it in self._campaigns.values()]
        self._pending_resumes = {key: held for key, held in state.pending_resumes.items() if key[0] == brand_id}
        self._pending_moments = dict(state.pending_moments)
        self._documents = dict(state.new_documents)
        self._costs = {day: dict(costs) for day, costs in state.costs.get(brand_id, {}).items()}
        self._changed_costs = dict(state.changed_costs)
        self._thresholds = dict(state.thresholds.get(brand_id, {}))
        self._changed_thresholds = dict(state.changed_thresholds)
        self._counts = (
            (state.commands, len(state.commands)),
            (state.alerts, len(state.alerts)),
            (state.dirty_brands, len(state.dirty_brands)),
            (state.dirty_campaigns, len(state.dirty_campaigns)),
            (state.spend_events, len(state.spend_events)),
        )
        self._counted_ids = state.duplicates.mark()
        self._boundaries, state.boundaries = state.boundaries, Boundaries()
        self._silence_checks, state.silence_checks = state.silence_checks, []

    def keep(self) -> None:
        """Accept what the decision changed."""
        entered, self._state.boundaries = self._state.boundaries, self._boundaries
        for moment, brand_id in entered:
            self._state.boundaries.add(moment, brand_id)
        changed, self._state.silence_checks = self._state.silence_checks, self._silence_checks
        for check in changed:
            heappush(self._state.silence_checks, check)

    def put_back(self) -> None:
        """Undo what the decision changed."""
        state = self._state
        for held, count in self._counts:
            del held[count:]
        state.duplicates.forget_since(self._counted_ids)
        state.new_documents.clear()
        state.new_documents.update(self._documents)
        state.costs[self._brand_id] = self._costs
        state.changed_costs.clear()
        state.changed_costs.update(self._changed_costs)
        state.thresholds[self._brand_id] = self._thresholds
        state.changed_thresholds.clear()
        state.changed_thresholds.update(self._changed_thresholds)
        for key in [key for key in state.pending_resumes if key[0] == self._brand_id]:
            del state.pending_resumes[key]
        state.pending_resumes.update(self._pending_resumes)
        state.pending_moments = self._pending_moments
        state.boundaries = self._boundaries
        state.silence_checks = self._silence_checks
        self._put_back_brand()

    def _put_back_brand(self) -> None:
        if self._brand is None or self._brand_copy is None:
            self._state.brands.pop(self._brand_id, None)
            return
        _set_fields(self._brand, self._brand_copy, _BRAND_FIELDS)
        self._brand.campaigns = self._campaigns
        for campaign, before, pause in self._campaign_copies:
            _set_fields(campaign, before, _CAMPAIGN_FIELDS)
            campaign.pause = pause


def _set_fields(held: object, before: object, names: tuple[str, ...]) -> None:
    for name in names:
        setattr(held, name, getattr(before, name))
