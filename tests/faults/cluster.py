"""Three brokers in one KRaft cluster, each of which can be killed, frozen, stopped and started again by itself."""

import asyncio
import json
import os
import signal
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient
from typing_extensions import override

from local.kafka import LocalKafka
from local.ports import HOST, choose_port

__all__ = ["BROKERS", "Cluster", "Node"]

BROKERS: Final = 3
PATIENCE_SECONDS: Final = 180
_QUORUM_STATE: Final = Path("log", "__cluster_metadata-0", "quorum-state")
#: As a cluster has them: two replicas of three take what is written, and a broker is away after Kafka's usual 9 s. A
#: broker is told the end of a transaction by its coordinator, which waits so long for the answer of one that stands
#: still, and Kafka's usual 30 s are longer than others take to lead its partitions: docs/kafka.md, "Brokers".
_OF_A_CLUSTER: Final = """\
offsets.topic.replication.factor=3
transaction.state.log.replication.factor=3
transaction.state.log.min.isr=2
share.coordinator.state.topic.replication.factor=3
share.coordinator.state.topic.min.isr=2
replica.lag.time.max.ms=10000
broker.session.timeout.ms=9000
broker.heartbeat.interval.ms=1000
request.timeout.ms=5000
"""


class Node(LocalKafka):
    """Broker and controller `number` of those whose controllers listen at `controllers`."""

    def __init__(self, folder: Path, number: int, port: int, controllers: Sequence[int]) -> None:
        super().__init__(folder, port)
        self.number = number
        self._controllers = controllers

    def freeze(self) -> None:
        assert self.process
        os.kill(self.process.pid, signal.SIGSTOP)

    def thaw(self) -> None:
        assert self.process
        os.kill(self.process.pid, signal.SIGCONT)

    @override
    def _further_settings(self, controller_port: int) -> str:
        """Its controller stays at its port, because the others have it written down."""
        own = self._controllers[self.number - 1]
        voters = ",".join(f"{number}@{HOST}:{port}" for number, port in enumerate(self._controllers, 1))
        return (
            f"node.id={self.number}\n"
            f"controller.quorum.voters={voters}\n"
            f"listeners=PLAINTEXT://{HOST}:{self.port},CONTROLLER://{HOST}:{own}\n{_OF_A_CLUSTER}"
        )

    @override
    def _java_options(self) -> list[str]:
        return ["-Xmx256m"]


class Cluster:
    """Of BROKERS nodes. Each folder is `folder/N`."""

    _node_type: type[Node] = Node

    def __init__(self, folder: Path) -> None:
        self._ports: list[int] = []
        ports = self.further_ports(2 * BROKERS)
        self.nodes = [
            self._node_type(folder / str(number), number, ports[number - 1], ports[BROKERS:])
            for number in range(1, BROKERS + 1)
        ]
        for node in self.nodes:
            node.cluster_id = self.nodes[0].cluster_id
        self.brokers = ",".join(node.brokers for node in self.nodes)

    def further_ports(self, count: int) -> list[int]:
        """Free ones that no node has."""
        wanted = len(self._ports) + count
        while len(self._ports) < wanted:
            self._ports = list(dict.fromkeys([*self._ports, choose_port(0, "test")]))
        return self._ports[-count:]

    def start(self) -> None:
        """One alone elects no controller, so all of them at once."""
        with ThreadPoolExecutor() as pool:
            list(pool.map(lambda node: node.start(), self.nodes))

    def kill(self) -> None:
        for node in self.nodes:
            node.kill()

    async def until_in_sync(self) -> None:
        """Each partition has a leader and all of its replicas."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            while not await asyncio.to_thread(self._is_in_sync):
                await asyncio.sleep(0.2)

    async def until_gone(self, node: Node) -> None:
        """The others know it."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            while node.number in await asyncio.to_thread(self._known, node):
                await asyncio.sleep(0.1)

    def controller(self) -> Node:
        """The one whose controller leads the quorum; where it is lost, the next one gives each broker a new session."""
        states = [json.loads((node.folder / _QUORUM_STATE).read_text()) for node in self.nodes]
        leads = max(states, key=lambda state: int(state["leaderEpoch"]))
        return next(node for node in self.nodes if node.number == leads["leaderId"])

    def leader(self, topic: str, partition: int) -> Node:
        number = self._admin().list_topics(topic, timeout=30).topics[topic].partitions[partition].leader
        return next(node for node in self.nodes if node.number == number)

    def _is_in_sync(self) -> bool:
        try:
            told = self._admin().list_topics(timeout=10)
        except KafkaException:
            return False
        parts = [part for topic in told.topics.values() for part in topic.partitions.values()]
        return len(told.brokers) == BROKERS and all(
            part.leader > 0 and len(part.isrs) == len(part.replicas) for part in parts
        )

    def _known(self, besides: Node) -> set[int]:
        try:
            return set(self._admin(besides).list_topics(timeout=10).brokers)
        except KafkaException:
            return {besides.number}

    def _admin(self, besides: Node | None = None) -> AdminClient:
        running = [node.brokers for node in self.nodes if node.process and node is not besides]
        return AdminClient({"bootstrap.servers": ",".join(running), "log_level": 0})
