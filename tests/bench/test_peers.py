"""What `bench.peers` asks of the settings, and which peers it describes."""

from bench.peers import _PEERS, _SLOW, left_out, of_slow_peers
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
    assert first.startswith("| Bytewax | first states and resumes; budgets")
    assert second.startswith("| Faust | the same; changes")


def test_every_peer_is_described() -> None:
    figures = {"events_per_second": 5}
    for name in (*_PEERS, *_SLOW):
        assert name.split(",")[0] in left_out([{name: figures}])
