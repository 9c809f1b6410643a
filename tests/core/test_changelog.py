"""What is restored decides as what was stored would have decided, byte for byte."""

import json
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.changelog import Changelog
from core.moment import NEVER, parse_moment
from core.state import PartitionState
from core.state_changes import take_changes
from core.state_records import SCHEMA, decode_brand, decode_part, state_key
from core.state_restore import restore
from tests.core.scenario import Scenario, check, new_state

encode = msgspec.json.Encoder().encode

SETUP = """
    day 2025-09-08
    12:00 brand nike zone=Asia/Karachi daily=100 monthly=500
    12:00 campaign a daily=70 windows="daily 09:00-24:00"
    12:00 campaign b total=90 ends_on=2025-09-09
    12:00 brand puma zone=America/New_York daily=10
    12:00 campaign c
"""
LINES = (
    "13:00 spend a 40 brand=nike id=e1",
    "13:01 spend unheard-of 5 brand=nike",
    "18:56 spend b 60 brand=nike t=19:00 id=ahead",
    "18:57 correct a 3 on=2025-09-09 brand=nike",
    "19:00 tick",
    "19:30 spend a 36 brand=nike",
    "19:31 spend a 40 brand=nike id=e1",
    "19:32 brand nike enabled=no",
    "19:33 spend c 10 brand=puma",
    "20:00 brand nike enabled=yes",
    "20:01 campaign b raw=broken",
    "20:02 campaign b name=whole",
    "09T04:00 tick",
    "09T04:01 brand puma daily=20",
    "09T19:00 reset daily Asia/Karachi",
    "09T19:01 spend a 36 brand=nike t=18:58",
    "10T04:00 tick",
    "10T05:00 spend a 1 brand=nike id=ahead",
)


def commands_of(restarts_after: set[int]) -> list[bytes]:
    scenario = check(SETUP)
    for number, line in enumerate(LINES):
        scenario.run(line)
        if number in restarts_after:
            scenario.restart()
    return list(map(encode, scenario.commands))


def test_a_restart_after_any_line_changes_no_byte_of_what_follows() -> None:
    observed = commands_of(set())
    assert len(observed) > 12
    for number in range(len(LINES)):
        assert commands_of({number}) == observed
    assert commands_of(set(range(len(LINES)))) == observed


@pytest.mark.parametrize("killed_at", range(len(LINES)))
def test_what_was_not_flushed_is_decided_again_with_the_same_bytes(killed_at: int) -> None:
    for flushed_at in range(killed_at + 1):
        scenario = check(SETUP)
        for line in LINES[:flushed_at]:
            scenario.run(line)
        scenario.flush()
        for line in LINES[flushed_at:killed_at]:
            scenario.run(line)
        scenario.crash()
        for line in LINES[flushed_at:]:
            scenario.run(line)
        assert list(map(encode, scenario.commands)) == commands_of(set())


def test_a_day_that_ended_after_a_campaigns_last_record_has_ended_for_it() -> None:
    check("""
        day 2025-09-08
        09:00 brand nike zone=UTC daily=100
        09:00 campaign a daily=50
        09:00 campaign b daily=50
        10:00 spend a 40
        10:01 spend b 20 t=10:01
        23:59 spend b 25 t=09T00:00
        restart
        09T00:00 tick
        restart
        == a daily=0.00 total=40.00
        == b daily=25.00 total=45.00
        09T10:00 spend a 49.99
        09T10:00 spend b 25
          -> pause b campaign_daily_budget
        restart
        == a daily=49.99
    """)


def test_an_awaited_resume_survives() -> None:
    scenario = check("""
        day 2025-09-08
        09:00 brand nike zone=UTC daily=100
        09:00 campaign a
        10:00 spend a 100
          -> pause a daily_budget
        hold
        09T00:00 tick
        restart
        09T00:01 spend a 5
        release
          -> resume a @09T00:00 cause=dayparting_tick daily=5.00
    """)
    assert scenario.state.pending_resumes == {}


