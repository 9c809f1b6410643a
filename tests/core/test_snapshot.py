"""Snapshots: what a platform has counted so far becomes spend, whatever order its totals come in."""

import json
from datetime import date, timedelta
from itertools import permutations
from random import Random

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.acceptance import Tolerance
from core.decide import decide_spend
from core.decide_snapshot import decide_counted_snapshot, decide_snapshot
from core.decide_time import Tick, tick_steps
from core.moment import HOUR, parse_moment
from core.money import parse_money
from core.records import SpendEvent
from core.refusal import Refusal, RefusalReason
from core.snapshot import Snapshot, counted_snapshot, event_id_of, read_snapshot
from core.spend import Spend, read_spend
from core.state import Cost, CostKey, Origin, PartitionState
from core.verdict import Verdict
from tests.core.scenario import Scenario, check

ANY_VALUE = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(), lambda some: st.lists(some), max_leaves=3
)
GOOD = {
    "source": "google-ads",
    "brand_id": "nike",
    "campaign_id": "nike-summer",
    "day": "2025-09-08",
    "cost": "12.34",
    "as_of": "2025-09-08T15:00:00Z",
}
SPEND = {"event_id": "e", "brand_id": "nike", "campaign_id": "nike-summer", "amount": "12.34"}


def test_t18_of_one_day_the_highest_as_of_counts() -> None:
    scenario = check("""
        day 2025-09-08
        05:00 brand nike zone=Asia/Karachi
        05:00 campaign a
        06:00 snapshot g a 2025-09-08 10.00
        == a daily=10.00 total=10.00
        09:00 snapshot g a 2025-09-08 25.50
        == a daily=25.50 total=25.50
        09:01 snapshot g a 2025-09-08 18.00 as_of=07:00
        12:00 snapshot g a 2025-09-08 24.00
        12:01 snapshot g a 2025-09-08 25.50 as_of=09:00
        == a daily=24.00 total=24.00
        == nike day=2025-09-08 daily=24.00 monthly=24.00
        09T03:00 snapshot g a 2025-09-08 26.00
        == nike day=2025-09-09 daily=0.00 monthly=26.00
        == a daily=0.00 total=26.00
    """)
    assert [(it.amount, it.occurred_at) for it in scenario.spend_events] == [
        ("10.00", "2025-09-08T06:00:00Z"),
        ("15.50", "2025-09-08T09:00:00Z"),
        ("-1.50", "2025-09-08T12:00:00Z"),
        ("2.00", "2025-09-08T18:59:59.999Z"),
    ]
    assert scenario.spend_events[0].event_id == f"snapshot:g:a:2025-09-08:{parse_moment('2025-09-08T06:00:00Z')}"
    assert json.loads(bytes(scenario.spend_events[3].attributes)) == {
        "snapshot": {"source": "g", "day": "2025-09-08", "as_of": "2025-09-09T03:00:00Z", "cost": "26.00"}
    }


T18 = [("06:00", "10.00"), ("09:00", "25.50"), ("07:00", "18.00"), ("12:00", "24.00"), ("09T03:00", "26.00")]


@pytest.mark.parametrize("kill", [False, True])
def test_t18_in_any_order_and_through_kills(kill: bool) -> None:
    for order in permutations(T18):
        scenario = _brand()
        for as_of, cost in order:
            line = f"09T04:00 snapshot g a 2025-09-08 {cost} as_of={as_of}"
            scenario.run(line)
            if kill:
                scenario.restart()
                scenario.run(line)
        scenario.run("== a total=26.00")
        scenario.run("== nike monthly=26.00")


def test_twenty_four_snapshots_shuffled_repeated_and_restated_add_up_to_the_latest() -> None:
    random = Random(24)
    for _ in range(20):
        day = [(f"{hour:02}:30", f"{(hour + 1) * 1.25:.2f}") for hour in range(23)] + [("23:30", "17.125")]
        random.shuffle(day)
        scenario = _brand(zone="UTC")
        for as_of, cost in day + random.choices(day, k=12):
            scenario.run(f"09T01:00 snapshot g a 2025-09-08 {cost} as_of={as_of}")
            if random.random() < 0.3:
                scenario.restart()
        scenario.run("== a total=17.125")


