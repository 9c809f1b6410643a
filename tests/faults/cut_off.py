"""Two networks that no other process of the machine is in, with two cables between them: one for brokers, one for
clients. One broker is in the second network, all else in the first. Needs root and the command `ip`.
"""

import ctypes
import os
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from typing_extensions import override

from local.ports import HOST
from local.readiness import serves
from tests.faults.cluster import Cluster, Node

__all__ = ["CutOffCluster", "TwoNetworks", "entered"]

#: Of documentation (RFC 5737).
_PEERS: Final = "203.0.113.{}"
_CLIENTS: Final = "198.51.100.{}"
_CLONE_NEWNET: Final = 0x40000000


class TwoNetworks:
    """The names of their namespaces."""

    def __init__(self) -> None:
        self.first, self.second = f"first{os.getpid()}", f"second{os.getpid()}"

    def make(self) -> None:
        """Raises CalledProcessError or OSError where the machine does not let them be made."""
        for network in (self.first, self.second):
            _ip("netns", "add", network)
            _ip("-n", network, "link", "set", "lo", "up")
        for cable, addresses in (("peers", _PEERS), ("clients", _CLIENTS)):
            _ip("-n", self.first, "link", "add", cable, "type", "veth", "peer", "name", cable, "netns", self.second)
            for number, network in enumerate((self.first, self.second), 1):
                _ip("-n", network, "address", "add", f"{addresses.format(number)}/24", "dev", cable)
                _ip("-n", network, "link", "set", cable, "up")

    def remove(self) -> None:
        """The cables go with the networks."""
        for network in (self.first, self.second):
            _ip("netns", "delete", network, check=False)

    def cut(self) -> None:
        _ip("-n", self.first, "link", "set", "peers", "down")

    def mend(self) -> None:
        _ip("-n", self.first, "link", "set", "peers", "up")


@contextmanager
def entered(network: str) -> Iterator[None]:
    """This thread, and the threads and processes that it starts meanwhile, are in the network."""
    with Path("/proc/thread-self/ns/net").open() as before, Path("/run/netns", network).open() as inside:
        _enter(inside.fileno())
        try:
            yield
        finally:
            _enter(before.fileno())


class _PeerNode(Node):
    """Brokers and controllers talk to it at an address that clients do not use."""

    client_host = HOST
    peers: Sequence[str] = ()
    peer_port = 0
    network: str | None = None

    @property
    @override
    def brokers(self) -> str:
        return f"{self.client_host}:{self.port}"

    @override
    def start(self) -> None:
        if self.network is None:
            super().start()
            return
        with entered(self.network):
            super().start()

    @override
    def _serves(self) -> bool:
        return serves(self.client_host, self.port)

    @override
    def _further_settings(self, controller_port: int) -> str:
        own, host = self._controllers[self.number - 1], self.peers[self.number - 1]
        voters = ",".join(
            f"{number}@{it}:{port}"
            for number, (it, port) in enumerate(zip(self.peers, self._controllers, strict=True), 1)
        )
        listeners = f"PLAINTEXT://{self.client_host}:{self.port},PEERS://{host}:{self.peer_port}"
        return (
            f"{super()._further_settings(controller_port)}"
            f"controller.quorum.voters={voters}\n"
            f"listeners={listeners},CONTROLLER://{host}:{own}\n"
            f"advertised.listeners={listeners}\n"
            "listener.security.protocol.map=PLAINTEXT:PLAINTEXT,PEERS:PLAINTEXT,CONTROLLER:PLAINTEXT\n"
            "inter.broker.listener.name=PEERS\n"
        )


class CutOffCluster(Cluster):
    """The last node is in the second network, the others are where they are started."""

    _node_type = _PeerNode

    def __init__(self, folder: Path, networks: TwoNetworks) -> None:
        super().__init__(folder)
        self.networks = networks
        self.cut_off = self.nodes[-1]
        peers = [_PEERS.format(2 if node is self.cut_off else 1) for node in self.nodes]
        for node, port in zip(self.nodes, self.further_ports(len(self.nodes)), strict=True):
            assert isinstance(node, _PeerNode)
            node.peers, node.peer_port = peers, port
            if node is self.cut_off:
                node.client_host, node.network = _CLIENTS.format(2), networks.second
        self.brokers = ",".join(node.brokers for node in self.nodes)


def _ip(*arguments: str, check: bool = True) -> str:
    return subprocess.run(["ip", *arguments], check=check, capture_output=True, text=True).stdout


def _enter(namespace: int) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.setns(namespace, _CLONE_NEWNET):
        raise OSError(ctypes.get_errno(), "setns")
