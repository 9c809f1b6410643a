"""Processes of a run with pytest-xdist that are forks of one that has collected its tests.

To import the tests, and what they import, takes 3 of the 4 CPU seconds in which a process is ready to run some. pytest
keeps nothing of a collection but modules, so a fork collects as any other process does, from modules that are there.
This file is run as a program of its own, by the one that forks and by what xdist starts for each of its processes.
"""

import gc
import os
import select
import shlex
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Sequence
from pathlib import Path

__all__ = ["PreloadedProcess"]


class PreloadedProcess:
    """Collects what a pytest with these arguments would, and forks for each that runs `python`, which asks at `path`.
    Ends with its owner."""

    def __init__(self, path: Path, arguments: Sequence[str]) -> None:
        self._owned, theirs = socket.socketpair()
        with theirs, socket.socket(socket.AF_UNIX) as listening:
            listening.bind(str(path))
            listening.listen()
            handles = theirs.fileno(), listening.fileno()
            # -P: the folder of this file is none to import from.
            command = [sys.executable, "-P", __file__, *map(str, handles), *arguments]
            self._process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, pass_fds=handles
            )
        #: What xdist is to start as the Python of a process.
        self.python = shlex.join([sys.executable, "-I", "-S", __file__, str(path)])

    def end(self) -> None:
        self._owned.close()
        self._process.wait()


def _preload(arguments: Sequence[str]) -> None:
    import pytest  # not by what xdist starts

    pytest.main([*arguments, "--collect-only", "--numprocesses=0", "-qq"])


def _serve(owner: socket.socket, listening: socket.socket) -> bool:
    """Fork for each that asks. True in a fork, false at the end of the owner."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    forks: dict[socket.socket, int] = {}
    while True:
        ready = select.select([owner, listening, *forks], [], [])[0]
        if owner in ready:
            return False
        for ended in forks.keys() & set(ready):
            # xdist's process has heard of the end of the fork, or was killed itself.
            os.kill(forks[ended], signal.SIGKILL)
            os.waitpid(forks.pop(ended), 0)
            ended.close()
        if listening in ready:
            asking, _ = listening.accept()
            _, handles, *_ = socket.recv_fds(asking, 1, 4)
            gc.freeze()
            assert threading.active_count() == 1
            forks[asking] = os.fork()
            if not forks[asking]:
                for inherited in (owner, listening, *forks):
                    inherited.close()
                _take(*handles)
                return True
            for handle in handles:
                os.close(handle)


def _take(stdin: int, stdout: int, stderr: int, alive: int) -> None:
    """The files of the one that asked. `alive` closes with this process, and with no program that it starts."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    for number, handle in enumerate((stdin, stdout, stderr)):
        os.dup2(handle, number)
        os.close(handle)
    os.set_inheritable(alive, False)


def _ask(path: str) -> None:
    """Give this process's files to a fork, and wait for its end."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the fork is told by the terminal and by xdist
    ended, alive = os.pipe()
    with socket.socket(socket.AF_UNIX) as server:
        server.connect(path)
        socket.send_fds(server, [b"f"], [0, 1, 2, alive])
        os.close(alive)
        os.read(ended, 1)


if __name__ == "__main__":
    if not sys.argv[1].isdecimal():
        _ask(sys.argv[1])
    else:
        handles, arguments = sys.argv[1:3], sys.argv[3:]
        _preload(arguments)
        if _serve(*(socket.socket(fileno=int(it)) for it in handles)):
            # As execnet has each process begin.
            sys.argv = ["-c"]
            exec(eval(sys.stdin.readline()), {"__name__": "__main__"})  # noqa: S102, S307
