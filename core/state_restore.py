"""Restores a partition's state from the records of `controller-state`."""

from collections.abc import Callable, Iterable
from datetime import date
from typing import Final

from core.budget import spent_before_day
from core.calendar import Day, Month, budget_day, month_of
from core.catalog import BrandConfig, read_brand_config, read_campaign_config
from core.duplicates import ENTRY_BYTES
from core.moment import NEVER
from core.reasons import NO_REASONS, Reason, reasons_from_names
from core.records import Budget
from core.refresh import derive
from core.refusal import Refusal
from core.state import NO_FUTURE_SPEND, BrandState, CampaignState, Cost, PartitionState, Recorded, Thresholds
from core.state_records import (
    PART_KEY,
    BrandRecord,
    CampaignRecord,
    PartRecord,
    decode_alert,
    decode_brand,
    decode_campaign,
    decode_cost,
    decode_part,
)

__all__ = ["Skipped", "restore"]

#: Called with the key of a record that the controller cannot have written, and with the cause.
Skipped = Callable[[str, str], None]


def restore(
    state: PartitionState, records: Iterable[tuple[str, bytes]], skipped: Skipped = lambda key, why: None
) -> PartRecord | None:
    """Fill an empty state from the latest value of every key; the keys are texts (`state_key`).

    Returns the record `part`, None when the partition was never flushed. A record that cannot be decoded is left out
    and given to `skipped`; all others take effect. Raises ValueError only for a `part` that cannot be decoded.
    """
    chunks: list[tuple[int, bytes]] = []
    # A brand's record needs its document, a campaign's record its brand's.
    waiting: dict[str, list[tuple[str, bytes]]] = {"brand": [], "campaign": [], "cost": [], "alert": []}
    part = None
    for key, value in records:
        kind, _, name = key.partition("/")
        if kind == "doc":
            try:
                _restore_document(state, name, value)
            except Exception as error:
                skipped(key, repr(error))
        elif kind in waiting:
            waiting[kind].append((name, value))
        elif key == PART_KEY:
            part = decode_part(value)
        elif kind == "seen" and _is_chunk(name, value):
            chunks.append((int(name), value))
        else:
            skipped(key, f"{len(value)} bytes are no ids" if kind == "seen" else "no such kind of record")
    state.clock = part.clock if part else 0
    state.duplicates.restore(chunks, part.seen_since if part else ())
    for kind, entries in waiting.items():
        _restore_all(state, kind, entries, skipped)
    _derive_all(state, skipped)
    return part


def _is_chunk(name: str, packed: bytes) -> bool:
    return name.isdigit() and name.isascii() and len(packed) % ENTRY_BYTES == 0


def _restore_all(state: PartitionState, kind: str, entries: list[tuple[str, bytes]], skipped: Skipped) -> None:
    restore_one = _RESTORE[kind]
    entries.reverse()
    while entries:  # so that none is kept that has taken effect: there are very many
        name, value = entries.pop()
        try:
            restore_one(state, name, value)
        except Exception as error:  # whatever the bytes led to: this record is left out, the others are not
            skipped(f"{kind}/{name}", repr(error))


def _restore_document(state: PartitionState, name: str, value: bytes) -> None:
    brand_id, _, campaign_id = name.partition("/")
    if not campaign_id:
        config = read_brand_config(brand_id, value)
        if isinstance(config, Refusal):
            raise ValueError(config.message)
        state.brand(brand_id).config = config
        return
    campaign = state.brand(brand_id).campaign(campaign_id)
    campaign.config = read_campaign_config(brand_id, campaign_id, value)


def _restore_brand(state: PartitionState, name: str, value: bytes) -> None:
    record, brand = decode_brand(value), state.brands.get(name)
    if brand is None or brand.config is None:
        raise ValueError("a brand without its document")
    # Everything that may raise comes first: a record takes effect as a whole or not at all. `derive` finds the ends.
    campaigns = [(it, reasons_from_names(it.reasons) if it.reasons else NO_REASONS) for it in record.campaigns]
    _restore_period(brand, brand.config, record)
    brand.future_spend = record.future_spend or NO_FUTURE_SPEND
    brand.daily_micros = record.daily_micros
    brand.monthly_micros = record.monthly_micros
    brand.clock = record.clock
    brand.has_spend = record.has_spend
    # One number where both are equal, as spend leaves them: another takes 32 bytes.
    brand.last_spend_at = record.clock if record.last_spend_at == record.clock else record.last_spend_at
    brand.silence = record.silence
    brand.daily_allowance_micros = record.daily_allowance_micros
    if record.spent_before_day_micros is None:
        brand.spent_before_day_micros = spent_before_day(brand)
    else:
        brand.spent_before_day_micros = record.spent_before_day_micros
    brand.recorded_campaigns = len(campaigns)
    for campaign in campaigns:
        _restore_record(state, brand, *campaign, Recorded.WITH_BRAND)


