"""What waits for an open page: once per change, of what it shows, and never more than it can use."""

from console.live.broadcaster import Broadcaster, Subscription
from console.live.command_feed import ReceivedCommand
from core.records import (
    Action,
    CauseKind,
    CauseRecord,
    CommandBrand,
    CommandCampaign,
    CommandCatalog,
    ControlCommand,
)
from streams.live_state import LiveState
from streams.settings import Settings


def received(sequence: int, campaign_id: str = "nike-summer") -> ReceivedCommand:
    command = ControlCommand(
        schema=1,
        command_id=f"{campaign_id}:1:{sequence}",
        action=Action.PAUSE,
        campaign_id=campaign_id,
        external_id=None,
        brand_id="nike",
        epoch=1,
        sequence=sequence,
        reasons=["manual"],
        decided_at="2025-09-08T12:00:00Z",
        resumes_at=None,
        pauses_at=None,
        cause=CauseRecord(kind=CauseKind.CATALOG, topic="catalog", partition=1, offset=sequence),
        catalog=CommandCatalog(1, 1),
        currency="USD",
        time_zone="UTC",
        brand=CommandBrand("2025-09-08", "0.00", None, "2025-09", "0.00", None),
        campaign=CommandCampaign("0.00", None, "0.00", None),
    )
    return ReceivedCommand(command, 1, sequence)


async def test_a_brand_that_changed_often_is_told_once() -> None:
    subscription = Subscription(["nike", "puma"], lambda _: False)
    for _ in range(1000):
        subscription.note_brands(frozenset(["nike", "other"]))
    assert (await subscription.next_changes(5)).brand_ids == {"nike"}
    assert (await subscription.next_changes(0.01)).brand_ids == frozenset()


async def test_a_page_is_not_woken_by_what_it_does_not_show() -> None:
    subscription = Subscription(["nike"], lambda it: it.command.campaign_id == "nike-summer")
    subscription.note_brands(frozenset(["puma"]))
    subscription.note_command(received(1, "puma-autumn"))
    assert await subscription.next_changes(0.01) == (frozenset(), ())


async def test_commands_come_in_their_order() -> None:
    subscription = Subscription([], lambda _: True)
    subscription.note_command(received(1))
    subscription.note_command(received(2))
    assert [it.command.sequence for it in (await subscription.next_changes(5)).commands] == [1, 2]


async def test_a_page_that_takes_nothing_keeps_the_newest_and_does_not_grow() -> None:
    subscription = Subscription([], lambda _: True)
    for sequence in range(10_000):
        subscription.note_command(received(sequence))
    waiting = (await subscription.next_changes(5)).commands
    assert len(waiting) == 100
    assert waiting[-1].command.sequence == 9_999


async def test_a_command_changes_its_brand_on_the_pages_that_list_it() -> None:
    lists = Subscription(["nike"], lambda _: True)
    other = Subscription(["puma"], lambda _: True)
    for subscription in (lists, other):
        subscription.note_command(received(1))
    assert (await lists.next_changes(5)).brand_ids == {"nike"}
    assert (await other.next_changes(5)).brand_ids == frozenset()


async def test_a_feed_that_is_opened_again_tells_what_came_meanwhile_and_nothing_twice() -> None:
    broadcaster = Broadcaster(Settings(), _no_state)
    with broadcaster.subscribe(["nike"], lambda _: True) as subscription:
        for sequence in (1, 2, 1, 2, 3):
            broadcaster._note_command(received(sequence))
        assert [it.command.sequence for it in subscription.take_changes().commands] == [1, 2, 3]
        for sequence in range(2_000):
            broadcaster._note_command(received(sequence))
        assert len(broadcaster._noted) == 500


def _no_state() -> LiveState:
    raise AssertionError("nothing is followed here")
