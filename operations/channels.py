"""Adds, tests, pauses and lists notification channels: checks values, makes secrets, shows deliveries."""

import secrets
import time
from collections.abc import Sequence
from typing import Final, TypeAlias

from core.errors import RefusedValue, SpendgateError
from core.moment import format_moment, format_optional_moment
from core.records import AlertKind, Severity
from models.queries import channels, deliveries
from models.queries.paging import Page
from models.session import session_scope
from models.tables.channel import Channel, Delivery
from notifier.channel_address import WEBHOOK, checked_address, new_webhook_secret, shown_address
from notifier.messages import message_of_test
from operations import validation
from streams.clock import current_moment
from streams.settings import Settings

__all__ = [
    "DELIVERY_STATES",
    "NotArrived",
    "add_channel",
    "begin_test",
    "channel_view",
    "delivery_of",
    "delivery_view",
    "list_notifications",
    "pause_channel",
    "remove_channel",
    "wait_for_test",
]

View: TypeAlias = dict[str, str | int | bool | list[str] | None]

DELIVERY_STATES: Final = ("waiting", "delivered", "given_up", "dropped")
_BRANDS_MAX: Final = 1_000
#: How long a test is waited for: longer than a service that does not answer is.
_TEST_SECONDS: Final = 75.0
_POLL_SECONDS: Final = 0.2


class NotArrived(SpendgateError):
    """The channel has not taken the test."""


def add_channel(
    settings: Settings,
    name: str,
    address: str,
    *,
    alert_kinds: Sequence[str] = (),
    severities: Sequence[str] = (),
    brand_ids: Sequence[str] = (),
    commands: bool = False,
    actor: str,
) -> tuple[Channel, str | None]:
    """Add a channel. Returns its row and, for a webhook, the secret that it is signed with, which cannot be shown
    again. An empty filter lets all pass."""
    name = validation.account_name("channel", name)
    kind = checked_address(address, allow_private=settings.notify_private_addresses)
    secret = new_webhook_secret() if kind == WEBHOOK else None
    if len(brand_ids) > _BRANDS_MAX:
        raise RefusedValue(
            f"A channel names at most {_BRANDS_MAX:,} brands: leave the filter out, or add another channel."
        )
    channel = Channel(
        name=name,
        kind=kind,
        address=address,
        shown_address=shown_address(kind, address),
        secret=secret,
        alert_kinds=_each("kind of alert", alert_kinds, list(AlertKind)),
        severities=_each("severity", severities, list(Severity)),
        brand_ids=list(dict.fromkeys(validation.identifier("brand", it) for it in brand_ids)),
        commands=commands,
        created_by=actor,
    )
    with session_scope(settings.database) as session:
        return channels.add_channel(session, channel), secret


def pause_channel(settings: Settings, name: str, paused: bool, *, actor: str) -> Channel:
    """Pause the channel, or with False resume it."""
    with session_scope(settings.database) as session:
        return channels.set_paused(session, validation.account_name("channel", name), paused, actor=actor)


def remove_channel(settings: Settings, name: str, *, actor: str) -> Channel:
    """Remove the channel and return it. Raises RowNotFound."""
    with session_scope(settings.database) as session:
        return channels.remove_channel(session, validation.account_name("channel", name), actor=actor)


def begin_test(settings: Settings, name: str) -> int:
    """Hand a test to the notifier, which sends it once, also to a paused channel. Returns the id of its delivery."""
    name = validation.account_name("channel", name)
    message = message_of_test(name, secrets.token_hex(8), current_moment())
    with session_scope(settings.database) as session:
        channels.get_channel(session, name)
        new = deliveries.NewDelivery(
            name, message.message_id, message.source, message.subject, message.brand_id, message.body
        )
        deliveries.add_deliveries(session, [new])
        delivery = deliveries.get_delivery_of(session, name, message.message_id)
        return delivery.delivery_id


def delivery_of(settings: Settings, delivery_id: int) -> Delivery:
    """The delivery with this id. Raises RowNotFound."""
    with session_scope(settings.database) as session:
        return deliveries.get_delivery(session, delivery_id)


def wait_for_test(settings: Settings, name: str, *, seconds: float = _TEST_SECONDS) -> Delivery:
    """The delivery of a test that has arrived. Raises NotArrived with the receiver's answer, or where no notifier takes
    it."""
    delivery_id = begin_test(settings, name)
    deadline = time.monotonic() + seconds
    while (delivery := delivery_of(settings, delivery_id)).state == "waiting":
        if time.monotonic() > deadline:
            raise NotArrived(
                f"No notifier has sent the test within {seconds:g} s: start `spendgate notifier`, or look at its log."
            )
        time.sleep(_POLL_SECONDS)
    if delivery.state != "delivered":
        raise NotArrived(f"The test did not arrive: {delivery.last_error or 'the channel was removed'}.")
    return delivery


def list_notifications(
    settings: Settings,
    *,
    channel: str | None = None,
    brand_id: str | None = None,
    state: str | None = None,
    after: str | None = None,
    limit: int = 100,
) -> Page[Delivery]:
    """A page of deliveries, newest first."""
    if state is not None:
        validation.one_of("state of a delivery", state, DELIVERY_STATES)
    with session_scope(settings.database) as session:
        return deliveries.list_deliveries(
            session, channel=channel, brand_id=brand_id, state=state, after=after, limit=limit
        )


def channel_view(channel: Channel) -> View:
    """A channel as JSON, without its secret, and with the address in the form that may be shown."""
    return {
        "name": channel.name,
        "kind": channel.kind,
        "address": channel.shown_address,
        "kinds": list(channel.alert_kinds),
        "severities": list(channel.severities),
        "brands": list(channel.brand_ids),
        "commands": channel.commands,
        "paused": channel.paused,
        "created_by": channel.created_by,
        "created_at": format_moment(channel.created_at),
    }


def delivery_view(delivery: Delivery) -> View:
    """A delivery as JSON."""
    return {
        "id": delivery.delivery_id,
        "channel": delivery.channel,
        "message_id": delivery.message_id,
        "source": delivery.source,
        "subject": delivery.subject,
        "brand_id": delivery.brand_id or None,
        "state": delivery.state,
        "attempts": delivery.attempts,
        "created_at": format_moment(delivery.created_at),
        "next_attempt_at": format_optional_moment(delivery.next_attempt_at),
        "finished_at": format_optional_moment(delivery.finished_at),
        "last_error": delivery.last_error,
    }


def _each(what: str, texts: Sequence[str], known: Sequence[str]) -> list[str]:
    return list(dict.fromkeys(str(validation.one_of(what, it, known)) for it in texts))
