"""Emits commands: a pause at once, a resume when all spend that came before its cause is counted.

Only core.evaluation decides that a campaign pauses or resumes. A resume first becomes the campaign's `pending_resume`;
the caller of the core calls `release_resumes` for it when the spend topic is applied as far as it reached when the
cause was read (docs/contract.md, "Order of decisions").
"""

from collections.abc import Iterable

from core.alerts import resolve_spend_while_paused
from core.command import build_command
from core.guard import Undecidable, attempt
from core.moment import NEVER, Moment
from core.records import Action
from core.state import BrandState, CampaignState, Cause, PartitionState, Pause, PendingResume

__all__ = ["pause_or_resume", "release_resume", "release_resumes"]


def pause_or_resume(state: PartitionState, brand: BrandState, campaign: CampaignState, cause: Cause) -> None:
    """Emit a pause, or note a pending resume, when the campaign's reasons ask for another action than its last one.

    A change among the reasons of a paused campaign emits nothing.
    """
    state.touch_campaign(brand, campaign)
    if campaign.reasons:
        state.drop_resume(brand, campaign)
        if campaign.last_action is not Action.PAUSE:
            _emit(state, brand, campaign, Action.PAUSE, brand.clock, cause)
    elif campaign.last_action is not Action.RESUME:
        state.await_resume(brand, campaign, PendingResume(brand.clock, cause))


def release_resumes(
    state: PartitionState, campaigns: Iterable[tuple[BrandState, CampaignState]]
) -> list[tuple[Cause, Undecidable]]:
    """Emit the pending resumes of these campaigns; a campaign that was paused again meanwhile has none.

    Returns the failures of guarded brands with the resume's cause. Such a resume is dropped; the next decision on the
    brand notes it again. Raises StateInDoubt when another brand could not be decided (core.guard).
    """
    # Sorted so that every run repeats the order: after a restart they come in the order of the state topic.
    in_order = sorted(campaigns, key=lambda it: (it[0].brand_id, it[1].campaign_id))
    released = [release_resume(state, brand, campaign) for brand, campaign in in_order]
    return [failure for failure in released if failure is not None]


def release_resume(
    state: PartitionState, brand: BrandState, campaign: CampaignState
) -> tuple[Cause, Undecidable] | None:
    """`release_resumes` of one campaign."""
    pending = campaign.pending_resume
    if pending is None:
        return None
    try:
        attempt(state, brand.brand_id, _release, state, brand, campaign, pending)
    except Undecidable as failure:
        state.drop_resume(brand, campaign)
        state.touch_campaign(brand, campaign)
        return pending.cause, failure
    return None


def _release(state: PartitionState, brand: BrandState, campaign: CampaignState, pending: PendingResume) -> None:
    state.drop_resume(brand, campaign)
    _emit(state, brand, campaign, Action.RESUME, pending.decided_at, pending.cause)


def _emit(
    state: PartitionState,
    brand: BrandState,
    campaign: CampaignState,
    action: Action,
    decided_at: Moment,
    cause: Cause,
) -> None:
    if action is Action.RESUME:
        resolve_spend_while_paused(state, brand, campaign, decided_at, cause)
        campaign.running_since = decided_at
        _await_silence(state, brand, decided_at)
    campaign.sequence += 1
    campaign.last_action = action
    state.touch_campaign(brand, campaign)
    state.commands.append(build_command(brand, campaign, action, decided_at=decided_at, cause=cause))
    campaign.pause = Pause(decided_at) if action is Action.PAUSE else None


def _await_silence(state: PartitionState, brand: BrandState, resumed_at: Moment) -> None:
    """Where no campaign could run so far, nobody asks yet whether the brand is silent."""
    assert brand.config
    after = brand.config.silent_after_ms
    if after is not None and brand.silence_check_at == NEVER and not brand.spend_ends_silence:
        state.add_silence_check(brand, resumed_at + after)
