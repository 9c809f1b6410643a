"""The sender on a real PostgreSQL: deliveries wait in their rows, whoever put them there."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress

import pytest

from models.migrations import migrate
from models.queries.deliveries import NewDelivery, add_deliveries, waiting_queues
from models.session import engine_of, session_scope
from notifier.messages import alert_message
from notifier.sender import DeliverySender
from notifier.webhook import webhook_sender
from operations.channels import NotArrived, add_channel, pause_channel, remove_channel, wait_for_test
from streams.clock import current_moment
from streams.settings import Settings
from tests.ledger.conftest import LedgerTables
from tests.lengths import length
from tests.notifier.alerts import alert
from tests.notifier.receiver import Receiver, open_receiver

STATES = "SELECT state, count(*)::int FROM delivery GROUP BY state ORDER BY state"


@pytest.fixture
def settings(database_url: str) -> Iterator[Settings]:
    migrate.upgrade(database_url)
    yield Settings(database_url=database_url, notify_private_addresses=True)
    engine_of(database_url).dispose()


@asynccontextmanager
async def sending(settings: Settings) -> AsyncIterator[None]:
    async with webhook_sender(allow_private=True) as webhooks:
        task = asyncio.create_task(DeliverySender(settings, webhooks, asyncio.Event(), current_moment).run())
        try:
            yield
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task


def put(settings: Settings, channel: str, *values: bytes) -> list[str]:
    """As the intake does. Returns the ids of the messages."""
    messages = [alert_message(value) for value in values]
    with session_scope(settings.database) as session:
        add_deliveries(
            session,
            [NewDelivery(channel, it.message_id, it.source, it.subject, it.brand_id, it.body) for it in messages],
        )
    return [it.message_id for it in messages]


async def test_a_receiver_that_refuses_gets_everything_later_in_order_with_the_same_ids(
    settings: Settings, tables: LedgerTables, receiver: Receiver
) -> None:
    add_channel(settings, "ops", receiver.address, actor="ann")
    ids = {brand: put(settings, "ops", *(alert(brand, it) for it in range(1, 6))) for brand in ("nike", "puma")}
    receiver.status = 503
    async with sending(settings):
        await receiver.until(lambda: len(receiver.refused) >= 4)
        assert set(receiver.refused) == {ids["nike"][0], ids["puma"][0]}, "what is behind the first of a brand waits"
        receiver.status = 200
        await tables.until(STATES, [("delivered", 10)])
    for mine in ids.values():
        assert [it for it in receiver.ids if it in mine] == mine


async def test_a_receiver_that_hangs_or_redirects_keeps_no_other_channel_waiting(
    settings: Settings, tables: LedgerTables, receiver: Receiver
) -> None:
    async with open_receiver() as hanging, open_receiver() as redirecting:
        hanging.hangs = True
        redirecting.status, redirecting.headers = 302, {"location": receiver.address}
        for name, one in (("hangs", hanging), ("redirects", redirecting), ("ops", receiver)):
            add_channel(settings, name, one.address, actor="ann")
            put(settings, name, *(alert(f"brand-{it}") for it in range(20)))
        async with sending(settings):
            await receiver.until(lambda: len(receiver.received) == 20)
            await tables.until(
                "SELECT count(*) > 0 FROM delivery WHERE strpos(last_error, 'redirects are not followed') > 0",
                [(True,)],
            )
        assert len(receiver.received) == 20


async def test_a_receiver_that_asks_for_time_is_not_tried_before(
    settings: Settings, tables: LedgerTables, receiver: Receiver
) -> None:
    add_channel(settings, "ops", receiver.address, actor="ann")
    put(settings, "ops", alert(number=1))
    receiver.status, receiver.headers = 429, {"retry-after": "1800"}
    async with sending(settings):
        await tables.until("SELECT attempts FROM delivery", [(1,)])
    wait = "SELECT next_attempt_at - now() > interval '29 minutes' FROM delivery"
    assert tables.rows(wait) == [(True,)]


async def test_two_channels_of_one_receiver_have_one_id_and_two_secrets(
    settings: Settings, tables: LedgerTables, receiver: Receiver
) -> None:
    """So a secret is changed without a gap."""
    secrets = [add_channel(settings, name, receiver.address, actor="ann")[1] or "" for name in ("old", "new")]
    [message_id] = {it for name in ("old", "new") for it in put(settings, name, alert())}
    async with sending(settings):
        await tables.until(STATES, [("delivered", 2)])
    assert receiver.ids == [message_id, message_id]
    verifying = [sorted(it.is_verified_by(secret) for secret in secrets) for it in receiver.received]
    assert verifying == [[False, True], [False, True]]
    assert [it.is_verified_by(secrets[0]) for it in receiver.received].count(True) == 1


async def test_pause_holds_back_resume_sends_and_remove_drops(
    settings: Settings, tables: LedgerTables, receiver: Receiver
) -> None:
    for name in ("ops", "gone"):
        add_channel(settings, name, receiver.address, actor="ann")
        pause_channel(settings, name, True, actor="ann")
        put(settings, name, alert(number=1), alert(number=2))
    async with sending(settings):
        await asyncio.to_thread(wait_for_test, settings, "ops")
        assert len(receiver.received) == 1, "a test goes to a paused channel too, and nothing else does"
        remove_channel(settings, "gone", actor="ann")
        pause_channel(settings, "ops", False, actor="ann")
        await tables.until(STATES, [("delivered", 3), ("dropped", 2)])
    assert tables.rows("SELECT address, secret FROM channel WHERE name = 'gone'") == [("", None)]


@pytest.mark.long
async def test_a_thousand_alerts_reach_people_as_one_digest_and_a_webhook_as_a_thousand(
    settings: Settings, tables: LedgerTables, receiver: Receiver
) -> None:
    alerts = length(300, 1_000)
    async with open_receiver() as chat:
        add_channel(settings, "hook", receiver.address, actor="ann")
        add_channel(settings, "chat", f"json://127.0.0.1:{chat.port}/hook", actor="ann")
        values = [alert(f"brand-{it % 10}", it) for it in range(alerts)]
        for name in ("hook", "chat"):
            put(settings, name, *values)
        async with sending(settings):
            await chat.until(lambda: len(chat.received) == 1)
            await receiver.until(lambda: len(receiver.received) == alerts)
            await tables.until(STATES, [("delivered", 2 * alerts)])
        assert f"{alerts:,} messages of 10 brands" in chat.received[0].body
        assert (len(chat.received), len(set(receiver.ids))) == (1, alerts)


async def test_a_sender_knows_when_the_one_before_it_told_people(
    settings: Settings, tables: LedgerTables, receiver: Receiver
) -> None:
    def last_sent_at() -> list[int | None]:
        with session_scope(settings.database) as session:
            return [it.last_sent_at for it in waiting_queues(session)]

    add_channel(settings, "chat", f"json://127.0.0.1:{receiver.port}/hook", actor="ann")
    put(settings, "chat", alert(number=1))
    assert last_sent_at() == [None]
    tables.rows("UPDATE delivery SET created_at = created_at - interval '1 minute'")
    async with sending(settings):
        await tables.until(STATES, [("delivered", 1)])
    put(settings, "chat", alert(number=2))
    [(finished_at,)] = tables.rows("SELECT (extract(epoch FROM max(finished_at)) * 1000)::bigint FROM delivery")
    [known] = last_sent_at()
    assert known is not None
    assert abs(known - finished_at) <= 1
    tables.rows("UPDATE delivery SET finished_at = finished_at - interval '1 minute' WHERE state = 'delivered'")
    assert last_sent_at() == [None]


async def test_what_is_not_taken_for_24_hours_is_given_up_and_the_next_one_is_tried(
    settings: Settings, tables: LedgerTables, receiver: Receiver
) -> None:
    add_channel(settings, "ops", receiver.address, actor="ann")
    put(settings, "ops", alert(number=1), alert(number=2))
    tables.rows("UPDATE delivery SET created_at = created_at - interval '1 day'")
    tables.rows("UPDATE channel SET resumed_at = resumed_at - interval '1 day'")
    receiver.status = 500
    async with sending(settings):
        await tables.until(STATES, [("given_up", 2)])
    assert len(set(receiver.refused)) == 2
    assert tables.rows("SELECT DISTINCT last_error FROM delivery") == [("it answered 500",)]


async def test_a_test_that_does_not_arrive_says_why(settings: Settings, receiver: Receiver) -> None:
    add_channel(settings, "ops", receiver.address, actor="ann")
    with pytest.raises(NotArrived, match="start `spendgate notifier`"):
        await asyncio.to_thread(wait_for_test, settings, "ops", seconds=0.1)
    receiver.status = 500
    async with sending(settings):
        with pytest.raises(NotArrived, match="it answered 500"):
            await asyncio.to_thread(wait_for_test, settings, "ops")
