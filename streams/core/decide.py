"""The one owner of "may this campaign run?": moves the state on and tells commands. No clock, no I/O.

Every function takes the record's own arrival as the time. What comes of it is left in the state: `commands` to tell,
and what changed, for the next flush. A pause is told at once. A resume is only marked as awaited, and told by
`release_resumes` when the caller knows that no spend that was there before it is still uncounted.
"""

from collections.abc import Iterable
from dataclasses import replace
from enum import Enum, auto
from typing import NamedTuple

from streams.core.budget import book, book_on, roll
from streams.core.calendar import span_at
from streams.core.command import build_command
from streams.core.correction import Correction
from streams.core.derived import look_at_brand_budgets, look_at_campaign_budgets, look_at_schedules
from streams.core.duplicates import id_hash
from streams.core.moment import Moment
from streams.core.reasons import NO_REASONS, Reason
from streams.core.records import Action, CauseKind
from streams.core.refusal import Refusal, RefusalReason
from streams.core.spend import Spend
from streams.core.state import Awaited, BrandState, CampaignState, Cause, Origin, PartitionState
from streams.core.terms import BrandTerms, CampaignTerms, read_brand_terms, read_campaign_terms

__all__ = [
    "Reset",
    "Tick",
    "Verdict",
    "decide_brand",
    "decide_campaign",
    "decide_correction",
    "decide_reset",
    "decide_spend",
    "decide_tick",
    "release_resumes",
    "would_refuse",
]


class Verdict(Enum):
    """What became of a record that was not refused."""

    COUNTED = auto()
    COUNTED_FOR_UNKNOWN_CAMPAIGN = auto()  # the catalog does not know it; the money counts to the brand all the same
    DUPLICATE = auto()
    DUPLICATE_OF_OTHER_AMOUNT = auto()
    UNKNOWN_BRAND = auto()  # for the caller to judge, once the catalog is read to its end
    APPLIED = auto()
    STALE = auto()  # a catalog version not above the one held


class Tick(NamedTuple):
    due_at: Moment


class Reset(NamedTuple):
    time_zone: str
    due_at: Moment


def decide_spend(state: PartitionState, spend: Spend, topic: str, offset: int, arrival: Moment) -> Verdict | Refusal:
    """Count one spend event and pause whatever it uses up. The hot path: called for every event."""
    brand = state.brands.get(spend.brand_id)
    if brand is None or brand.terms is None:
        return Verdict.UNKNOWN_BRAND
    if spend.currency is not None and spend.currency != brand.terms.currency:
        return _wrong_currency(spend, brand.terms.currency)
    occurred_at = spend.occurred_at
    if occurred_at is None:
        occurred_at = arrival
    elif occurred_at > arrival + state.future_tolerance_ms:
        return _in_future(occurred_at - arrival, state.future_tolerance_ms)
    amount = spend.amount_micros
    hashed = id_hash(spend.brand_id, spend.event_id)
    counted_before = state.duplicates.seen.get(hashed)
    if counted_before is not None:
        return Verdict.DUPLICATE if counted_before == amount else Verdict.DUPLICATE_OF_OTHER_AMOUNT
    state.duplicates.add(hashed, amount)

    campaign = brand.campaigns.get(spend.campaign_id)
    if campaign is None:
        campaign = brand.campaigns[spend.campaign_id] = CampaignState(spend.campaign_id)
    woken = _advance(state, brand, arrival)
    book(brand, campaign, amount, occurred_at)
    brand.has_spend = True
    if not brand.dirty:
        state.touch_brand(brand)
    if not campaign.dirty:
        state.touch_campaign(brand, campaign)
    if (
        woken
        or (brand.daily_micros >= brand.daily_limit) is not brand.daily_spent_out
        or (brand.monthly_micros >= brand.monthly_limit) is not brand.monthly_spent_out
    ):
        _reconsider_brand(state, brand, _spend_cause(state, spend, topic, offset))
    elif (campaign.daily_micros >= campaign.daily_limit) is not campaign.daily_spent_out or (
        campaign.total_micros >= campaign.total_limit
    ) is not campaign.total_spent_out:
        _reconsider(state, brand, [campaign], _spend_cause(state, spend, topic, offset))
    return Verdict.COUNTED if campaign.terms else Verdict.COUNTED_FOR_UNKNOWN_CAMPAIGN


def decide_correction(state: PartitionState, correction: Correction, origin: Origin) -> Verdict:
    """Change the totals of the date that the correction names, once for its id."""
    brand = state.brands.get(correction.brand_id)
    if brand is None or brand.terms is None:
        return Verdict.UNKNOWN_BRAND
    # A correction's ids are a space of their own; a brand_id cannot hold the blank.
    hashed = id_hash(f"correction {correction.brand_id}", correction.correction_id)
    if hashed in state.duplicates.seen:
        return Verdict.DUPLICATE
    state.duplicates.add(hashed, correction.amount_micros)
    campaign = brand.campaigns.setdefault(correction.campaign_id, CampaignState(correction.campaign_id))
    _advance(state, brand, origin.arrival)
    book_on(brand, campaign, correction.amount_micros, correction.booked_on)
    brand.has_spend = True
    state.touch_brand(brand)
    state.touch_campaign(brand, campaign)
    cause = Cause(
        CauseKind.CORRECTION,
        origin.topic,
        state.partition,
        origin.offset,
        correction.correction_id,
        correction.amount_micros,
    )
    _reconsider_brand(state, brand, cause)
    return Verdict.COUNTED


