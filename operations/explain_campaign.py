"""Explains why a campaign is paused, from the controller's state and the journal."""

from core.errors import Unreachable
from core.records import ControlCommand
from models.errors import RowNotFound
from models.queries.catalog import get_campaign
from models.queries.commands import last_command
from models.session import session_scope
from operations.explain import Explanation, explain_held
from operations.journal import decoded
from streams.live_state import find_brand_id, read_brand
from streams.settings import Settings

__all__ = ["explain_campaign"]


async def explain_campaign(settings: Settings, campaign_id: str) -> Explanation:
    """Explain the campaign as the controller holds it now, with the cause from the journal as far as the ledger has
    read. Raises RowNotFound, and Unreachable where the controller does not hold the campaign yet."""
    brand_id, last = _known(settings, campaign_id)
    brand_id = brand_id or await find_brand_id(settings, campaign_id)
    if brand_id is None:
        raise RowNotFound(f"There is no campaign {campaign_id}.")
    held = await read_brand(settings, brand_id)
    campaign = held.state.campaigns.get(campaign_id) if held else None
    if held is None or campaign is None or campaign.config is None or held.state.day is None:
        raise Unreachable("The controller does not hold it yet: is `spendgate worker` running?")
    return explain_held(held, campaign, last)


def _known(settings: Settings, campaign_id: str) -> tuple[str | None, ControlCommand | None]:
    """The brand and the last command of the campaign in the database; None where it has none."""
    brand_id, last = None, None
    with session_scope(settings.database) as session:
        try:
            brand_id = get_campaign(session, campaign_id).brand_id
            last = decoded(last_command(session, campaign_id))
        except RowNotFound:
            pass
    return brand_id or (last.brand_id if last else None), last
