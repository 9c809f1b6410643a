"""The stream of a page as it goes over the wire."""

import asyncio
import json
import time
from collections.abc import AsyncIterator

import httpx
import pytest

from streams.spend_producer import spend_producer
from tests.console.conftest import Surroundings
from tests.console.web.conftest import Visitor
from tests.streams.broker import spend_event

pytestmark = pytest.mark.usefixtures("worker")

EVENTS = 60


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


async def test_a_page_asks_for_no_more_brands_than_a_page_has(operator: Visitor) -> None:
    answer = await asyncio.to_thread(operator.client.get, "/live/brands", params={"id": ["x"] * 51})
    assert answer.status_code == 422
