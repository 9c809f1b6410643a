"""Writes what decisions changed in a partition's state as records of `controller-state`."""

from collections.abc import Collection, Iterable
from datetime import date
from typing import Final

from core.reasons import reason_names
from core.state import BrandState, CampaignState, CostKey, PartitionState, Recorded, ThresholdKey
from core.state_records import (
    PART_KEY,
    SCHEMA,
    SEEN_PREFIX,
    AlertRecord,
    CostRecord,
    PartRecord,
    encode,
)

__all__ = ["StateRecord", "take_changes"]

#: A brand with more campaigns has a record for each. A record costs as much as five campaigns within one.
_TOGETHER: Final = 4

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
        campaigns: Collection[CampaignState] = brand.campaigns.values()
        if len(campaigns) != brand.recorded_campaigns:
            campaigns = _recorded_together(brand)
            records.extend(_moved_records(brand, campaigns))
        records.append((f"brand/{brand.brand_id}".encode(), encode(_brand_fields(brand, campaigns))))
        brand.dirty = False
        if brand.clock > now:
            now = brand.clock
    for brand, campaign in state.dirty_campaigns:
        if campaign.dirty:
            records.append(_record_apart(brand, campaign))
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


def _recorded_together(brand: BrandState) -> list[CampaignState]:
    """The campaigns that the brand's record has; none of a brand with many, of which one rarely changes with another.

    One that the catalog does not know is not among them: its key alone says that it exists (streams.live_state).
    """
    campaigns = brand.campaigns.values()
    return [] if len(campaigns) > _TOGETHER else [campaign for campaign in campaigns if campaign.config]


def _moved_records(brand: BrandState, together: Collection[CampaignState]) -> list[StateRecord]:
    """Tombstones of campaigns that the brand's record takes up, and records of those that it has no more.

    They go before the brand's record, which has the latter until then.
    """
    if not together and not brand.recorded_campaigns:
        return []
    records: list[StateRecord] = [(_campaign_key(brand, it), None) for it in together if it.recorded is Recorded.APART]
    leaving = [it for it in brand.campaigns.values() if it.recorded is Recorded.WITH_BRAND and it not in together]
    records.extend([_record_apart(brand, campaign) for campaign in leaving])
    for campaign in together:
        campaign.recorded = Recorded.WITH_BRAND
    brand.recorded_campaigns = len(together)
    return records


def _record_apart(brand: BrandState, campaign: CampaignState) -> StateRecord:
    assert brand.day
    campaign.recorded = Recorded.APART
    return _campaign_key(brand, campaign), encode(_campaign_fields(campaign, brand.day.date))


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
        resumes_awaited_since=state.resumes_pending_since,
    )


def _seen_key(number: int) -> bytes:
    return f"{SEEN_PREFIX}{number}".encode()


def _campaign_key(brand: BrandState, campaign: CampaignState) -> bytes:
    return f"campaign/{brand.brand_id}/{campaign.campaign_id}".encode()


def _cost_key(key: CostKey) -> bytes:
    return f"cost/{key.brand_id}/{key.campaign_id}/{key.source}/{key.day.isoformat()}".encode()


def _alert_key(key: ThresholdKey) -> bytes:
    return "/".join(filter(None, ("alert", key.brand_id, key.budget, key.campaign_id))).encode()


def _brand_fields(brand: BrandState, campaigns: Iterable[CampaignState]) -> tuple[object, ...]:
    """Those of a BrandRecord. To make the record itself costs a fifth more, and this is done for each brand of each
    flush."""
    day, month = brand.day, brand.month
    assert day and month
    return (
        day.date,
        day.starts_at,
        brand.daily_micros,
        month.first,
        month.starts_at,
        brand.monthly_micros,
        brand.clock,
        brand.has_spend,
        brand.future_spend,
        brand.last_spend_at,
        brand.silence,
        brand.spent_before_day_micros,
        brand.daily_allowance_micros,
        [_campaign_fields(campaign, day.date) for campaign in campaigns],
    )


def _campaign_fields(campaign: CampaignState, day: date) -> tuple[object, ...]:
    """Those of a CampaignRecord, with which the campaign is recorded."""
    campaign.dirty = False
    return (
        campaign.campaign_id,
        day,
        campaign.daily_micros,
        campaign.total_micros,
        campaign.sequence,
        campaign.last_action,
        reason_names(campaign.reasons) if campaign.reasons else (),
        campaign.future_spend,
        campaign.pending_resume,
        campaign.pause,
        campaign.running_since,
        campaign.unknown_on,
    )
