"""The Python library on a real broker: transactions, markers, unreadable records, acknowledgements."""

import json
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pytest
from spendgate_control import Change, ControlReader, Doubt, Outcome, Policy

from local.kafka import LocalKafka
from tests.clients.topics import ControlTopics, command

PATIENCE_SECONDS = 20

Config = Mapping[str, Any]


@pytest.fixture
def topics(kafka: LocalKafka, topic_prefix: str) -> ControlTopics:
    return ControlTopics(kafka.brokers, topic_prefix)


def reading(
    topics: ControlTopics, policy: Policy = Policy.CLOSED, *, heartbeats: bool = True, config: Config | None = None
) -> ControlReader:
    return ControlReader(
        topics.brokers,
        consumer="adserver-eu",
        policy=policy,
        topic_prefix=topics.prefix,
        heartbeats=heartbeats,
        config=config,
    )


@pytest.fixture
def reader(topics: ControlTopics) -> Iterator[ControlReader]:
    with reading(topics) as running:
        yield running


def may_run(reader: ControlReader) -> bool:
    return reader.may_run("nike-summer").may_run


def poll_until(reader: ControlReader, holds: Callable[[], bool]) -> list[Change]:
    deadline = time.monotonic() + PATIENCE_SECONDS
    changes: list[Change] = []
    while not holds():
        assert time.monotonic() < deadline
        changes += reader.poll(0.1)
    return changes


def test_it_catches_up_behind_a_trailing_marker_and_sees_nothing_of_an_aborted_transaction(
    topics: ControlTopics,
) -> None:
    topics.transact(command("nike-summer", 1), command("nike-nights", 1, "schedule"))
    topics.transact(command("nike-summer", 2, "daily_budget"), abort=True)
    topics.transact(command("nike-far", 1), partition=1, abort=True)
    with reading(topics, heartbeats=False) as reader:
        history = reader.catch_up(PATIENCE_SECONDS)
        assert [(it.command.command_id, it.is_history) for it in history] == [
            ("nike-summer:1:1", True),
            ("nike-nights:1:1", True),
        ]
        assert reader.campaigns() == ["nike-nights", "nike-summer"]
        assert reader.may_run("nike-summer").may_run
        assert not reader.may_run("nike-nights").may_run
        assert reader.may_run("nike-far").doubts == (Doubt.UNKNOWN_CAMPAIGN,)


def test_an_open_transaction_does_not_keep_it_from_catching_up(topics: ControlTopics) -> None:
    topics.transact(command("nike-summer", 1))
    topics.begin(command("nike-summer", 2, "daily_budget"))
    with reading(topics, heartbeats=False) as reader:
        assert [it.command.command_id for it in reader.catch_up(PATIENCE_SECONDS)] == ["nike-summer:1:1"]
        topics.end()
        assert [it.command.command_id for it in poll_until(reader, lambda: not may_run(reader))] == ["nike-summer:1:2"]


def test_it_asks_for_the_ends_of_all_partitions_in_one_request(kafka: LocalKafka, topic_prefix: str) -> None:
    partitions = 8
    topics = ControlTopics(kafka.brokers, topic_prefix, partitions=partitions)
    for number in range(partitions):  # what it has of a partition without a leader yet, it asks for again
        topics.transact(command(f"nike-{number}", 1), partition=number)
    asked: list[int] = []

    def note(statistics: str) -> None:
        brokers = json.loads(statistics)["brokers"].values()
        asked.append(sum(broker["req"].get("ListOffsets", 0) for broker in brokers))

    config = {"statistics.interval.ms": 50, "stats_cb": note}
    with reading(topics, heartbeats=False, config=config) as reader:
        reader.catch_up(PATIENCE_SECONDS)
        asked.clear()
        poll_until(reader, lambda: bool(asked))
    # The client itself asks for the beginning of each partition.
    assert asked[-1] <= partitions + 1


def test_what_was_carried_out_is_acknowledged(topics: ControlTopics, reader: ControlReader) -> None:
    reader.catch_up(PATIENCE_SECONDS)
    topics.transact(command("nike-summer", 1), command("nike-summer", 2, "daily_budget"))
    changes = poll_until(reader, lambda: reader.may_run("nike-summer").reasons != ())
    assert [it.is_history for it in changes] == [False, False]
    reader.acknowledge(changes[0].command)
    reader.acknowledge(changes[1].command, Outcome.FAILED, "the platform said no")
    told = topics.acks(2)
    assert [(it["command_id"], it["consumer"], it["outcome"], it["detail"]) for it in told] == [
        ("nike-summer:1:1", "adserver-eu", "applied", None),
        ("nike-summer:1:2", "adserver-eu", "failed", "the platform said no"),
    ]
    assert reader.failed_acknowledgements == 0


def test_what_cannot_be_read_leaves_a_doubt_until_a_resend(topics: ControlTopics) -> None:
    topics.transact(command("nike-summer", 1))
    topics.write("nike-summer", b"?")
    with reading(topics, heartbeats=False) as reader:
        reader.catch_up(PATIENCE_SECONDS)
        assert reader.may_run("nike-summer").doubts == (Doubt.UNREADABLE,)
        assert reader.unreadable_records == 1
        topics.transact(command("nike-summer", 1))
        poll_until(reader, lambda: reader.may_run("nike-summer").doubts == ())
        topics.write("nike-summer", None)
        poll_until(reader, lambda: reader.may_run("nike-summer").doubts == (Doubt.UNKNOWN_CAMPAIGN,))
