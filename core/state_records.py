"""The records of the topic `controller-state`: their keys, and their values in JSON.

| key | value |
|---|---|
| `part` | PartRecord, in every flush, as its last record |
| `brand/<brand_id>` | BrandRecord; of a brand with few campaigns it has theirs too |
| `campaign/<brand_id>/<campaign_id>` | CampaignRecord, of a campaign that its brand's record does not have |
| `doc/<brand_id>`, `doc/<brand_id>/<campaign_id>` | the catalog document in force, its bytes as they came |
| `cost/<brand_id>/<campaign_id>/<source>/<day>` | CostRecord |
| `alert/<brand_id>/<budget>`, `alert/<brand_id>/<budget>/<campaign_id>` | AlertRecord |
| `seen/<n>` | a chunk of accepted event ids (core.duplicates) |

BrandRecord and CampaignRecord are arrays: a field is known by its place, and a new one goes behind the last. Up to
schema 2 they were objects, and each campaign had a record of its own; those are read, and replaced when they change.

core.state_changes makes them of a state, core.state_restore makes a state of them, core.changelog folds them.
"""

import re
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Final

import msgspec

from core.moment import Moment
from core.records import Action, Budget
from core.state import Pause, PendingResume, Raised, Silence

__all__ = [
    "PART_KEY",
    "SCHEMA",
    "SEEN_PREFIX",
    "AlertRecord",
    "BrandRecord",
    "CampaignRecord",
    "CostRecord",
    "PartRecord",
    "decode_alert",
    "decode_brand",
    "decode_campaign",
    "decode_cost",
    "decode_part",
    "encode",
    "is_state_key",
    "state_key",
]

#: Grows with every change of these records that an older worker could not read.
SCHEMA: Final = 3

PART_KEY: Final = "part"
SEEN_PREFIX: Final = "seen/"

_ID: Final = rb"[A-Za-z0-9._:-]{1,64}"
_DAY: Final = rb"[0-9]{4}-[0-9]{2}-[0-9]{2}"
_BUDGET: Final = "|".join(Budget).encode()
_KEY: Final = re.compile(
    rb"brand/%b|doc/%b(?:/%b)?|campaign/%b/%b|part|seen/[0-9]{1,18}|cost/%b/%b/%b/%b|alert/%b/(?:%b)(?:/%b)?"
    % (_ID, _ID, _ID, _ID, _ID, _ID, _ID, _ID, _DAY, _ID, _BUDGET, _ID)
)


class PartRecord(msgspec.Struct, frozen=True):
    """Key `part`: the positions of the partition's inputs. They alone decide what is skipped after a restart."""

    schema: int
    #: Topic -> its Kafka topic id, of every topic that the worker reads or writes, to notice one that was deleted and
    #: created again. Older releases kept those of the inputs alone.
    topic_ids: dict[str, str]
    positions: dict[str, int]  # topic -> offset of the first record that is not applied
    clock: Moment  # the highest tick
    seen: int = 0  # accepted event ids that are held
    seen_since: list[tuple[int, Moment]] = []  # number of a chunk of them and the moment at which it was begun
    resumes_awaited: int = 0
    resumes_awaited_since: Moment | None = None