def test_sources_and_campaigns_add_up_and_do_not_meet() -> None:
    check("""
        day 2025-09-08
        05:00 brand nike zone=UTC
        05:00 campaign a
        05:00 campaign b
        06:00 snapshot google a 2025-09-08 10.00
        06:00 snapshot meta a 2025-09-08 4.00
        06:00 snapshot meta b 2025-09-08 1.00
        06:00 snapshot meta b 2025-09-07 7.00
        06:01 snapshot meta b 2025-09-08 0
        == nike daily=14.00 monthly=21.00
        == a daily=14.00 total=14.00
        == b daily=0.00 total=7.00
    """)


def test_a_snapshot_pauses_what_it_uses_up_and_a_restatement_resumes_it() -> None:
    check("""
        day 2025-09-08
        05:00 brand nike zone=UTC daily=20
        05:00 campaign a
        06:00 snapshot google a 2025-09-08 21.00
          -> pause a daily_budget resumes_at=09T00:00 cause=spend
        07:00 snapshot google a 2025-09-08 19.00
          -> resume a cause=spend
    """)


def test_another_cost_under_the_same_as_of_changes_nothing_and_is_told() -> None:
    scenario = _brand(zone="UTC")
    for cost in ("10.00", "10.00", "11.00"):
        scenario.run(f"09:00 snapshot g a 2025-09-08 {cost} as_of=08:00")
    assert scenario.verdicts[-2:] == [Verdict.STALE, Verdict.DUPLICATE_OF_OTHER_AMOUNT]
    scenario.run("== a total=10.00")


def test_no_difference_is_no_event_but_a_later_as_of_is_held() -> None:
    scenario = _brand(zone="UTC")
    scenario.run("09:00 snapshot g a 2025-09-08 0.00 as_of=08:00")
    assert scenario.verdicts[-1] is Verdict.APPLIED
    scenario.run("09:00 snapshot g a 2025-09-08 5.00 as_of=07:00")
    assert scenario.verdicts[-1] is Verdict.STALE
    assert not scenario.spend_events


def test_a_day_is_held_for_62_days_before_the_open_one() -> None:
    scenario = _brand(zone="UTC")
    scenario.run("11-09T10:00 snapshot g a 2025-09-08 5.00 as_of=09:00")
    assert scenario.verdicts[-1] is Verdict.COUNTED
    scenario.run("11-10T10:00 snapshot g a 2025-09-08 6.00 as_of=10:00")
    assert _reason(scenario) is RefusalReason.SNAPSHOT_TOO_OLD
    scenario.run("11-10T10:00 snapshot g a 2025-11-11 6.00 as_of=11-10T09:00")
    assert _reason(scenario) is RefusalReason.OCCURRED_IN_FUTURE
    scenario.run("11-10T10:00 snapshot g a 2025-11-10 6.00 as_of=11-10T09:00")
    assert scenario.verdicts[-1] is Verdict.COUNTED
    assert [str(day) for day in scenario.state.costs["nike"]] == ["2025-11-10"]
    scenario.flush()
    assert sum(key.startswith(b"cost/") for key in scenario.stored) == 1


def test_a_snapshot_from_ahead_of_its_arrival_is_refused_beyond_the_tolerance() -> None:
    scenario = _brand(zone="UTC")
    scenario.run("10:00 snapshot g a 2025-09-08 5.00 as_of=10:05:00.001")
    assert _reason(scenario) is RefusalReason.OCCURRED_IN_FUTURE
    scenario.run("10:00 snapshot g a 2025-09-08 5.00 as_of=10:05")
    assert scenario.spend_events[-1].occurred_at == "2025-09-08T10:00:00Z"


