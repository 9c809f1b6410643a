"""Checks a spend event that came by HTTP by the rules of the controller."""

from functools import partial

from console.server.services import Services
from core.acceptance import read_acceptable
from core.moment import Moment
from core.refusal import Refusal
from core.spend import Spend

__all__ = ["checked_spend"]


def checked_spend(services: Services, value: bytes, now: Moment) -> Spend | Refusal:
    """The event, or the controller's refusal of it: it is refused before it is published and never a dead letter."""
    return read_acceptable(value, partial(_currency_of, services), now, services.settings.tolerance)


def _currency_of(services: Services, brand_id: str) -> str | None:
    """The brand's currency by the database or else by the controller; None for an unknown brand."""
    row = services.catalog.brand(brand_id)
    if row is not None:
        return row.currency
    held = services.live.brand(brand_id)
    return held.state.config.currency if held and held.state.config else None
