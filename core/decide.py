"""Decides on money: a spend event or a correction changes totals, and campaigns pause that exhaust a budget.

Pure: no I/O and no clock. The time of a decision is the record's own arrival. A decision changes the given state in
place: totals and campaign states, `commands` for new pauses, `pending_resumes` for resumes (core.emission), and the
lists of what changed, which the next flush writes (core.state_changes). It is not atomic: after an exception the state
may be half changed (core.guard).

core.decide_catalog decides on documents, core.decide_time on ticks and resets, core.decide_snapshot on snapshots.
"""

from core.acceptance import refusal_of
from core.alerts import end_silence, note_spend_of_unknown_campaign, note_spend_while_paused
from core.budget import book, book_on, book_opening_balance
from core.correction import Correction
from core.duplicates import id_hash
from core.evaluation import advance, evaluate_brand, evaluate_spend
from core.moment import Moment
from core.records import CauseKind
from core.refusal import Refusal
from core.spend import Spend
from core.state import Cause, Origin, PartitionState
from core.verdict import Verdict

__all__ = ["decide_correction", "decide_spend"]


def decide_spend(state: PartitionState, spend: Spend, topic: str, offset: int, arrival: Moment) -> Verdict | Refusal:
    """Count one spend event, and pause the campaigns whose budgets it exhausts (docs/contract.md, "spend-events").

    Returns COUNTED, COUNTED_FOR_UNKNOWN_CAMPAIGN, one of the two DUPLICATE verdicts or UNKNOWN_BRAND, or why the event
    is refused. Only a counted event changes the state. `topic` and `offset` are the event's, for the command's cause.

    Called for every event: what it needs from the brand and the campaign is read inline and not by calls.
    """
    brand = state.brands.get(spend.brand_id)
    if brand is None or brand.config is None:
        return Verdict.UNKNOWN_BRAND
    refusal = refusal_of(spend, brand.config.currency, arrival, state.tolerance)
    if refusal is not None:
        return refusal
    occurred_at = arrival if spend.occurred_at is None else spend.occurred_at
    amount = spend.amount_micros
    hashed = id_hash(spend.brand_id, spend.event_id)
    counted_before = state.duplicates.seen.get(hashed)
    if counted_before is not None:
        return Verdict.DUPLICATE if counted_before == amount else Verdict.DUPLICATE_OF_OTHER_AMOUNT
    state.duplicates.add(hashed, amount)

    campaign = brand.campaigns.get(spend.campaign_id) or brand.campaign(spend.campaign_id)
    time_changed_it = advance(state, brand, arrival)
    book(brand, campaign, amount, occurred_at)
    pause = campaign.pause
    if pause is not None and occurred_at > pause.decided_at:
        pause.micros += amount
        pause.events += 1
        last = pause.last_occurred_at
        if last is None or occurred_at > last:
            pause.last_occurred_at = occurred_at
        if amount > 0 and pause.alert_id is None and occurred_at > pause.decided_at + state.reaction_ms:
            note_spend_while_paused(state, brand, campaign, occurred_at, _spend_cause(state, spend, topic, offset))
    brand.has_spend = True
    brand.last_spend_at = brand.clock
    if brand.spend_ends_silence:
        end_silence(state, brand, _spend_cause(state, spend, topic, offset))
    if not brand.dirty:
        state.touch_brand(brand)
    if not campaign.dirty:
        state.touch_campaign(brand, campaign)
    if (
        time_changed_it
        or not brand.daily_low <= brand.daily_micros < brand.daily_high
        or not brand.monthly_low <= brand.monthly_micros < brand.monthly_high
        or not campaign.daily_low <= campaign.daily_micros < campaign.daily_high
        or not campaign.total_low <= campaign.total_micros < campaign.total_high
    ):
        evaluate_spend(state, brand, campaign, time_changed_it, _spend_cause(state, spend, topic, offset))
    if campaign.config:
        return Verdict.COUNTED
    note_spend_of_unknown_campaign(state, brand, campaign, _spend_cause(state, spend, topic, offset))
    return Verdict.COUNTED_FOR_UNKNOWN_CAMPAIGN


def decide_correction(state: PartitionState, correction: Correction, origin: Origin) -> Verdict:
    """Add a correction to the totals of the date that it names, once (docs/contract.md, "spend-corrections").

    Returns COUNTED, DUPLICATE when its `correction_id` was counted before, or UNKNOWN_BRAND.
    """
    brand = state.brands.get(correction.brand_id)
    if brand is None or brand.config is None:
        return Verdict.UNKNOWN_BRAND
    # The blank, which no brand_id has, keeps the ids of corrections apart from those of spend events.
    hashed = id_hash(f"correction {correction.brand_id}", correction.correction_id)
    if hashed in state.duplicates.seen:
        return Verdict.DUPLICATE
    state.duplicates.add(hashed, correction.amount_micros)
    campaign = brand.campaign(correction.campaign_id)
    advance(state, brand, origin.arrival)
    book_on(brand, campaign, correction.amount_micros, correction.booked_on)
    if correction.opening:
        book_opening_balance(brand, correction.amount_micros, correction.booked_on)
    brand.has_spend = True
    state.touch_campaign(brand, campaign)
    evaluate_brand(state, brand, _correction_cause(state, correction, origin))
    return Verdict.COUNTED


def _spend_cause(state: PartitionState, spend: Spend, topic: str, offset: int) -> Cause:
    return Cause(CauseKind.SPEND, topic, state.partition, offset, spend.event_id, spend.amount_micros)


def _correction_cause(state: PartitionState, correction: Correction, origin: Origin) -> Cause:
    ids = correction.correction_id, correction.amount_micros
    return Cause(CauseKind.CORRECTION, origin.topic, state.partition, origin.offset, *ids)