def test_a_day_whose_spend_would_be_too_early_is_refused_and_no_cost_is_held() -> None:
    scenario = _brand(zone="UTC")
    scenario.state.tolerance = Tolerance(behind_ms=24 * HOUR)
    scenario.run("10T00:00 snapshot g a 2025-09-08 5.00 as_of=09T23:00")
    assert _reason(scenario) is RefusalReason.OCCURRED_TOO_EARLY
    assert not scenario.state.costs
    scenario.run("09T23:59:59.999 snapshot g a 2025-09-08 5.00 as_of=09T23:00")
    assert scenario.verdicts[-1] is Verdict.COUNTED


def test_other_refusals_are_those_of_spend() -> None:
    scenario = _brand(zone="UTC")
    scenario.run("10:00 snapshot g a 2025-09-08 5.00 brand=nobody")
    assert scenario.verdicts[-1] is Verdict.UNKNOWN_BRAND
    scenario.run("10:00 snapshot g a 2025-09-08 5.00 currency=EUR")
    assert _reason(scenario) is RefusalReason.CURRENCY_MISMATCH
    scenario.run("10:00 snapshot g unheard-of 2025-09-08 5.00 currency=USD")
    assert scenario.verdicts[-1] is Verdict.COUNTED_FOR_UNKNOWN_CAMPAIGN


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"currency": "EUR"}, "currency: 'EUR' where the brand has USD"),
        ({"as_of": "2025-09-08T16:05:00.001Z"}, "as_of: 300.001 s ahead of arrival, at most 300 s are taken"),
        ({"day": "2025-09-09"}, "day: 2025-09-09 is after the brand's open day 2025-09-08"),
        ({"day": "2025-07-07"}, "day: 2025-07-07 is more than 62 days before the brand's open day 2025-09-08"),
        ({"day": "2025-09-01"}, "day: 6.667 days before arrival, at most 3 are taken"),
    ],
)
def test_a_refusal_of_a_snapshot_says_what_the_brand_asks_for(fields: dict[str, str], message: str) -> None:
    state = _brand(zone="UTC").state
    state.tolerance = Tolerance(behind_ms=72 * HOUR)
    refusal = decide_snapshot(state, _snapshot(**fields), parse_moment("2025-09-08T16:00:00Z"))
    assert isinstance(refusal, Refusal)
    assert refusal.message == message
    assert not state.costs


@pytest.mark.parametrize(
    ("as_of", "occurred_at"),
    [
        ("2025-09-07T23:00:00Z", "2025-09-08T23:59:59.999Z"),
        ("2025-09-08T00:00:00Z", "2025-09-08T00:00:00Z"),
        ("2025-09-08T08:00:00Z", "2025-09-08T08:00:00Z"),
        ("2025-09-09T00:00:00Z", "2025-09-08T23:59:59.999Z"),
    ],
)
def test_the_spend_of_a_snapshot_is_dated_at_its_as_of_within_its_day(as_of: str, occurred_at: str) -> None:
    state = _brand(zone="UTC").state
    decide_snapshot(state, _snapshot(as_of=as_of, currency="USD"), parse_moment("2025-09-10T04:00:00Z"))
    ((event, _),) = state.spend_events
    assert (event.occurred_at, event.currency) == (occurred_at, "USD")