def decide_brand(state: PartitionState, brand_id: str, value: bytes, origin: Origin) -> Verdict | Refusal:
    """Put a brand's document in force. One that cannot be used is refused and changes nothing."""
    terms = read_brand_terms(brand_id, value)
    if isinstance(terms, Refusal):
        return terms
    brand = state.brand(brand_id)
    if brand.terms is not None:
        if terms.version <= brand.terms.version:
            return Verdict.STALE
        if brand.has_spend and terms.currency != brand.terms.currency:
            return Refusal(
                RefusalReason.CURRENCY_MISMATCH,
                f"brand {brand_id} has spend in {brand.terms.currency}; its currency cannot become {terms.currency}",
            )
    state.new_documents[brand_id] = value
    _put_brand_in_force(state, brand, terms, origin.arrival)
    _reconsider_brand(state, brand, _plain_cause(CauseKind.CATALOG, state, origin))
    return Verdict.APPLIED


def decide_campaign(state: PartitionState, brand_id: str, campaign_id: str, value: bytes, origin: Origin) -> Verdict:
    """Put a campaign's document in force; before its brand's it is kept and takes effect with it."""
    terms = read_campaign_terms(brand_id, campaign_id, value)
    brand = state.brand(brand_id)
    campaign = brand.campaigns.setdefault(campaign_id, CampaignState(campaign_id))
    held = campaign.terms
    if held is not None:
        if not terms.usable and terms.version == 0:
            terms = replace(terms, version=held.version)
            value = b'{"version":%d}' % held.version  # as unusable as what came, and a restore finds the version
        elif terms.version <= held.version:
            return Verdict.STALE
    state.new_documents[f"{brand_id}/{campaign_id}"] = value
    campaign.terms = terms
    if brand.terms is None:
        return Verdict.APPLIED
    woken = _advance(state, brand, origin.arrival)
    look_at_schedules(state, brand, [campaign])
    state.touch_brand(brand)
    state.touch_campaign(brand, campaign)
    cause = _plain_cause(CauseKind.CATALOG, state, origin)
    if woken:
        _reconsider_brand(state, brand, cause)
    else:
        _reconsider(state, brand, [campaign], cause)
    return Verdict.APPLIED


def decide_tick(state: PartitionState, tick: Tick, origin: Origin) -> None:
    """Move every brand's clock to the tick's moment; only those with something due are looked at."""
    state.clock = max(state.clock, min(tick.due_at, origin.arrival))
    cause = _plain_cause(CauseKind.DAYPARTING_TICK, state, origin)
    for brand in state.due(state.clock):
        _wake(state, brand, state.clock, cause)


def decide_reset(state: PartitionState, reset: Reset, origin: Origin) -> None:
    """Roll the brands of one time zone over to the period that holds the reset's moment; zeroes nothing."""
    moment = min(reset.due_at, origin.arrival)
    cause = _plain_cause(CauseKind.BUDGET_RESET, state, origin)
    due = [brand for brand in state.brands.values() if brand.wakes_at <= moment]
    for brand in sorted(due, key=lambda it: it.brand_id):
        if brand.terms and span_at(brand.terms.zones, moment)[0].time_zone == reset.time_zone:
            _wake(state, brand, moment, cause)


def release_resumes(state: PartitionState, campaigns: Iterable[tuple[BrandState, CampaignState]]) -> None:
    """Tell the awaited resumes of these campaigns; those whose campaigns were paused again meanwhile are gone."""
    # In an order that every run repeats: after a restart the awaited ones come as the state topic has them.
    for brand, campaign in sorted(campaigns, key=lambda it: (it[0].brand_id, it[1].campaign_id)):
        awaited = campaign.awaited
        if awaited is None:
            continue
        campaign.awaited = None
        del state.awaiting[brand.brand_id, campaign.campaign_id]
        _tell(state, brand, campaign, Action.RESUME, awaited.decided_at, awaited.cause)


def _put_brand_in_force(state: PartitionState, brand: BrandState, terms: BrandTerms, arrival: Moment) -> None:
    brand.terms = terms
    brand.clock = max(brand.clock, state.clock, arrival)
    roll(brand, brand.clock)
    look_at_schedules(state, brand, brand.campaigns.values())
    state.touch_brand(brand)


def _wake(state: PartitionState, brand: BrandState, moment: Moment, cause: Cause) -> None:
    if _advance(state, brand, moment):
        _reconsider_brand(state, brand, cause)


