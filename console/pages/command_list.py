"""The list of commands on a live page: of all brands, of one brand or of one campaign."""

from console.live.command_feed import ReceivedCommand
from console.pages.page_stream import Part
from console.pages.recent import newest_received
from console.rendering.render import part
from console.server.services import Services

__all__ = ["CommandList", "NoCommands", "brand_name"]


class CommandList:
    """The part of a PageView that lists the newest `count` commands."""

    is_incomplete = False

    def __init__(
        self, services: Services, count: int, *, brand_id: str | None = None, campaign_id: str | None = None
    ) -> None:
        self._services = services
        self._count = count
        self._of = {"brand_id": brand_id, "campaign_id": campaign_id}

    def shows(self, received: ReceivedCommand) -> bool:
        return all(value in (None, getattr(received.command, name)) for name, value in self._of.items())

    def command(self, received: ReceivedCommand) -> Part:
        name = brand_name(self._services, received.command.brand_id)
        return Part(f"command-{received.command.command_id}", part("command_item", received, name))

    def newest(self) -> list[ReceivedCommand]:
        return newest_received(self._services, self._count, **self._of)


class NoCommands:
    """The part of a PageView that lists no commands."""

    def shows(self, received: ReceivedCommand) -> bool:
        return False

    def command(self, received: ReceivedCommand) -> Part:
        raise AssertionError("the page lists no commands")

    def newest(self) -> list[ReceivedCommand]:
        return []


def brand_name(services: Services, brand_id: str) -> str:
    """The brand's name; empty where it has none, or is not in the catalog."""
    row = services.catalog.brand(brand_id)
    return row.name if row else ""