def test_a_day_that_a_change_of_zone_skips_is_no_day_of_the_brands() -> None:
    scenario = Scenario()
    for line in (
        "day 2025-09-08",
        "05:00 brand nike zone=Pacific/Pago_Pago,Pacific/Kiritimati@09T10:30",
        "05:00 campaign a",
        "10T12:00 snapshot g a 2025-09-09 5.00 as_of=10T11:00",
    ):
        scenario.run(line)
    refusal = scenario.verdicts[-1]
    assert refusal == Refusal(
        RefusalReason.INVALID_FIELD,
        "day: the brand's calendar has no 2025-09-09: a change of its time zone skips it",
    )


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"source": None}, "invalid_field"),
        ({"source": "a b"}, "invalid_field"),
        ({"day": "2025-9-8"}, "invalid_field"),
        ({"day": "2025-02-30"}, "invalid_field"),
        ({"as_of": "2025-09-08T15:00:00"}, "invalid_field"),
        ({"cost": "1,5"}, "invalid_field"),
        ({"cost": "-0.01"}, "amount_out_of_range"),
        ({"cost": "1000000000000"}, "amount_out_of_range"),
        ({"cost": "0.0000001"}, "amount_precision"),
        ({"cost": True}, "invalid_field"),
        ({"brand_id": ""}, "invalid_field"),
        ({"campaign_id": "x" * 65}, "invalid_field"),
        ({"more": "x" * 65_536}, "too_large"),
    ],
)
def test_what_cannot_be_read_says_which_field(changes: dict[str, object], reason: str) -> None:
    refusal = read_snapshot(json.dumps(GOOD | changes).encode())
    assert isinstance(refusal, Refusal)
    assert refusal.reason == reason
    assert reason == "too_large" or next(iter(changes)) in refusal.message


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"source": "a b"}, "source: must be 1-64 of A-Z a-z 0-9 . _ : -, got 'a b'"),
        ({"brand_id": ""}, "brand_id: must be 1-64 of A-Z a-z 0-9 . _ : -, got ''"),
        ({"campaign_id": "ä"}, "campaign_id: must be 1-64 of A-Z a-z 0-9 . _ : -, got 'ä'"),
        ({"cost": "-0.01"}, "cost: a total so far is not negative"),
    ],
)
def test_a_refusal_says_the_field_and_what_is_wrong_with_it(fields: dict[str, str], message: str) -> None:
    refusal = read_snapshot(json.dumps(GOOD | fields, ensure_ascii=False).encode())
    assert isinstance(refusal, Refusal)
    assert refusal.message == message


def test_a_value_of_at_most_64_kib_is_taken() -> None:
    value = json.dumps(GOOD).encode().ljust(65_536)
    assert isinstance(read_snapshot(value), Snapshot)
    message = "the value has 65537 bytes, at most 65536 are taken"
    assert read_snapshot(value + b" ") == Refusal(RefusalReason.TOO_LARGE, message)


@pytest.mark.parametrize("value", [None, b"", b"{", b"\xff", b'{"deep":' + b"[" * 60_000])
def test_what_is_no_json_is_refused(value: bytes | None) -> None:
    refusal = read_snapshot(value)
    assert isinstance(refusal, Refusal)
    assert refusal.reason is RefusalReason.NOT_JSON
    assert refusal.message.startswith("the value is not JSON: ")


@pytest.mark.parametrize("value", [b"null", b"[1]", b'"x"', b"[" * 60_000])
def test_what_is_no_object_is_refused(value: bytes) -> None:
    refusal = read_snapshot(value)
    assert isinstance(refusal, Refusal)
    assert refusal.reason is RefusalReason.INVALID_FIELD


@given(st.dictionaries(st.sampled_from(sorted(GOOD)), ANY_VALUE))
def test_any_values_are_read_or_refused(changes: dict[str, object]) -> None:
    assert isinstance(read_snapshot(json.dumps(GOOD | changes).encode()), Snapshot | Refusal)


def test_json_numbers_are_exact() -> None:
    value = json.dumps(GOOD).replace('"12.34"', "123456789012.345678").encode()
    snapshot = read_snapshot(value)
    assert isinstance(snapshot, Snapshot)
    assert snapshot.cost_micros == 123_456_789_012_345_678


def test_an_event_id_of_128_characters_is_readable() -> None:
    snapshot = _snapshot(source="s" * 64, campaign_id="c" * 29)
    assert event_id_of(snapshot) == f"snapshot:{'s' * 64}:{'c' * 29}:2025-09-08:{snapshot.as_of}"