def test_an_awaited_resume_that_a_pause_overtook_is_gone_after_a_restart_too() -> None:
    check("""
        day 2025-09-08
        09:00 brand nike zone=UTC daily=100
        09:00 campaign a
        10:00 spend a 100
          -> pause a daily_budget
        hold
        09T00:00 tick
        restart
        09T00:00 spend a 100
        restart
        release
        == a told=pause sequence=2 reasons=daily_budget
    """)


def test_a_window_that_opened_with_a_document_stays_open_for_earlier_records() -> None:
    """The brand's clock moves with a campaign's document, and so it must be stored with it."""
    for restart in ("", "restart"):
        check(f"""
            day 2025-09-08
            08:00 brand nike zone=UTC daily=100
            {restart}
            09:00:05 campaign a windows="daily 09:00-17:00"
            {restart}
            08:59:59 spend a 1
            == a reasons=none told=resume
            08:59:58 spend a 99
              -> pause a daily_budget @09:00:05
        """)


def test_only_what_changed_is_written_and_part_comes_last() -> None:
    scenario = check(SETUP)
    scenario.flush()
    assert [key for key, _ in take_changes(scenario.state, {}, {})] == [b"part"]
    scenario.run("13:00 spend a 40 brand=nike")
    keys = [key for key, _ in take_changes(scenario.state, {}, {})]
    assert keys == [b"brand/nike", b"seen/0", b"part"], "the campaigns of a small brand are in its record"
    scenario.run("13:00 spend unheard-of 4 brand=nike")
    keys = [key for key, _ in take_changes(scenario.state, {}, {})]
    assert keys == [b"brand/nike", b"campaign/nike/unheard-of", b"seen/0", b"part"]
    scenario.run("13:00 tick")
    assert [key for key, _ in take_changes(scenario.state, {}, {})] == [b"part"], "a tick without anything due"


def test_documents_are_stored_as_they_came() -> None:
    scenario = check(SETUP)
    scenario.flush()
    assert json.loads(scenario.stored[b"doc/nike"])["daily_budget"] == "100"
    assert json.loads(scenario.stored[b"doc/nike/a"])["campaign_id"] == "a"


def _of_schema_2(number: int) -> dict[bytes, bytes]:
    """The records that release 0.1.0 wrote for the lines of `_SCHEMA_2_LINES[number]`; chunks of ids are in hex."""
    text = (Path(__file__).parent / "controller_state_of_schema_2.json").read_text()
    return {
        key.encode(): bytes.fromhex(value) if key.startswith("seen/") else value.encode()
        for key, value in json.loads(text)[number].items()
    }


#: The second has pending resumes, an unknown campaign, more campaigns than a brand's record has, a cost and thresholds.
_SCHEMA_2_LINES = [
    (SETUP, LINES),
    (
        """
        day 2025-09-08
        alerts
        12:00 brand nike zone=America/St_Johns daily=100 monthly=2000 pacing=even percents=50,100 silent=180
        12:00 campaign a daily=70
        12:00 campaign b total=90
        12:00 campaign c
        12:00 campaign d
        12:00 campaign e windows="daily 09:00-17:00"
        """,
        (
            "13:00 spend a 69 brand=nike id=e1",
            "13:01 spend unheard-of 5 brand=nike",
            "13:02 snapshot google b 2025-09-08 12.00 as_of=13:01",
            "hold",
            "13:03 spend a 3 brand=nike",
            "09T03:00 tick",
            "09T03:01 spend c 60 brand=nike t=09T02:59",
        ),
    ),
]


@pytest.mark.parametrize("number", range(len(_SCHEMA_2_LINES)))
def test_a_changelog_of_schema_2_restores_what_its_lines_decide_now(number: int) -> None:
    setup, lines = _SCHEMA_2_LINES[number]
    scenario = check(setup)
    for line in lines:
        scenario.run(line)
    scenario.flush()
    state, skipped = new_state(), list[str]()
    part = restore(state, [(k.decode(), v) for k, v in _of_schema_2(number).items()], lambda k, _: skipped.append(k))
    assert (part and part.schema, skipped) == (2, [])
    assert {brand: held for brand, held in scenario.state.thresholds.items() if held} == state.thresholds
    assert state.costs == scenario.state.costs
    assert len(state.pending_resumes) == len(scenario.state.pending_resumes)
    assert _all_records(state) == _all_records(scenario.state)


