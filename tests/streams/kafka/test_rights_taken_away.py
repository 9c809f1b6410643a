"""A right that is taken away while a process runs ends the process within seconds, with the exit code and the sentence
that it would have at its start: whether it uses the right at that moment or not."""

import asyncio
import re
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Final

import pytest

from core.errors import ExitCode
from local.kafka import LocalKafka
from local.ports import choose_port
from streams.kafka.acls import acl_lines
from streams.kafka.provision import create_topics
from streams.kafka.rights import Operation, Process, Resource, Right, rights_of
from streams.settings import Settings
from tests.commands import EXECUTABLE
from tests.health import is_ready
from tests.lengths import length
from tests.streams.acl_changes import denied, new_user, run_acl_lines
from tests.streams.worker_process import WorkerProcess

PATIENCE_SECONDS: Final = 60

#: What is used at once.
IN_USE: Final = {
    Process.WORKER: Right(Operation.Read, Resource.GROUP, "spendgate-worker"),
    Process.SCHEDULER: Right(Operation.Read, Resource.TOPIC, "catalog"),
    Process.LEDGER: Right(Operation.Read, Resource.GROUP, "spendgate-ledger"),
    Process.NOTIFIER: Right(Operation.Read, Resource.TOPIC, "budget-alerts"),
    Process.API: Right(Operation.Read, Resource.TOPIC, "controller-state"),
}
#: What is used at a dead letter, in the night, at a start or when somebody asks.
NOT_IN_USE: Final = {
    Process.WORKER: Right(Operation.Write, Resource.TOPIC, "spend-events.dlq"),
    Process.SCHEDULER: Right(Operation.Read, Resource.TOPIC, "spend-corrections"),
    Process.LEDGER: Right(Operation.Write, Resource.TOPIC, "spend-events.dlq"),
    Process.NOTIFIER: Right(Operation.DescribeConfigs, Resource.TOPIC, "catalog"),
    Process.API: Right(Operation.Describe, Resource.GROUP, "spendgate-ledger"),
}
#: All of them, or the one that Faust runs and the one that is a web server.
PROCESSES: Final = sorted(Process, key=lambda it: it not in (Process.WORKER, Process.API))[: length(2, len(Process))]


class User:
    """A process under a user of its own, who has its rights alone."""

    def __init__(self, process: Process, owner: Settings, database_url: str, folder: Path) -> None:
        self.name = f"{owner.topic_prefix}{process}"
        self._port = choose_port(0, "test")
        places = {"DATABASE_URL": database_url, "HTTP_PORT": str(self._port), "METRICS_PORT": str(self._port)}
        variables = {f"SPENDGATE_{name}": it for name, it in places.items()}
        settings = new_user(owner, self.name)
        run_acl_lines(owner, acl_lines(self.name, rights_of([process], owner), owner))
        self.process = WorkerProcess(settings, folder / f"{process}.log", [str(EXECUTABLE), process], **variables)
        self.process.start()

    async def ready(self) -> None:
        async with asyncio.timeout(PATIENCE_SECONDS):
            while not await asyncio.to_thread(is_ready, self._port):
                self.process.check_alive()
                await asyncio.sleep(0.1)


@pytest.mark.long
@pytest.mark.parametrize(
    "rights", [pytest.param(IN_USE, marks=pytest.mark.long_only), NOT_IN_USE], ids=["in-use", "not-in-use"]
)
async def test_each_process_ends_with_the_sentence_that_names_it(
    secured_kafka: LocalKafka,
    migrated_url: str,
    topic_prefix: str,
    tmp_path: Path,
    rights: Mapping[Process, Right],
) -> None:
    owner = Settings(**secured_kafka.client_settings, topic_prefix=topic_prefix, partitions=1)
    await create_topics(owner)
    with ExitStack() as ended:
        users = {it: User(it, owner, migrated_url, tmp_path) for it in PROCESSES}
        for user in users.values():
            ended.callback(user.process.kill)
        await asyncio.gather(*(user.ready() for user in users.values()))
        for process in PROCESSES:
            right = rights[process]
            resource = [f"--{right.resource.replace(' ', '-')}", owner.topic(right.name)]
            ended.enter_context(denied(owner, f"User:{users[process].name}", right.operation, resource))
        codes = await asyncio.gather(*(user.process.ended(PATIENCE_SECONDS) for user in users.values()))
        assert dict(zip(users, codes, strict=True)) == dict.fromkeys(PROCESSES, ExitCode.UNREACHABLE)
        for process, user in users.items():
            output, right = user.process.output, rights[process]
            may_not = f"(may not {right.operation.name} the|lacks a right on the)"
            says = f"User:{user.name} {may_not} {right.resource} {owner.topic(right.name)}: let "
            assert re.search(says, output.splitlines()[-1]), output
            assert "Traceback" not in output, output
