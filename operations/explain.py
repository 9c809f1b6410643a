"""Explains why a campaign is paused, and what would make it run again. Pure: from a command, or from the controller's
state of a brand."""

import dataclasses
from collections.abc import Callable
from typing import Final

from core.command import build_command
from core.dayparting import flight_is_over
from core.money import LIMIT_MICROS, format_money, parse_total
from core.records import Action, CauseKind, CauseRecord, ControlCommand
from core.state import CampaignState, Cause
from operations.catalog_views import Json
from operations.reason_words import reason_words
from streams.live_state import HeldBrand

__all__ = ["Explanation", "ReasonDetail", "explain", "explain_held"]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class ReasonDetail:
    """One reason. Money is decimal text; `spent` and `budget` only where the reason is a budget."""

    reason: str
    words: str
    spent: str | None = None
    budget: str | None = None
    #: The day or month that the budget is for, in the brand's time zone; None for a total.
    period: str | None = None
    #: A sentence on what would end this reason.
    remedy: str


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """The reasons for which a campaign is paused as of a moment; none for one that runs."""

    campaign_id: str
    brand_id: str
    state: str
    as_of: str
    currency: str
    time_zone: str
    because: list[ReasonDetail]
    #: The record that caused the decision; None where it is not known.
    cause: CauseRecord | None
    cause_words: str | None
    #: The moment at which time alone ends all reasons, or None.
    resumes_at: str | None
    #: The explanation as sentences, the answer first.
    sentences: list[str]

    def to_json(self) -> dict[str, Json]:
        cause = self.cause
        sentences = None if cause is None else {name: getattr(cause, name) for name in cause.__struct_fields__}
        return {
            "campaign_id": self.campaign_id,
            "brand_id": self.brand_id,
            "state": self.state,
            "as_of": self.as_of,
            "currency": self.currency,
            "time_zone": self.time_zone,
            "because": [dataclasses.asdict(one) for one in self.because],
            "cause": sentences,
            "cause_words": self.cause_words,
            "resumes_at": self.resumes_at,
            "sentences": self.sentences,
        }


def explain_held(held: HeldBrand, campaign: CampaignState, last: ControlCommand | None) -> Explanation:
    """Explain the state as of now. `last` is the campaign's last command in the journal, which has the cause of the
    pause; it is ignored when the controller has published a later one."""
    assert held.state.config
    action = Action.PAUSE if campaign.reasons else Action.RESUME
    now = build_command(held.state, campaign, action, decided_at=held.clock, cause=_NO_CAUSE)
    is_in_force = last is not None and (last.epoch, last.sequence) == (now.epoch, now.sequence)
    is_over = flight_is_over(campaign.config.schedule, held.state.config.zones, held.clock) if campaign.config else None
    return explain(now, last.cause if last and is_in_force else None, is_over)


_NO_CAUSE: Final = Cause(CauseKind.DAYPARTING_TICK, "", 0, 0)


def explain(command: ControlCommand, cause: CauseRecord | None, is_over: bool | None = None) -> Explanation:
    """Explain a command. `cause` is the record that caused it, None where it is not known; `is_over` says whether a
    flight is over or has not begun."""
    because = [_reason_detail(reason, command, is_over) for reason in command.reasons]
    words = None if cause is None else _cause_words(cause, command.currency)
    return Explanation(
        campaign_id=command.campaign_id,
        brand_id=command.brand_id,
        state="paused" if because else "running",
        as_of=command.decided_at,
        currency=command.currency,
        time_zone=command.time_zone,
        because=because,
        cause=cause,
        cause_words=words,
        resumes_at=command.resumes_at,
        sentences=_sentences(command, because, words),
    )


def _sentences(command: ControlCommand, because: list[ReasonDetail], cause_words: str | None) -> list[str]:
    if not because:
        then = f" Time alone will pause it at {command.pauses_at}." if command.pauses_at else ""
        return [f"Campaign {command.campaign_id} may run: nothing holds it.{then}"]
    first = f"Campaign {command.campaign_id} is paused, as of {command.decided_at}, for {_counted(len(because))}."
    sentences = [_reason_sentence(one, command) for one in because]
    cause = [] if cause_words is None else [f"It was paused by {cause_words}."]
    return [
        first,
        *sentences,
        *cause,
        _time_words(command),
        *(f"To end {one.reason}: {one.remedy}." for one in because),
    ]


def _counted(reasons: int) -> str:
    return "one reason" if reasons == 1 else f"{reasons} reasons, all of which must end"


