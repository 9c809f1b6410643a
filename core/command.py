"""Builds the command that ad servers read, with all that was decided on (docs/contract.md, "campaign-control")."""

from datetime import date
from functools import lru_cache

from core.calendar import span_at
from core.forecast import pauses_at, resumes_at
from core.moment import Moment, format_moment, format_optional_moment
from core.money import format_money, format_optional_money
from core.reasons import reason_names
from core.records import Action, AfterPause, CauseRecord, CommandBrand, CommandCampaign, CommandCatalog, ControlCommand
from core.state import BrandState, CampaignState, Cause, Pause

__all__ = ["after_pause_record", "build_command", "cause_record"]

_SCHEMA = 1


def build_command(
    brand: BrandState, campaign: CampaignState, action: Action, *, decided_at: Moment, cause: Cause
) -> ControlCommand:
    """The command for the campaign's current reasons and `sequence`. Neither configuration may be missing."""
    assert brand.config and brand.day and brand.month and campaign.config
    pause = action is Action.PAUSE
    return ControlCommand(
        schema=_SCHEMA,
        command_id=f"{campaign.campaign_id}:{brand.config.epoch}:{campaign.sequence}",
        action=action,
        campaign_id=campaign.campaign_id,
        external_id=campaign.config.external_id,
        brand_id=brand.brand_id,
        epoch=brand.config.epoch,
        sequence=campaign.sequence,
        reasons=list(reason_names(campaign.reasons)) if campaign.reasons else [],
        decided_at=format_moment(decided_at),
        resumes_at=format_optional_moment(resumes_at(brand, campaign, decided_at)) if pause else None,
        pauses_at=None if pause else format_optional_moment(pauses_at(brand, campaign, decided_at)),
        cause=cause_record(cause),
        catalog=CommandCatalog(brand.config.version, campaign.config.version),
        currency=brand.config.currency,
        time_zone=span_at(brand.config.zones, decided_at)[0].time_zone,
        brand=_brand_totals(
            brand.day.date,
            brand.daily_micros,
            brand.config.daily_budget_on(brand.day.date),
            brand.month.first,
            brand.monthly_micros,
            brand.config.monthly_budget_on(brand.day.date),
            brand.daily_allowance_micros,
        ),
        campaign=CommandCampaign(
            daily_spent=format_money(campaign.daily_micros),
            daily_budget=format_optional_money(campaign.config.daily_budget_on(brand.day.date)),
            total_spent=format_money(campaign.total_micros),
            total_budget=format_optional_money(campaign.config.total_budget_micros),
        ),
        after_pause=None if pause or campaign.pause is None else after_pause_record(campaign.pause),
    )


def after_pause_record(pause: Pause) -> AfterPause:
    """What was spent after the pause was decided, as counted by now."""
    return AfterPause(format_money(pause.micros), pause.events, format_optional_moment(pause.last_occurred_at))


@lru_cache(maxsize=1_024)
def _brand_totals(
    day: date,
    daily_micros: int,
    daily_budget: int | None,
    month: date,
    monthly_micros: int,
    monthly_budget: int | None,
    allowance: int | None,
) -> CommandBrand:
    """Cached, because they are the same for all campaigns of a brand that pause together, and for first states."""
    return CommandBrand(
        day=day.isoformat(),
        daily_spent=format_money(daily_micros),
        daily_budget=format_optional_money(daily_budget),
        month=month.isoformat()[:7],
        monthly_spent=format_money(monthly_micros),
        monthly_budget=format_optional_money(monthly_budget),
        daily_allowance=format_optional_money(allowance),
    )


def cause_record(cause: Cause) -> CauseRecord:
    """The cause as messages have it."""
    return CauseRecord(
        kind=cause.kind,
        event_id=cause.event_id,
        amount=format_optional_money(cause.amount_micros),
        topic=cause.topic,
        partition=cause.partition,
        offset=cause.offset,
    )
