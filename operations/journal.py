"""The command journal and the ledger's spend as JSON and as lines of text."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec

from core.errors import SpendgateError
from core.moment import format_moment
from core.money import format_money
from core.records import ControlCommand
from models.queries.acks import Acknowledged
from models.queries.commands import Journaled
from models.queries.spend import SpendEntry
from models.tables.catalog_change import CatalogChange
from models.tables.control_log import ControlLog
from operations.catalog_views import Json, change_view
from operations.dispute import Recomputed, Sums
from operations.overspend import Overspend, overspend_view
from operations.reason_words import command_in_words
from streams.kafka.codec import decode_command

__all__ = [
    "ack_lines",
    "ack_view",
    "command_lines",
    "command_row",
    "decoded",
    "dispute_view",
    "recomputed_lines",
    "spend_view",
]

JsonObject = dict[str, Json]

_PERIODS: Final = ("brand day", "brand month", "campaign day", "campaign total")


def decoded(row: ControlLog) -> ControlCommand:
    """The message, decoded from its exact bytes."""
    try:
        return decode_command(row.value)
    except msgspec.DecodeError as error:
        raise SpendgateError(f"The message of {row.command_id} cannot be read: {error}.") from error


def command_row(journaled: Journaled) -> JsonObject:
    """A command as a row of `control list`; `follows_a_gap`: the one before it is not in the journal."""
    row = journaled.command
    return {
        "command_id": row.command_id,
        "decided_at": format_moment(row.decided_at),
        "action": row.action,
        "brand_id": row.brand_id,
        "campaign_id": row.campaign_id,
        "epoch": row.epoch,
        "sequence": row.sequence,
        "reasons": list(row.reasons),
        "follows_a_gap": journaled.follows_a_gap,
        "topic": row.topic,
        "partition": row.partition,
        "offset": row.record_offset,
    }


def spend_view(entry: SpendEntry) -> JsonObject:
    """A spend of the ledger as JSON; `refused` is null for spend that counts."""
    return {
        "event_id": entry.event_id,
        "brand_id": entry.brand_id,
        "campaign_id": entry.campaign_id,
        "amount": format_money(entry.amount_micros),
        "currency": entry.currency,
        "occurred_at": format_moment(entry.occurred_at),
        "booked_day": entry.booked_day.isoformat(),
        "arrived_at": format_moment(entry.arrived_at),
        "topic": entry.topic,
        "partition": entry.partition,
        "offset": entry.record_offset,
        "attributes": entry.attributes,
        "refused": entry.refused_reason,
        "refused_because": entry.refused_message,
    }


def ack_view(ack: Acknowledged) -> JsonObject:
    return {
        "consumer": ack.consumer,
        "outcome": ack.outcome,
        "applied_at": format_moment(ack.applied_at),
        "delay_ms": ack.applied_at - ack.decided_at,
        "spent": None if ack.spent_micros is None else format_money(ack.spent_micros),
        "detail": ack.detail,
    }


def ack_lines(acks: Sequence[Acknowledged], currency: str) -> list[str]:
    """A line for each acknowledgement, with its delay and the spend until then."""
    return [
        f"  {ack.outcome:<10} {format_moment(ack.applied_at)} by {ack.consumer}, "
        f"{(ack.applied_at - ack.decided_at) / 1000:.3f} s after the decision"
        + ("" if ack.spent_micros is None else f", {format_money(ack.spent_micros)} {currency} spent in between")
        + (f" ({ack.detail})" if ack.detail else "")
        for ack in acks
    ]


def dispute_view(
    row: ControlLog,
    found: Recomputed,
    changes: Mapping[str, CatalogChange | None],
    acks: Sequence[Acknowledged],
    overspend: Overspend | None,
) -> JsonObject:
    """The output of `control show`: the message unchanged, and what was recomputed of it."""
    return {
        "message": _message(row),
        "told_on": {"topic": row.topic, "partition": row.partition, "offset": row.record_offset},
        "acks": [ack_view(ack) for ack in acks],
        "overspend": None if overspend is None else dict(overspend_view(overspend)),
        "spend": spend_view(found.spend) if found.spend else None,
        "changes": {kind: change_view(change) if change else None for kind, change in changes.items()},
        "rederived": {
            "agrees": found.agrees,
            "up_to_offset": found.up_to_offset,
            "told": _sums_view(found.stated),
            **{name: _sums_view(getattr(found, name)) for name in ("ledger", "corrections", "now")},
            "sentence": found.sentence,
        },
    }


def _message(row: ControlLog) -> Any:
    """The message unchanged; the fields that a command has where the rest, which nobody reads, is no JSON of ours."""
    try:
        return msgspec.json.decode(row.value)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return msgspec.to_builtins(decoded(row))


def command_lines(row: ControlLog, command: ControlCommand) -> list[str]:
    """The decision, its cause and its totals, as lines."""
    brand, campaign = command.brand, command.campaign
    why = f": {command_in_words(command.reasons, command.resumes_at)}" if command.reasons else ""
    then = f"resumes at {command.resumes_at}" if command.resumes_at else None
    then = f"pauses at {command.pauses_at}" if command.pauses_at else then
    return [
        f"{command.command_id}  {command.action}{why}",
        f"  campaign   {command.campaign_id} of brand {command.brand_id}",
        f"  decided    {command.decided_at}, in {command.time_zone}",
        f"  then       {then or 'nothing by time alone'}",
        f"  sent on    {row.topic}, partition {row.partition}, offset {row.record_offset}",
        f"  brand      {_of(brand.daily_spent, brand.daily_budget)} {command.currency} on {brand.day}, "
        f"{_of(brand.monthly_spent, brand.monthly_budget)} in {brand.month}",
        f"  campaign   {_of(campaign.daily_spent, campaign.daily_budget)} {command.currency} on {brand.day}, "
        f"{_of(campaign.total_spent, campaign.total_budget)} in all",
        f"  catalog    brand version {command.catalog.brand_version}, "
        f"campaign version {command.catalog.campaign_version}",
        *_cause_lines(command),
    ]


def recomputed_lines(found: Recomputed) -> list[str]:
    """The spend event that caused the decision, and the table of sums, as lines."""
    rows: Sequence[tuple[str, ...]] = [
        ("", "stated", "ledger then", "corrections", "ledger now"),
        *(
            (name, *(format_money(micros) for micros in sums))
            for name, *sums in zip(_PERIODS, found.stated, found.ledger, found.corrections, found.now, strict=True)
        ),
    ]
    width = max(16, *(len(cell) + 2 for _, *cells in rows for cell in cells))
    return [
        *_spend_lines(found.spend),
        "",
        *(f"  {name:<15}" + "".join(f"{cell:>{width}}" for cell in cells) for name, *cells in rows),
        "",
        found.sentence,
    ]


def _cause_lines(command: ControlCommand) -> list[str]:
    cause = command.cause
    what = f" {cause.event_id} of {cause.amount} {command.currency}" if cause.event_id else ""
    return [
        f"  cause      {cause.kind}{what} ({cause.topic}, partition {cause.partition}, offset {cause.offset})",
    ]


def _spend_lines(spend: SpendEntry | None) -> list[str]:
    if spend is None:
        return []
    return [
        f"  spend      {spend.event_id} of {format_money(spend.amount_micros)} {spend.currency}, occurred "
        f"{format_moment(spend.occurred_at)}, arrived {format_moment(spend.arrived_at)}, booked to {spend.booked_day}",
    ]


def _sums_view(sums: Sums) -> JsonObject:
    return {name: format_money(micros) for name, micros in sums._asdict().items()}


def _of(spent: str, budget: str | None) -> str:
    return f"{spent} of {budget or 'unlimited'}"
