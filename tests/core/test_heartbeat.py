"""Up to which moment everything is decided: the pure part, against a log whose every record is known."""

from collections.abc import Hashable

from hypothesis import given
from hypothesis import strategies as st

from core.heartbeat import CLOCKS_APART_MS, DecidedUpTo
from core.moment import ALWAYS


def test_it_is_the_lowest_of_the_inputs() -> None:
    decided = DecidedUpTo()
    decided.observe([300, 200, 400], {}, [])
    assert decided.moment == 200


def test_nothing_is_known_while_one_input_is_not() -> None:
    decided = DecidedUpTo()
    decided.observe([300, ALWAYS], {}, [])
    assert decided.moment == ALWAYS


def test_it_never_goes_back() -> None:
    decided = DecidedUpTo()
    decided.observe([300], {}, [])
    decided.observe([200], {}, [])
    assert decided.moment == 300


def test_it_stays_before_the_cause_of_what_is_awaited_and_goes_on_after_it() -> None:
    decided = DecidedUpTo()
    decided.observe([100], {}, [])
    decided.observe([200], {}, ["resume"])
    decided.observe([300], {}, ["resume"])
    assert decided.moment == 100
    decided.observe([300], {}, [])
    assert decided.moment == 300


def test_what_is_awaited_without_an_end_but_by_turns_does_not_hold_it_for_ever() -> None:
    decided = DecidedUpTo()
    decided.observe([0], {}, [])
    for number in range(1, 50):
        decided.observe([100 * number], {}, [number, number + 1])  # each is awaited in two looks
    assert decided.moment == 4_700


def test_offsets_stay_before_the_cause_of_what_is_awaited_too() -> None:
    decided = DecidedUpTo()
    decided.observe([100], {"catalog": 3, "spend-events": 7}, [])
    decided.observe([200], {"catalog": 4, "spend-events": 9}, ["resume"])
    decided.observe([300], {"catalog": 6, "spend-events": 9}, ["resume", "another"])
    assert decided.offsets == {"catalog": 3, "spend-events": 7}
    decided.observe([300], {"catalog": 6, "spend-events": 9}, ["another"])
    assert decided.offsets == {"catalog": 4, "spend-events": 9}
    decided.observe([300], {"catalog": 6, "spend-events": 9}, [])
    assert decided.offsets == {"catalog": 6, "spend-events": 9}


def test_what_was_awaited_from_the_start_may_be_older_than_anything_known() -> None:
    decided = DecidedUpTo()
    decided.observe([100], {}, ["resume"])
    assert decided.moment == ALWAYS


def test_a_claim_that_proves_wrong_widens_the_margin() -> None:
    decided = DecidedUpTo()
    ahead = 2_000  # of the broker's clock
    decided.observe([decided.sent_at(10_000 + ahead)], {}, [])
    assert not decided.contradicted_by(decided.moment)
    assert decided.contradicted_by(10_001)
    decided.observe([decided.sent_at(20_000 + ahead)], {}, [])
    assert decided.moment <= 20_001
    assert not decided.contradicted_by(20_001)


def test_it_moves_by_a_millisecond() -> None:
    decided = DecidedUpTo()
    decided.observe([300], {}, [])
    decided.observe([301], {}, [])
    assert decided.moment == 301


def test_what_is_awaited_anew_came_after_the_highest_that_was_reached() -> None:
    decided = DecidedUpTo()
    decided.observe([100], {}, [])
    decided.observe([300], {}, ["one"])
    decided.observe([200], {}, ["one"])
    decided.observe([300], {}, ["another"])
    assert decided.moment == 300


def test_clocks_that_go_further_apart_widen_the_margin_to_what_they_are_apart_then() -> None:
    decided = DecidedUpTo()
    for now, ahead in ((10_000, 2_000), (20_000, 3_000)):
        decided.observe([decided.sent_at(now + ahead)], {}, [])
        assert decided.contradicted_by(now)
        assert decided.margin_ms == ahead


def test_clocks_within_the_margin_contradict_nothing() -> None:
    decided = DecidedUpTo()
    decided.observe([decided.sent_at(10_000 + CLOCKS_APART_MS)], {}, [])
    assert not decided.contradicted_by(10_000)


