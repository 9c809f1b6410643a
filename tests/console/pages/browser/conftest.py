"""Debian's chromium, one for each process, in front of the console that the other tests of pages use.

Its `chromium-headless-shell`, where that is installed, draws the same pages for half the CPU, as it has no windows.
Where there is no chromium the tests are skipped, visibly; with CI or SPENDGATE_REQUIRE_BROWSER set they fail instead.
"""

import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Browser, async_playwright

from operations.accounts.person import Role
from tests.console.pages.browser.reader import Reader
from tests.ledger.ingest.test_ledger_process import LedgerProcess
from tests.streams.worker_process import WorkerProcess

CHROMIUM = Path("/usr/bin/chromium")
HEADLESS_SHELL = Path("/usr/bin/chromium-headless-shell")
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@pytest.fixture(scope="session")
def chromium() -> Path:
    for installed in (HEADLESS_SHELL, CHROMIUM):
        if installed.exists():
            return installed
    words = f"There is no {CHROMIUM}: `apt-get install chromium` brings it."
    if os.environ.get("CI") or os.environ.get("SPENDGATE_REQUIRE_BROWSER"):
        pytest.fail(words)
    pytest.skip(words)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """All tests of browsers have one event loop, as the browser has."""
    for item in items:
        if item.path.is_relative_to(Path(__file__).parent) and pytest_asyncio.is_async_test(item):
            item.add_marker(pytest.mark.asyncio(loop_scope="session"), append=False)


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def browser(chromium: Path) -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=chromium, args=ARGUMENTS)
        yield browser
        await browser.close()


@pytest_asyncio.fixture(loop_scope="session")
async def reader(
    browser: Browser, console_address: str, people: dict[Role, str], worker: WorkerProcess, ledger: LedgerProcess
) -> AsyncIterator[Reader]:
    """Nobody's cookies, storage or cache. Whatever a page complains of, or asks for elsewhere, fails the test."""
    context = await browser.new_context(viewport={"width": 1280, "height": 800})
    reader = Reader(await context.new_page(), console_address, people)
    yield reader
    await context.close()
    assert reader.complaints == []
