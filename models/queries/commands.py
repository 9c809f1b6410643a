"""Queries of the command journal: pages, newest first, and single commands."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import ColumnElement, literal, or_, select, tuple_
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.orm import Session, aliased

from models.errors import RowNotFound
from models.queries.paging import Page, decode_cursor, encode_cursor, storable
from models.tables.control_log import ControlLog

__all__ = ["Journaled", "commands_between", "get_command", "last_command", "last_commands", "list_commands"]

_KIND: Final = "commands"
_FETCHED_AT_ONCE: Final = 1_000
_SHAPE: Final = (int, str, int, int)


@dataclass(frozen=True, slots=True)
class Journaled:
    """A command, and whether the journal has its predecessor."""

    command: ControlLog
    #: True when the command with the sequence before it, in the same epoch, is not in the journal.
    follows_a_gap: bool


def list_commands(
    session: Session,
    *,
    brand_id: str | None = None,
    campaign_id: str | None = None,
    decided_since: int | None = None,
    decided_until: int | None = None,
    reason: str | None = None,
    action: str | None = None,
    after: str | None = None,
    limit: int = 100,
) -> Page[Journaled]:
    """A page of commands, newest decision first. `decided_since <= decided < decided_until`."""
    order: list[Any] = [ControlLog.decided_at, ControlLog.campaign_id, ControlLog.epoch, ControlLog.sequence]
    found: list[ColumnElement[bool]] = []
    if brand_id is not None:
        found.append(ControlLog.brand_id == storable("brand id", brand_id))
    if campaign_id is not None:
        found.append(ControlLog.campaign_id == storable("campaign id", campaign_id))
    if decided_since is not None:
        found.append(ControlLog.decided_at >= decided_since)
    if decided_until is not None:
        found.append(ControlLog.decided_at < decided_until)
    if reason is not None:
        found.append(ControlLog.reasons.any_() == storable("reason", reason))
    if action is not None:
        found.append(ControlLog.action == storable("action", action))
    if after is not None:
        key = decode_cursor(_KIND, after, _SHAPE)
        found.append(tuple_(*order) < tuple_(*(literal(it, of.type) for it, of in zip(key, order, strict=True))))
    query = select(ControlLog, ~_is_first_or_follows()).where(*found).order_by(*(it.desc() for it in order))
    rows = [Journaled(command, gap) for command, gap in session.execute(query.limit(limit + 1))]
    more = len(rows) > limit
    return Page(rows[:limit], _cursor(rows[limit - 1].command) if more else None)


def get_command(session: Session, command_id: str) -> ControlLog:
    command = session.get(ControlLog, storable("command id", command_id))
    if command is None:
        raise RowNotFound(f"There is no command {command_id} in the journal.")
    return command


def last_command(session: Session, campaign_id: str) -> ControlLog:
    """The command with the highest epoch and sequence, which says whether the campaign may run."""
    query = (
        select(ControlLog)
        .where(ControlLog.campaign_id == storable("campaign id", campaign_id))
        .order_by(ControlLog.epoch.desc(), ControlLog.sequence.desc())
        .limit(1)
    )
    command = session.scalars(query).first()
    if command is None:
        raise RowNotFound(f"There is no command of campaign {campaign_id} in the journal.")
    return command


def commands_between(
    session: Session, campaign_ids: Collection[str], since: int, until: int
) -> dict[str, tuple[Journaled | None, list[Journaled]]]:
    """The last command of each campaign that was decided by `since`, and those decided after it and before `until`, in
    the order of epoch and sequence. Moments are milliseconds since the epoch."""
    order = (ControlLog.campaign_id, ControlLog.epoch, ControlLog.sequence)
    mine = ControlLog.campaign_id.in_([storable("campaign id", it) for it in campaign_ids])
    after = select(ControlLog, ~_is_first_or_follows()).where(
        mine, ControlLog.decided_at > since, ControlLog.decided_at < until
    )
    before = (
        select(ControlLog, ~_is_first_or_follows())
        .ext(distinct_on(ControlLog.campaign_id))
        .where(mine, ControlLog.decided_at <= since)
        .order_by(ControlLog.campaign_id, ControlLog.epoch.desc(), ControlLog.sequence.desc())
    )
    found: dict[str, tuple[Journaled | None, list[Journaled]]] = {it: (None, []) for it in campaign_ids}
    for command, gap in session.execute(before):
        found[command.campaign_id] = (Journaled(command, gap), [])
    for command, gap in session.execute(after.order_by(*order)):
        found[command.campaign_id][1].append(Journaled(command, gap))
    return found


def last_commands(session: Session) -> Iterator[ControlLog]:
    """The last command of each campaign, streamed from the database."""
    query = (
        select(ControlLog)
        .ext(distinct_on(ControlLog.campaign_id))
        .order_by(ControlLog.campaign_id, ControlLog.epoch.desc(), ControlLog.sequence.desc())
    )
    yield from session.scalars(query.execution_options(yield_per=_FETCHED_AT_ONCE))


def _is_first_or_follows() -> ColumnElement[bool]:
    before = aliased(ControlLog)
    is_there = select(before.command_id).where(
        before.campaign_id == ControlLog.campaign_id,
        before.epoch == ControlLog.epoch,
        before.sequence == ControlLog.sequence - 1,
    )
    return or_(ControlLog.sequence == 1, is_there.exists())


def _cursor(last: ControlLog) -> str:
    return encode_cursor(_KIND, (last.decided_at, last.campaign_id, last.epoch, last.sequence))