steps = st.lists(
    st.one_of(
        st.tuples(st.just("arrive"), st.integers(0, 2), st.integers(0, 50), st.booleans()),
        st.tuples(st.just("fetch"), st.integers(0, 2)),
        st.tuples(st.just("apply"), st.integers(0, 2)),
        st.tuples(st.just("tell")),
        st.tuples(st.just("look")),
    ),
    max_size=60,
)


@given(steps)
def test_it_is_true_of_any_order_of_arrivals_fetches_and_decisions(steps: list[tuple[object, ...]]) -> None:
    """Three topics; a record of which the command is told later is one that decides a resume. The moment is never too
    late, never goes back, and is as late as may be: where nothing is awaited up to where the inputs are applied, and at
    the end, when all is applied and told, up to the last fetch."""
    now = 0
    log: list[list[tuple[int, bool]]] = [[], [], []]  # arrival, and whether its command has to wait
    applied = [0, 0, 0]
    whole: list[tuple[int, int] | None] = [None, None, None]
    waiting: dict[tuple[int, int], int] = {}
    decided = DecidedUpTo()
    decided.margin_ms = 0
    highest = ALWAYS  # up to which all inputs were applied at a look
    first_awaited: dict[Hashable, int] = {}

    def reached(topic: int) -> int:
        fetched = whole[topic]
        read = fetched[0] if fetched else 0
        if applied[topic] < read:
            return log[topic][applied[topic]][0]
        return fetched[1] if fetched else ALWAYS

    for name, *arguments in steps:
        now += 1
        topic = arguments[0] if arguments else 0
        assert isinstance(topic, int)
        if name == "arrive":
            now += int(str(arguments[1]))
            log[topic].append((now, bool(arguments[2])))
        elif name == "fetch":
            whole[topic] = (len(log[topic]), now)
        elif name == "apply" and (fetched := whole[topic]) and applied[topic] < fetched[0]:
            arrival, waits = log[topic][applied[topic]]
            if waits:
                waiting[topic, applied[topic]] = arrival
            applied[topic] += 1
        elif name == "tell":
            waiting.clear()
        elif name == "look":
            before, inputs = decided.moment, [reached(number) for number in range(3)]
            offsets, offsets_before = {str(number): applied[number] for number in range(3)}, decided.offsets
            decided.observe(inputs, offsets, waiting)
            assert decided.moment >= before
            assert all(decided.offsets[it] >= offset for it, offset in offsets_before.items())
            assert all(decided.offsets[str(it)] <= index for it, index in waiting)
            if not waiting:
                assert decided.moment == max(before, min(inputs))
                assert decided.offsets == offsets
            else:
                # What is awaited now for the first time came after what was reached at the look before.
                first_awaited = {what: first_awaited.get(what, highest) for what in waiting}
                assert decided.moment >= min(max(highest, min(inputs)), *first_awaited.values())
            first_awaited = first_awaited if waiting else {}
            highest = max(highest, min(inputs))
            untold = [at for number, done in enumerate(applied) for at, _ in log[number][done:]]
            untold += waiting.values()
            assert all(decided.moment <= at for at in untold)
    now += 1
    decided.observe([now, now, now], {}, [])
    assert decided.moment == now


@given(st.integers(-5_000, 5_000), st.lists(st.integers(0, 3_000), min_size=1, max_size=20))
def test_the_margin_is_widened_until_it_covers_how_far_the_clocks_are_apart(ahead: int, gaps: list[int]) -> None:
    """A worker whose clock is `ahead` fetches; the next record arrives, by the broker's clock, at that very moment."""
    decided, now = DecidedUpTo(), 100_000
    for gap in gaps:
        now += gap
        decided.observe([decided.sent_at(now + ahead)], {}, [])
        claimed = decided.moment
        assert decided.contradicted_by(now) is (claimed > now)
        assert decided.margin_ms == max(CLOCKS_APART_MS, ahead)
    now += abs(ahead)
    decided.observe([decided.sent_at(now + ahead)], {}, [])
    assert not decided.contradicted_by(now)
