"""What `bench.peers` asks of the settings, and which peers it describes."""

from bench.peers import of_slow_peers
from streams.settings import Settings


def test_processes_over_the_topics_of_slow_peers_still_name_themselves_to_the_broker() -> None:
    fewer = of_slow_peers(Settings(topic_prefix="run0-", partitions=2, environment={}))
    assert (fewer.topic_prefix, fewer.partitions) == ("run0-fewer-", 2)
    assert fewer.of_process("worker").kafka_client_id == "spendgate-worker"
