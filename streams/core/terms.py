"""What the catalog says of a brand or a campaign, read from its document into the types that decisions use."""

import re
from dataclasses import dataclass
from datetime import date
from typing import Final, TypeVar

import msgspec

from streams.core.calendar import Zones, ZoneSpan, check_time_zone
from streams.core.dayparting import Schedule, window_from_document
from streams.core.moment import parse_moment
from streams.core.money import parse_budget
from streams.core.records import BrandDocument, CampaignDocument, Version, ZoneDocument
from streams.core.refusal import Refusal, RefusalReason
from streams.core.spend import valid_id

__all__ = ["BrandTerms", "CampaignTerms", "read_brand_terms", "read_campaign_terms"]

_CURRENCY: Final = re.compile(r"[A-Z]{3}", re.ASCII)
#: No windows and no flight: a campaign that time never stops.
ALWAYS: Final = Schedule()


@dataclass(frozen=True, slots=True)
class BrandTerms:
    version: int
    zones: Zones
    currency: str
    daily_budget_micros: int | None
    monthly_budget_micros: int | None
    enabled: bool
    archived: bool
    epoch: int


@dataclass(frozen=True, slots=True)
class CampaignTerms:
    """`usable` is False where the document names the campaign but cannot be used: reason `invalid`."""

    version: int
    usable: bool
    external_id: str | None = None
    daily_budget_micros: int | None = None
    total_budget_micros: int | None = None
    schedule: Schedule = ALWAYS
    enabled: bool = True
    archived: bool = False


class _AnyVersion(msgspec.Struct):
    version: Version = 0


_Document = TypeVar("_Document", BrandDocument, CampaignDocument)

_decode_brand: Final = msgspec.json.Decoder(BrandDocument)
_decode_campaign: Final = msgspec.json.Decoder(CampaignDocument)
_decode_version: Final = msgspec.json.Decoder(_AnyVersion)


def read_brand_terms(brand_id: str, value: bytes) -> BrandTerms | Refusal:
    """The terms of a brand's document; a document that cannot be used leaves the former terms in force."""
    try:
        document = _decode_brand.decode(value)
        if document.brand_id != brand_id or not valid_id(brand_id):
            raise ValueError(f"brand_id is not the key {brand_id[:80]!r}")
        return _brand_terms(document)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError, ValueError) as error:
        return Refusal(RefusalReason.INVALID_FIELD, f"brand document {brand_id[:80]}: {error}")


def read_campaign_terms(brand_id: str, campaign_id: str, value: bytes) -> CampaignTerms:
    """The terms of a campaign's document; one that cannot be used still says which campaign it breaks."""
    try:
        document = _decode_campaign.decode(value)
        if (document.brand_id, document.campaign_id) != (brand_id, campaign_id):
            raise ValueError("the ids are not those of the key")
        return _campaign_terms(document)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError, ValueError):
        return CampaignTerms(version=_version_of_any(value), usable=False)


def _brand_terms(document: BrandDocument) -> BrandTerms:
    if _CURRENCY.fullmatch(document.currency) is None:
        raise ValueError("currency must be three capital letters")
    return BrandTerms(
        version=document.version,
        zones=_zones(document.zones),
        currency=document.currency,
        daily_budget_micros=_budget(document.daily_budget),
        monthly_budget_micros=_budget(document.monthly_budget),
        enabled=document.enabled,
        archived=document.archived,
        epoch=document.epoch,
    )


def _campaign_terms(document: CampaignDocument) -> CampaignTerms:
    starts_on, ends_on = _date(document.starts_on), _date(document.ends_on)
    if starts_on and ends_on and ends_on < starts_on:
        raise ValueError("ends_on is before starts_on")
    windows = tuple(window_from_document(window.days, window.from_, window.to) for window in document.windows)
    return CampaignTerms(
        version=document.version,
        usable=True,
        external_id=document.external_id,
        daily_budget_micros=_budget(document.daily_budget),
        total_budget_micros=_budget(document.total_budget),
        schedule=Schedule(windows=windows, starts_on=starts_on, ends_on=ends_on),
        enabled=document.enabled,
        archived=document.archived,
    )


def _zones(documents: list[ZoneDocument]) -> Zones:
    spans = tuple(ZoneSpan(zone.time_zone, parse_moment(zone.from_) if zone.from_ else None) for zone in documents)
    if not spans or spans[0].starts_at is not None:
        raise ValueError("zones must begin with one whose from is null")
    for span in spans:
        check_time_zone(span.time_zone)
    later = [span.starts_at for span in spans[1:]]
    if None in later or later != sorted(set(later), key=lambda moment: moment or 0):
        raise ValueError("zones must be in rising order of from")
    return spans


def _budget(text: str | None) -> int | None:
    if text is None:
        return None
    micros = parse_budget(text)
    if isinstance(micros, Refusal):
        raise ValueError(micros.message)
    return micros


def _date(text: str | None) -> date | None:
    return None if text is None else msgspec.convert(text, date)  # strict, unlike date.fromisoformat


def _version_of_any(value: bytes) -> int:
    """The version of a broken document where it can still be read, else 0, which never counts as old."""
    try:
        return _decode_version.decode(value).version
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return 0
