"""The state of a partition as the keys and values of `controller-state`, and back. Pure: bytes in, bytes out."""

from collections.abc import Iterable
from datetime import date
from typing import Final

import msgspec

from streams.core.budget import open_period
from streams.core.calendar import Day, Month
from streams.core.derived import look_at_brand_budgets, look_at_campaign_budgets, look_at_schedules
from streams.core.moment import Moment
from streams.core.reasons import reason_names, reasons_from_names
from streams.core.records import Action
from streams.core.refusal import Refusal
from streams.core.state import NEVER, Awaited, BrandState, CampaignState, PartitionState
from streams.core.terms import read_brand_terms, read_campaign_terms

__all__ = ["SCHEMA", "BrandRecord", "CampaignRecord", "PartRecord", "changes", "decode_part", "restore"]

#: Grows with every change of these records that an older worker could not read.
SCHEMA: Final = 1

Entry = tuple[bytes, bytes | None]


class PartRecord(msgspec.Struct, frozen=True):
    """Key `part`, in every flush. `positions` alone decide what is skipped after a restart."""

    schema: int
    topic_ids: dict[str, str]  # of the input topics, to notice one that was made anew
    positions: dict[str, int]  # topic -> offset of the first record that is not applied
    clock: Moment


class BrandRecord(msgspec.Struct, frozen=True):
    """Key `brand/<brand_id>`; money in micros."""

    day: str
    day_starts_at: Moment
    daily_micros: int
    month: str
    month_starts_at: Moment
    monthly_micros: int
    clock: Moment
    has_spend: bool
    ahead: dict[str, int]  # date -> spend already dated to it


class CampaignRecord(msgspec.Struct, frozen=True):
    """Key `campaign/<brand_id>/<campaign_id>`; `day` says which day `daily_micros` is of."""

    day: str
    daily_micros: int
    total_micros: int
    ahead: dict[str, int]
    reasons: list[str]
    told: Action | None
    sequence: int
    awaited: Awaited | None


_encode: Final = msgspec.json.Encoder().encode
_decode_brand: Final = msgspec.json.Decoder(BrandRecord).decode
_decode_campaign: Final = msgspec.json.Decoder(CampaignRecord).decode
decode_part: Final = msgspec.json.Decoder(PartRecord).decode


def changes(state: PartitionState, topic_ids: dict[str, str], positions: dict[str, int]) -> list[Entry]:
    """Everything that changed since the last call, `part` last; the state counts as clean afterwards."""
    entries: list[Entry] = [(f"doc/{key}".encode(), value) for key, value in state.new_documents.items()]
    for brand in state.dirty_brands:
        entries.append((f"brand/{brand.brand_id}".encode(), _encode(_brand_record(brand))))
        brand.dirty = False
    for brand, campaign in state.dirty_campaigns:
        key = f"campaign/{brand.brand_id}/{campaign.campaign_id}".encode()
        entries.append((key, _encode(_campaign_record(brand, campaign))))
        campaign.dirty = False
    written, dropped = state.duplicates.take_changes()
    entries.extend((b"seen/%d" % number, packed) for number, packed in written)
    entries.extend((b"seen/%d" % number, None) for number in dropped)
    entries.append((b"part", _encode(PartRecord(SCHEMA, topic_ids, positions, state.clock))))
    state.new_documents.clear()
    state.dirty_brands.clear()
    state.dirty_campaigns.clear()
    return entries


def restore(state: PartitionState, entries: Iterable[tuple[str, bytes]]) -> PartRecord | None:
    """Fill an empty state from the latest value of every key; None when the partition was never flushed."""
    kinds: dict[str, list[tuple[str, bytes]]] = {"doc": [], "brand": [], "campaign": [], "seen": []}
    part = None
    for key, value in entries:
        kind, _, name = key.partition("/")
        if kind == "part":
            part = decode_part(value)
        else:
            kinds[kind].append((name, value))
    state.clock = part.clock if part else 0
    state.duplicates.restore((int(number), packed) for number, packed in kinds["seen"])
    for name, value in kinds["doc"]:
        _restore_document(state, name, value)
    for name, value in kinds["brand"]:
        _restore_brand(state.brand(name), _decode_brand(value))
    for name, value in kinds["campaign"]:
        _restore_campaign(state, name, _decode_campaign(value))
    for brand in state.brands.values():
        _derive(state, brand)
    return part


