"""Builds the message that tells ad servers a decision, with everything that it was decided on."""

from streams.core.calendar import span_at
from streams.core.forecast import pauses_at, resumes_at
from streams.core.moment import Moment, format_moment
from streams.core.money import format_money
from streams.core.reasons import reason_names
from streams.core.records import (
    Action,
    CauseRecord,
    CommandBrand,
    CommandCampaign,
    CommandCatalog,
    ControlCommand,
)
from streams.core.state import BrandState, CampaignState, Cause

__all__ = ["build_command"]

_SCHEMA = 1


def build_command(
    brand: BrandState, campaign: CampaignState, action: Action, *, decided_at: Moment, cause: Cause
) -> ControlCommand:
    """The command for the campaign's present reasons and its present `sequence`."""
    assert brand.terms and campaign.terms
    pause = action is Action.PAUSE
    return ControlCommand(
        schema=_SCHEMA,
        command_id=f"{campaign.campaign_id}:{brand.terms.epoch}:{campaign.sequence}",
        action=action,
        campaign_id=campaign.campaign_id,
        external_id=campaign.terms.external_id,
        brand_id=brand.brand_id,
        epoch=brand.terms.epoch,
        sequence=campaign.sequence,
        reasons=list(reason_names(campaign.reasons)),
        decided_at=format_moment(decided_at),
        resumes_at=_moment(resumes_at(brand, campaign, decided_at)) if pause else None,
        pauses_at=None if pause else _moment(pauses_at(brand, campaign, decided_at)),
        cause=_cause_record(cause),
        catalog=CommandCatalog(brand.terms.version, campaign.terms.version),
        currency=brand.terms.currency,
        time_zone=span_at(brand.terms.zones, decided_at)[0].time_zone,
        brand=_brand_totals(brand),
        campaign=CommandCampaign(
            daily_spent=format_money(campaign.daily_micros),
            daily_budget=_money(campaign.terms.daily_budget_micros),
            total_spent=format_money(campaign.total_micros),
            total_budget=_money(campaign.terms.total_budget_micros),
        ),
    )


def _brand_totals(brand: BrandState) -> CommandBrand:
    assert brand.terms and brand.day and brand.month
    return CommandBrand(
        day=brand.day.date.isoformat(),
        daily_spent=format_money(brand.daily_micros),
        daily_budget=_money(brand.terms.daily_budget_micros),
        month=f"{brand.month.first:%Y-%m}",
        monthly_spent=format_money(brand.monthly_micros),
        monthly_budget=_money(brand.terms.monthly_budget_micros),
    )


def _cause_record(cause: Cause) -> CauseRecord:
    return CauseRecord(
        kind=cause.kind,
        event_id=cause.event_id,
        amount=_money(cause.amount_micros),
        topic=cause.topic,
        partition=cause.partition,
        offset=cause.offset,
    )


def _money(micros: int | None) -> str | None:
    return None if micros is None else format_money(micros)


def _moment(moment: Moment | None) -> str | None:
    return None if moment is None else format_moment(moment)
