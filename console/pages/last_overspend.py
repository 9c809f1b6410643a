"""The overspend of a campaign's last pause, as its page shows it."""

from collections.abc import Sequence

from console.live.command_feed import ReceivedCommand
from console.server.services import Services
from core.records import Action, ControlCommand
from models.errors import ModelError
from models.queries.acks import acknowledgements
from models.session import session_scope
from models.threads import in_thread
from operations.overspend import Overspend, overspend_of

__all__ = ["last_overspend"]


async def last_overspend(services: Services, newest_first: Sequence[ReceivedCommand]) -> Overspend | None:
    """None where there was no pause, nothing was spent too much, the ledger has not read the pause yet or is away."""
    pause = next((it.command for it in newest_first if it.command.action is Action.PAUSE), None)
    if pause is None:
        return None
    try:
        found = await in_thread(_read, services.settings.database, pause)
    except ModelError:
        return None
    crossed = found is not None and found.crossing is not None
    return found if found is not None and (crossed or found.after.events or found.consumers) else None


def _read(url: str, pause: ControlCommand) -> Overspend | None:
    with session_scope(url) as session:
        acks = acknowledgements(session, [pause.command_id]).get(pause.command_id, [])
        return overspend_of(session, pause, acks)
