"""Edits and reads of channels: each edit writes the row and its history in the caller's one transaction."""

from collections.abc import Sequence

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from models.errors import AlreadyExists, RowNotFound
from models.queries.accounts import record_change
from models.queries.catalog import check_brands
from models.tables.catalog_change import FieldChanges
from models.tables.channel import Channel, Delivery

__all__ = ["add_channel", "get_channel", "list_channels", "remove_channel", "serving_channels", "set_paused"]


def list_channels(session: Session) -> Sequence[Channel]:
    """The channels by name, without those that were removed."""
    return session.scalars(select(Channel).where(Channel.removed_at.is_(None)).order_by(Channel.name)).all()


def serving_channels(session: Session) -> Sequence[Channel]:
    """The channels of `list_channels`, locked so that none of them is removed before the caller's transaction ends."""
    query = select(Channel).where(Channel.removed_at.is_(None)).order_by(Channel.name)
    return session.scalars(query.with_for_update(read=True, of=Channel)).all()


def get_channel(session: Session, name: str, *, for_update: bool = False) -> Channel:
    """The channel. Raises RowNotFound, also for one that was removed."""
    channel = session.get(Channel, name, with_for_update=for_update or None, populate_existing=for_update)
    if channel is None or channel.removed_at is not None:
        raise RowNotFound(f"There is no channel {name}: `spendgate channel list` has them.")
    return channel


def add_channel(session: Session, channel: Channel) -> Channel:
    """Add a channel; the history has its address as it is shown to people. Raises AlreadyExists, also for the name of a
    removed channel, so that its deliveries stay unambiguous, and RowNotFound for a brand of its filter."""
    check_brands(session, channel.brand_ids)
    if session.get(Channel, channel.name) is not None:
        raise AlreadyExists(f"The channel {channel.name} is there, or was: names are never used again.")
    session.add(channel)
    changes: FieldChanges = {"address": {"from": None, "to": channel.shown_address}}
    for field in ("alert_kinds", "severities", "brand_ids"):
        if getattr(channel, field):
            changes[field] = {"from": None, "to": list(getattr(channel, field))}
    if channel.commands:
        changes["commands"] = {"from": None, "to": True}
    record_change(session, "channel", channel.name, channel.created_by, changes)
    session.refresh(channel)
    return channel


def set_paused(session: Session, name: str, paused: bool, *, actor: str) -> Channel:
    """Pause the channel, or resume it: deliveries of a paused channel wait and are sent when it is resumed."""
    channel = get_channel(session, name, for_update=True)
    if channel.paused != paused:
        channel.paused = paused
        if not paused:
            channel.resumed_at = _now(session)
            session.execute(
                update(Delivery)
                .where(Delivery.channel == name, Delivery.state == "waiting")
                .values(next_attempt_at=None)
            )
        record_change(session, "channel", name, actor, {"paused": {"from": not paused, "to": paused}})
    return channel


def remove_channel(session: Session, name: str, *, actor: str) -> Channel:
    """Remove the channel: its address and secret are deleted, and its waiting deliveries are dropped."""
    channel = get_channel(session, name, for_update=True)
    channel.removed_at = _now(session)
    channel.address, channel.secret = "", None
    session.execute(
        update(Delivery)
        .where(Delivery.channel == name, Delivery.state == "waiting")
        .values(state="dropped", finished_at=func.clock_timestamp())
    )
    record_change(session, "channel", name, actor, {"removed": {"from": False, "to": True}})
    return channel


def _now(session: Session) -> int:
    moment = session.scalar(select(func.clock_timestamp().cast(Channel.created_at.type)))
    assert isinstance(moment, int)
    return moment
