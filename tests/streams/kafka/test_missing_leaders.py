"""How often a consumer asks who leads a partition that has no leader. Needs no services."""

from unittest.mock import Mock

import pytest
from aiokafka import TopicPartition
from aiokafka.consumer.fetcher import Fetcher

from streams.kafka import missing_leaders


@pytest.mark.parametrize("leader", [-1, None])
def test_a_missing_leader_is_asked_for_at_once_and_then_with_pauses(
    leader: int | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    missing_leaders.install()
    now = 100.0
    monkeypatch.setattr(missing_leaders, "monotonic", lambda: now)
    fetcher = Mock(_records={}, _in_flight=set(), _fetcher_timeout=0.2, _select_read_replica=Mock(return_value=leader))
    assignment = Mock(tps=[TopicPartition("spend-events", 0)])

    def asks() -> bool:
        *_, timeout, misses_leader, _ = Fetcher._get_actions_per_node(fetcher, assignment)
        assert timeout <= missing_leaders._PAUSE_SECONDS  # after which it is due again
        return bool(misses_leader)

    assert [asks(), asks(), asks()] == [True, False, False]
    now += 2 * missing_leaders._PAUSE_SECONDS
    assert [asks(), asks()] == [True, False]