def _reason_sentence(one: ReasonDetail, command: ControlCommand) -> str:
    words = f"{one.words[0].upper()}{one.words[1:]}"
    if one.spent is None:
        return f"{words}."
    when = (
        "" if one.period is None else f" on {one.period}" if len(one.period) > len("2025-09") else f" in {one.period}"
    )
    zone = "" if one.period is None else f", counted in {command.time_zone}"
    return f"{words}: {one.spent} of {one.budget} {command.currency} spent{when}{zone}."


def _time_words(command: ControlCommand) -> str:
    if command.resumes_at:
        return f"Time alone lets it run again at {command.resumes_at}, if nothing else changes."
    return "Time alone does not let it run again."


def _cause_words(cause: CauseRecord, currency: str) -> str:
    position = f"{cause.topic}, partition {cause.partition}, offset {cause.offset}"
    if cause.event_id is None:
        return f"{_KINDS[cause.kind]} ({position})"
    return f"{_KINDS[cause.kind]} {cause.event_id} of {cause.amount} {currency} ({position})"


_KINDS: Final = {
    CauseKind.SPEND: "the spend",
    CauseKind.CORRECTION: "the correction",
    CauseKind.CATALOG: "an edit of the catalog",
    CauseKind.DAYPARTING_TICK: "a tick of the clock",
    CauseKind.BUDGET_RESET: "the begin of a day or month",
}


def _reason_detail(reason: str, command: ControlCommand, is_over: bool | None) -> ReasonDetail:
    words = reason_words(reason, is_over)
    budget = _BUDGETS.get(reason)
    if budget is None:
        remedy = _REMEDIES.get(reason, "see the release notes of this version")
        if reason == "flight" and is_over:
            remedy = _OVER_REMEDY
        return ReasonDetail(reason=reason, words=words, remedy=remedy.format(command=command))
    what, spent, limit, period = budget(command)
    wait = "" if period is None else f", or wait for the next {'day' if reason != 'monthly_budget' else 'month'}"
    remedy = _REMEDIES[reason].format(command=command) if reason in _REMEDIES else _raise(what, spent, limit, wait)
    return ReasonDetail(reason=reason, words=words, spent=spent, budget=limit, period=period, remedy=remedy)


def _raise(what: str, spent: str, limit: str | None, wait: str) -> str:
    """A sentence on the budget that would end the reason: above what is spent, and above zero also after refunds. Where
    no budget can be that large, there is only to clear it."""
    if limit == "0.00":
        wait = ""
    micros = parse_total(spent)
    if isinstance(micros, int) and micros >= LIMIT_MICROS:
        return f"clear {what}, since none can be above {spent}{wait}"
    above = format_money(max(micros, 0)) if isinstance(micros, int) else spent
    return f"raise {what} above {above} or clear it{wait}"


_Budget = Callable[[ControlCommand], tuple[str, str, str | None, str | None]]

#: Name of the budget, spend, budget, and period.
_BUDGETS: Final[dict[str, _Budget]] = {
    "daily_budget": lambda it: (
        f"the daily budget of brand {it.brand_id}",
        it.brand.daily_spent,
        it.brand.daily_budget,
        it.brand.day,
    ),
    "monthly_budget": lambda it: (
        f"the monthly budget of brand {it.brand_id}",
        it.brand.monthly_spent,
        it.brand.monthly_budget,
        it.brand.month,
    ),
    "pacing": lambda it: (
        f"the allowance of brand {it.brand_id}",
        it.brand.daily_spent,
        it.brand.daily_allowance,
        it.brand.day,
    ),
    "campaign_daily_budget": lambda it: (
        "the campaign's daily budget",
        it.campaign.daily_spent,
        it.campaign.daily_budget,
        it.brand.day,
    ),
    "campaign_total_budget": lambda it: (
        "the campaign's total budget",
        it.campaign.total_spent,
        it.campaign.total_budget,
        None,
    ),
}

_OVER_REMEDY: Final = "give it a flight that holds today"
_REMEDIES: Final = {
    "archived": "take it out again with `spendgate campaign unarchive {command.campaign_id}`, or its brand with "
    "`spendgate brand unarchive {command.brand_id}`, whichever was put away",
    "flight": "wait for its first day, or give it a flight that holds today",
    "invalid": "mend its catalog document: write the campaign anew with `spendgate campaign set {command.campaign_id}`",
    "manual": "an operator resumes it with `spendgate campaign resume {command.campaign_id}`, or its brand with "
    "`spendgate brand resume {command.brand_id}`, whichever was paused",
    "pacing": "wait for the next day, which has an allowance of its own, raise the monthly budget of brand "
    "{command.brand_id}, or spend it without pacing: `spendgate brand set {command.brand_id} --pacing none`",
    "schedule": "wait for its next window, or change its windows",
}
