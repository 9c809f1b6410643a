"""Decides on catalog documents: a newer document takes effect, and campaigns pause or resume by it.

The rules are those of docs/contract.md, "catalog". What a decision does with the state is said in core.decide.
"""

from msgspec.structs import replace

from core.acceptance import replaces
from core.alerts import resolve_unknown_campaign
from core.budget import fix_allowance, pacing_budget, roll
from core.catalog import BrandConfig, read_brand_config, read_campaign_config
from core.evaluation import advance, evaluate_brand, evaluate_campaigns
from core.moment import Moment
from core.records import CauseKind
from core.refresh import refresh_schedules, refresh_silence
from core.refusal import Refusal, RefusalReason
from core.state import BrandState, CampaignState, Cause, Origin, PartitionState
from core.verdict import Verdict

__all__ = ["decide_brand", "decide_campaign", "leaves_pending_resumes"]


def leaves_pending_resumes(state: PartitionState, brand_id: str, campaign_id: str, arrival: Moment) -> bool:
    """Whether a document that arrived at `arrival` changes nothing that a pending resume is decided on.

    It may then be decided before that resume is emitted. `campaign_id` is empty for a brand's document.
    """
    brand = state.brands.get(brand_id)
    if brand is None:
        return True
    if campaign_id and max(arrival, state.clock) < brand.next_boundary_at:
        return (brand_id, campaign_id) not in state.pending_resumes
    # The document, or a day or window that begins with its arrival, concerns all campaigns of the brand.
    return not any(campaign.pending_resume for campaign in brand.campaigns.values())


def decide_brand(state: PartitionState, brand_id: str, value: bytes, origin: Origin) -> Verdict | Refusal:
    """Put a brand's document in force. One that cannot be used is refused and changes nothing.

    `value` is the document's JSON. Returns APPLIED, STALE for a version not above the one held, or a refusal: the
    document is malformed, or it changes the currency of a brand that has spend.
    """
    config = read_brand_config(brand_id, value)
    if isinstance(config, Refusal):
        return config
    brand = state.brand(brand_id)
    held = brand.config
    if held is not None and not replaces(held, config, brand.has_spend):
        if config.version <= held.version:
            return Verdict.STALE
        return Refusal(
            RefusalReason.CURRENCY_MISMATCH,
            f"brand {brand_id} has spend in {held.currency}; its currency cannot become {config.currency}",
        )
    state.new_documents[brand_id] = value
    _put_in_force(state, brand, config, origin.arrival)
    evaluate_brand(state, brand, _cause(state, origin))
    return Verdict.APPLIED


def decide_campaign(state: PartitionState, brand_id: str, campaign_id: str, value: bytes, origin: Origin) -> Verdict:
    """Put a campaign's document in force; before its brand's it is kept and takes effect with it.

    `value` is the document's JSON. One that cannot be used takes effect too, with the reason `invalid`. Returns
    APPLIED, or STALE for a version not above the one held.
    """
    config = read_campaign_config(brand_id, campaign_id, value)
    brand = state.brand(brand_id)
    campaign = brand.campaign(campaign_id)
    held = campaign.config
    if held is not None:
        if not config.usable and config.version == 0:
            config = replace(config, version=held.version)
            value = b'{"version":%d}' % held.version  # just as unusable, and a restore finds the version in it
        elif config.version <= held.version:
            return Verdict.STALE
    state.new_documents[f"{brand_id}/{campaign_id}"] = value
    campaign.config = config
    if brand.config is not None:
        _evaluate_changed(state, brand, campaign, origin)
    return Verdict.APPLIED


def _put_in_force(state: PartitionState, brand: BrandState, config: BrandConfig, arrival: Moment) -> None:
    held = brand.config
    brand.config = config
    brand.clock = max(brand.clock, state.clock, arrival)
    roll(brand, brand.clock)
    assert brand.day
    today = brand.day.date
    if held is not None and pacing_budget(held, today) != pacing_budget(config, today):
        fix_allowance(brand)
    refresh_schedules(state, brand, brand.campaigns.values())
    refresh_silence(state, brand)
    state.touch_brand(brand)


def _evaluate_changed(state: PartitionState, brand: BrandState, campaign: CampaignState, origin: Origin) -> None:
    cause = _cause(state, origin)
    time_changed_it = advance(state, brand, origin.arrival)
    refresh_schedules(state, brand, [campaign])
    resolve_unknown_campaign(state, brand, campaign, cause)
    state.touch_campaign(brand, campaign)
    if time_changed_it:
        evaluate_brand(state, brand, cause)
    else:
        evaluate_campaigns(state, brand, [campaign], cause)


def _cause(state: PartitionState, origin: Origin) -> Cause:
    return Cause(CauseKind.CATALOG, origin.topic, state.partition, origin.offset)
