"""A page that many browsers show is read and rendered once for all of them, and anew when it changes."""

import asyncio
from collections.abc import Iterable

import pytest

from console.live.broadcaster import Broadcaster
from console.live.command_feed import ReceivedCommand
from console.pages.page_stream import Part
from console.pages.shared_views import SharedViews
from core.moment import Moment
from streams.live_state import LiveState
from streams.settings import Settings
from tests.console.live.test_broadcaster import received


def _no_state() -> LiveState:
    raise AssertionError("nothing is followed here")


class CountedView:
    """Shows how often it was rendered."""

    brand_ids = frozenset(["nike"])
    is_incomplete = False

    def __init__(self) -> None:
        self.renderings = 0
        self.commands = 0
        self.fails = False
        self.may_render = asyncio.Event()
        self.may_render.set()

    def shows(self, received: ReceivedCommand) -> bool:
        return True

    async def parts(self, changed: Iterable[str], now: Moment) -> list[Part]:
        self.renderings += 1
        number = self.renderings
        await self.may_render.wait()
        if self.fails:
            raise OSError("the database is away")
        return [Part("brand-now", str(number))]

    def command(self, received: ReceivedCommand) -> Part:
        self.commands += 1
        return Part(received.command.command_id, str(self.commands))

    def newest(self) -> list[ReceivedCommand]:
        return []


@pytest.fixture
def broadcaster() -> Broadcaster:
    return Broadcaster(Settings(), _no_state)


async def test_browsers_of_one_page_share_a_rendering_until_its_brand_changes(broadcaster: Broadcaster) -> None:
    view, views = CountedView(), SharedViews(broadcaster)
    with views.view("nike", lambda: view) as one, views.view("nike", CountedView) as other:
        assert one is other
        first = await asyncio.gather(*(it.parts(["nike"], 0) for it in (one, other) for _ in range(10)))
        broadcaster.note_brands(frozenset(["puma"]))
        assert await one.parts(["nike"], 0) == first[0] == [Part("brand-now", "1")]
        broadcaster.note_brands(frozenset(["nike"]))
        assert await other.parts(["nike"], 0) == await one.parts(["nike"], 0) == [Part("brand-now", "2")]
    assert view.renderings == 2


async def test_a_change_while_it_is_rendered_is_rendered_again(broadcaster: Broadcaster) -> None:
    view, views = CountedView(), SharedViews(broadcaster)
    with views.view("nike", lambda: view) as shared:
        view.may_render.clear()
        early = asyncio.create_task(shared.parts(["nike"], 0))
        await asyncio.sleep(0)
        broadcaster.note_brands(frozenset(["nike"]))
        late = asyncio.create_task(shared.parts(["nike"], 0))
        await asyncio.sleep(0)
        view.may_render.set()
        assert [await early, await late] == [[Part("brand-now", "1")], [Part("brand-now", "2")]]


async def test_a_command_that_comes_after_its_state_is_rendered_anew(broadcaster: Broadcaster) -> None:
    view, views = CountedView(), SharedViews(broadcaster)
    with views.view("nike", lambda: view) as shared:
        await shared.parts(["nike"], 0)
        broadcaster._note_command(received(1))
        assert await shared.parts(["nike"], 0) == [Part("brand-now", "2")]


async def test_a_browser_that_goes_takes_the_rendering_of_no_other(broadcaster: Broadcaster) -> None:
    view, views = CountedView(), SharedViews(broadcaster)
    with views.view("nike", lambda: view) as shared:
        view.may_render.clear()
        gone, stays = (asyncio.create_task(shared.parts(["nike"], 0)) for _ in range(2))
        await asyncio.sleep(0)
        gone.cancel()
        view.may_render.set()
        assert await stays == [Part("brand-now", "1")]


async def test_a_failure_is_not_kept(broadcaster: Broadcaster) -> None:
    view, views = CountedView(), SharedViews(broadcaster)
    view.fails = True
    with views.view("nike", lambda: view) as shared:
        with pytest.raises(OSError, match="away"):
            await shared.parts(["nike"], 0)
        view.fails = False
        assert await shared.parts(["nike"], 0) == [Part("brand-now", "2")]


async def test_a_command_is_rendered_once(broadcaster: Broadcaster) -> None:
    view, views = CountedView(), SharedViews(broadcaster)
    with views.view("nike", lambda: view) as shared:
        found = {shared.command(received(sequence)) for sequence in (1, 1, 2, 1)}
        for sequence in range(1_000):
            shared.command(received(sequence))
        assert len(shared._commands) <= 200
    assert found == {Part("nike-summer:1:1", "1"), Part("nike-summer:1:2", "2")}


async def test_the_last_browser_takes_the_view_with_it(broadcaster: Broadcaster) -> None:
    views = SharedViews(broadcaster)
    with views.view("nike", CountedView) as first:
        pass
    with views.view("nike", CountedView) as second:
        assert second is not first
    assert not broadcaster._subscriptions
