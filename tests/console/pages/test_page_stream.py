"""The stream of a page as it goes over the wire."""

import asyncio
import html
import json
import re
import secrets
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import AsyncExitStack
from types import SimpleNamespace
from typing import Any, cast

import httpx
import pytest
from sqlalchemy import text

from console.live import command_feed
from console.live.broadcaster import PageChanges, Subscription
from console.pages import brand_page, campaign_page
from console.pages.campaign_list import PAGE_SIZE
from console.pages.page_stream import Part, _Sender
from console.rendering.render import part
from core.moment import Moment
from models.errors import DatabaseAway
from models.queries.sign_in import IDLE_EXPIRY_SECONDS
from models.session import session_scope
from models.tables.control_ack import ControlAck
from operations.accounts.accounts import add_user
from operations.accounts.person import Role
from streams.kafka.codec import decode_command
from streams.kafka.producer import spend_producer
from streams.kafka.reader import topic_reader
from streams.kafka.topics import Topic
from tests.console.api.server import served
from tests.console.pages.conftest import PASSWORD, FormClient
from tests.console.pages.test_shared_views import CountedView
from tests.installation import Surroundings
from tests.models.ledger_rows import add
from tests.streams.broker import spend_event

pytestmark = pytest.mark.usefixtures("worker")

EVENTS = 60
COMMANDS = 20
VIEWERS = 15


async def observed(response: httpx.Response) -> AsyncIterator[tuple[str, dict[str, str]]]:
    """Name and data of each message."""
    name = ""
    async for line in response.aiter_lines():
        if line.startswith("event: "):
            name = line.removeprefix("event: ")
        elif line.startswith("data: ") and len(line) > len("data: "):
            yield name, json.loads(line.removeprefix("data: "))


def browser(visitor: FormClient) -> httpx.AsyncClient:
    return httpx.AsyncClient(base_url=visitor.client.base_url, cookies=visitor.client.cookies, timeout=30)


async def test_many_changes_of_a_brand_are_few_messages_and_the_last_one_is_told(
    operator: FormClient, surroundings: Surroundings
) -> None:
    brand_id = operator.brand(daily_budget="1000.00")
    campaign_id = operator.campaign(brand_id)

    async def spend() -> None:
        async with spend_producer(surroundings.settings) as producer:
            for number in range(EVENTS):
                event = spend_event(brand_id, campaign_id, "1.00", f"{campaign_id}-{number}")
                await producer.send(brand_id, json.dumps(event).encode())

    async with browser(operator) as client, client.stream("GET", f"/live/brands?id={brand_id}") as response:
        began, parts = time.monotonic(), Counter[str]()
        spending = asyncio.create_task(spend())
        async with asyncio.timeout(60):
            async for name, data in observed(response):
                parts[data["id"]] += name == "part"
                if data["id"] == f"brand-{brand_id}" and f"{EVENTS}.00" in data["html"]:
                    break
        await spending
        assert max(parts.values()) <= 2 + (time.monotonic() - began) / 0.25


async def test_a_stream_begins_with_all_that_its_page_shows(operator: FormClient) -> None:
    brand_id = operator.brand()
    other_id = operator.brand()
    async with browser(operator) as client:
        for _ in range(2):
            async with client.stream("GET", "/live/brands", params={"id": [brand_id, other_id]}) as response:
                found = set()
                async with asyncio.timeout(30):
                    async for _, data in observed(response):
                        found.add(data["id"])
                        if {f"brand-{brand_id}", f"brand-{other_id}", "live-state"} <= found:
                            break


async def test_a_list_that_was_filtered_to_nothing_follows_what_comes_to_match(
    operator: FormClient, viewer: FormClient
) -> None:
    name = f"comes {secrets.token_hex(4)}"
    await asyncio.to_thread(operator.brand)
    empty = viewer.page("/", search=name)
    assert "data-empty" in empty
    live = re.search(r'data-live="([^"]+)"', empty)
    assert live
    async with browser(viewer) as client, AsyncExitStack() as stack, asyncio.timeout(60):
        messages = observed(await stack.enter_async_context(client.stream("GET", html.unescape(live[1]))))
        before = ""
        for letter in "ab":
            brand_id = await asyncio.to_thread(operator.brand, name=f"{name} {letter}")
            async for name_of_event, data in messages:
                if name_of_event == "part" and data["id"] == f"brand-{brand_id}":
                    assert (data["list"], data["after"]) == ("overview", before)
                    break
            before = f"brand-{brand_id}"
        await asyncio.to_thread(operator.post, f"/brands/{brand_id}/pause", {})
        await _shown(messages, f"brand-{brand_id}", "Paused")