def test_each_record_of_schema_2_is_replaced_when_it_changes() -> None:
    """Otherwise a compacted topic would keep the totals of then beside those of now."""
    scenario = check(SETUP)
    scenario.flush()
    scenario.stored = _of_schema_2(0)
    scenario.crash()
    scenario.run("10T05:01 spend a 1 brand=nike")
    scenario.flush()
    campaigns = [key for key in scenario.stored if key.startswith(b"campaign/")]
    assert campaigns == [b"campaign/puma/c", b"campaign/nike/unheard-of"], "puma has not changed"
    scenario.crash()
    assert {it.campaign_id: it.total_micros for it in scenario.brand("nike").campaigns.values()} == {
        "a": 116_000_000,
        "b": 60_000_000,
        "unheard-of": 5_000_000,
    }


@given(st.lists(st.sampled_from(["known", "unknown", "spend", "flush", "crash", "broken"]), max_size=40))
@settings(deadline=None)
def test_no_campaign_is_lost_or_kept_twice_as_a_brand_grows(steps: list[str]) -> None:
    """`broken`: its document cannot be read any more, as after a forgery, so that the catalog does not know it."""
    scenario = check("""
        day 2025-09-08
        12:00 brand nike zone=UTC
    """)
    scenario.flush()
    names: list[str] = []
    totals: dict[str, int] = {}
    flushed: dict[str, int] = {}
    for number, step in enumerate(steps):
        match step:
            case "known":
                names.append(f"c{number}")
                totals[names[-1]] = 0
                scenario.run(f"12:00 campaign {names[-1]}")
            case "unknown":
                names.append(f"u{number}")
                totals[names[-1]] = 1_000_000
                scenario.run(f"12:00 spend {names[-1]} 1 id={number}")
            case "spend" if names:
                name = names[number % len(names)]
                totals[name] += 1_000_000
                scenario.run(f"12:00 spend {name} 1 id={number}")
            case "flush":
                scenario.flush()
                flushed = dict(totals)
            case "crash":
                scenario.crash()
                totals = dict(flushed)
                names = list(totals)
            case "broken":
                for key in [key for key in scenario.stored if key.startswith(b"doc/nike/")][:1]:
                    scenario.stored[key] = b"{"
                scenario.crash()
                totals = dict(flushed)
                names = list(totals)
    scenario.flush()
    scenario.crash()
    assert {it.campaign_id: it.total_micros for it in scenario.brand("nike").campaigns.values()} == totals
    apart = {key.decode().split("/")[2] for key in scenario.stored if key.startswith(b"campaign/")}
    together = {it.campaign_id for it in decode_brand(scenario.stored[b"brand/nike"]).campaigns}
    assert apart.isdisjoint(together)
    assert apart | together >= {name for name, micros in totals.items() if micros}


def test_part_tells_positions_topics_and_clock() -> None:
    scenario = check(SETUP)
    scenario.run("13:00 tick")
    *_, (key, value) = take_changes(scenario.state, {"catalog": "xyz"}, {"catalog": 5})
    assert value
    part = decode_part(value)
    assert (key, part.schema, part.topic_ids, part.positions) == (b"part", SCHEMA, {"catalog": "xyz"}, {"catalog": 5})
    assert part.clock == parse_moment("2025-09-08T13:00:00Z")


def test_a_partition_that_was_never_flushed_is_empty() -> None:
    state = new_state()
    assert restore(state, []) is None
    assert (state.brands, state.clock) == ({}, 0)


def test_a_campaign_whose_brand_is_not_known_yet_is_restored() -> None:
    scenario = Scenario()
    scenario.run("day 2025-09-08")
    scenario.brand_id = "nike"
    scenario.run("09:00 campaign a daily=10")
    scenario.restart()
    brand = scenario.brand("nike")
    assert (brand.config, brand.next_boundary_at) == (None, NEVER)
    scenario.run("09:01 brand nike zone=UTC")
    assert [it.command_id for it in scenario.commands] == ["a:1:1"]