def test_no_two_snapshots_share_an_event_id_whose_parts_have_colons() -> None:
    ids = {event_id_of(_snapshot(source=s, campaign_id=c)) for s, c in (("a:b", "c"), ("a", "b:c"), ("a:b:c", "d"))}
    assert len(ids) == 3
    both = [_snapshot(source="a:b", campaign_id="c"), _snapshot(source="a", campaign_id="b:c")]
    about = [{"source": it.source, "day": "2025-09-08", "as_of": GOOD["as_of"], "cost": "1.00"} for it in both]
    for snapshot, attributes in zip(both, about, strict=True):
        text = json.dumps({"snapshot": attributes})
        older = f"snapshot:{snapshot.source}:{snapshot.campaign_id}:2025-09-08:{snapshot.as_of}"
        for event_id in (event_id_of(snapshot), older):  # release 0.1.0 wrote the second
            assert counted_snapshot(event_id, "nike", snapshot.campaign_id, text)


@pytest.mark.parametrize(
    ("cost", "reason"),
    [("1e400", RefusalReason.AMOUNT_OUT_OF_RANGE), ("[]", RefusalReason.INVALID_FIELD), ('"x', RefusalReason.NOT_JSON)],
)
def test_a_snapshot_is_refused_for_the_reasons_of_spend(cost: str, reason: RefusalReason) -> None:
    snapshot = read_snapshot(json.dumps(GOOD).replace('"12.34"', cost).encode())
    spend = read_spend(json.dumps(SPEND).replace('"12.34"', cost).encode())
    assert isinstance(snapshot, Refusal) and isinstance(spend, Refusal)
    assert snapshot.reason is spend.reason is reason


def test_half_a_pair_of_surrogates_that_nobody_reads_refuses_no_snapshot() -> None:
    value = json.dumps(GOOD)[:-1] + r', "note": "\ud83d"}'
    assert read_snapshot(value.encode()) == read_snapshot(json.dumps(GOOD).encode())


def test_a_long_event_id_is_hashed_and_stays_one_to_one() -> None:
    ids = set()
    for source in ("s" * 64, "t" * 64):
        snapshot = read_snapshot(json.dumps(GOOD | {"source": source, "campaign_id": "c" * 64}).encode())
        assert isinstance(snapshot, Snapshot)
        ids.add(event_id_of(snapshot))
    assert len(ids) == 2
    assert all(len(it) <= 128 and it.startswith("snapshot:") for it in ids)


@given(
    st.lists(
        st.tuples(
            st.integers(0, 3),  # hours after the day began
            st.integers(0, 10**12 - 1),
            st.booleans(),  # a restart before it
        ),
        min_size=1,
        max_size=8,
    )
)
def test_the_total_is_the_cost_of_the_highest_as_of(snapshots: list[tuple[int, int, bool]]) -> None:
    scenario, latest = _brand(zone="UTC"), (-1, 0)
    for hour, cost, restart in snapshots:
        if restart:
            scenario.restart()
        scenario.run(f"09T01:00 snapshot g a 2025-09-08 {cost} as_of=0{hour}:00")
        if hour > latest[0]:
            latest = hour, cost
    assert scenario.campaign("a").total_micros == latest[1] * 1_000_000
    for event in scenario.spend_events:
        assert isinstance(read_spend(msgspec.json.encode(event)), Spend)


