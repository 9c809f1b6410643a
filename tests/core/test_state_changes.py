"""Which records of `controller-state` a flush writes and removes."""

import pytest

from core.duplicates import CHUNK_FULL
from core.moment import parse_moment
from core.state_records import SCHEMA, PartRecord, decode_part
from tests.core.scenario import Scenario, check, new_state


def keys(scenario: Scenario) -> list[str]:
    scenario.flush()
    return sorted(key.decode() for key in scenario.stored if not key.startswith((b"doc/", b"seen/")))


def test_up_to_four_campaigns_are_in_the_record_of_their_brand() -> None:
    scenario = check("day 2025-09-08\n 09:00 brand nike zone=UTC")
    for number in range(1, 5):
        scenario.run(f"09:00 campaign c{number}")
        assert keys(scenario) == ["brand/nike", "part"]
    scenario.run("09:00 campaign c5")
    assert keys(scenario) == ["brand/nike", *(f"campaign/nike/c{number}" for number in range(1, 6)), "part"]


def test_a_campaign_that_the_catalog_does_not_know_has_a_record_of_its_own() -> None:
    scenario = check("day 2025-09-08\n 09:00 brand nike zone=UTC\n 09:00 campaign a\n 09:01 spend b 2")
    assert keys(scenario) == ["brand/nike", "campaign/nike/b", "part"]
    scenario.run("09:02 campaign b")
    assert keys(scenario) == ["brand/nike", "part"]


def test_chunks_of_event_ids_are_removed_when_as_many_newer_ones_are_held() -> None:
    scenario = check("day 2025-09-08\n 09:00 brand nike zone=UTC\n 09:00 campaign a")
    scenario.state.duplicates = new_state(capacity=CHUNK_FULL).duplicates
    chunks = []
    for flush in range(3):
        for number in range(CHUNK_FULL):
            scenario.run(f"10:00 spend a 0.01 id=e{flush}-{number}")
        scenario.flush()
        chunks.append([key for key in scenario.stored if key.startswith(b"seen/")])
    assert chunks == [[b"seen/0"], [b"seen/1"], [b"seen/2"]]


def test_of_a_newer_release_s_part_only_the_schema_is_read() -> None:
    assert decode_part(b'{"schema":99,"clock":"noon"}') == PartRecord(99, {}, {}, 0)
    with pytest.raises(ValueError, match="not the record of a partition"):
        decode_part(b'{"schema":%d,"clock":"noon"}' % SCHEMA)


def test_part_tells_how_many_ids_are_held_and_which_resumes_are_awaited() -> None:
    scenario = check("""
        day 2025-09-08
        09:00 brand nike zone=UTC daily=1
        09:00 campaign a
        09:01 spend a 1
          -> pause a daily_budget
        hold
        09:02 brand nike daily=5
    """)
    scenario.flush()
    part = decode_part(scenario.stored[b"part"])
    added, edited = parse_moment("2025-09-08T09:01:00Z"), parse_moment("2025-09-08T09:02:00Z")
    assert (part.seen, part.resumes_awaited, part.resumes_awaited_since) == (1, 1, edited)
    assert [number for number, _ in part.seen_since] == [0]
    assert part.seen_since[0][1] in (added, edited)  # the flush knows the clock of its brands alone
