"""Raises and resolves alerts about money (docs/contract.md, "budget-alerts").

What decisions call when totals, budgets, percentages, the clock or a campaign's standing changed. Each appends the
alerts that follow to `state.alerts`, which the next flush writes with the state. What was raised is part of the state:
thresholds in `state.thresholds`, the others with the brand, the campaign or its pause.
"""

from collections.abc import Iterator
from typing import NamedTuple

from core.budget import is_reached
from core.calendar import span_at
from core.command import cause_record
from core.moment import Moment, format_moment
from core.money import format_optional_money
from core.records import AlertKind, AlertState, Budget, BudgetAlert, Severity
from core.refresh import refresh_silence
from core.state import (
    BrandState,
    CampaignState,
    Cause,
    PartitionState,
    Raised,
    Silence,
    ThresholdKey,
    Thresholds,
)

__all__ = [
    "end_silence",
    "evaluate_brand_thresholds",
    "evaluate_campaign_thresholds",
    "note_spend_of_unknown_campaign",
    "note_spend_while_paused",
    "raise_silence",
    "resolve_spend_while_paused",
    "resolve_unknown_campaign",
]

_SCHEMA = 1
#: From so much of a budget on, an alert is critical.
_CRITICAL_PERCENT = 100


class _Watched(NamedTuple):
    """A budget and the net spend of its present period."""

    budget: Budget
    period: str | None  # None: all time
    spent_micros: int
    budget_micros: int | None


class _About(NamedTuple):
    """What the fields of an alert say beyond its brand and cause."""

    kind: AlertKind
    severity: Severity
    campaign_id: str | None = None
    budget: Budget | None = None
    period: str | None = None
    percent: int | None = None
    spent_micros: int | None = None
    limit_micros: int | None = None


def evaluate_brand_thresholds(state: PartitionState, brand: BrandState, cause: Cause) -> None:
    """Raise and resolve what the brand's own budgets and totals ask for."""
    assert brand.config and brand.day and brand.month
    today, allowance, held = brand.day.date, brand.daily_allowance_micros, state.thresholds.get(brand.brand_id)
    daily, monthly = brand.config.daily_budget_on(today), brand.config.monthly_budget_on(today)
    # Each document of a campaign evaluates its brand too, and many brands have no budget, or one.
    if daily is not None or held:
        watched = _Watched(Budget.DAILY, today.isoformat(), brand.daily_micros, daily)
        _evaluate(state, brand, "", watched, cause)
    if monthly is not None or held:
        watched = _Watched(Budget.MONTHLY, brand.month.first.isoformat()[:7], brand.monthly_micros, monthly)
        _evaluate(state, brand, "", watched, cause)
    if allowance is not None or held:
        watched = _Watched(Budget.ALLOWANCE, today.isoformat(), brand.daily_micros, allowance)
        _evaluate(state, brand, "", watched, cause)


def evaluate_campaign_thresholds(
    state: PartitionState, brand: BrandState, campaign: CampaignState, cause: Cause
) -> None:
    """Raise and resolve the threshold alerts of a campaign's budgets; the campaign must be in the catalog."""
    config = campaign.config
    assert config and brand.day
    held, campaign_id = state.thresholds.get(brand.brand_id, {}), campaign.campaign_id
    # Most campaigns have no budgets of their own, and all of a brand are evaluated when it pauses.
    daily = config.daily_budget_on(brand.day.date)
    if daily is not None or (Budget.CAMPAIGN_DAILY, campaign_id) in held:
        watched = _Watched(Budget.CAMPAIGN_DAILY, brand.day.date.isoformat(), campaign.daily_micros, daily)
        _evaluate(state, brand, campaign_id, watched, cause)
    if config.total_budget_micros is not None or (Budget.CAMPAIGN_TOTAL, campaign_id) in held:
        watched = _Watched(Budget.CAMPAIGN_TOTAL, None, campaign.total_micros, config.total_budget_micros)
        _evaluate(state, brand, campaign_id, watched, cause)


def note_spend_while_paused(
    state: PartitionState, brand: BrandState, campaign: CampaignState, occurred_at: Moment, cause: Cause
) -> None:
    """Raise an alert for spend that the campaign's pause had time to prevent; the caller has seen that it had, and that
    the pause has raised none yet.

    Spend from the moment on at which a pending resume was decided fell into no pause.
    """
    pause, pending = campaign.pause, campaign.pending_resume
    assert brand.config and pause
    if pending is not None and occurred_at >= pending.decided_at:
        return
    of_pause = f"{campaign.campaign_id}:{brand.config.epoch}:{campaign.sequence}"
    alert_id = f"{brand.brand_id}:{AlertKind.SPEND_WHILE_PAUSED}:{of_pause}:1"
    pause.alert_id = alert_id
    _emit(state, brand, alert_id, AlertState.RAISED, _while_paused(campaign), cause)


def resolve_spend_while_paused(
    state: PartitionState, brand: BrandState, campaign: CampaignState, decided_at: Moment, cause: Cause
) -> None:
    """Resolve the alert of a pause that ends, if it raised one."""
    if campaign.pause is not None and campaign.pause.alert_id is not None:
        alert_id = campaign.pause.alert_id
        _emit(state, brand, alert_id, AlertState.RESOLVED, _while_paused(campaign), cause, decided_at)


def note_spend_of_unknown_campaign(
    state: PartitionState, brand: BrandState, campaign: CampaignState, cause: Cause
) -> None:
    """Raise an alert for the day's first spend of a campaign that the catalog does not know."""
    assert brand.day
    day = brand.day.date.isoformat()
    if campaign.unknown_on != day:
        campaign.unknown_on = day
        _emit(state, brand, _unknown_id(brand, campaign), AlertState.RAISED, _unknown(campaign), cause)


