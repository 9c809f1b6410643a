"""Recomputes a decision: whether the ledger's rows up to its cause give the totals that the command states.

The controller applies spend in the order of its offsets, so the totals of a decision that a spend event caused are the
sums of the rows up to that offset. Other causes are on other topics, and a resume waits for spend that arrived before:
there the rows around the moment of the decision are searched for the stated totals.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final, NamedTuple, Self

from sqlalchemy.orm import Session

from core.moment import MINUTE, parse_moment
from core.money import parse_total
from core.records import CauseKind, ControlCommand
from models.queries.catalog import epoch_began_at
from models.queries.corrections import corrections_between
from models.queries.spend import SpendEntry, find_spend_at, list_spend
from models.queries.spend_rows import SpendFilter
from models.queries.spend_sums import spend_total

__all__ = ["Recomputed", "Sums", "recompute"]

_AROUND_MS: Final = MINUTE
_EXAMINED_MAX: Final = 5_000


class Sums(NamedTuple):
    """Sums in micros of the four periods that budgets are for."""

    brand_day: int
    brand_month: int
    campaign_day: int
    campaign_total: int

    def plus(self, other: "Sums", sign: int = 1) -> "Sums":
        """The sums after `other` is added, or with `sign=-1` subtracted."""
        return Sums(*(mine + sign * theirs for mine, theirs in zip(self, other, strict=True)))


class _Periods(NamedTuple):
    """The periods of a command's totals."""

    brand_id: str
    campaign_id: str
    day: date
    month: date

    @classmethod
    def of(cls, command: ControlCommand) -> Self:
        day, month = date.fromisoformat(command.brand.day), date.fromisoformat(f"{command.brand.month}-01")
        return cls(command.brand_id, command.campaign_id, day, month)

    def share(self, campaign_id: str, booked_on: date, micros: int) -> Sums:
        """The part of one amount that each sum gets."""
        in_day, mine = booked_on == self.day, campaign_id == self.campaign_id
        in_month = booked_on.replace(day=1) == self.month
        return Sums(micros * in_day, micros * in_month, micros * (in_day and mine), micros * mine)


@dataclass(frozen=True, slots=True, kw_only=True)
class Recomputed:
    """A recomputed decision. `stated` are the command's totals, `ledger` the sums that are nearest to them, without
    corrections."""

    agrees: bool
    stated: Sums
    ledger: Sums
    corrections: Sums
    #: The sums of the same periods as of now.
    now: Sums
    #: The spend event that caused the decision, as it was booked.
    spend: SpendEntry | None
    #: The offset of the last spend in `ledger`; None where the rows are chosen by arrival.
    up_to_offset: int | None
    sentence: str


def recompute(session: Session, command: ControlCommand) -> Recomputed:
    """The totals of the command beside those of the ledger's rows."""
    periods, stated = _Periods.of(command), _stated_sums(command)
    cause, decided_at = command.cause, parse_moment(command.decided_at)
    spend = None
    if cause.kind is CauseKind.SPEND and cause.event_id is not None:
        at = (cause.topic, cause.partition, cause.offset)
        spend = find_spend_at(session, command.brand_id, cause.event_id, *at)
    corrections = _corrections(session, command, periods, decided_at)
    # After a repair the totals equal the sums of the rows; any other correction is added to them.
    explained = (stated, stated.plus(corrections, -1))
    up_to: int | None
    if spend is not None:
        ledger, up_to = _sums(session, periods, {"up_to": (spend.incarnation, spend.record_offset)}), cause.offset
    else:
        ledger, up_to = _sums(session, periods, {"arrived_until": decided_at + 1}), None
    if ledger not in explained:
        ledger, up_to = _searched(session, periods, decided_at, explained, lag=spend) or (ledger, up_to)
    agrees = ledger in explained
    return Recomputed(
        agrees=agrees,
        stated=stated,
        ledger=ledger,
        corrections=corrections,
        now=_sums(session, periods, {}),
        spend=spend,
        up_to_offset=up_to,
        sentence=_sentence(command, spend, agrees=agrees, corrected=any(corrections) and ledger != stated, up_to=up_to),
    )