async def test_a_brand_that_comes_to_need_somebody_joins_those_that_do(
    operator: FormClient, surroundings: Surroundings
) -> None:
    brand_id = await asyncio.to_thread(operator.brand, name=f"soon {secrets.token_hex(4)}", daily_budget="10")
    campaign_id = await asyncio.to_thread(operator.campaign, brand_id)
    path = f"/live/brands?search={brand_id}&need=over"
    async with browser(operator) as client, AsyncExitStack() as stack, asyncio.timeout(60):
        messages = observed(await stack.enter_async_context(client.stream("GET", path)))
        await _shown(messages, "need-chips", "used up")
        async with spend_producer(surroundings.settings) as producer:
            event = spend_event(brand_id, campaign_id, "12.00", f"{campaign_id}-1")
            await producer.send(brand_id, json.dumps(event).encode())
        await _shown(messages, f"brand-{brand_id}", "used up")


async def test_the_campaigns_of_all_brands_follow_what_holds_them_and_take_up_what_comes_to_match(
    operator: FormClient, surroundings: Surroundings
) -> None:
    name = f"follows {secrets.token_hex(4)}"
    brand_id = await asyncio.to_thread(operator.brand)
    campaign_id = await asyncio.to_thread(operator.campaign, brand_id, name=name)
    empty = await asyncio.to_thread(operator.page, "/campaigns", search=name, only="paused")
    live = re.search(r'data-live="([^"]+)"', empty)
    assert live and "No campaign is like that now." in empty
    row_id = f"campaign-{campaign_id}"
    async with browser(operator) as client, AsyncExitStack() as stack, asyncio.timeout(60):
        messages = observed(await stack.enter_async_context(client.stream("GET", html.unescape(live[1]))))
        await _shown(messages, "campaign-chips", "running")
        await asyncio.to_thread(operator.post, f"/campaigns/{campaign_id}/pause", {})
        async for name_of_event, data in messages:
            if name_of_event == "part" and data["id"] == row_id:
                assert (data["list"], data["after"]) == ("campaigns", "") and "by an operator" in data["html"]
                break
        await _shown(messages, "campaign-chips", "paused by hand")
        async with spend_producer(surroundings.settings) as producer:
            event = spend_event(brand_id, campaign_id, "12.00", f"{campaign_id}-1")
            await producer.send(brand_id, json.dumps(event).encode())
        await _shown(messages, row_id, "12.00")
        await asyncio.to_thread(operator.post, f"/campaigns/{campaign_id}/resume", {})
        await _shown(messages, row_id, "Running")


async def test_a_campaign_of_another_page_of_the_list_is_not_taken_up(operator: FormClient) -> None:
    brand_id = await asyncio.to_thread(operator.brand)
    await asyncio.to_thread(operator.campaigns, brand_id, PAGE_SIZE + 1)
    first = await asyncio.to_thread(operator.page, "/campaigns", brand=brand_id)
    live = re.search(r'data-live="([^"]+)"', first)
    assert live and live[1].count("id=") == PAGE_SIZE
    seen: set[str] = set()
    async with browser(operator) as client, AsyncExitStack() as stack, asyncio.timeout(60):
        messages = observed(await stack.enter_async_context(client.stream("GET", html.unescape(live[1]))))
        while "campaign-chips" not in seen or len(seen & _row_ids(brand_id)) < PAGE_SIZE:
            _, data = await anext(messages)
            seen.add(data["id"])
        assert len(seen & _row_ids(brand_id)) == PAGE_SIZE


def _row_ids(brand_id: str) -> set[str]:
    return {f"campaign-{brand_id}.{number}" for number in range(PAGE_SIZE + 1)}


async def test_streams_are_for_those_who_signed_in(operator: FormClient) -> None:
    async with httpx.AsyncClient(base_url=operator.client.base_url) as client:
        for path in ("/live/brands", "/live/campaigns", "/live/feed", "/live/brands/x", "/live/campaigns/x"):
            answer = await client.get(path)
            assert answer.status_code == 303, path
            assert answer.headers["location"].startswith("/sign-in"), path


async def test_a_stream_ends_when_the_time_of_its_session_is_over(
    console_address: str, surroundings: Surroundings
) -> None:
    url, name = surroundings.settings.database, f"idle-{secrets.token_hex(3)}"
    await asyncio.to_thread(add_user, url, name, Role.VIEWER, PASSWORD, actor="tests")
    async with httpx.AsyncClient(base_url=console_address, timeout=30) as client:
        assert (await client.post("/sign-in", data={"name": name, "password": PASSWORD})).status_code == 303
        async with client.stream("GET", "/live/feed") as response, asyncio.timeout(30):
            lines = response.aiter_lines()
            while await anext(lines) != "event: state":
                pass
            with session_scope(url) as session:
                late = f"seen_at = seen_at - interval '{IDLE_EXPIRY_SECONDS} s'"
                session.execute(text(f"UPDATE web_session SET {late} WHERE name = '{name}'"))  # noqa: S608
            assert "event: end" in [line async for line in lines]
        answer = await client.get("/feed")
        assert (answer.status_code, answer.headers["location"]) == (303, "/sign-in?next=/feed")


