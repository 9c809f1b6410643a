"""A way to a server of ours that tests can shut and open again."""

import socket
import threading
from contextlib import suppress

from local.ports import HOST, choose_port


class TcpProxy:
    """Takes connections at `port` while it is open and passes bytes on; shutting it cuts all of them."""

    def __init__(self, target: int) -> None:
        self.port = choose_port(0, "gateway")
        self._target = target
        self._listener: socket.socket | None = None
        self._passing: list[socket.socket] = []

    def open(self) -> None:
        self._listener = socket.create_server((HOST, self.port))
        threading.Thread(target=self._take, args=(self._listener,), daemon=True).start()

    def close(self) -> None:
        if self._listener:
            # Closing alone does not wake who waits in accept.
            with suppress(OSError):
                self._listener.shutdown(socket.SHUT_RDWR)
            self._listener.close()
            self._listener = None
        for one in self._passing:
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()
        self._passing.clear()

    def _take(self, listener: socket.socket) -> None:
        with suppress(OSError):
            while True:
                near, _ = listener.accept()
                far = socket.create_connection((HOST, self._target))
                self._passing += [near, far]
                for from_, to in ((near, far), (far, near)):
                    threading.Thread(target=_pass, args=(from_, to), daemon=True).start()


def _pass(from_: socket.socket, to: socket.socket) -> None:
    with suppress(OSError):
        while data := from_.recv(65_536):
            to.sendall(data)
        to.shutdown(socket.SHUT_WR)