def _corrections(session: Session, command: ControlCommand, periods: _Periods, decided_at: int) -> Sums:
    """The sums of the corrections that had arrived by then, since the last replay."""
    began_at = epoch_began_at(session, command.brand_id, command.epoch)
    corrections = Sums(0, 0, 0, 0)
    for it in corrections_between(session, command.brand_id, began_at, decided_at + 1):
        corrections = corrections.plus(periods.share(it.campaign_id, it.booked_on, it.amount))
    return corrections


def _sums(session: Session, periods: _Periods, cut: SpendFilter) -> Sums:
    month_ends_on = (periods.month + timedelta(days=31)).replace(day=1) - timedelta(days=1)
    brand: SpendFilter = {**cut, "brand_id": periods.brand_id}
    campaign: SpendFilter = {**brand, "campaign_id": periods.campaign_id}
    day: SpendFilter = {"day_from": periods.day, "day_until": periods.day}
    month: SpendFilter = {"day_from": periods.month, "day_until": month_ends_on}
    wanted: list[SpendFilter] = [{**brand, **day}, {**brand, **month}, {**campaign, **day}, campaign]
    return Sums(*(spend_total(session, **one).micros for one in wanted))


def _searched(
    session: Session, periods: _Periods, decided_at: int, wanted: Collection[Sums], *, lag: SpendEntry | None
) -> tuple[Sums, int] | None:
    """The first sums near the decision that are in `wanted`, and the offset of the last spend in them, or None. For a
    decision that a spend event caused, only sums from that event on are considered: fewer rows might match by
    chance."""
    near = list_spend(
        session,
        brand_id=periods.brand_id,
        arrived_since=decided_at - _AROUND_MS,
        arrived_until=decided_at + _AROUND_MS,
        limit=_EXAMINED_MAX,
    ).rows
    if lag is not None:
        near = [entry for entry in near if _cursor_of(entry) > _cursor_of(lag)]
    near.sort(key=_cursor_of)
    if not near:
        return None
    sums = _sums(session, periods, {"up_to": (near[0].incarnation, near[0].record_offset - 1)})
    if sums in wanted:
        return sums, near[0].record_offset - 1
    for entry in near:
        sums = sums.plus(periods.share(entry.campaign_id, entry.booked_day, entry.amount_micros))
        if sums in wanted:
            return sums, entry.record_offset
    return None


def _cursor_of(entry: SpendEntry) -> tuple[int, int]:
    return entry.incarnation, entry.record_offset


def _stated_sums(command: ControlCommand) -> Sums:
    stated = (
        command.brand.daily_spent,
        command.brand.monthly_spent,
        command.campaign.daily_spent,
        command.campaign.total_spent,
    )
    micros = [parse_total(text) for text in stated]
    return Sums(*(it if isinstance(it, int) else 0 for it in micros))


def _sentence(
    command: ControlCommand, spend: SpendEntry | None, *, agrees: bool, corrected: bool, up_to: int | None
) -> str:
    cause = command.cause
    with_corrections = ", together with the corrections that the controller had applied," if corrected else ""
    if not agrees:
        seen = "" if spend or cause.kind is not CauseKind.SPEND else " The spend that made it is not in the ledger."
        return (
            f"The ledger's sums{with_corrections} differ from the totals of the message.{seen} `spendgate reconcile` "
            "shows whether controller and ledger agree now, and how to mend it."
        )
    if up_to is None:
        return f"The ledger's sums of all that had arrived by then{with_corrections} are the totals of the message."
    if spend is not None and up_to > cause.offset:
        return (
            f"The ledger's sums up to offset {up_to}{with_corrections} are the totals of the message: the command was "
            f"sent after spend that was already on the topic behind its cause, at offset {cause.offset}."
        )
    return f"The ledger's sums up to offset {up_to}{with_corrections} are the totals of the message."
