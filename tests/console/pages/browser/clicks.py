"""Clicks as somebody makes them, counted. Typing is none; choosing a file in the system's own dialog is one."""

from dataclasses import dataclass
from pathlib import Path

from playwright.async_api import Locator, Page


@dataclass
class Clicks:
    page: Page
    made: int = 0

    async def on(self, it: Locator) -> None:
        await it.click()
        self.made += 1

    async def choose_file(self, field: Locator, path: Path) -> None:
        """A click that opens the dialog, and one on the file."""
        async with self.page.expect_file_chooser() as opening:
            await self.on(field)
        chooser = await opening.value
        await chooser.set_files(path)
        self.made += 1
