"""Configurations of brands and campaigns, read from their catalog documents (docs/contract.md, "catalog")."""

import re
import sys
from datetime import date
from functools import lru_cache
from typing import Final

import msgspec
from msgspec.structs import replace

from core.calendar import Zones, ZoneSpan, check_time_zone
from core.dayparting import Schedule
from core.json_money import decoder_with_money
from core.moment import MINUTE, parse_moment
from core.money import optional_budget
from core.overrides import Override, budget_on, read_overrides
from core.records import BrandDocument, CampaignDocument, Version
from core.refusal import Refusal, invalid_field
from core.spend import valid_id
from core.windows import WINDOWS_MAX, merged, window_from_document

__all__ = ["DEFAULT_ALERT_PERCENTS", "BrandConfig", "CampaignConfig", "read_brand_config", "read_campaign_config"]

_CURRENCY: Final = re.compile(r"[A-Z]{3}", re.ASCII)
#: Of a brand that names none.
DEFAULT_ALERT_PERCENTS: Final = (80, 100)
#: No windows and no flight: a campaign that time never stops.
ALWAYS: Final = Schedule()


class BrandConfig(msgspec.Struct, frozen=True, gc=False):
    """A brand's document, checked. Budgets in micros, None = unlimited."""

    version: int
    zones: Zones
    currency: str
    daily_budget_micros: int | None
    monthly_budget_micros: int | None
    enabled: bool
    archived: bool
    epoch: int
    alert_percents: tuple[int, ...] = DEFAULT_ALERT_PERCENTS  # rising
    silent_after_ms: int | None = None
    daily_overrides: tuple[Override, ...] = ()
    monthly_overrides: tuple[Override, ...] = ()
    is_paced: bool = False

    def daily_budget_on(self, day: date) -> int | None:
        """The daily budget in force on a budget day, overrides applied."""
        overrides = self.daily_overrides
        return budget_on(day, self.daily_budget_micros, overrides) if overrides else self.daily_budget_micros

    def monthly_budget_on(self, day: date) -> int | None:
        """The monthly budget in force in the month of the date, overrides applied."""
        overrides = self.monthly_overrides
        return budget_on(day, self.monthly_budget_micros, overrides) if overrides else self.monthly_budget_micros


class CampaignConfig(msgspec.Struct, frozen=True, gc=False):
    """A campaign's document, checked. Budgets in micros, None = unlimited. `usable` is False for a document that
    cannot be used: the campaign pauses with the reason `invalid`."""

    version: int
    usable: bool
    external_id: str | None = None
    daily_budget_micros: int | None = None
    total_budget_micros: int | None = None
    schedule: Schedule = ALWAYS
    enabled: bool = True
    archived: bool = False
    daily_overrides: tuple[Override, ...] = ()

    def daily_budget_on(self, day: date) -> int | None:
        """The daily budget in force on a budget day, overrides applied."""
        overrides = self.daily_overrides
        return budget_on(day, self.daily_budget_micros, overrides) if overrides else self.daily_budget_micros


class _AnyVersion(msgspec.Struct):
    version: Version = 0


_decode_brand: Final = decoder_with_money(BrandDocument)
_decode_campaign: Final = decoder_with_money(CampaignDocument)
_decode_version: Final = msgspec.json.Decoder(_AnyVersion)
_encode: Final = msgspec.json.Encoder().encode
#: A longer document is not kept to be shared: 4,096 as long as a topic takes would be 4 GiB.
_SHARED_BYTES: Final = 4_096


def read_brand_config(brand_id: str, value: bytes) -> BrandConfig | Refusal:
    """Read a brand's document. One that cannot be used is refused; the caller keeps the configuration it has."""
    try:
        document = _decode_brand(value)
        if document.brand_id != brand_id or not valid_id(brand_id):
            raise ValueError(f"brand_id is not the key {brand_id[:80]!r}")
        unnamed = _encode(replace(document, brand_id="", name=""))
        return _shared_brand_config(unnamed) if len(unnamed) <= _SHARED_BYTES else _brand_config(document)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError, ValueError) as error:
        return invalid_field(f"brand document {brand_id[:80]}: {error}")