def _restore_period(brand: BrandState, config: BrandConfig, record: BrandRecord) -> None:
    """The open day and month: as a rule those of the calendar, which brands share, and else as they were when they
    were recorded, of which `derive` finds the ends."""
    day = budget_day(config.zones, record.clock)
    month = month_of(config.zones, day.date)
    if (
        day.starts_at == record.day_starts_at
        and month.starts_at == record.month_starts_at
        and day.date == record.day
        and month.first == record.month
    ):
        brand.day, brand.month = day, month
        brand.day_starts_at, brand.day_ends_at = day.starts_at, day.ends_at
    else:
        brand.day = Day(record.day, record.day_starts_at, NEVER)
        brand.month = Month(record.month, record.month_starts_at, 0)


def _restore_campaign(state: PartitionState, name: str, value: bytes) -> None:
    brand_id, _, campaign_id = name.partition("/")
    record = decode_campaign(value, campaign_id)
    brand = state.brands.get(brand_id)
    if brand is None or brand.day is None:
        raise ValueError("a campaign without its brand")
    if record.campaign_id != campaign_id:
        raise ValueError(f"the record of campaign {record.campaign_id[:80]}")
    held = brand.campaigns.get(campaign_id)
    if held is None or held.recorded is not Recorded.WITH_BRAND:
        _restore_record(state, brand, record, reasons_from_names(record.reasons), Recorded.APART)


def _restore_record(
    state: PartitionState,
    brand: BrandState,
    record: CampaignRecord,
    reasons: Reason,
    recorded: Recorded,
) -> None:
    campaign_id = record.campaign_id
    campaign = brand.campaign(campaign_id)
    assert brand.day
    _restore_totals(campaign, record, brand.day.date)
    campaign.reasons = reasons
    campaign.last_action = record.last_action
    campaign.sequence = record.sequence
    campaign.pause = record.pause
    campaign.running_since, campaign.unknown_on = record.running_since, record.unknown_on
    campaign.recorded = recorded
    if record.pending_resume:
        state.await_resume(brand, campaign, record.pending_resume)


def _restore_totals(campaign: CampaignState, record: CampaignRecord, today: date) -> None:
    """The record may be of a day before `today`: when a day ends, campaigns without spend are not written again."""
    future_spend = record.future_spend
    campaign.total_micros = record.total_micros
    campaign.daily_micros = record.daily_micros if record.day == today else future_spend.get(today, 0)
    if future_spend:
        campaign.future_spend = {booked_on: micros for booked_on, micros in future_spend.items() if booked_on > today}


def _restore_cost(state: PartitionState, name: str, value: bytes) -> None:
    brand_id, campaign_id, source, day = name.split("/")
    record, booked_on = decode_cost(value), date.fromisoformat(day)
    costs = state.costs.setdefault(brand_id, {}).setdefault(booked_on, {})
    costs[campaign_id, source] = Cost(record.as_of, record.micros)


def _restore_alert(state: PartitionState, name: str, value: bytes) -> None:
    brand_id, budget, campaign_id = (*name.split("/"), "")[:3]
    record = decode_alert(value)
    thresholds = state.thresholds.setdefault(brand_id, {})
    thresholds[Budget(budget), campaign_id] = Thresholds(record.period, record.percents)


_RESTORE: Final = {
    "brand": _restore_brand,
    "campaign": _restore_campaign,
    "cost": _restore_cost,
    "alert": _restore_alert,
}


def _derive_all(state: PartitionState, skipped: Skipped) -> None:
    for brand in state.brands.values():
        try:
            derive(state, brand)
        except Exception as error:
            skipped(f"brand/{brand.brand_id}", repr(error))
            _derive_later(state, brand)


def _derive_later(state: PartitionState, brand: BrandState) -> None:
    """Have each decision on the brand, and the next tick, try again: nothing is decided on a guess."""
    state.guarded.add(brand.brand_id)
    state.underived.add(brand.brand_id)
    brand.next_boundary_at = brand.clock
    state.wake_again(brand)
