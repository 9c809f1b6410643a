"""Writes what decisions changed in a partition's state as records of `controller-state`."""

from datetime import date
from functools import lru_cache

from core.reasons import reason_names
from core.state import BrandState, CampaignState, CostKey, PartitionState, ThresholdKey
from core.state_records import (
    PART_KEY,
    SCHEMA,
    SEEN_PREFIX,
    AlertRecord,
    BrandRecord,
    CampaignRecord,
    CostRecord,
    PartRecord,
    encode,
)

__all__ = ["StateRecord", "take_changes"]

#: Key and value; the value None is a tombstone.
StateRecord = tuple[bytes, bytes | None]


def take_changes(state: PartitionState, topic_ids: dict[str, str], positions: dict[str, int]) -> list[StateRecord]:
    """Take the records of everything that changed since the last call, `part` last.

    Clears the state's lists of changes, so the records must be written: who cannot write them has to restore the state.
    `topic_ids` and `positions` are those of PartRecord.
    """
    now = 0
    records: list[StateRecord] = [(f"doc/{key}".encode(), value) for key, value in state.new_documents.items()]
    for brand in state.dirty_brands:
        records.append((f"brand/{brand.brand_id}".encode(), encode(_brand_record(brand))))
        brand.dirty = False
        now = max(now, brand.clock)
    for brand, campaign in state.dirty_campaigns:
        key = f"campaign/{brand.brand_id}/{campaign.campaign_id}".encode()
        records.append((key, encode(_campaign_record(brand, campaign))))
        campaign.dirty = False
    records.extend(
        (_cost_key(key), encode(CostRecord(*cost)) if cost else None) for key, cost in state.changed_costs.items()
    )
    records.extend(
        (_alert_key(key), encode(AlertRecord(*held)) if held else None)
        for key, held in state.changed_thresholds.items()
    )
    written, dropped = state.duplicates.take_changes(now)
    records.extend((_seen_key(number), packed) for number, packed in written)
    records.extend((_seen_key(number), None) for number in dropped)
    records.append((PART_KEY.encode(), encode(_part_record(state, topic_ids, positions))))
    state.new_documents.clear()
    state.changed_costs.clear()
    state.changed_thresholds.clear()
    state.dirty_brands.clear()
    state.dirty_campaigns.clear()
    return records


def _part_record(state: PartitionState, topic_ids: dict[str, str], positions: dict[str, int]) -> PartRecord:
    window = state.duplicates
    return PartRecord(
        schema=SCHEMA,
        topic_ids=topic_ids,
        positions=positions,
        clock=state.clock,
        seen=len(window.seen),
        seen_since=window.beginnings,
        resumes_awaited=len(state.pending_resumes),
        resumes_awaited_since=state.resumes_awaited_since,
    )


def _seen_key(number: int) -> bytes:
    return f"{SEEN_PREFIX}{number}".encode()


def _cost_key(key: CostKey) -> bytes:
    return f"cost/{key.brand_id}/{key.campaign_id}/{key.source}/{key.day.isoformat()}".encode()


def _alert_key(key: ThresholdKey) -> bytes:
    return "/".join(filter(None, ("alert", key.brand_id, key.budget, key.campaign_id))).encode()


def _brand_record(brand: BrandState) -> BrandRecord:
    assert brand.day and brand.month
    return BrandRecord(
        day=_text(brand.day.date),
        day_starts_at=brand.day.starts_at,
        daily_micros=brand.daily_micros,
        month=_text(brand.month.first),
        month_starts_at=brand.month.starts_at,
        monthly_micros=brand.monthly_micros,
        clock=brand.clock,
        has_spend=brand.has_spend,
        last_spend_at=brand.last_spend_at,
        silence=brand.silence,
        future_spend=_by_text(brand.future_spend),
        spent_before_day_micros=brand.spent_before_day_micros,
        daily_allowance_micros=brand.daily_allowance_micros,
    )


def _campaign_record(brand: BrandState, campaign: CampaignState) -> CampaignRecord:
    assert brand.day
    return CampaignRecord(
        day=_text(brand.day.date),
        daily_micros=campaign.daily_micros,
        total_micros=campaign.total_micros,
        future_spend=_by_text(campaign.future_spend),
        reasons=list(reason_names(campaign.reasons)) if campaign.reasons else [],
        last_action=campaign.last_action,
        sequence=campaign.sequence,
        pending_resume=campaign.pending_resume,
        pause=campaign.pause,
        running_since=campaign.running_since,
        unknown_on=campaign.unknown_on,
    )


def _by_text(future_spend: dict[date, int]) -> dict[str, int]:
    return {booked_on.isoformat(): micros for booked_on, micros in future_spend.items()} if future_spend else {}


@lru_cache(maxsize=4_096)
def _text(day: date) -> str:
    return day.isoformat()