class _Life:
    """A worker and a ledger, on one broker after another. A kill takes what was not flushed; its records come again."""

    def __init__(self) -> None:
        self.scenario = _brand(zone="UTC")
        self.scenario.flush()
        self.ledger: dict[str, SpendEvent] = {}
        self._unflushed: list[str] = []

    def snapshot(self, hour: int, cost: str) -> None:
        line = f"09T01:00 snapshot g a 2025-09-08 {cost} as_of={hour:02}:30"
        self._unflushed.append(line)
        self.scenario.run(line)

    def flush(self) -> None:
        self.scenario.flush()
        self._unflushed.clear()
        self.ledger |= {it.event_id: it for it in self.scenario.spend_events}

    def kill(self) -> None:
        del self.scenario.spend_events[len(self.ledger) :]
        self.scenario.crash()
        again, self._unflushed = self._unflushed, []
        for line in again:
            self._unflushed.append(line)
            self.scenario.run(line)

    def replay(self) -> None:
        """The broker is lost: another has the ledger's spend, and the costs of the snapshots that made it."""
        self.flush()
        self.scenario = _brand(zone="UTC")
        self.scenario.run("09T01:00 tick")
        arrival = parse_moment("2025-09-09T01:00:00Z")
        for offset, event in enumerate(self.ledger.values()):
            attributes = bytes(event.attributes).decode()
            record = counted_snapshot(event.event_id, event.brand_id, event.campaign_id, attributes)
            snapshot, spend = read_snapshot(msgspec.json.encode(record)), read_spend(msgspec.json.encode(event))
            assert isinstance(snapshot, Snapshot)
            assert isinstance(spend, Spend)
            decide_counted_snapshot(self.scenario.state, snapshot, arrival)
            assert not self.scenario.state.spend_events
            decide_spend(self.scenario.state, spend, "spend-events", offset, arrival)
        self.scenario.spend_events = list(self.ledger.values())
        self.flush()


COSTS = [*(f"{(hour + 1) * 1.25:.2f}" for hour in range(23)), "17.125"]  # restated down at last


@given(
    st.permutations(range(24)),
    st.lists(st.integers(0, 23), max_size=12),
    st.lists(st.sampled_from(["flush", "kill", "replay", "", "", ""]), min_size=36, max_size=36),
)
def test_a_day_through_kills_and_replays_is_the_latest_cost_and_its_events_keep_their_ids(
    order: list[int], repeated: list[int], faults: list[str]
) -> None:
    life, undisturbed = _Life(), _Life()
    for hour, fault in zip(order + repeated, faults, strict=False):
        for it in (life, undisturbed):
            it.snapshot(hour, COSTS[hour])
        if fault:
            getattr(life, fault)()
    for it in (life, undisturbed):
        it.flush()
    assert life.scenario.campaign("a").total_micros == parse_money(COSTS[-1])
    assert sum(parse_money(it.amount) for it in life.ledger.values()) == parse_money(COSTS[-1])
    assert life.ledger == undisturbed.ledger


def test_only_what_a_snapshot_made_restores_its_cost() -> None:
    scenario = _brand(zone="UTC")
    scenario.run("09:00 snapshot g a 2025-09-08 5.00 as_of=08:00")
    (event,) = scenario.spend_events
    ids, attributes = (event.event_id, event.brand_id, event.campaign_id), bytes(event.attributes).decode()
    assert counted_snapshot(*ids, attributes)
    assert counted_snapshot("e1", *ids[1:], attributes) is None
    for other in ("{}", "[]", "", '{"snapshot":5}', attributes.replace("5.00", "-5"), attributes.replace("g", "h")):
        assert counted_snapshot(*ids, other) is None


def test_a_counted_snapshot_is_held_where_none_is_later_and_its_day_is_not_over() -> None:
    scenario = _brand(zone="UTC")
    scenario.run("09:00 snapshot g a 2025-09-08 5.00 as_of=08:00")
    of_seven = read_snapshot(
        json.dumps(GOOD | {"source": "g", "campaign_id": "a", "as_of": "2025-09-08T07:00:00Z"}).encode()
    )
    assert isinstance(of_seven, Snapshot)
    arrival = parse_moment("2025-09-08T09:00:00Z")
    assert decide_counted_snapshot(scenario.state, of_seven, arrival) is Verdict.STALE
    over = of_seven._replace(day=of_seven.day - timedelta(days=63))
    assert decide_counted_snapshot(scenario.state, over, arrival) is Verdict.STALE
    assert decide_counted_snapshot(scenario.state, over._replace(brand_id="x"), arrival) is Verdict.UNKNOWN_BRAND