def _all_records(state: PartitionState) -> list[tuple[bytes, object]]:
    """What restores the state, each record written anew; a brand's campaigns in the order of their ids."""
    for brand in state.brands.values():
        state.touch_brand(brand)
        for campaign in brand.campaigns.values():
            state.touch_campaign(brand, campaign)
    written = {key: value for key, value in take_changes(state, {}, {}) if value is not None}
    brands = {key: decode_brand(value) for key, value in written.items() if key.startswith(b"brand/")}
    by_id = {
        key: msgspec.structs.replace(record, campaigns=sorted(record.campaigns, key=lambda it: it.campaign_id))
        for key, record in brands.items()
    }
    return sorted((written | by_id).items())


def test_the_order_of_the_state_topic_does_not_matter() -> None:
    scenario = check(SETUP)
    for line in LINES[:10]:
        scenario.run(line)
    scenario.flush()
    stored = [(key.decode(), value) for key, value in scenario.stored.items()]
    entries = []
    for order in (stored, stored[::-1], sorted(stored, key=lambda it: it[1])):
        scenario.state = new_state()
        restore(scenario.state, order)
        entries.append(_all_records(scenario.state))
    assert entries[0] == entries[1] == entries[2]


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=12),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)


@st.composite
def forged_entries(draw: st.DrawFn, stored: list[tuple[str, bytes]]) -> list[tuple[str, bytes]]:
    """Keys of ours or nearly so, with values that are none or have a field of theirs changed."""
    entries = []
    for _ in range(draw(st.integers(1, 5))):
        key, value = draw(st.sampled_from(stored))
        key = draw(st.sampled_from([key, key + "x", f"{key}/z", "seen/x", "seen/-1", "doc/", "what/ever", "brand", ""]))
        if value[:1] in b"{[" and draw(st.booleans()):
            fields = json.loads(value)
            places = sorted(fields) if isinstance(fields, dict) else range(len(fields))
            fields[draw(st.sampled_from(places))] = draw(json_values)
            value = json.dumps(fields).encode()
        else:
            value = draw(st.binary(max_size=40) | st.just(b"[" * 10_000) | st.just(b'{"schema":1e99}'))
        if key != "part":
            entries.append((key, value))
    return entries


@given(st.data())
@settings(deadline=None)
def test_what_a_stranger_writes_among_the_state_is_passed_and_named(data: st.DataObject) -> None:
    scenario = check(SETUP)
    for line in LINES[:8]:
        scenario.run(line)
    scenario.flush()
    stored = [(key.decode(), value) for key, value in scenario.stored.items()]
    of_nike = [(key, value) for key, value in stored if "puma" not in key]
    passed: list[str] = []
    state = new_state()
    forged = dict(data.draw(forged_entries(of_nike)))
    restore(state, {**dict(stored), **forged}.items(), lambda key, why: passed.append(key))
    puma, before = state.brands["puma"], scenario.brand("puma")
    assert (puma.daily_micros, puma.monthly_micros, puma.clock) == (
        before.daily_micros,
        before.monthly_micros,
        before.clock,
    )
    assert not [key for key in passed if "puma" in key]


@pytest.mark.parametrize(
    "key", [None, b"", b"part/", b"\xff", b"seen/x", b"doc/a/b/c", b"brand/a/b", b"campaign/a", b"x/a"]
)
def test_a_key_of_a_stranger_is_told_from_ours(key: bytes | None) -> None:
    assert state_key(key) is None


def test_of_a_newer_release_the_schema_is_told_and_what_is_no_part_is_not_taken() -> None:
    assert decode_part(b'{"schema":99,"positions":[]}').schema == 99
    for forged in (b"", b"[" * 100_000, b'{"schema":1}', b'{"schema":"x"}', b"\xff"):
        with pytest.raises(ValueError, match="not the record of a partition"):
            decode_part(forged)


