"""A broker in a network of its own, with one cable to the other brokers and one to clients. Needs root and `ip`."""

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

__all__ = ["CutOffCluster", "SecondNetwork"]

#: Of documentation (RFC 5737). A machine may use them all the same, so it is looked at first.
_PEERS: Final = "203.0.113.{}"
_CLIENTS: Final = "198.51.100.{}"
_CLONE_NEWNET: Final = 0x40000000


class SecondNetwork:
    """Its namespace, and the names of the two cables in this one."""

    def __init__(self) -> None:
        number = os.getpid()
        self.name = f"cut{number}"
        self._peers, self._clients = f"cp{number}", f"cc{number}"

    def make(self) -> None:
        """Raises CalledProcessError or OSError where the machine does not let it be made, or uses its addresses."""
        used = _ip("-4", "address", "show") + _ip("-4", "route", "show")
        if any(addresses.format("") in used for addresses in (_PEERS, _CLIENTS)):
            raise OSError("the machine uses the addresses of documentation")
        _ip("netns", "add", self.name)
        _ip("-n", self.name, "link", "set", "lo", "up")
        for cable, addresses in ((self._peers, _PEERS), (self._clients, _CLIENTS)):
            _ip("link", "add", cable, "type", "veth", "peer", "name", f"{cable}b", "netns", self.name)
            _ip("address", "add", f"{addresses.format(1)}/24", "dev", cable)
            _ip("link", "set", cable, "up")
            _ip("-n", self.name, "address", "add", f"{addresses.format(2)}/24", "dev", f"{cable}b")
            _ip("-n", self.name, "link", "set", f"{cable}b", "up")

    def remove(self) -> None:
        for cable in (self._peers, self._clients):
            _ip("link", "delete", cable, check=False)
        _ip("netns", "delete", self.name, check=False)

    def cut(self) -> None:
        _ip("link", "set", self._peers, "down")

    def mend(self) -> None:
        _ip("link", "set", self._peers, "up")

    @contextmanager
    def entered(self) -> Iterator[None]:
        """This thread, and what it starts meanwhile, is in the second network."""
        with Path("/proc/thread-self/ns/net").open() as before, Path("/run/netns", self.name).open() as inside:
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
    network: SecondNetwork | None = None

    @property
    @override
    def brokers(self) -> str:
        return f"{self.client_host}:{self.port}"

    @override
    def start(self) -> None:
        if self.network is None:
            super().start()
            return
        with self.network.entered():
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
    """The last node is in the second network."""

    _node_type = _PeerNode

    def __init__(self, folder: Path, network: SecondNetwork) -> None:
        super().__init__(folder)
        self.network = network
        self.cut_off = self.nodes[-1]
        peers = [_PEERS.format(2 if node is self.cut_off else 1) for node in self.nodes]
        for node, port in zip(self.nodes, self.further_ports(len(self.nodes)), strict=True):
            assert isinstance(node, _PeerNode)
            node.peers, node.peer_port = peers, port
            if node is self.cut_off:
                node.client_host, node.network = _CLIENTS.format(2), network
        self.brokers = ",".join(node.brokers for node in self.nodes)


def _ip(*arguments: str, check: bool = True) -> str:
    return subprocess.run(["ip", *arguments], check=check, capture_output=True, text=True).stdout


def _enter(namespace: int) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.setns(namespace, _CLONE_NEWNET):
        raise OSError(ctypes.get_errno(), "setns")