def test_a_counted_snapshot_is_held_for_its_campaign_source_and_day() -> None:
    state = _brand(zone="UTC").state
    arrival, counted = parse_moment("2025-09-08T16:00:00Z"), _snapshot()
    assert decide_counted_snapshot(state, counted, arrival) is Verdict.APPLIED
    cost = Cost(parse_moment(GOOD["as_of"]), 12_340_000)
    assert state.costs == {"nike": {date(2025, 9, 8): {("nike-summer", "google-ads"): cost}}}
    assert state.changed_costs == {CostKey("nike", "nike-summer", "google-ads", date(2025, 9, 8)): cost}
    assert not state.spend_events
    assert decide_counted_snapshot(state, counted, arrival) is Verdict.STALE
    assert decide_counted_snapshot(state, _snapshot(as_of="2025-09-08T15:00:01Z"), arrival) is Verdict.APPLIED


def test_a_brand_without_a_document_is_not_known_yet() -> None:
    scenario = Scenario()
    scenario.run("day 2025-09-08")
    scenario.brand_id = "nike"
    scenario.run("00:00 campaign a")
    arrival = parse_moment("2025-09-08T16:00:00Z")
    assert decide_snapshot(scenario.state, _snapshot(), arrival) is Verdict.UNKNOWN_BRAND
    assert decide_counted_snapshot(scenario.state, _snapshot(), arrival) is Verdict.UNKNOWN_BRAND


#: What says that 9 September has begun, and when the snapshot arrives: its own arrival; the brand's spend; or a tick
#: that has not come to the brand yet, as brands of a midnight are decided on in turns.
CLOCKS = [("arrival", "2025-09-09T00:00:00Z"), ("spend", "2025-09-08T23:58:00Z"), ("tick", "2025-09-08T23:58:00Z")]


@pytest.mark.parametrize(("clock", "arrival"), CLOCKS)
def test_the_open_day_is_that_of_the_highest_moment_that_was_seen(clock: str, arrival: str) -> None:
    state = _at_midnight(clock)
    arrived_at = parse_moment(arrival)
    new = _snapshot(day="2025-09-09", as_of="2025-09-09T00:00:30Z")
    assert decide_snapshot(state, new, arrived_at) is Verdict.COUNTED
    old = decide_snapshot(state, _snapshot(day="2025-07-08"), arrived_at)
    assert isinstance(old, Refusal)
    assert old.reason is RefusalReason.SNAPSHOT_TOO_OLD


@pytest.mark.parametrize(("clock", "arrival"), CLOCKS)
def test_a_counted_snapshot_is_over_by_the_highest_moment_that_was_seen(clock: str, arrival: str) -> None:
    state = _at_midnight(clock)
    arrived_at = parse_moment(arrival)
    assert decide_counted_snapshot(state, _snapshot(day="2025-07-08"), arrived_at) is Verdict.STALE
    assert decide_counted_snapshot(state, _snapshot(day="2025-07-09"), arrived_at) is Verdict.APPLIED


def _at_midnight(clock: str) -> PartitionState:
    scenario = Scenario()
    for line in ("day 2025-09-08", "00:00 brand adidas zone=UTC", "00:00 brand nike zone=UTC", "00:00 campaign a"):
        scenario.run(line)
    midnight = parse_moment("2025-09-09T00:00:00Z")
    if clock == "spend":
        scenario.run("09T00:00 spend a 1")
    if clock == "tick":
        next(tick_steps(scenario.state, Tick(midnight), Origin("dayparting-ticks", 0, midnight)))
        assert scenario.brand("nike").clock < midnight
    return scenario.state


def _snapshot(**fields: str) -> Snapshot:
    snapshot = read_snapshot(json.dumps(GOOD | fields).encode())
    assert isinstance(snapshot, Snapshot)
    return snapshot


def _brand(zone: str = "Asia/Karachi") -> Scenario:
    scenario = Scenario()
    for line in ("day 2025-09-08", f"00:00 brand nike zone={zone}", "00:00 campaign a"):
        scenario.run(line)
    return scenario


def _reason(scenario: Scenario) -> RefusalReason:
    refusal = scenario.verdicts[-1]
    assert isinstance(refusal, Refusal)
    return refusal.reason
