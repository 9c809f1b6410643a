"""The overspend of a campaign's last pause, as its page shows it."""

import time
from collections.abc import Sequence
from contextlib import suppress
from typing import Final

from console.live.command_feed import ReceivedCommand
from console.server.services import Services
from core.records import Action, ControlCommand
from models.errors import ModelError
from models.queries.acks import acknowledgements
from models.session import session_scope
from models.threads import in_thread
from operations.overspend import Overspend, overspend_of

__all__ = ["OverspendReader", "last_overspend"]

#: Between two reads of the ledger by an open page.
_READ_SECONDS: Final = 1.0


async def last_overspend(services: Services, newest_first: Sequence[ReceivedCommand]) -> Overspend | None:
    """The overspend of the last pause; None where there was no pause or no overspend, or the ledger has not read the
    pause yet or is away."""
    return await OverspendReader(services).read(newest_first)


class OverspendReader:
    """The overspend of the last pause for a page that stays open."""

    def __init__(self, services: Services) -> None:
        #: The ledger has not read the pause yet, or was read too short a time ago to be read again.
        self.is_incomplete = False
        self._services = services
        self._found: Overspend | None = None
        self._of = ""
        self._read_at = float("-inf")

    async def read(self, newest_first: Sequence[ReceivedCommand]) -> Overspend | None:
        """The overspend as `last_overspend` returns it; of a pause that was read a moment ago, what was found then."""
        pause = next((it.command for it in newest_first if it.command.action is Action.PAUSE), None)
        if pause is None:
            self.is_incomplete = False
            return None
        is_early = time.monotonic() - self._read_at < _READ_SECONDS
        if not is_early or pause.command_id != self._of:
            self._found, self._of = None, pause.command_id
            with suppress(ModelError):
                self._found = await in_thread(_read, self._services.settings.database, pause)
            self._read_at = time.monotonic()
        self.is_incomplete = is_early or self._found is None
        return self._found if self._found is not None and _is_overspend(self._found) else None


def _is_overspend(found: Overspend) -> bool:
    return found.crossing is not None or bool(found.after.events or found.consumers)


def _read(url: str, pause: ControlCommand) -> Overspend | None:
    with session_scope(url) as session:
        acks = acknowledgements(session, [pause.command_id]).get(pause.command_id, [])
        return overspend_of(session, pause, acks)
