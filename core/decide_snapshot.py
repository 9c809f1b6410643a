"""Decides one snapshot: the difference to the cost held becomes a spend event, and the new cost is held.

Nothing else changes: the event is counted when it is read, like any other. Of a snapshot that was counted before, on a
broker that is lost, a replay has the spend already, and the cost alone is held.
"""

from datetime import date

from core.calendar import budget_day
from core.moment import Moment
from core.refusal import Refusal
from core.snapshot import Snapshot, difference_event, is_expired, snapshot_refusal
from core.state import Cost, CostKey, PartitionState
from core.verdict import Verdict

__all__ = ["decide_counted_snapshot", "decide_snapshot"]


def decide_snapshot(state: PartitionState, snapshot: Snapshot, arrival: Moment) -> Verdict | Refusal:
    """Hold the snapshot's cost if its `as_of` is the highest of its campaign, source and day, and leave the spend
    event of the difference in `state.spend_events`.

    Returns COUNTED where there is such an event, APPLIED where the held cost is the same, STALE or, for the same
    `as_of` with another cost, DUPLICATE_OF_OTHER_AMOUNT, UNKNOWN_BRAND, or why it is refused.
    """
    brand = state.brands.get(snapshot.brand_id)
    if brand is None or brand.config is None:
        return Verdict.UNKNOWN_BRAND
    zones, now = brand.config.zones, max(arrival, brand.clock, state.clock)
    refusal = snapshot_refusal(snapshot, brand.config.currency, zones, now, arrival, state.tolerance)
    if refusal is not None:
        return refusal
    costs = state.costs.get(snapshot.brand_id, {}).get(snapshot.day, {})
    held = costs.get((snapshot.campaign_id, snapshot.source))
    if held is not None and snapshot.as_of <= held.as_of:
        same = snapshot.as_of < held.as_of or snapshot.cost_micros == held.micros
        return Verdict.STALE if same else Verdict.DUPLICATE_OF_OTHER_AMOUNT
    event = difference_event(snapshot, held.micros if held else 0, zones, arrival)
    key = CostKey(snapshot.brand_id, snapshot.campaign_id, snapshot.source, snapshot.day)
    state.hold_cost(key, Cost(snapshot.as_of, snapshot.cost_micros))
    _drop_expired(state, snapshot.brand_id, budget_day(zones, now).date)
    if event is None:
        return Verdict.APPLIED
    state.spend_events.append((event, arrival))
    return Verdict.COUNTED


def decide_counted_snapshot(state: PartitionState, snapshot: Snapshot, arrival: Moment) -> Verdict:
    """Hold the cost of a snapshot whose spend is in the ledger, unless it is out of date; it makes no spend event.

    Returns APPLIED, UNKNOWN_BRAND, or STALE where the day is expired or the held `as_of` is as high.
    """
    brand = state.brands.get(snapshot.brand_id)
    if brand is None or brand.config is None:
        return Verdict.UNKNOWN_BRAND
    open_day = budget_day(brand.config.zones, max(arrival, brand.clock, state.clock)).date
    held = state.costs.get(snapshot.brand_id, {}).get(snapshot.day, {}).get((snapshot.campaign_id, snapshot.source))
    if is_expired(snapshot.day, open_day) or (held is not None and snapshot.as_of <= held.as_of):
        return Verdict.STALE
    key = CostKey(snapshot.brand_id, snapshot.campaign_id, snapshot.source, snapshot.day)
    state.hold_cost(key, Cost(snapshot.as_of, snapshot.cost_micros))
    return Verdict.APPLIED


def _drop_expired(state: PartitionState, brand_id: str, open_day: date) -> None:
    """Forget the brand's days that no snapshot can restate any more."""
    for day in [day for day in state.costs[brand_id] if is_expired(day, open_day)]:
        for campaign_id, source in list(state.costs[brand_id][day]):
            state.drop_cost(CostKey(brand_id, campaign_id, source, day))
