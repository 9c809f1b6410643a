"""What `bench.peers` asks of the settings, and which peers it describes."""

from bench.peer_table import checked, left_out, table
from bench.peers import _PEERS, _SLOW, chosen, events_to_budget, of_slow_peers
from streams.settings import Settings


def test_processes_over_the_topics_of_slow_peers_still_name_themselves_to_the_broker() -> None:
    fewer = of_slow_peers(Settings(topic_prefix="run0-", partitions=2, environment={}))
    assert (fewer.topic_prefix, fewer.partitions) == ("run0-fewer-", 2)
    assert fewer.of_process("worker").kafka_client_id == "spendgate-worker"


def test_only_peers_with_figures_are_described() -> None:
    figures = {"events_per_second": 5}
    of_first = {"Spendgate": figures, "Kafka Streams, memory": figures, "Bytewax": {"refused": "1 wrong"}}
    of_second = {"`getmany`, which does nothing": figures, "Faust, a tenth of the events": figures}
    described = [line.split(" | ")[0].removeprefix("| ") for line in left_out([of_first, of_second]).splitlines()[2:]]
    assert described == ["`getmany`", "Kafka Streams", "Faust"]
    assert left_out([{"Spendgate": figures}]) == ""


def test_the_first_peer_says_what_the_others_leave_out_too() -> None:
    figures = {"events_per_second": 5}
    first, second = left_out([{"Bytewax": figures, "Faust, a tenth of the events": figures}]).splitlines()[2:]
    assert first.startswith("| Bytewax | ")
    assert "| first states and resumes; budgets" in first
    assert second.startswith("| Faust | ")
    assert "| the same; changes" in second


def test_every_peer_is_described() -> None:
    figures = {"events_per_second": 5}
    for name in (*_PEERS, *_SLOW):
        assert name.split(",")[0] in left_out([{name: figures}])


def test_several_words_choose_every_peer_that_has_one_of_them_in_their_order() -> None:
    assert list(chosen(_PEERS, ["BYTE", "hashmap"])) == ["Bytewax", *(it for it in _PEERS if "hashmap" in it)]
    assert list(chosen(_SLOW, ["hashmap"])) == []
    assert chosen(_PEERS, []) == _PEERS


def test_budgets_are_used_up_one_after_the_other() -> None:
    budgets = [it for it in events_to_budget(brands=1_000, events=22_000) if it is not None]
    assert budgets == [2, 4, 6, 8, 10, 12, 14, 16, 18, 20]
    assert {it for it in events_to_budget(brands=1_000, events=1_000) if it is not None} == {1}


def test_a_figure_that_no_run_has_is_no_column() -> None:
    runs = [{"Spendgate": {"events_per_second": 5}, "Pathway": {"refused": "not done"}}]
    assert table(runs).splitlines()[0] == "| one core each | events/s, cold |"
    runs[0]["Bytewax"] = {"events_per_second": 4, "pause_unread_longest_ms": 7}
    assert table(runs).splitlines()[0] == "| one core each | events/s, cold | pause unread, longest ms |"
    assert "| Pathway | refused: not done |  |" in table(runs)


def test_runs_of_different_peers_are_one_table() -> None:
    runs = [
        {"Spendgate": {"events_per_second": 5}},
        {"Spendgate": {"events_per_second": 7}, "Bytewax": {"refused": "no"}},
    ]
    assert table(runs).splitlines()[2:] == ["| Spendgate | 6 (5-7) |", "| Bytewax | refused: no |"]


def test_the_page_says_how_much_was_compared() -> None:
    figures = {"events_per_second": 5, "sums_checked": 4_000, "pauses_checked": 10}
    assert checked([{"Spendgate": figures, "Bytewax": figures}]) == (
        "Compared with the topic, of each program that counts: 4,000 sums and 10 pauses.\n\n"
    )
    assert checked([{"Spendgate": {"events_per_second": 5}}]) == ""