def _advance(state: PartitionState, brand: BrandState, moment: Moment) -> bool:
    """Move the brand's clock on, never back; True when a day, month, window or flight began or ended on the way."""
    clock = max(moment, state.clock)
    if clock > brand.clock:
        brand.clock = clock
    if brand.clock < brand.wakes_at:
        return False
    if brand.clock >= brand.day_ends_at:
        roll(brand, brand.clock)
    look_at_schedules(state, brand, (it for it in brand.campaigns.values() if it.boundary_at <= brand.clock))
    state.touch_brand(brand)
    return True


def _reconsider_brand(state: PartitionState, brand: BrandState, cause: Cause) -> None:
    """Look at the brand's own budgets, then at each of its campaigns, in an order that every run repeats."""
    look_at_brand_budgets(brand)
    _reconsider(state, brand, sorted(brand.campaigns.values(), key=lambda it: it.campaign_id), cause)


def _reconsider(state: PartitionState, brand: BrandState, campaigns: Iterable[CampaignState], cause: Cause) -> None:
    of_brand = _brand_reasons(brand)
    for campaign in campaigns:
        if campaign.terms is None:
            continue
        reasons = of_brand | _campaign_reasons(campaign, campaign.terms)
        undecided = campaign.told is None and campaign.awaited is None
        if reasons != campaign.reasons or undecided:
            campaign.reasons = reasons
            _follow_reasons(state, brand, campaign, cause)


def _brand_reasons(brand: BrandState) -> Reason:
    assert brand.terms
    reasons = NO_REASONS
    if brand.terms.archived:
        reasons |= Reason.ARCHIVED
    if not brand.terms.enabled:
        reasons |= Reason.MANUAL
    if brand.daily_spent_out:
        reasons |= Reason.DAILY_BUDGET
    if brand.monthly_spent_out:
        reasons |= Reason.MONTHLY_BUDGET
    return reasons


def _campaign_reasons(campaign: CampaignState, terms: CampaignTerms) -> Reason:
    look_at_campaign_budgets(campaign)
    reasons = NO_REASONS if terms.usable else Reason.INVALID
    if terms.archived:
        reasons |= Reason.ARCHIVED
    if not terms.enabled:
        reasons |= Reason.MANUAL
    if campaign.daily_spent_out:
        reasons |= Reason.CAMPAIGN_DAILY_BUDGET
    if campaign.total_spent_out:
        reasons |= Reason.CAMPAIGN_TOTAL_BUDGET
    if not campaign.openness.in_flight:
        reasons |= Reason.FLIGHT
    if not campaign.openness.in_window:
        reasons |= Reason.SCHEDULE
    return reasons


def _follow_reasons(state: PartitionState, brand: BrandState, campaign: CampaignState, cause: Cause) -> None:
    """Tell a pause now, or mark a resume as awaited; a change among reasons while paused tells nothing."""
    state.touch_campaign(brand, campaign)
    key = (brand.brand_id, campaign.campaign_id)
    if campaign.reasons:
        campaign.awaited = None
        state.awaiting.pop(key, None)
        if campaign.told is not Action.PAUSE:
            _tell(state, brand, campaign, Action.PAUSE, brand.clock, cause)
    elif campaign.told is not Action.RESUME:
        campaign.awaited = Awaited(brand.clock, cause)
        state.awaiting[key] = (brand, campaign)


def _tell(
    state: PartitionState,
    brand: BrandState,
    campaign: CampaignState,
    action: Action,
    decided_at: Moment,
    cause: Cause,
) -> None:
    campaign.sequence += 1
    campaign.told = action
    state.touch_campaign(brand, campaign)
    state.commands.append(build_command(brand, campaign, action, decided_at=decided_at, cause=cause))


def _plain_cause(kind: CauseKind, state: PartitionState, origin: Origin) -> Cause:
    return Cause(kind, origin.topic, state.partition, origin.offset)


def _spend_cause(state: PartitionState, spend: Spend, topic: str, offset: int) -> Cause:
    return Cause(CauseKind.SPEND, topic, state.partition, offset, spend.event_id, spend.amount_micros)


def would_refuse(spend: Spend, currency: str, arrival: Moment, future_tolerance_ms: int) -> Refusal | None:
    """What `decide_spend` will say of an event of a brand with that currency, for who is about to send it."""
    if spend.currency is not None and spend.currency != currency:
        return _wrong_currency(spend, currency)
    if spend.occurred_at is not None and spend.occurred_at > arrival + future_tolerance_ms:
        return _in_future(spend.occurred_at - arrival, future_tolerance_ms)
    return None


def _wrong_currency(spend: Spend, currency: str) -> Refusal:
    return Refusal(RefusalReason.CURRENCY_MISMATCH, f"currency: {spend.currency!r:.20} where the brand has {currency}")


def _in_future(ahead_ms: int, tolerance_ms: int) -> Refusal:
    return Refusal(
        RefusalReason.OCCURRED_IN_FUTURE,
        f"occurred_at: {ahead_ms / 1000:.3f} s after arrival, at most {tolerance_ms / 1000:g} s are taken",
    )