def _brand_record(brand: BrandState) -> BrandRecord:
    assert brand.day and brand.month
    return BrandRecord(
        day=brand.day.date.isoformat(),
        day_starts_at=brand.day.starts_at,
        daily_micros=brand.daily_micros,
        month=brand.month.first.isoformat(),
        month_starts_at=brand.month.starts_at,
        monthly_micros=brand.monthly_micros,
        clock=brand.clock,
        has_spend=brand.has_spend,
        ahead={booked_on.isoformat(): micros for booked_on, micros in brand.ahead.items()},
    )


def _campaign_record(brand: BrandState, campaign: CampaignState) -> CampaignRecord:
    assert brand.day
    return CampaignRecord(
        day=brand.day.date.isoformat(),
        daily_micros=campaign.daily_micros,
        total_micros=campaign.total_micros,
        ahead={booked_on.isoformat(): micros for booked_on, micros in campaign.ahead.items()},
        reasons=list(reason_names(campaign.reasons)),
        told=campaign.told,
        sequence=campaign.sequence,
        awaited=campaign.awaited,
    )


def _restore_document(state: PartitionState, name: str, value: bytes) -> None:
    brand_id, _, campaign_id = name.partition("/")
    brand = state.brand(brand_id)
    if not campaign_id:
        terms = read_brand_terms(brand_id, value)
        assert not isinstance(terms, Refusal)
        brand.terms = terms
        return
    campaign = brand.campaigns.setdefault(campaign_id, CampaignState(campaign_id))
    campaign.terms = read_campaign_terms(brand_id, campaign_id, value)


def _restore_brand(brand: BrandState, record: BrandRecord) -> None:
    brand.day = Day(date.fromisoformat(record.day), record.day_starts_at, NEVER)
    brand.month = Month(date.fromisoformat(record.month), record.month_starts_at, 0)
    brand.daily_micros = record.daily_micros
    brand.monthly_micros = record.monthly_micros
    brand.clock = record.clock
    brand.has_spend = record.has_spend
    brand.ahead = _dates(record.ahead)
    assert brand.terms
    open_period(brand, brand.terms, brand.clock)


def _restore_campaign(state: PartitionState, name: str, record: CampaignRecord) -> None:
    brand_id, _, campaign_id = name.partition("/")
    brand = state.brand(brand_id)
    assert brand.day
    campaign = brand.campaigns.setdefault(campaign_id, CampaignState(campaign_id))
    campaign.total_micros = record.total_micros
    # The day may have ended since this record was written: a roll alone does not write it again.
    today, ahead = brand.day.date, _dates(record.ahead)
    campaign.daily_micros = record.daily_micros if record.day == today.isoformat() else ahead.get(today, 0)
    campaign.ahead = {booked_on: micros for booked_on, micros in ahead.items() if booked_on > today}
    campaign.reasons = reasons_from_names(record.reasons)
    campaign.told = record.told
    campaign.sequence = record.sequence
    if record.awaited:
        campaign.awaited = record.awaited
        state.awaiting[brand_id, campaign_id] = (brand, campaign)


def _derive(state: PartitionState, brand: BrandState) -> None:
    """Limits, openness and the next wake are functions of what was restored."""
    if brand.terms is None:
        return
    look_at_brand_budgets(brand)
    for campaign in brand.campaigns.values():
        look_at_campaign_budgets(campaign)
    look_at_schedules(state, brand, brand.campaigns.values())


def _dates(ahead: dict[str, int]) -> dict[date, int]:
    return {date.fromisoformat(booked_on): micros for booked_on, micros in ahead.items()}
