"""`simulate-spend`: one spend event, as a producer would send it."""

from typing import TYPE_CHECKING, Final

import typer

from cli import output
from cli.catalog_editing import run_async
from cli.environment import load_settings
from cli.framework import CommandGroup
from streams.clock import current_moment

if TYPE_CHECKING:
    from core.spend import Spend
    from streams.kafka.producer import Acked
    from streams.settings import Settings

app = CommandGroup()

PANEL: Final = "Try and watch"


@app.command("simulate-spend", rich_help_panel=PANEL)
def simulate_spend(
    campaign: str = typer.Argument(help="The campaign that spends."),
    amount: str = typer.Argument(help="Such as 0.0125; below zero is a refund, no -- needed."),
    event_id: str = typer.Option(None, help="Counts once for the brand; a new one when not given."),
    occurred_at: str = typer.Option(None, help="Such as 2025-09-08T09:00:00Z; its arrival when not given."),
) -> None:
    """Publish one spend event and wait for the broker's ack."""
    from models.queries.catalog import get_brand, get_campaign
    from models.session import session_scope
    from operations import validation
    from operations.spend_event import new_spend_event

    settings = load_settings()
    campaign = validation.identifier("campaign", campaign)
    micros = validation.spend_amount(amount)
    with session_scope(settings.database) as session:
        brand = get_brand(session, get_campaign(session, campaign).brand_id)
    event, value = new_spend_event(brand, campaign, micros, event_id=event_id, occurred_at=occurred_at)
    spend = _checked(value, brand.currency, settings)
    sent = run_async(_publish(settings, spend.brand_id, value))
    output.show(
        {**event, **sent._asdict()},
        f"spend {spend.event_id} of {event['amount']} for {campaign} is on {sent.topic}, "
        f"partition {sent.partition}, offset {sent.offset}",
    )


def _checked(value: bytes, currency: str, settings: "Settings") -> "Spend":
    """The event as the controller reads it. Raises RefusedValue with the controller's message where it would refuse
    it."""
    from core.acceptance import read_acceptable
    from core.errors import RefusedValue
    from core.refusal import Refusal

    spend = read_acceptable(value, lambda _: currency, current_moment(), settings.tolerance)
    if isinstance(spend, Refusal):
        raise RefusedValue(f"The event is refused: {spend.message}")
    return spend


async def _publish(settings: "Settings", brand_id: str, value: bytes) -> "Acked":
    from streams.kafka.producer import spend_producer

    async with spend_producer(settings) as producer:
        return await producer.send(brand_id, value)
