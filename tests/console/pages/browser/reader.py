"""Somebody in front of a browser: what they do, and what their pages complain of."""

from dataclasses import dataclass, field
from http import HTTPStatus
from pathlib import Path
from typing import Any

from playwright.async_api import ConsoleMessage, Error, Page, Request

from operations.accounts.person import Role
from tests.console.pages.conftest import PASSWORD

_AXE = Path(__file__).with_name("axe") / "axe.min.js"
#: What is waited for comes within a second; a machine under load gets more.
PATIENCE_MS = 20_000

_TOO_WIDE = """() => document.documentElement.scrollWidth <= innerWidth ? [] :
    [...document.querySelectorAll("main *, header *")]
        .filter((it) => it.getBoundingClientRect().right > innerWidth && !it.closest(".table-box, .pages"))
        .map((it) => it.outerHTML.slice(0, 150))"""

_CUT_OFF = """() => [...document.querySelectorAll(".table-box")]
    .filter((it) => it.scrollWidth > it.clientWidth)
    .map((it) => `${it.getAttribute("aria-label")}: ${it.scrollWidth} in ${it.clientWidth}`)"""


# A rule has one impact, whatever it finds: one that is less than serious would be run for nothing.
_BARRIERS = """() => {
    const lesser = axe._audit.rules.filter((it) => ["minor", "moderate"].includes(it.impact));
    const rules = Object.fromEntries(lesser.map((it) => [it.id, { enabled: false }]));
    return axe.run({ resultTypes: ["violations"], selectors: false, rules }).then((result) => result.violations);
}"""


@dataclass
class Reader:
    page: Page
    address: str
    people: dict[Role, str]
    #: Errors of scripts, refusals of the content-security-policy, requests to other hosts, failed answers.
    complaints: list[str] = field(default_factory=list)
    #: Answers that a test means to get, such as the 401 of a wrong password.
    expected: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        self.page.set_default_timeout(PATIENCE_MS)
        self.page.on("console", self._note_console)
        self.page.on("pageerror", self._note_error)
        self.page.on("request", self._note_request)

    async def open(self, path: str) -> None:
        await self.page.goto(self.address + path)

    async def sign_in(self, role: Role = Role.OPERATOR) -> None:
        """Without the form: to draw it, and the overview that follows, costs as much as to draw the page of a test."""
        form = {"name": self.people[role], "password": PASSWORD}
        answer = await self.page.context.request.post(f"{self.address}/sign-in", form=form, max_redirects=0)
        assert answer.status == HTTPStatus.SEE_OTHER, await answer.text()

    async def sign_in_by_form(self, role: Role = Role.OPERATOR) -> None:
        """Ends on the overview."""
        await self.open("/sign-in")
        await self.page.get_by_label("Name").fill(self.people[role])
        await self.page.get_by_label("Password").fill(PASSWORD)
        await self.page.get_by_role("button", name="Sign in").click()
        await self.page.wait_for_url(f"{self.address}/")

    async def live(self) -> None:
        """Until the page's stream has begun: from here on changes come by themselves."""
        await self.page.locator("#live-state.on").wait_for()

    async def theme(self, name: str) -> None:
        await self.page.context.add_cookies([{"name": "spendgate_theme", "value": name, "url": self.address}])

    async def barriers(self) -> list[str]:
        """What axe-core finds serious or critical on the page."""
        # As an isolated world's script: the policy of the page, which is to stay as it is, refuses one of a tag.
        await self.page.evaluate(_AXE.read_text(encoding="utf-8"))
        found: list[dict[str, Any]] = await self.page.evaluate(_BARRIERS)
        return [
            f"{it['id']}: {it['help']}: {it['nodes'][0]['html'][:200]} {it['nodes'][0]['failureSummary'][:300]}"
            for it in found
            if it["impact"] in ("serious", "critical")
        ]

    async def cut_off(self) -> list[str]:
        """Tables of which a part is to be scrolled to."""
        found: list[str] = await self.page.evaluate(_CUT_OFF)
        return found

    async def too_wide(self) -> list[str]:
        """What makes the page itself scroll sideways; what scrolls in a box of its own may be as wide as it likes."""
        found: list[str] = await self.page.evaluate(_TOO_WIDE)
        return found

    def _note_console(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning") and not any(it in message.text for it in self.expected):
            self.complaints.append(f"{message.type}: {message.text}")

    def _note_error(self, error: Error) -> None:
        self.complaints.append(str(error))

    def _note_request(self, request: Request) -> None:
        if not request.url.startswith((self.address, "data:", "about:")):
            self.complaints.append(f"asked for {request.url}")
