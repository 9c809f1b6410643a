"""The page of a command: the decision, what it was made on, and the same totals computed anew from the ledger."""

from collections.abc import Mapping
from typing import NamedTuple

from fastapi import APIRouter, Request, Response
from sqlalchemy.orm import Session

from console.access.rights import PageViewer
from console.pages.admin.catalog_access import read_catalog
from console.pages.admin.history import HistoryEntry, history_entry
from console.rendering.render import page
from console.server.services import Served
from core.money import parse_money
from core.records import ControlCommand
from models.queries.acks import Acknowledged, acknowledgements
from models.queries.catalog import change_of_version
from models.queries.commands import get_command
from models.tables.control_log import ControlLog
from operations.command_words import cause_sentence, reason_sentence
from operations.dispute import Recomputed, recompute
from operations.journal import decoded
from operations.overspend import Overspend, overspend_of

__all__ = ["SumLine", "router", "sum_lines"]

router = APIRouter(include_in_schema=False)


class SumLine(NamedTuple):
    """One of the four sums, in micros: as the command states it, as the ledger had it then, and as it has it now."""

    label: str
    budget_micros: int | None
    stated: int
    ledger: int
    corrections: int
    now: int


class _Proof(NamedTuple):
    row: ControlLog
    command: ControlCommand
    found: Recomputed
    acks: list[Acknowledged]
    overspend: Overspend | None
    edits: list[HistoryEntry]


@router.get("/commands/{command_id}")
async def show(request: Request, command_id: str, person: PageViewer, services: Served) -> Response:
    async with services.sharing.heavy(person.name):
        proof = await read_catalog(services, lambda session: _proof(session, command_id))
    command = proof.command
    brand, campaign = services.catalog.brand(command.brand_id), services.catalog.campaign(command.campaign_id)
    return page(
        request,
        "catalog/command.html",
        person=person,
        row=proof.row,
        it=command,
        words=reason_sentence(command),
        cause_words=cause_sentence(command),
        found=proof.found,
        lines=sum_lines(command, proof.found),
        acks=proof.acks,
        overspend=proof.overspend,
        edits=proof.edits,
        brand_name=(brand and brand.name) or command.brand_id,
        campaign_name=(campaign and campaign.name) or command.campaign_id,
    )


def sum_lines(command: ControlCommand, found: Recomputed) -> list[SumLine]:
    brand, campaign = command.brand, command.campaign
    budgets: Mapping[str, str | None] = {
        f"Brand on {brand.day}": brand.daily_budget,
        f"Brand in {brand.month}": brand.monthly_budget,
        f"Campaign on {brand.day}": campaign.daily_budget,
        "Campaign in all": campaign.total_budget,
    }
    sums = zip(found.stated, found.ledger, found.corrections, found.now, strict=True)
    return [SumLine(label, _micros(budget), *line) for (label, budget), line in zip(budgets.items(), sums, strict=True)]


def _micros(text: str | None) -> int | None:
    micros = None if text is None else parse_money(text)
    return micros if isinstance(micros, int) else None


def _proof(session: Session, command_id: str) -> _Proof:
    row = get_command(session, command_id)
    command = decoded(row)
    acks = acknowledgements(session, [command_id])[command_id]
    versions = ((None, command.catalog.brand_version), (row.campaign_id, command.catalog.campaign_version))
    changes = [
        change_of_version(session, brand_id=row.brand_id, campaign_id=campaign_id, version=version)
        for campaign_id, version in versions
    ]
    overspend = overspend_of(session, command, acks)
    edits = [history_entry(it) for it in changes if it is not None]
    return _Proof(row, command, recompute(session, command), acks, overspend, edits)