OURS = (b"doc/nike", b"doc/nike/a", b"brand/nike", b"campaign/nike/a", b"doc/puma", b"seen/0", b"seen/1", b"part")
FOREIGN = (b"", None, b"what/ever", b"seen/x", b"doc/a/b/c", b"\xff")
records = st.tuples(
    st.sampled_from([*OURS, *FOREIGN]),
    st.none() | st.binary(max_size=8) | st.just(b'{"schema":1,"topic_ids":{},"positions":{"catalog":3},"clock":7}'),
)


@given(st.lists(records, max_size=30), st.integers(0, 30))
@settings(deadline=None)
def test_a_fold_holds_the_last_value_of_every_key_whenever_somebody_asked(
    written: list[tuple[bytes | None, bytes | None]], asked_at: int
) -> None:
    folded, latest, foreign = Changelog(), dict[str, bytes | None](), 0
    for number, (key, value) in enumerate(written):
        if number == asked_at:
            folded.brand("nike")
        name = state_key(key)
        applied = folded.apply(key, value)
        is_forged_part = name == "part" and not (value or b"").startswith(b'{"schema"')
        assert (applied.skipped is not None) is (name is None or is_forged_part)
        if applied.skipped is not None:
            foreign += 1
            assert applied.brand_id is None
            continue
        assert name is not None
        latest[name] = value
        assert applied.brand_id == (None if name == "part" or name.startswith("seen/") else name.split("/")[1])
    held = {name for name, value in latest.items() if value is not None}
    assert folded.skipped == foreign
    assert folded.brand_ids() == [it for it in ("nike", "puma") if any(f"/{it}" in name for name in held)]
    assert (folded.part is not None) is ("part" in held)
    passed: dict[str, set[str]] = {"fold": set(), "last values": set()}
    folded.restore(new_state(), lambda key, why: passed["fold"].add(key))
    last_values = [(name, value) for name, value in latest.items() if value is not None]
    restore(new_state(), last_values, lambda key, why: passed["last values"].add(key))
    assert passed["fold"] == passed["last values"]


class Record(NamedTuple):
    key: bytes | None
    value: bytes | None


class Cut(bytes):
    """What a reader puts in place of a value that it could not read."""


FOLDS = st.fixed_dictionaries(
    {}, optional={"of_brand": st.sampled_from(["nike", "puma"]), "with_event_ids": st.booleans()}
)


@given(st.lists(records | st.tuples(st.sampled_from(OURS), st.just(Cut(b"x"))), max_size=30), st.integers(0, 30), FOLDS)
@settings(deadline=None)
def test_records_that_are_taken_together_are_folded_as_one_by_one(
    written: list[tuple[bytes | None, bytes | None]], asked_at: int, kept: dict[str, Any]
) -> None:
    """Those that `take` leaves are applied; a value that could not be read is left to whoever knows why."""
    one_by_one, together = Changelog(**kept), Changelog(**kept)
    for key, value in written:
        if not isinstance(value, Cut):
            one_by_one.apply(key, value)
    for part in (written[:asked_at], written[asked_at:]):
        for key, value in together.take([Record(*it) for it in part]):
            if not isinstance(value, Cut):
                together.apply(key, value)
        together.brand("nike")
    passed: dict[Changelog, list[tuple[str, str]]] = {one_by_one: [], together: []}
    for fold, into in passed.items():
        fold.restore(new_state(), lambda key, why, into=into: into.append((key, why)))  # type: ignore[misc]
    assert passed[together] == passed[one_by_one]
    assert together.brand_ids() == one_by_one.brand_ids()
    assert (together.part, together.skipped) == (one_by_one.part, one_by_one.skipped)


def test_a_brand_that_was_asked_for_is_restored_anew_when_its_records_are_taken() -> None:
    scenario = check(SETUP)
    scenario.flush()
    fold = folded(scenario)
    before = fold.brand("nike")
    scenario.run("13:00 spend a 40 brand=nike")
    for key, value in fold.take([Record(*it) for it in take_changes(scenario.state, {}, {})]):
        fold.apply(key, value)
    after = fold.brand("nike")
    assert before and after and (before.daily_micros, after.daily_micros) == (0, 40_000_000)


