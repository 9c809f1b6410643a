"""The stream of a page as it goes over the wire."""

import asyncio
import json
import secrets
import time
from collections.abc import AsyncIterator, Callable

import httpx
import pytest
from sqlalchemy import text

from console.access.people import add_user
from console.access.person import Role
from models.session import session_scope
from models.sign_in import IDLE_EXPIRY_SECONDS
from streams.records import decode_command
from streams.spend_producer import spend_producer
from streams.topic_reader import topic_reader
from streams.topics import Topic
from tests.console.conftest import Surroundings
from tests.console.web.conftest import PASSWORD, Visitor
from tests.streams.broker import spend_event

pytestmark = pytest.mark.usefixtures("worker")

EVENTS = 60
COMMANDS = 20


async def told(response: httpx.Response) -> AsyncIterator[tuple[str, dict[str, str]]]:
    """Name and data of each message."""
    name = ""
    async for line in response.aiter_lines():
        if line.startswith("event: "):
            name = line.removeprefix("event: ")
        elif line.startswith("data: ") and len(line) > len("data: "):
            yield name, json.loads(line.removeprefix("data: "))


def browser(visitor: Visitor) -> httpx.AsyncClient:
    return httpx.AsyncClient(base_url=visitor.client.base_url, cookies=visitor.client.cookies, timeout=30)


async def test_many_changes_of_a_brand_are_few_messages_and_the_last_one_is_told(
    operator: Visitor, surroundings: Surroundings
) -> None:
    brand_id = operator.brand(daily_budget="1000.00")
    campaign_id = operator.campaign(brand_id)

    async def spend() -> None:
        async with spend_producer(surroundings.settings) as producer:
            for number in range(EVENTS):
                event = spend_event(brand_id, campaign_id, "1.00", f"{campaign_id}-{number}")
                await producer.send(brand_id, json.dumps(event).encode())

    async with browser(operator) as client, client.stream("GET", f"/live/brands?id={brand_id}") as response:
        began, parts = time.monotonic(), 0
        spending = asyncio.create_task(spend())
        async with asyncio.timeout(60):
            async for name, data in told(response):
                parts += name == "part"
                if f"{EVENTS}.00" in data["html"]:
                    break
        await spending
        assert parts <= 2 + (time.monotonic() - began) / 0.25


async def test_a_stream_begins_with_all_that_its_page_shows(operator: Visitor) -> None:
    brand_id = operator.brand()
    other_id = operator.brand()
    async with browser(operator) as client:
        for _ in range(2):
            async with client.stream("GET", "/live/brands", params={"id": [brand_id, other_id]}) as response:
                found = set()
                async with asyncio.timeout(30):
                    async for _, data in told(response):
                        found.add(data["id"])
                        if {f"brand-{brand_id}", f"brand-{other_id}", "live-state"} <= found:
                            break


async def test_streams_are_for_those_who_signed_in(operator: Visitor) -> None:
    async with httpx.AsyncClient(base_url=operator.client.base_url) as client:
        for path in ("/live/brands", "/live/feed", "/live/brands/x", "/live/campaigns/x"):
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
    operator: Visitor, surroundings: Surroundings, record_property: Callable[[str, object], None]
) -> None:
    """Measured, not judged: from the worker's writing of a command to its line on an open page."""
    brand_id = operator.brand()
    shown_at: dict[str, float] = {}
    async with browser(operator) as client, client.stream("GET", f"/live/brands/{brand_id}") as response:
        adding = asyncio.create_task(_add_campaigns(operator, brand_id, COMMANDS))
        async with asyncio.timeout(60):
            async for name, data in told(response):
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


async def _add_campaigns(operator: Visitor, brand_id: str, count: int) -> None:
    """Each is told its first state by a command."""
    for _ in range(count):
        await asyncio.to_thread(operator.campaign, brand_id)


async def _written_at(surroundings: Surroundings, command_ids: set[str]) -> dict[str, float]:
    """The timestamps that those commands have on their topic."""
    async with topic_reader(surroundings.settings, Topic.CAMPAIGN_CONTROL) as reader:
        records = [(decode_command(it.value or b"").command_id, it.timestamp / 1_000) async for it in reader.to_end()]
    return {command_id: at for command_id, at in records if command_id in command_ids}


async def test_a_page_asks_for_no_more_brands_than_a_page_has(operator: Visitor) -> None:
    answer = await asyncio.to_thread(operator.client.get, "/live/brands", params={"id": ["x"] * 51})
    assert answer.status_code == 422