def read_campaign_config(brand_id: str, campaign_id: str, value: bytes) -> CampaignConfig:
    """Read a campaign's document. Of one that cannot be used only the version is read, and `usable` is False."""
    try:
        document = _decode_campaign(value)
        if (document.brand_id, document.campaign_id) != (brand_id, campaign_id):
            raise ValueError("the ids are not those of the key")
        unnamed = _encode(replace(document, brand_id="", campaign_id="", name=""))
        return _shared_campaign_config(unnamed) if len(unnamed) <= _SHARED_BYTES else _campaign_config(document)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError, ValueError):
        return CampaignConfig(version=_version_of_any(value), usable=False)


@lru_cache(maxsize=4_096)
def _shared_brand_config(unnamed: bytes) -> BrandConfig:
    """One for all brands whose documents differ in id and name alone; `unnamed` is a document without these."""
    return _brand_config(_decode_brand(unnamed))


@lru_cache(maxsize=4_096)
def _shared_campaign_config(unnamed: bytes) -> CampaignConfig:
    """As `_shared_brand_config`, of a campaign's document without its ids and name."""
    return _campaign_config(_decode_campaign(unnamed))


def _brand_config(document: BrandDocument) -> BrandConfig:
    if _CURRENCY.fullmatch(document.currency) is None:
        raise ValueError("currency must be three capital letters")
    overrides = read_overrides(document.budget_overrides)
    if document.pacing == "even" and document.monthly_budget is None:
        raise ValueError("pacing needs a monthly_budget")
    return BrandConfig(
        version=document.version,
        zones=_zones(tuple((zone.time_zone, zone.from_) for zone in document.zones)),
        currency=sys.intern(document.currency),  # shared by all brands that have it
        daily_budget_micros=optional_budget(document.daily_budget),
        monthly_budget_micros=optional_budget(document.monthly_budget),
        enabled=document.enabled,
        archived=document.archived,
        epoch=document.epoch,
        alert_percents=_percents(document.alert_percents),
        silent_after_ms=None if document.silent_after_minutes is None else document.silent_after_minutes * MINUTE,
        daily_overrides=overrides.daily,
        monthly_overrides=overrides.monthly,
        is_paced=document.pacing == "even",
    )


def _campaign_config(document: CampaignDocument) -> CampaignConfig:
    if document.external_id is not None and not document.external_id.isprintable():
        raise ValueError("external_id has characters that cannot be printed")
    overrides = read_overrides(document.budget_overrides)
    if overrides.monthly:
        raise ValueError("a campaign has no monthly_budget to override")
    return CampaignConfig(
        version=document.version,
        usable=True,
        external_id=document.external_id,
        daily_budget_micros=optional_budget(document.daily_budget),
        total_budget_micros=optional_budget(document.total_budget),
        schedule=_schedule(document),
        enabled=document.enabled,
        archived=document.archived,
        daily_overrides=overrides.daily,
    )


def _schedule(document: CampaignDocument) -> Schedule:
    if not document.windows and document.starts_on is None and document.ends_on is None:
        return ALWAYS  # shared by the many campaigns that have none
    starts_on, ends_on = _date(document.starts_on), _date(document.ends_on)
    if starts_on and ends_on and ends_on < starts_on:
        raise ValueError("ends_on is before starts_on")
    windows = tuple(window_from_document(window.days, window.from_, window.to) for window in document.windows)
    if len(windows) > WINDOWS_MAX:  # more than API, CLI and pages accept: another program wrote it
        windows = merged(windows)
    return Schedule(windows, starts_on, ends_on)


@lru_cache(maxsize=4_096)
def _zones(documents: tuple[tuple[str, str | None], ...]) -> Zones:
    """The zones of a document, by name and `from`. Cached, so that the brands of a zone share one tuple."""
    spans = tuple(ZoneSpan(name, parse_moment(from_) if from_ else None) for name, from_ in documents)
    if not spans or spans[0].starts_at is not None:
        raise ValueError("zones must begin with one whose from is null")
    for span in spans:
        check_time_zone(span.time_zone)
    later = [span.starts_at for span in spans[1:]]
    if None in later or later != sorted(set(later), key=lambda moment: moment or 0):
        raise ValueError("zones must be in rising order of from")
    return spans


def _percents(percents: list[int] | None) -> tuple[int, ...]:
    if percents is None:
        return DEFAULT_ALERT_PERCENTS
    return tuple(sorted(set(percents)))


def _date(text: str | None) -> date | None:
    return None if text is None else msgspec.convert(text, date)  # strict, unlike date.fromisoformat


def _version_of_any(value: bytes) -> int:
    """The version of an unusable document where it can still be read, else 0, which is never taken for stale."""
    try:
        return _decode_version.decode(value).version
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return 0
