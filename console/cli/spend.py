"""`simulate-spend`: one spend event, as a producer would send it."""

import time
from typing import TYPE_CHECKING, Final

import typer

from console.cli import output
from console.cli.catalog import ask
from console.cli.environment import load_settings
from console.cli.frame import App

if TYPE_CHECKING:
    from streams.core.spend import Spend
    from streams.settings import Settings
    from streams.spend_producer import Acked

app = App()

PANEL: Final = "Try and watch"


@app.command("simulate-spend", rich_help_panel=PANEL)
def simulate_spend(
    campaign: str = typer.Argument(help="The campaign that spends."),
    amount: str = typer.Argument(help="Such as 0.0125; below zero is a refund, no -- needed."),
    event_id: str = typer.Option(None, help="Counts once for the brand; a new one when not given."),
    occurred_at: str = typer.Option(None, help="Such as 2025-09-08T09:00:00Z; its arrival when not given."),
) -> None:
    """Publish one spend event and wait for the broker's ack."""
    from console import validation
    from console.one_spend import one_spend
    from models.catalog_reads import get_brand, get_campaign
    from models.session import session_scope

    settings = load_settings()
    campaign = validation.identifier("campaign", campaign)
    micros = validation.spend_amount(amount)
    with session_scope(settings.database) as session:
        brand = get_brand(session, get_campaign(session, campaign).brand_id)
    event, value = one_spend(brand, campaign, micros, event_id=event_id, occurred_at=occurred_at)
    spend = _checked(value, settings)
    sent = ask(_publish(settings, spend.brand_id, value))
    output.show(
        {**event, **sent._asdict()},
        f"spend {spend.event_id} of {event['amount']} for {campaign} is on {sent.topic}, "
        f"partition {sent.partition}, offset {sent.offset}",
    )


def _checked(value: bytes, settings: "Settings") -> "Spend":
    """Whatever the controller would refuse is refused here, in its words."""
    from console.spend_check import checked_spend
    from streams.core.refusal import Refusal
    from streams.errors import RefusedValue

    spend = checked_spend(value, settings, time.time_ns() // 1_000_000)
    if isinstance(spend, Refusal):
        raise RefusedValue(f"The event is refused: {spend.message}")
    return spend


async def _publish(settings: "Settings", brand_id: str, value: bytes) -> "Acked":
    from streams.spend_producer import spend_producer

    async with spend_producer(settings) as producer:
        return await producer.send(brand_id, value)