def folded(scenario: Scenario, **kept: str | bool) -> Changelog:
    fold = Changelog(**kept)  # type: ignore[arg-type]
    for key, value in scenario.stored.items():
        fold.apply(key, value)
    return fold


def test_a_brand_of_the_fold_is_the_controllers_own() -> None:
    scenario = check(SETUP)
    for line in LINES[:8]:
        scenario.run(line)
    scenario.flush()
    fold = folded(scenario)
    assert fold.brand_ids() == ["nike", "puma"]
    assert fold.brand("unheard-of") is None
    nike, held = fold.brand("nike"), scenario.brand("nike")
    assert nike and nike is fold.brand("nike"), "restored once while nothing changes"
    assert (nike.daily_micros, nike.has_spend, nike.clock) == (held.daily_micros, True, held.clock)
    assert {it.campaign_id: (it.total_micros, it.reasons, it.sequence) for it in nike.campaigns.values()} == {
        it.campaign_id: (it.total_micros, it.reasons, it.sequence) for it in held.campaigns.values()
    }
    assert fold.part and fold.clock == fold.part.clock == scenario.state.clock

    scenario.run("19:33 spend a 1 brand=nike")
    for key, value in take_changes(scenario.state, {}, {"spend-events": 9}):
        fold.apply(key, value)
    renewed = fold.brand("nike")
    assert renewed and renewed.daily_micros == held.daily_micros
    assert fold.part.positions == {"spend-events": 9}


def test_what_a_fold_gives_is_what_it_restores_and_it_forgets_it() -> None:
    scenario = check(SETUP)
    for line in LINES[:8]:
        scenario.run(line)
    scenario.flush()
    fold, restored, given, skipped = folded(scenario), new_state(), new_state(), list[str]()
    fold.apply(b"brand/unheard-of", b"{}")
    fold.restore(restored)
    assert fold.brand_ids() == ["nike", "puma", "unheard-of"]
    fold.restore_and_clear(given, lambda key, why: skipped.append(key))
    assert _all_records(given) == _all_records(restored)
    assert skipped == ["brand/unheard-of"]
    assert (fold.brand_ids(), fold.brand("nike")) == ([], None)
    assert fold.part, "its positions are still asked for"


def test_a_fold_of_one_brand_keeps_nothing_of_the_others() -> None:
    scenario = check(SETUP)
    scenario.run("13:00 spend a 40 brand=nike")
    scenario.flush()
    fold = folded(scenario, of_brand="nike")
    state = new_state()
    fold.restore(state)
    assert (fold.brand_ids(), list(state.brands), len(state.duplicates.seen)) == (["nike"], ["nike"], 0)
    assert fold.part is not None
    without_ids = folded(scenario, with_event_ids=False)
    state = new_state()
    without_ids.restore(state)
    assert (sorted(state.brands), len(state.duplicates.seen)) == (["nike", "puma"], 0)


def test_a_tombstone_takes_its_record_away() -> None:
    fold = folded(check(SETUP + "\n    12:01 tick\n    restart"))
    assert fold.brand("puma")
    for key in (b"brand/puma", b"campaign/puma/c", b"doc/puma/c", b"doc/puma"):
        assert fold.apply(key, None).brand_id == "puma"
    assert (fold.brand("puma"), fold.brand_ids()) == (None, ["nike"])
    assert fold.apply(b"part", None).skipped, "the controller never removes it"
    assert fold.part


def test_a_tombstone_takes_its_record_away_before_anybody_asked() -> None:
    fold = folded(check(SETUP + "\n    12:01 tick\n    restart"))
    for key in (b"brand/puma", b"campaign/puma/c", b"doc/puma/c", b"doc/puma"):
        fold.apply(key, None)
    assert (fold.brand_ids(), fold.brand("puma")) == (["nike"], None)


def test_a_key_of_many_parts_belongs_to_the_brand_in_its_second() -> None:
    fold = Changelog()
    for key in (b"cost/nike/a/google/2025-09-08", b"alert/puma/campaign_daily_budget/c"):
        fold.apply(key, b"{}")
    assert fold.brand_ids() == ["nike", "puma"]
