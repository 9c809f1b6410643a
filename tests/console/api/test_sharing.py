"""What one person may take of the server, and that the others do not feel it."""

import asyncio
import threading
import time
from contextlib import AsyncExitStack, ExitStack
from http import HTTPStatus

import httpx
import pytest

from console.server.sharing import (
    EXPORTS_OF_A_PERSON,
    HEAVY_AT_ONCE,
    HEAVY_OF_A_PERSON,
    STREAMS_OF_A_PERSON,
    STREAMS_OF_A_SESSION,
    Overloaded,
    Sharing,
    TooManyAtOnce,
)
from operations.accounts.person import Role
from streams.kafka.reader import TopicReader
from streams.kafka.topics import Topic
from tests.console.api.server import program, signed_in
from tests.installation import Surroundings


def test_streams_of_a_session_and_of_a_person_end_somewhere() -> None:
    sharing = Sharing()
    with ExitStack() as taken:
        for number in range(STREAMS_OF_A_PERSON):
            taken.enter_context(sharing.stream("ann", f"session {number // STREAMS_OF_A_SESSION}"))
        for session in ("session 0", "a new one"):
            with pytest.raises(TooManyAtOnce, match="at most"), sharing.stream("ann", session):
                pass
        with sharing.stream("bob", "another"):
            pass
    with sharing.stream("ann", "session 0"):
        pass


def test_a_full_session_takes_nothing_of_its_person() -> None:
    sharing = Sharing()
    with ExitStack() as taken:
        for _ in range(STREAMS_OF_A_SESSION):
            taken.enter_context(sharing.stream("ann", "one"))
        for _ in range(100):
            with pytest.raises(TooManyAtOnce), sharing.stream("ann", "one"):
                pass
        for _ in range(STREAMS_OF_A_PERSON - STREAMS_OF_A_SESSION):
            taken.enter_context(sharing.stream("ann", "other"))


def test_exports_end_somewhere() -> None:
    sharing = Sharing()
    with ExitStack() as taken:
        for _ in range(EXPORTS_OF_A_PERSON):
            taken.enter_context(sharing.export("ann"))
        with pytest.raises(TooManyAtOnce), sharing.export("ann"):
            pass


async def test_heavy_questions_wait_for_a_turn_and_those_too_many_are_refused() -> None:
    sharing = Sharing()
    running, most = 0, 0
    go = asyncio.Event()

    async def ask(person: str) -> None:
        nonlocal running, most
        async with sharing.heavy(person):
            running += 1
            most = max(most, running)
            await go.wait()
            running -= 1

    asked = [asyncio.create_task(ask("ann")) for _ in range(HEAVY_OF_A_PERSON + 3)]
    asked += [asyncio.create_task(ask(f"person {number}")) for number in range(40)]
    while sum(task.done() for task in asked) < 3:
        await asyncio.sleep(0)
    go.set()
    results = await asyncio.gather(*asked, return_exceptions=True)
    assert most == HEAVY_AT_ONCE
    assert [type(it) for it in results[: HEAVY_OF_A_PERSON + 3]].count(TooManyAtOnce) == 3
    assert {type(it) for it in results} == {type(None), TooManyAtOnce, Overloaded}
    async with sharing.heavy("ann"):
        pass


async def test_many_lists_of_dead_letters_of_one_person_are_bounded_and_health_is_prompt(
    surroundings: Surroundings, api_url: str
) -> None:
    asking = program(surroundings.settings, api_url, Role.VIEWER)
    async with httpx.AsyncClient(base_url=api_url, timeout=60, headers=asking.http.headers) as client:
        asked = [asyncio.create_task(client.get("/api/v1/dead-letters")) for _ in range(12)]
        began = time.monotonic()
        assert (await client.get("/health/live")).status_code == HTTPStatus.OK
        assert time.monotonic() - began < 2
        answers = await asyncio.gather(*asked)
    refused = [it for it in answers if it.status_code == HTTPStatus.TOO_MANY_REQUESTS]
    assert len(refused) >= 12 - HEAVY_OF_A_PERSON - 2
    assert {it.status_code for it in answers} == {HTTPStatus.OK, HTTPStatus.TOO_MANY_REQUESTS}
    assert refused[0].headers["retry-after"] == "5"
    assert refused[0].headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize("path", ["/api/v1/dead-letters?reason=misplaced", "/api/v1/dead-letters/0/999999"])
async def test_dead_letters_are_read_beside_the_servers_own_loop(
    path: str, surroundings: Surroundings, api_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On pages too. Otherwise each step of a search would hold up `/health/live`."""
    threads: list[str] = []
    opening = TopicReader.open

    async def noted(reader: TopicReader, key: str | None = None) -> None:
        if reader._name == surroundings.settings.topic(Topic.DEAD_LETTERS):
            threads.append(threading.current_thread().name)
        await opening(reader, key)

    monkeypatch.setattr(TopicReader, "open", noted)
    asking = program(surroundings.settings, api_url, Role.VIEWER)
    assert (await asyncio.to_thread(asking.http.get, path)).status_code in (HTTPStatus.OK, HTTPStatus.NOT_FOUND)
    person = signed_in(surroundings.settings, api_url)
    page = await asyncio.to_thread(person.http.get, path.removeprefix("/api/v1"))
    assert page.status_code in (HTTPStatus.OK, HTTPStatus.NOT_FOUND)
    assert len(threads) == 2
    assert all(it.startswith("own_loop") for it in threads), threads


async def test_a_session_opens_no_more_streams_than_its_share(surroundings: Surroundings, api_url: str) -> None:
    cookies = signed_in(surroundings.settings, api_url).http.cookies
    async with AsyncExitStack() as opened:
        limits = httpx.Limits(max_connections=None)
        client = await opened.enter_async_context(
            httpx.AsyncClient(base_url=api_url, cookies=cookies, timeout=30, limits=limits)
        )

        async def follow() -> httpx.Response:
            return await opened.enter_async_context(client.stream("GET", "/live/brands"))

        answers = [await follow() for _ in range(STREAMS_OF_A_SESSION + 3)]
        codes = [it.status_code for it in answers]
        assert codes == [HTTPStatus.OK] * STREAMS_OF_A_SESSION + [HTTPStatus.TOO_MANY_REQUESTS] * 3
        assert "live" in (await answers[-1].aread()).decode()
        assert answers[-1].headers["content-type"] == "application/problem+json"
        await answers[0].aclose()
        async with asyncio.timeout(20):
            while (again := await follow()).status_code != HTTPStatus.OK:
                await again.aclose()
                await asyncio.sleep(0.1)
