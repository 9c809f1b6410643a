"""What waits for an open page: once per change, of what it shows, and never more than it can use."""

from console.live.commands import Told
from console.live.hub import Tab
from streams.core.records import (
    Action,
    CauseKind,
    CauseRecord,
    CommandBrand,
    CommandCampaign,
    CommandCatalog,
    ControlCommand,
)


def told(sequence: int, campaign_id: str = "nike-summer") -> Told:
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
    return Told(command, 1, sequence)


async def test_a_brand_that_changed_often_is_told_once() -> None:
    tab = Tab(["nike", "puma"], lambda _: False)
    for _ in range(1000):
        tab.note_brands(frozenset(["nike", "other"]))
    assert (await tab.news(5)).brand_ids == {"nike"}
    assert (await tab.news(0.01)).brand_ids == frozenset()


async def test_a_page_is_not_woken_by_what_it_does_not_show() -> None:
    tab = Tab(["nike"], lambda it: it.command.campaign_id == "nike-summer")
    tab.note_brands(frozenset(["puma"]))
    tab.note_command(told(1, "puma-autumn"))
    assert await tab.news(0.01) == (frozenset(), ())


async def test_commands_come_in_their_order() -> None:
    tab = Tab([], lambda _: True)
    tab.note_command(told(1))
    tab.note_command(told(2))
    assert [it.command.sequence for it in (await tab.news(5)).commands] == [1, 2]


async def test_a_page_that_takes_nothing_keeps_the_newest_and_does_not_grow() -> None:
    tab = Tab([], lambda _: True)
    for sequence in range(10_000):
        tab.note_command(told(sequence))
    waiting = (await tab.news(5)).commands
    assert len(waiting) == 100
    assert waiting[-1].command.sequence == 9_999
