"""An overspend in its parts: the event that crossed the budget, what came after it until each consumer had applied the
pause, and what came after that."""

from collections.abc import Sequence
from typing import NamedTuple, TypedDict

from sqlalchemy.orm import Session

from core.moment import SECOND, format_moment
from core.money import format_money, parse_money, parse_total
from core.records import Action, CauseKind, ControlCommand
from models.queries.acks import Acknowledged, SpentAfter, spent_after

__all__ = [
    "ConsumerShare",
    "Crossing",
    "Overspend",
    "OverspendView",
    "overspend_lines",
    "overspend_of",
    "overspend_view",
]


class Crossing(NamedTuple):
    """The spend that used a budget up, and how far beyond the budget it led."""

    event_id: str
    amount: str
    budget: str
    over_micros: int


class ConsumerShare(NamedTuple):
    """`until_micros` occurred until the consumer applied the pause, by its clock; `later_micros` after that."""

    consumer: str
    applied_at: int
    reaction_ms: int
    until_micros: int
    later_micros: int


class Overspend(NamedTuple):
    """`crossing` is None of a pause that no spend made, or that no budget did."""

    currency: str
    crossing: Crossing | None
    after: SpentAfter
    consumers: list[ConsumerShare]


class CrossingView(TypedDict):
    event_id: str
    amount: str
    budget: str
    over: str


class AfterView(TypedDict):
    spent: str
    events: int
    last_occurred_at: str | None
    until: str | None


class ConsumerView(TypedDict):
    consumer: str
    applied_at: str
    reaction_seconds: float
    spent_until_applied: str
    spent_later: str


class OverspendView(TypedDict):
    """The JSON of `control show` and the API."""

    currency: str
    crossing: CrossingView | None
    after_pause: AfterView
    consumers: list[ConsumerView]


def overspend_of(session: Session, command: ControlCommand, acks: Sequence[Acknowledged]) -> Overspend | None:
    """The overspend of a pause, from the ledger's rows; None for a command that is no pause."""
    after = spent_after(session, command.command_id) if command.action is Action.PAUSE else None
    return None if after is None else _split(command, after, acks)


def overspend_view(found: Overspend) -> OverspendView:
    crossing, after = found.crossing, found.after
    return {
        "currency": found.currency,
        "crossing": None
        if crossing is None
        else {
            "event_id": crossing.event_id,
            "amount": crossing.amount,
            "budget": crossing.budget,
            "over": format_money(crossing.over_micros),
        },
        "after_pause": {
            "spent": format_money(after.spent_micros),
            "events": after.events,
            "last_occurred_at": None if after.last_occurred_at is None else format_moment(after.last_occurred_at),
            "until": None if after.ended_at is None else format_moment(after.ended_at),
        },
        "consumers": [
            {
                "consumer": it.consumer,
                "applied_at": format_moment(it.applied_at),
                "reaction_seconds": it.reaction_ms / SECOND,
                "spent_until_applied": format_money(it.until_micros),
                "spent_later": format_money(it.later_micros),
            }
            for it in found.consumers
        ],
    }


def overspend_lines(found: Overspend) -> list[str]:
    view, currency = overspend_view(found), found.currency
    lines = []
    if crossing := view["crossing"]:
        budget = crossing["budget"].replace("_", " ")
        lines.append(
            f"  crossing   {crossing['event_id']} of {crossing['amount']} {currency} led {crossing['over']} beyond the "
            f"{budget}"
        )
    after = view["after_pause"]
    until = f"until {after['until']}" if after["until"] else "so far"
    lines.append(f"  after      {after['spent']} {currency} in {after['events']} events {until}")
    lines += [
        f"  overspend  {it['spent_until_applied']} {currency} until {it['consumer']} had applied it, "
        f"{it['reaction_seconds']:.3f} s after the decision; {it['spent_later']} after that"
        for it in view["consumers"]
    ]
    return lines


def _split(command: ControlCommand, after: SpentAfter, acks: Sequence[Acknowledged]) -> Overspend:
    applied = [(it, it.spent_micros) for it in acks if it.spent_micros is not None]
    return Overspend(command.currency, _crossing(command), after, [_share(it, micros, after) for it, micros in applied])


def _share(ack: Acknowledged, until_micros: int, after: SpentAfter) -> ConsumerShare:
    if after.ended_at is not None and ack.applied_at >= after.ended_at:
        until_micros = after.spent_micros  # the rest was spent under another command
    reaction_ms, later_micros = ack.applied_at - ack.decided_at, after.spent_micros - until_micros
    return ConsumerShare(ack.consumer, ack.applied_at, reaction_ms, until_micros, later_micros)


def _crossing(command: ControlCommand) -> Crossing | None:
    """The crossing by the totals and budgets of the message; of several budgets, of the one exceeded by most."""
    cause, brand, campaign = command.cause, command.brand, command.campaign
    if cause.kind is not CauseKind.SPEND or cause.event_id is None or cause.amount is None:
        return None
    budgets = {
        "daily_budget": (brand.daily_spent, brand.daily_budget),
        "monthly_budget": (brand.monthly_spent, brand.monthly_budget),
        "pacing": (brand.daily_spent, brand.daily_allowance),
        "campaign_daily_budget": (campaign.daily_spent, campaign.daily_budget),
        "campaign_total_budget": (campaign.total_spent, campaign.total_budget),
    }
    over = {
        reason: spent - budget
        for reason, (spent_text, budget_text) in budgets.items()
        if reason in command.reasons
        and isinstance(spent := parse_total(spent_text), int)
        and isinstance(budget := parse_money(budget_text or ""), int)
    }
    if not over:
        return None
    reason = max(over, key=lambda it: over[it])
    name = "daily_allowance" if reason == "pacing" else reason
    return Crossing(cause.event_id, cause.amount, name, over[reason])