async def test_the_time_from_a_command_to_the_page_is_told(
    operator: FormClient, surroundings: Surroundings, record_property: Callable[[str, object], None]
) -> None:
    """Measured, not judged: from the worker's writing of a command to its line on an open page."""
    brand_id = operator.brand()
    shown_at: dict[str, float] = {}
    async with browser(operator) as client, client.stream("GET", f"/live/brands/{brand_id}") as response:
        adding = asyncio.create_task(_add_campaigns(operator, brand_id, COMMANDS))
        async with asyncio.timeout(60):
            async for name, data in observed(response):
                if name == "command":
                    shown_at[data["id"].removeprefix("command-")] = time.time()
                if len(shown_at) == COMMANDS:
                    break
        await adding
    written_at = await _written_at(surroundings, set(shown_at))
    delays = sorted(shown_at[command_id] - written_at[command_id] for command_id in shown_at)
    found = {"median_seconds": round(delays[COMMANDS // 2], 3), "most_seconds": round(delays[-1], 3)}
    record_property("command_to_page", found)
    print(f"command to page: {found}")
    assert len(delays) == COMMANDS


async def _add_campaigns(operator: FormClient, brand_id: str, count: int) -> None:
    """Each is told its first state by a command."""
    for _ in range(count):
        await asyncio.to_thread(operator.campaign, brand_id)


async def _written_at(surroundings: Surroundings, command_ids: set[str]) -> dict[str, float]:
    """The timestamps that those commands have on their topic."""
    async with topic_reader(surroundings.settings, Topic.CAMPAIGN_CONTROL) as reader:
        records = [(decode_command(it.value or b"").command_id, it.timestamp / 1_000) async for it in reader.to_end()]
    return {command_id: at for command_id, at in records if command_id in command_ids}


@pytest.mark.usefixtures("ledger")
async def test_who_paused_it_is_told_when_the_ledger_writes_it_long_after_the_page_is_drawn(
    surroundings: Surroundings, operator: FormClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By a console that remembers no command, and a ledger that cannot write until it is let."""
    monkeypatch.setattr(command_feed, "NEWEST_MAX", 0)
    brand_id = await asyncio.to_thread(operator.brand, daily_budget="10.00")
    campaign_id = await asyncio.to_thread(operator.campaign, brand_id)
    async with AsyncExitStack() as stack, asyncio.timeout(60):
        address = stack.enter_context(served(surroundings.settings))
        client = await stack.enter_async_context(
            httpx.AsyncClient(base_url=address, cookies=operator.client.cookies, timeout=30)
        )
        while (await client.get("/health/ready")).status_code != 200:
            await asyncio.sleep(0.05)
        messages = observed(await stack.enter_async_context(client.stream("GET", f"/live/campaigns/{campaign_id}")))
        with session_scope(surroundings.settings.database) as session:
            session.execute(text("LOCK TABLE control_log IN EXCLUSIVE MODE"))  # read it may be
            async with spend_producer(surroundings.settings) as producer:
                event = spend_event(brand_id, campaign_id, "12.00", f"{campaign_id}-1")
                ack = await producer.send(brand_id, json.dumps(event).encode())
            await _shown(messages, "campaign-now", "not in the journal yet")
        async with asyncio.timeout(15):  # sooner than the page is rendered for its clocks
            await _shown(messages, "campaign-now", f"{ack.topic}/{ack.partition}/{ack.offset}")


@pytest.mark.usefixtures("ledger")
async def test_the_overspend_of_a_pause_is_shown_and_follows_spend_and_acknowledgements_on_an_open_page(
    surroundings: Surroundings, operator: FormClient
) -> None:
    brand_id = await asyncio.to_thread(operator.brand, daily_budget="10.00")
    campaign_id = await asyncio.to_thread(operator.campaign, brand_id)
    async with AsyncExitStack() as stack, asyncio.timeout(120):
        client = await stack.enter_async_context(browser(operator))
        messages = observed(await stack.enter_async_context(client.stream("GET", f"/live/campaigns/{campaign_id}")))
        await _shown(messages, "campaign-overspend", "hidden")
        producer = await stack.enter_async_context(spend_producer(surroundings.settings))
        for number, amount, words in ((1, "12.00", "beyond the daily budget"), (2, "1.50", "in 1 events")):
            event = spend_event(brand_id, campaign_id, amount, f"{campaign_id}-{number}")
            await producer.send(brand_id, json.dumps(event).encode())
            await _shown(messages, "campaign-overspend", words)
        ack = ControlAck(
            command_id=f"{campaign_id}:1:2",
            consumer="eu",
            campaign_id=campaign_id,
            applied_at=int(time.time() * 1000),
            outcome="applied",
            arrived_at=int(time.time() * 1000),
            incarnation=1,
            partition=0,
            record_offset=time.time_ns() // 1000,
        )
        add(surroundings.settings.database, ack)
        await _shown(messages, "campaign-overspend", "Until eu applied it")


async def test_an_edit_by_somebody_else_changes_header_banner_and_table(
    operator: FormClient, viewer: FormClient
) -> None:
    """Long before the page is rendered for its clocks."""
    brand_id = await asyncio.to_thread(operator.brand, name="Of two people")
    async with AsyncExitStack() as stack, asyncio.timeout(15):
        edits, looks = [await stack.enter_async_context(browser(it)) for it in (operator, viewer)]
        path = f"/live/brands/{brand_id}"
        of_operator, of_viewer = [
            observed(await stack.enter_async_context(it.stream("GET", path))) for it in (edits, looks)
        ]
        await _shown(of_operator, "brand-head", "Pause brand")
        assert "Pause brand" not in await _shown(of_viewer, "brand-head", "Of two people")
        await asyncio.to_thread(operator.post, f"/brands/{brand_id}/pause", {})
        assert "Resume brand" in await _shown(of_operator, "brand-head", "An operator paused this brand")
        assert "Resume brand" not in await _shown(of_viewer, "brand-head", "An operator paused this brand")

        second, first = (f"{brand_id}.{name}" for name in "ba")
        for campaign_id, after in ((second, ""), (first, "")):
            await asyncio.to_thread(operator.campaign, brand_id, campaign_id=campaign_id)
            async for name, data in of_viewer:
                if name == "part" and data["id"] == f"campaign-{campaign_id}":
                    assert (data["list"], data["after"]) == ("campaigns", after)
                    break
        campaign = observed(await stack.enter_async_context(looks.stream("GET", f"/live/campaigns/{first}")))
        await _shown(campaign, "campaign-head", first)
        values = operator.inputs(f"/campaigns/{first}/edit") | {"name": "Renamed"}
        await asyncio.to_thread(operator.post, f"/campaigns/{first}/edit", values)
        await _shown(campaign, "campaign-head", "Renamed")


async def test_what_cannot_be_shown_now_is_shown_as_soon_as_it_can() -> None:
    class View(CountedView):
        async def parts(self, changed: Iterable[str], now: Moment) -> list[Part]:
            if self.fails:
                raise DatabaseAway("It is away.")
            return await super().parts(changed, now)

    view = View()
    services = SimpleNamespace(need_database=lambda: None, broadcaster=SimpleNamespace(is_fresh=lambda: True))
    sender, subscription = _Sender(cast(Any, services), view), Subscription(["nike"], view.shows)
    view.fails = True
    await sender.commands(PageChanges(view.brand_ids, ()))
    view.fails = False
    changes = await sender.next(subscription)
    assert changes.brand_ids == {"nike"}
    assert [it.event for it in await sender.commands(changes)] == ["part"]
    assert not sender._owed


async def _shown(messages: AsyncIterator[tuple[str, dict[str, str]]], part_id: str, words: str) -> str:
    """The HTML of the part as soon as it has these words."""
    async for name, data in messages:
        if name == "part" and data["id"] == part_id and words in data["html"]:
            return data["html"]
    raise AssertionError(f"{words!r} did not come")


@pytest.mark.parametrize(("page", "name"), [("brands", "brand_now"), ("campaigns", "campaign_now")])
async def test_what_many_browsers_show_is_rendered_once(
    operator: FormClient, monkeypatch: pytest.MonkeyPatch, page: str, name: str
) -> None:
    brand_id = await asyncio.to_thread(operator.brand)
    campaign_id = await asyncio.to_thread(operator.campaign, brand_id)
    module = brand_page if page == "brands" else campaign_page
    renderings: list[str] = []

    def counted(macro: str, *values: object) -> str:
        renderings.append(macro)
        return part(macro, *values)

    monkeypatch.setattr(module, "part", counted)
    path = f"/live/{page}/{brand_id if page == 'brands' else campaign_id}"
    async with browser(operator) as client, AsyncExitStack() as stack, asyncio.timeout(30):
        began_at = time.monotonic()
        for _ in range(VIEWERS):
            response = await stack.enter_async_context(client.stream("GET", path))
            messages = observed(response)
            while (await anext(messages))[1]["id"] != f"{page[:-1]}-now":
                pass
        # One a second at most while nothing changes, and one each for the state and the command of the new campaign.
        assert renderings.count(name) <= 3 + (time.monotonic() - began_at)


async def test_a_page_asks_for_no_more_brands_than_a_page_has(operator: FormClient) -> None:
    answer = await asyncio.to_thread(operator.client.get, "/live/brands", params={"id": ["x"] * 51})
    assert answer.status_code == 422
