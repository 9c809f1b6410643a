"""What `spendgate topics acls` prints. That it is enough, `tests/cli/test_secured.py` shows."""

import pytest

from streams.kafka.acls import acl_lines, principal_name
from streams.kafka.identities import LEDGER_GROUP, WORKER_GROUP
from streams.kafka.rights import Client, CommandLine, Process, rights_of
from streams.settings import Settings

SETTINGS = Settings(brokers="b:9092", topic_prefix="p-")
START = "kafka-acls --bootstrap-server b:9092 --add --allow-principal User:u"


def lines(*clients: Client) -> list[str]:
    return [line.removeprefix(f"{START} ") for line in acl_lines("u", rights_of(clients, SETTINGS), SETTINGS)]


def test_the_rights_of_a_process_are_one_line_for_each_set_of_operations() -> None:
    assert lines(Process.LEDGER) == [
        "--operation Read --operation DescribeConfigs --topic p-spend-events --topic p-campaign-control "
        "--topic p-control-acks --topic p-spend-corrections --topic p-catalog",
        "--operation Read --operation Write --operation DescribeConfigs --topic p-spend-events.dlq",
        "--operation Describe --operation DescribeConfigs --topic p-control-heartbeat --topic p-spend-snapshots "
        "--topic p-dayparting-ticks --topic p-budget-resets --topic p-budget-alerts "
        "--topic p-controller-state",
        f"--operation Read --group p-{LEDGER_GROUP}",
    ]


def test_transactional_ids_of_all_partitions_are_allowed_by_their_prefix() -> None:
    assert "--operation Write --transactional-id p-spendgate-worker- --resource-pattern-type prefixed" in lines(
        Process.WORKER
    )
    assert SETTINGS.transactional_id(7) == "p-spendgate-worker-7"
    assert Settings(topic_prefix="").transactional_id(7) == "spendgate-worker-7"  # and never a stranger's `worker-7`
    assert f"--operation Read --group p-{WORKER_GROUP}" in lines(Process.WORKER)


def test_of_several_that_share_a_user_each_right_comes_once() -> None:
    assert lines(CommandLine.DLQ, CommandLine.DLQ_REPLAY) == [
        "--operation Read --topic p-spend-events.dlq",
        "--operation Write --topic p-spend-events --topic p-spend-corrections --topic p-spend-snapshots",
    ]
    # Describe alone is what `simulate-traffic` needs of a topic that `brand` may read.
    assert "Describe" not in " ".join(lines(CommandLine.SIMULATE_TRAFFIC, CommandLine.BRAND))


@pytest.mark.parametrize(
    ("client", "name"),
    [
        (Process.API, "spendgate-api"),
        (CommandLine.DLQ_REPLAY, "spendgate-dlq-replay"),
        (CommandLine.RECONCILE_REPAIR, "spendgate-reconcile-repair"),
    ],
)
def test_a_principal_is_named_after_what_it_runs(client: Client, name: str) -> None:
    assert principal_name(client, "spendgate-") == name