class CampaignRecord(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """Totals in micros; `day` is the date that `daily_micros` belongs to."""

    campaign_id: str
    day: date
    daily_micros: int
    total_micros: int
    sequence: int
    last_action: Action | None
    reasons: Sequence[str]
    future_spend: Mapping[date, int]  # micros already booked to it
    pending_resume: PendingResume | None
    pause: Pause | None
    running_since: Moment
    unknown_on: str | None


class BrandRecord(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """Key `brand/<brand_id>`: totals of the open day and month, in micros.

    A campaign in `campaigns` has no record of its own; should there be one all the same, it is older.
    """

    day: date
    day_starts_at: Moment
    daily_micros: int
    month: date  # its first
    month_starts_at: Moment
    monthly_micros: int
    clock: Moment
    has_spend: bool
    future_spend: Mapping[date, int]  # micros already booked to it
    last_spend_at: Moment | None
    silence: Silence | None
    spent_before_day_micros: int | None  # None: of an older release
    daily_allowance_micros: int | None
    campaigns: list[CampaignRecord]


class _BrandObject(msgspec.Struct, frozen=True, rename={"future_spend": "ahead"}):
    """A BrandRecord of schema 1 or 2."""

    day: date
    day_starts_at: Moment
    daily_micros: int
    month: date
    month_starts_at: Moment
    monthly_micros: int
    clock: Moment
    has_spend: bool
    future_spend: dict[date, int]
    last_spend_at: Moment | None = None
    silence: Silence | None = None
    spent_before_day_micros: int | None = None
    daily_allowance_micros: int | None = None


_CAMPAIGN_NAMES: Final = {"future_spend": "ahead", "last_action": "told", "pending_resume": "awaited"}


class _CampaignObject(msgspec.Struct, frozen=True, rename=_CAMPAIGN_NAMES):
    """A CampaignRecord of schema 1 or 2; its key has the id."""

    day: date
    daily_micros: int
    total_micros: int
    future_spend: dict[date, int]
    reasons: list[str]
    last_action: Action | None
    sequence: int
    pending_resume: PendingResume | None
    pause: Pause | None = None
    running_since: Moment = 0
    unknown_on: str | None = None


class CostRecord(msgspec.Struct, frozen=True):
    """Key `cost/<brand_id>/<campaign_id>/<source>/<day>`: a platform's total so far, in micros."""

    as_of: Moment
    micros: int


class AlertRecord(msgspec.Struct, frozen=True):
    """What the percentages of a budget have raised in `period`, a day, a month, or null for all time."""

    period: str | None
    percents: dict[int, Raised]


class _Schema(msgspec.Struct, frozen=True):
    schema: int


encode: Final = msgspec.json.Encoder().encode
decode_alert: Final = msgspec.json.Decoder(AlertRecord).decode
decode_cost: Final = msgspec.json.Decoder(CostRecord).decode
_decode_part: Final = msgspec.json.Decoder(PartRecord).decode
_decode_brand: Final = msgspec.json.Decoder(BrandRecord).decode
_decode_campaign: Final = msgspec.json.Decoder(CampaignRecord).decode
_decode_brand_object: Final = msgspec.json.Decoder(_BrandObject).decode
_decode_campaign_object: Final = msgspec.json.Decoder(_CampaignObject).decode
_ARRAY: Final = b"["


def decode_brand(value: bytes) -> BrandRecord:
    """The value of a key `brand/…`, of any schema. Raises ValueError or RecursionError for bytes that are none."""
    if value.startswith(_ARRAY):
        return _decode_brand(value)
    return BrandRecord(**msgspec.structs.asdict(_decode_brand_object(value)), campaigns=[])


def decode_campaign(value: bytes, campaign_id: str) -> CampaignRecord:
    """The value of a key `campaign/…/<campaign_id>`, of any schema. Raises as `decode_brand`."""
    if value.startswith(_ARRAY):
        return _decode_campaign(value)
    return CampaignRecord(campaign_id, **msgspec.structs.asdict(_decode_campaign_object(value)))


def state_key(key: bytes | None) -> str | None:
    """The text of a record's key; None when it is not one of the table above."""
    return key.decode() if key is not None and is_state_key(key) else None


def is_state_key(key: bytes) -> bool:
    """Whether the key is one of the table above."""
    return _KEY.fullmatch(key) is not None


def decode_part(value: bytes | None) -> PartRecord:
    """The value of key `part`. Raises ValueError for bytes that are none.

    Of one that a newer release wrote, which may look different, only `schema` is read; the other fields are empty.
    """
    try:
        return _decode_part(value or b"")
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        newer = _newer_schema(value or b"")
        if newer is None:
            raise ValueError(f"not the record of a partition: {error}") from error
        return PartRecord(newer, {}, {}, 0)


def _newer_schema(value: bytes) -> int | None:
    try:
        schema = msgspec.json.decode(value, type=_Schema).schema
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return None
    return schema if schema > SCHEMA else None
