"""Builds one spend event, as a producer would."""

import json
import uuid

from core.money import format_money
from models.tables.brand import Brand

__all__ = ["new_spend_event"]


def new_spend_event(
    brand: Brand, campaign_id: str, micros: int, *, event_id: str | None = None, occurred_at: str | None = None
) -> tuple[dict[str, str], bytes]:
    """The event and its JSON bytes. Texts are not checked; `micros` is the amount."""
    event = {
        "event_id": uuid.uuid4().hex if event_id is None else event_id,
        "brand_id": brand.brand_id,
        "campaign_id": campaign_id,
        "amount": format_money(micros),
        "currency": brand.currency,
    }
    if occurred_at is not None:
        event["occurred_at"] = occurred_at
    return event, json.dumps(event, ensure_ascii=False).encode(errors="replace")
