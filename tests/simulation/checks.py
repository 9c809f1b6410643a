"""The invariants: held against the model after every step."""

from collections import Counter
from copy import deepcopy
from dataclasses import dataclass, field
from random import Random

from core.boundaries import Boundaries
from core.decide_time import Tick, decide_tick
from core.duplicates import DuplicateWindow
from core.emission import release_resumes
from core.moment import HOUR, MINUTE, Moment, parse_moment
from core.money import format_money
from core.reasons import reason_names
from core.records import Action, ControlCommand
from core.refusal import Refusal
from core.state import BrandState, CampaignState, Origin, PartitionState
from core.verdict import Verdict
from tests.simulation.engine import Engine
from tests.simulation.history import Mark, Record, Step
from tests.simulation.model import Model, ModelBrand

DAY = 24 * HOUR
QUARTER = 15 * MINUTE


@dataclass
class Checks:
    """Runs a history beside the model."""

    seed: int
    engine: Engine = field(default_factory=Engine)
    model: Model = field(default_factory=Model)
    #: What the simulation met, so that a test can see that it met enough.
    met: set[str] = field(default_factory=set)
    _clocks: dict[str, Moment] = field(default_factory=dict)
    _last: dict[str, ControlCommand] = field(default_factory=dict)
    _random: Random = field(init=False)

    def __post_init__(self) -> None:
        self._random = Random(self.seed)

    def run(self, steps: list[Step]) -> None:
        for number, step in enumerate(steps):
            try:
                self._take(step)
            except AssertionError as error:
                raise AssertionError(f"seed {self.seed}, step {number}, {step}: {error}") from error

    def _take(self, step: Step) -> None:
        verdict, commands = self.engine.take(step)
        brands = list(self.model.brands)
        if isinstance(step, Record):
            wanted = self.model.apply(step, self._clocks.get(step.brand_id, 0))
            assert _name(verdict) == wanted, (_name(verdict), wanted)
            self.met.add(f"{step.topic} {wanted}")
            brands = [step.brand_id] if step.brand_id in self.model.brands else list(self.model.brands)
        for brand_id in brands:
            self._check_brand(brand_id)
            takes_time = isinstance(step, Record) and (step.topic, wanted) != ("spend-snapshots", "APPLIED")
            if takes_time and verdict in (Verdict.COUNTED, Verdict.APPLIED):
                assert self._clock(brand_id) >= step.arrival or self.model.brands[brand_id].document is None
        for command in commands:
            self._check_command(command, step)
        if step is Mark.RELEASE:
            assert not self.engine.state.pending_resumes
        pending = [campaign.pending_resume for _, campaign in self.engine.state.pending_resumes.values()]
        assert self.engine.state.pending_moments == Counter(it.decided_at for it in pending if it is not None)

    def _clock(self, brand_id: str) -> Moment:
        return max(self.engine.state.brands[brand_id].clock, self.engine.state.clock)

    def _check_brand(self, brand_id: str) -> None:
        held, brand = self.model.brands[brand_id], self.engine.state.brands[brand_id]
        if held.document is None:
            assert brand.config is None
            return
        clock = self._clock(brand_id)
        assert clock >= self._clocks.get(brand_id, 0), "time ran backwards"
        assert self.engine.state.clock == self.model.clock
        self._clocks[brand_id] = clock
        held.settle(clock)
        totals = held.totals(clock)
        assert brand.day and brand.month
        assert (brand.day.date, brand.daily_micros, brand.monthly_micros) == (totals.day, totals.daily, totals.monthly)
        assert brand.month.first == totals.day.replace(day=1)
        for campaign in brand.campaigns.values():
            self._check_campaign(held, brand, campaign, clock)

    def _check_campaign(self, held: ModelBrand, brand: BrandState, campaign: CampaignState, clock: Moment) -> None:
        campaign_id = campaign.campaign_id
        assert campaign.daily_micros == held.totals(clock).campaigns_daily.get(campaign_id, 0), campaign_id
        assert campaign.total_micros == held.totals(clock).campaigns_ever.get(campaign_id, 0), campaign_id
        awaiting = self.engine.state.pending_resumes.get((brand.brand_id, campaign_id))
        assert (awaiting is not None) is (campaign.pending_resume is not None)
        if campaign_id not in held.campaigns:
            assert campaign.sequence == 0
            return
        reasons = held.reasons(campaign_id, clock)
        assert list(reason_names(campaign.reasons)) == reasons, campaign_id
        self.met.update(reasons)
        if reasons:
            assert campaign.last_action is Action.PAUSE
            assert not campaign.pending_resume
        else:
            assert (campaign.last_action is Action.RESUME) is not bool(campaign.pending_resume)

    def _check_command(self, command: ControlCommand, step: Step) -> None:
        last = self._last.get(command.campaign_id)
        self._last[command.campaign_id] = command
        assert command.sequence == (last.sequence + 1 if last else 1)
        assert last is None or last.action is not command.action
        assert command.command_id == f"{command.campaign_id}:1:{command.sequence}"
        held, brand = self.model.brands[command.brand_id], self.engine.state.brands[command.brand_id]
        clock, decided_at = self._clock(command.brand_id), parse_moment(command.decided_at)
        totals = held.totals(clock)
        assert command.brand.day == totals.day.isoformat()
        assert command.brand.daily_spent == format_money(totals.daily)
        assert command.brand.monthly_spent == format_money(totals.monthly)
        assert command.campaign.daily_spent == format_money(totals.campaigns_daily.get(command.campaign_id, 0))
        assert command.campaign.total_spent == format_money(totals.campaigns_ever.get(command.campaign_id, 0))
        assert command.reasons == held.reasons(command.campaign_id, clock)
        assert bool(command.reasons) is (command.action is Action.PAUSE)
        if command.action is Action.PAUSE:
            assert isinstance(step, Record)
            topic = (
                "spend-events" if step.topic == "spend-snapshots" else step.topic
            )  # the spend that it was turned into
            assert (command.cause.topic, command.cause.offset) == (topic, step.offset)
            assert decided_at == clock
        if decided_at == clock and (brand.future_spend or self._random.random() < 0.4):
            self._check_forecast(command, brand, decided_at)

    def _check_forecast(self, command: ControlCommand, brand: BrandState, decided_at: Moment) -> None:
        """Let nothing but time pass: the campaign changes exactly when the command says, not a millisecond before."""
        pause = command.action is Action.PAUSE
        if not pause and (brand.future_spend or brand.campaigns[command.campaign_id].future_spend):
            return  # the budget of a day to come may be used up already, which `pauses_at` does not tell
        text = command.resumes_at if pause else command.pauses_at
        self.met.add(f"{command.action} {'for ever' if text is None else 'until'}")
        future = Future(self.engine.state, brand, command.campaign_id)
        if text is None:
            for days in (0.1, 0.5, 1, 1.5, 3, 8, 32, 63):
                assert future.is_paused(decided_at + int(days * DAY)) is pause, "changed by time alone"
            return
        changes_at = parse_moment(text)
        assert changes_at > decided_at
        for moment in sorted({*self._moments(decided_at, changes_at), changes_at - 1}):
            assert future.is_paused(moment) is pause, f"changed before {text}"
        assert future.is_paused(changes_at) is not pause, f"did not change at {text}"

    def _moments(self, since: Moment, until: Moment) -> list[Moment]:
        """Some of the quarters of an hour between the two."""
        quarters = range(since // QUARTER + 1, (until - 1) // QUARTER + 1)
        return [quarter * QUARTER for quarter in self._random.sample(quarters, min(len(quarters), 24))]


class Future:
    """A copy of one brand to which nothing comes but ticks."""

    def __init__(self, state: PartitionState, brand: BrandState, campaign_id: str) -> None:
        copied = deepcopy(brand)
        self.campaign = copied.campaigns[campaign_id]
        self.state = PartitionState(
            state.partition,
            DuplicateWindow(1),
            clock=state.clock,
            boundaries=Boundaries([(copied.next_boundary_at, brand.brand_id)]),
        )
        self.state.take_brand(copied)

    def is_paused(self, moment: Moment) -> bool:
        decide_tick(self.state, Tick(moment), Origin("dayparting-ticks", 0, moment))
        release_resumes(self.state, self.state.pending_resumes.values())
        return self.campaign.last_action is Action.PAUSE


def _name(verdict: Verdict | Refusal | None) -> str | None:
    if isinstance(verdict, Refusal):
        return verdict.reason.name
    return verdict.name if verdict else None
