"""Channels of the notifier and what was sent to them."""

from console.api.schemas.common import Answer, Moment

__all__ = ["ChannelAdded", "ChannelPage", "ChannelView", "Notification", "NotificationPage"]


class ChannelView(Answer, frozen=True, kw_only=True):
    """`address` lacks what may be a secret; an empty list of `kinds`, `severities` or `brands` lets all pass."""

    name: str
    kind: str
    address: str
    kinds: list[str]
    severities: list[str]
    brands: list[str]
    commands: bool
    paused: bool
    created_by: str
    created_at: Moment


class ChannelAdded(ChannelView, frozen=True, kw_only=True):
    """`secret` is shown this once; `null` of a channel to people."""

    secret: str | None


class ChannelPage(Answer, frozen=True, kw_only=True):
    items: list[ChannelView]
    next: str | None


class Notification(Answer, frozen=True, kw_only=True):
    """One alert, command or test for one channel. `message_id` is the `webhook-id` of each attempt."""

    id: int
    channel: str
    message_id: str
    source: str
    subject: str
    brand_id: str | None
    state: str
    attempts: int
    created_at: Moment
    next_attempt_at: Moment | None
    finished_at: Moment | None
    last_error: str | None


class NotificationPage(Answer, frozen=True, kw_only=True):
    items: list[Notification]
    next: str | None
