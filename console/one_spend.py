"""One spend event by hand, as a producer would write it."""

import json
import uuid

from models.brand import Brand
from streams.core.money import format_money

__all__ = ["one_spend"]


def one_spend(
    brand: Brand, campaign_id: str, micros: int, *, event_id: str | None = None, occurred_at: str | None = None
) -> tuple[dict[str, str], bytes]:
    """The event and its bytes; texts are as typed and not judged yet."""
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
