"""Spend events and snapshots: what is sent, what became of it, and the rows of the ledger."""

from typing import Annotated, Any

from msgspec import UNSET, Meta, Struct, UnsetType

from console.api.schemas.common import Answer, Day, Moment, Money

__all__ = [
    "AcceptedSnapshot",
    "AcceptedSpend",
    "BookedSpend",
    "NewSnapshot",
    "NewSpend",
    "Published",
    "PublishedSnapshots",
    "RefusedSnapshot",
    "RefusedSpend",
    "SpendPage",
]


class BookedSpend(Answer, frozen=True, kw_only=True):
    """`refused` is null where the controller has counted it."""

    brand_id: str
    event_id: str
    campaign_id: str
    amount: Money
    currency: str
    occurred_at: Moment
    booked_day: Day
    arrived_at: Moment
    topic: str
    partition: int
    offset: int
    attributes: dict[str, Any] | None
    refused: str | None
    refused_because: str | None


class SpendPage(Answer, frozen=True, kw_only=True):
    items: list[BookedSpend]
    next: str | None


class NewSpend(Struct, frozen=True, kw_only=True):
    """Money gone, as on the topic; fields that are not known are ignored."""

    event_id: Annotated[str, Meta(min_length=1, max_length=128)]
    brand_id: Annotated[str, Meta(pattern="^[A-Za-z0-9._:-]{1,64}$")]
    campaign_id: Annotated[str, Meta(pattern="^[A-Za-z0-9._:-]{1,64}$")]
    amount: str | float
    currency: str | None = None
    occurred_at: Moment | None = None
    attributes: dict[str, Any] | None = None


class AcceptedSpend(Answer, frozen=True, kw_only=True):
    index: int
    event_id: str
    topic: str
    partition: int
    offset: int


class RefusedSpend(Answer, frozen=True, kw_only=True):
    index: int
    reason: str
    message: str


class Published(Answer, frozen=True, kw_only=True):
    """`index` is the place in the array that was sent. The broker has what was accepted."""

    accepted: list[AcceptedSpend]
    refused: list[RefusedSpend]


class NewSnapshot(Struct, frozen=True, kw_only=True):
    """A platform's total of a campaign and a day so far, as on the topic; fields that are not known are ignored.
    `external_id` stands in place of `brand_id` and `campaign_id`."""

    source: Annotated[str, Meta(pattern="^[A-Za-z0-9._:-]{1,64}$")]
    brand_id: Annotated[str, Meta(pattern="^[A-Za-z0-9._:-]{1,64}$")] | None = None
    campaign_id: Annotated[str, Meta(pattern="^[A-Za-z0-9._:-]{1,64}$")] | None = None
    external_id: Annotated[str, Meta(min_length=1, max_length=200)] | None = None
    day: Day
    cost: str | float
    currency: str | None = None
    as_of: Moment


class AcceptedSnapshot(Answer, frozen=True, kw_only=True):
    index: int
    brand_id: str
    campaign_id: str
    topic: str
    partition: int
    offset: int


class RefusedSnapshot(Answer, frozen=True, kw_only=True):
    """`campaign_ids` are those that share an `external_id`."""

    index: int
    reason: str
    message: str
    campaign_ids: list[str] | UnsetType = UNSET


class PublishedSnapshots(Answer, frozen=True, kw_only=True):
    """`index` is the place in the array that was sent. The broker has what was accepted."""

    accepted: list[AcceptedSnapshot]
    refused: list[RefusedSnapshot]
