"""Debian's chromium in front of the console that the other tests of pages use, with a worker and a ledger behind it.

Where there is no chromium the tests are skipped, visibly; with CI or SPENDGATE_REQUIRE_BROWSER set they fail instead.
"""

import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from playwright.async_api import async_playwright

from operations.accounts.person import Role
from tests.console.pages.browser.reader import Reader
from tests.ledger.ingest.test_ledger_process import LedgerProcess
from tests.streams.worker_process import WorkerProcess

CHROMIUM = Path("/usr/bin/chromium")
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
    if CHROMIUM.exists():
        return CHROMIUM
    words = f"There is no {CHROMIUM}: `apt-get install chromium` brings it."
    if os.environ.get("CI") or os.environ.get("SPENDGATE_REQUIRE_BROWSER"):
        pytest.fail(words)
    pytest.skip(words)


@pytest.fixture
async def reader(
    chromium: Path, console_address: str, people: dict[Role, str], worker: WorkerProcess, ledger: LedgerProcess
) -> AsyncIterator[Reader]:
    """A fresh browser. Whatever a page complains of in it, or asks for elsewhere, fails the test."""
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=chromium, args=ARGUMENTS)
        context = await browser.new_context(viewport={"width": 1280, "height": 800})
        reader = Reader(await context.new_page(), console_address, people)
        yield reader
        await browser.close()
    assert reader.complaints == []
