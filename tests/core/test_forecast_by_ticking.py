"""`resumes_at` is the moment at which ticks alone resume the campaign, whatever budgets, overrides and pacing say."""

from datetime import date, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from core.decide_time import Tick, decide_tick
from core.emission import release_resumes
from core.forecast import resumes_at
from core.moment import HOUR, format_moment
from core.records import Action
from core.state import Origin
from tests.core.scenario import Scenario
from tests.lengths import length

#: The ticks go on for so long; later resumes are only known to be later.
HORIZON = 75 * 24 * HOUR
STARTS_ON = date(2025, 10, 20)  # clocks change on 2025-11-02, months end on the 31st and the 30th

zones = st.sampled_from(
    [
        "UTC",
        "America/New_York",
        "America/Havana",
        "Asia/Karachi",
        "Asia/Karachi,America/Los_Angeles@2025-10-27T10:00",
        "America/Los_Angeles,Asia/Karachi@2025-10-31T20:00",
    ]
)
budgets = st.sampled_from(["none", "none", "none", "0", "1", "5", "20", "1000"])
paced_budgets = st.sampled_from(["0.00003", "20", "100", "200", "1000"])
windows = st.sampled_from(["", "", "daily 09:00-17:00", "mon 22:00-03:00", "sat,sun 00:00-24:00;wed 10:00-11:00"])
flights = st.sampled_from(["none", "none", "2025-10-25", "2025-11-02", "2025-12-02"])
amounts = st.sampled_from(["0.00001", "1", "5", "19", "95", "-3"])


@st.composite
def overrides(draw: st.DrawFn, *, monthly: bool) -> str:
    """Up to three stretches of days with a daily budget and one with a monthly one, in the weeks of the test."""
    texts, day = [], STARTS_ON
    for _ in range(draw(st.integers(0, 3))):
        first = day + timedelta(days=draw(st.integers(0, 12)))
        last = first + timedelta(days=draw(st.integers(0, 6)))
        texts.append(f"{first}..{last} daily={draw(budgets)}")
        day = last + timedelta(days=1)
    if monthly and draw(st.booleans()):
        dates = draw(st.sampled_from(["2025-10-01..2025-10-31", "2025-11-01..2025-11-30", "2025-10-01..2025-11-30"]))
        texts.append(f"{dates} monthly={draw(budgets)}")
    return ";".join(texts)


@st.composite
def paused(draw: st.DrawFn) -> Scenario:
    """A brand with one campaign after some spend, its documents in force from the last hour on."""
    scenario = Scenario()
    hour = draw(st.integers(0, 23))
    pacing = draw(st.sampled_from(["none", "even", "even"]))
    monthly = draw(paced_budgets if pacing == "even" else budgets)
    campaign = f'daily={draw(budgets)} windows="{draw(windows)}" ends_on={draw(flights)}'
    lines = [
        "day 2025-10-29",
        f"20T00:00 brand nike zone={draw(zones)}",
        "20T00:00 campaign a",
        *(f"{day}T12:00 spend a {draw(amounts)}" for day in range(20, 29, 4)),
        f"{hour:02d}:00 spend a {draw(amounts)}",
        f"{hour:02d}:00 correct a {draw(amounts)} on=2025-11-{draw(st.integers(1, 5)):02d}",
        f"{hour:02d}:00 spend b {draw(amounts)} t={hour:02d}:04",
        f'{hour:02d}:00 campaign a {campaign} overrides="{draw(overrides(monthly=False))}"',
        f"{hour:02d}:00 brand nike daily={draw(budgets)} monthly={monthly} pacing={pacing} "
        f'overrides="{draw(overrides(monthly=True))}"',
    ]
    for line in lines:
        scenario.run(line)
    if draw(st.booleans()):
        scenario.run("restart")
    return scenario


@settings(max_examples=length(150, 600), deadline=None)
@given(scenario=paused())
def test_ticks_alone_resume_at_the_moment_that_was_forecast(scenario: Scenario) -> None:
    """The forecast of now: the command's own is of the pause, which may be of an earlier document."""
    state, campaign = scenario.state, scenario.campaign("a")
    if campaign.last_action is not Action.PAUSE:
        return
    brand, clock = scenario.brand(), scenario.brand().clock
    forecast = resumes_at(brand, campaign, clock)
    for moment in range(clock, clock + HORIZON, HOUR):
        decide_tick(state, Tick(moment), Origin("dayparting-ticks", 0, moment))
        release_resumes(state, state.pending_resumes.values())
        if state.commands:
            (command,) = state.commands
            assert command.action is Action.RESUME
            assert forecast is not None, command.decided_at
            assert command.decided_at == format_moment(forecast)
            return
    assert forecast is None or forecast >= clock + HORIZON, format_moment(forecast)
