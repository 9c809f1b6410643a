"""Defects of the core, injected: a function that raises for one brand, before or after it did its work."""

import sys
from dataclasses import dataclass, field
from random import Random
from typing import Any

import pytest

from core import (
    alerts,
    budget,
    command,
    decide,
    decide_catalog,
    decide_time,
    emission,
    evaluation,
    forecast,
    refresh,
    state_restore,
)
from core.duplicates import DuplicateWindow
from core.guard import StateInDoubt, Undecidable, attempt
from core.state import BrandState, PartitionState
from core.state_restore import restore
from tests.simulation.engine import Engine, apply, new_state, picture_of, take_derived_spend, take_messages
from tests.simulation.history import Mark, Record, Step

#: Every place at which a decision calls something that a defect may be in: the module, or class, and the name there.
CALL_SITES: list[tuple[Any, str]] = [
    (decide, "id_hash"),
    (decide, "advance"),
    (decide, "book"),
    (decide, "book_on"),
    (decide, "evaluate_brand"),
    (decide, "evaluate_spend"),
    (decide, "end_silence"),
    (decide, "note_spend_while_paused"),
    (decide, "note_spend_of_unknown_campaign"),
    (decide, "_spend_cause"),
    (decide, "_correction_cause"),
    (decide_catalog, "read_brand_config"),
    (decide_catalog, "read_campaign_config"),
    (decide_catalog, "replace"),
    (decide_catalog, "roll"),
    (decide_catalog, "advance"),
    (decide_catalog, "refresh_schedules"),
    (decide_catalog, "evaluate_brand"),
    (decide_catalog, "evaluate_campaigns"),
    (decide_catalog, "refresh_silence"),
    (decide_catalog, "resolve_unknown_campaign"),
    (decide_catalog, "_put_in_force"),
    (decide_catalog, "_evaluate_changed"),
    (decide_catalog, "_cause"),
    (decide_time, "span_at"),
    (decide_time, "advance"),
    (decide_time, "evaluate_brand"),
    (decide_time, "_apply_time"),
    (decide_time, "raise_silence"),
    (evaluation, "roll"),
    (evaluation, "refresh_schedules"),
    (evaluation, "refresh_brand_budgets"),
    (evaluation, "refresh_campaign_budgets"),
    (evaluation, "evaluate_campaigns"),
    (evaluation, "_brand_reasons"),
    (evaluation, "_campaign_reasons"),
    (evaluation, "pause_or_resume"),
    (evaluation, "evaluate_brand_thresholds"),
    (evaluation, "evaluate_campaign_thresholds"),
    (emission, "_emit"),
    (emission, "build_command"),
    (emission, "resolve_spend_while_paused"),
    (alerts, "_emit"),
    (alerts, "BudgetAlert"),
    (budget, "open_period"),
    (budget, "budget_day"),
    (budget, "month_of"),
    (budget, "_book_future_spend"),
    (budget, "_take_future_spend"),
    (command, "resumes_at"),
    (command, "pauses_at"),
    (command, "format_moment"),
    (command, "format_money"),
    (command, "ControlCommand"),
    (refresh, "limit_of"),
    (refresh, "openness"),
    (refresh, "next_boundary"),
    (refresh, "refresh_campaign_budgets"),
    (forecast, "next_open"),
    (forecast, "next_close"),
    (state_restore, "derive"),
    (DuplicateWindow, "add"),
    (PartitionState, "await_resume"),
    (PartitionState, "drop_resume"),
    (PartitionState, "touch_brand"),
    (PartitionState, "touch_campaign"),
    (PartitionState, "add_boundary"),
    (PartitionState, "add_silence_check"),
    (PartitionState, "hold_thresholds"),
    (PartitionState, "hold_cost"),
]


_ATTEMPT = attempt.__code__
_DERIVE_ALL = state_restore._derive_all.__code__


class Defect(Exception):
    """What an injected defect raises."""


def inject(patch: pytest.MonkeyPatch, owner: Any, name: str, brand_id: str, random: Random, often: float) -> list[str]:
    """Have `owner.name` raise in so many of its calls that are about the brand; tells of each that did."""
    works = getattr(owner, name)
    raised: list[str] = []

    def fails(*args: Any, **kwargs: Any) -> Any:
        if random.random() >= often or _brand_on_the_stack() != brand_id:
            return works(*args, **kwargs)
        if random.random() < 0.5:
            works(*args, **kwargs)
        raised.append(name)
        raise Defect(name)

    patch.setattr(owner, name, fails)
    return raised


def _brand_on_the_stack() -> str | None:
    """The brand about which a decision or a restore is being made. Nothing in its way tells it to every function."""
    frame = sys._getframe(2)
    while frame.f_back:
        if frame.f_code is _ATTEMPT:
            return str(frame.f_locals["brand_id"])
        if frame.f_code is _DERIVE_ALL:
            brand = frame.f_locals.get("brand")
            return brand.brand_id if isinstance(brand, BrandState) else None
        frame = frame.f_back
    return None


@dataclass
class DefectiveEngine(Engine):
    """Takes steps as the worker does: what is in doubt is restored, what is undecidable is passed."""

    undecidable: int = 0
    restores: int = 0
    processes: int = 1
    _since_flush: list[Step] = field(default_factory=list)

    def run(self, steps: list[Step]) -> list[bytes]:
        for step in steps:
            if step is Mark.FLUSH:
                self._flush()
                self._since_flush.clear()
            elif step is Mark.KILL:
                self.processes += 1
                self._restore(set())
            else:
                self._since_flush.append(step)
                self._take_or_restore([step])
        return self.commands

    def _take_or_restore(self, steps: list[Step]) -> None:
        try:
            for step in steps:
                self._decide(step)
        except StateInDoubt as doubt:
            self.restores += 1
            self._restore({*self.state.guarded, doubt.brand_id})

    def _restore(self, guarded: set[str]) -> None:
        """Forget all since the last flush, its commands too, and decide it again."""
        self.state = new_state()
        self.state.guarded = guarded
        restore(self.state, [(key.decode(), value) for key, value in self.stored.items()])
        del self.commands[self._flushed :]
        self._take_or_restore(self._since_flush)

    def _decide(self, step: Step) -> None:
        failures: list[Undecidable] = []
        before = everything(self.state) if isinstance(step, Record) and step.brand_id in self.state.guarded else None
        try:
            apply(self.state, step, failures)
        except Undecidable as failure:
            failures.append(failure)
            assert everything(self.state) == before, "an undecidable record left something behind"
        self.undecidable += len(failures)
        self.commands += take_messages(self.state)
        for spend in take_derived_spend(self.state, step):
            self._decide(spend)


def everything(state: PartitionState) -> tuple[object, ...]:
    """The whole state as values, also what waits for the next flush."""
    dirty = [(it.brand_id, it.dirty) for it in state.brands.values()]
    dirty_campaigns = [(it.campaign_id, it.dirty) for brand in state.brands.values() for it in brand.campaigns.values()]
    listed = [brand.brand_id for brand in state.dirty_brands], [it.campaign_id for _, it in state.dirty_campaigns]
    fresh = state.duplicates.mark()
    documents = dict(state.new_documents)
    return (
        picture_of(state),
        dirty,
        dirty_campaigns,
        listed,
        fresh,
        documents,
        sorted(state.boundaries),
        sorted(state.silence_checks),
        dict(state.changed_thresholds),
        state.commands[:],
        state.alerts[:],
    )