def resolve_unknown_campaign(state: PartitionState, brand: BrandState, campaign: CampaignState, cause: Cause) -> None:
    """Resolve the last such alert of a campaign that the catalog brings."""
    if campaign.unknown_on is not None:
        _emit(state, brand, _unknown_id(brand, campaign), AlertState.RESOLVED, _unknown(campaign), cause)
        campaign.unknown_on = None
        state.touch_campaign(brand, campaign)


def raise_silence(state: PartitionState, brand: BrandState, cause: Cause) -> None:
    """Raise an alert about a brand that is silent."""
    assert brand.day
    day, before = brand.day.date.isoformat(), brand.silence
    number = before.number + 1 if before is not None and before.day == day else 1
    brand.silence = Silence(day, number, True)
    state.touch_brand(brand)
    _emit(state, brand, _silent_id(brand.brand_id, brand.silence), AlertState.RAISED, _silent(day), cause)


def end_silence(state: PartitionState, brand: BrandState, cause: Cause) -> None:
    """Resolve the alert, now that spend has arrived, and begin the wait for the next."""
    silence = brand.silence
    if silence is not None and silence.now:
        brand.silence = silence._replace(now=False)
        _emit(state, brand, _silent_id(brand.brand_id, silence), AlertState.RESOLVED, _silent(silence.day), cause)
    refresh_silence(state, brand)


def _evaluate(state: PartitionState, brand: BrandState, campaign_id: str, watched: _Watched, cause: Cause) -> None:
    """Raise what is reached, lowest first, after resolving what is not, highest first."""
    assert brand.config
    held = state.thresholds.get(brand.brand_id, {}).get((watched.budget, campaign_id))
    if held is None and not watched.budget_micros:
        return  # most brands lack some of the budgets
    key = ThresholdKey(brand.brand_id, watched.budget, campaign_id)
    if held is not None and held.period != watched.period:
        state.hold_thresholds(key, None)  # the end of the period resolves nothing
        held = None
    percents = held.percents if held else {}
    reached = {
        percent
        for percent in brand.config.alert_percents
        if watched.budget_micros and is_reached(percent, watched.budget_micros, watched.spent_micros)
    }
    if reached == {percent for percent, raised in percents.items() if raised.now}:
        return
    changed = dict(percents)
    for percent, raised, alert_state in _changes(percents, reached):
        changed[percent] = raised
        alert_id = _threshold_id(key, watched.period, percent, raised.number)
        _emit(state, brand, alert_id, alert_state, _threshold(campaign_id, watched, percent), cause)
    state.hold_thresholds(key, Thresholds(watched.period, changed))


def _changes(percents: dict[int, Raised], reached: set[int]) -> Iterator[tuple[int, Raised, AlertState]]:
    for percent in sorted(percents.keys() - reached, reverse=True):
        if percents[percent].now:
            yield percent, Raised(percents[percent].number, False), AlertState.RESOLVED
    for percent in sorted(reached):
        before = percents.get(percent, Raised(0, False))
        if not before.now:
            yield percent, Raised(before.number + 1, True), AlertState.RAISED


def _threshold_id(key: ThresholdKey, period: str | None, percent: int, number: int) -> str:
    parts = (key.brand_id, AlertKind.THRESHOLD, key.budget, key.campaign_id, period, str(percent), str(number))
    return ":".join(filter(None, parts))


def _unknown_id(brand: BrandState, campaign: CampaignState) -> str:
    return f"{brand.brand_id}:{AlertKind.UNKNOWN_CAMPAIGN}:{campaign.campaign_id}:{campaign.unknown_on}:1"


def _silent_id(brand_id: str, silence: Silence) -> str:
    return f"{brand_id}:{AlertKind.SILENT}:{silence.day}:{silence.number}"


def _threshold(campaign_id: str, watched: _Watched, percent: int) -> _About:
    return _About(
        AlertKind.THRESHOLD,
        Severity.CRITICAL if percent >= _CRITICAL_PERCENT else Severity.WARNING,
        campaign_id or None,
        watched.budget,
        watched.period,
        percent,
        watched.spent_micros,
        watched.budget_micros,
    )


def _while_paused(campaign: CampaignState) -> _About:
    assert campaign.pause
    severity, spent = Severity.CRITICAL, campaign.pause.micros
    return _About(AlertKind.SPEND_WHILE_PAUSED, severity, campaign.campaign_id, spent_micros=spent)


def _unknown(campaign: CampaignState) -> _About:
    return _About(
        AlertKind.UNKNOWN_CAMPAIGN,
        Severity.WARNING,
        campaign.campaign_id,
        period=campaign.unknown_on,
        spent_micros=campaign.daily_micros,
    )


def _silent(day: str) -> _About:
    return _About(AlertKind.SILENT, Severity.WARNING, period=day)


def _emit(
    state: PartitionState,
    brand: BrandState,
    alert_id: str,
    alert_state: AlertState,
    about: _About,
    cause: Cause,
    decided_at: Moment | None = None,
) -> None:
    """`decided_at` is the brand's clock where it is not given."""
    assert brand.config
    moment = brand.clock if decided_at is None else decided_at
    state.alerts.append(
        BudgetAlert(
            schema=_SCHEMA,
            alert_id=alert_id,
            state=alert_state,
            kind=about.kind,
            severity=about.severity,
            brand_id=brand.brand_id,
            campaign_id=about.campaign_id,
            budget=about.budget,
            period=about.period,
            percent=about.percent,
            spent=format_optional_money(about.spent_micros),
            limit=format_optional_money(about.limit_micros),
            currency=brand.config.currency,
            time_zone=span_at(brand.config.zones, moment)[0].time_zone,
            decided_at=format_moment(moment),
            cause=cause_record(cause),
        )
    )
