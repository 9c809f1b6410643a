"""Processes of `spendgate` that are forks of one that has imported what they import.

To import it costs 1.4 of the 1.9 CPU seconds in which a worker is ready, and a run starts hundreds of processes. A fork
has an environment, a folder and an output of its own, reads its settings anew, and is killed, frozen and awaited like
any other process. That the executable starts, the tests of `up` and of a secured cluster show.
"""

import atexit
import gc
import json
import os
import select
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Sequence
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import IO, Final

__all__ = ["ROOT", "Fork"]

ROOT: Final = Path(__file__).parents[1]
MESSAGE_BYTES: Final = 1 << 20
#: What a command imports once it runs.
IMPORTED_BY: Final = {
    "worker": "streams.worker.run",
    "ledger": "ledger.ingest.run",
    "notifier": "notifier.run",
    "scheduler": "schedulers.__main__",
    "api": "console.run",
}


class Fork:
    """What of `subprocess.Popen` the tests use."""

    def __init__(self, arguments: Sequence[str], env: dict[str, str], cwd: Path, out: IO[bytes]) -> None:
        self.returncode: int | None = None
        self._lock = threading.Lock()
        self._answers, theirs = socket.socketpair()
        asked = json.dumps({"arguments": list(arguments), "env": env, "cwd": str(cwd)}).encode()
        with theirs:
            socket.send_fds(_parent(), [asked], [theirs.fileno(), out.fileno()])
        self.pid = int.from_bytes(self._answers.recv(4), "big")
        assert self.pid, "the process that forks has ended"

    def poll(self) -> int | None:
        with self._lock:
            if self.returncode is None and select.select([self._answers], [], [], 0)[0]:
                answer = self._answers.recv(4)
                assert answer, "the process that forks has ended"
                self._answers.close()
                self.returncode = int.from_bytes(answer, "big", signed=True)
            return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        if self.poll() is None:
            select.select([self._answers], [], [], timeout)
        code = self.poll()
        if code is None:
            raise subprocess.TimeoutExpired("spendgate", timeout or 0)
        return code

    def send_signal(self, number: signal.Signals) -> None:
        if self.poll() is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)


@cache
def _parent() -> socket.socket:
    """Where the process that forks, one for each process of tests, is asked."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with theirs:
        command = [sys.executable, "-m", "tests.forks", str(theirs.fileno())]
        environment = {name: value for name, value in os.environ.items() if not name.startswith("SPENDGATE_")}
        environment["PYTHONUNBUFFERED"] = "1"
        process = subprocess.Popen(command, cwd=ROOT, env=environment, pass_fds=[theirs.fileno()])

    def end() -> None:
        ours.close()
        process.wait()

    atexit.register(end)
    return ours


def _serve(asked: socket.socket) -> list[str] | None:
    """Forks when it is asked to. Returns the arguments in a fork, and None at the end of who asks."""
    children: dict[int, socket.socket] = {}
    woken, wake = socket.socketpair()
    wake.setblocking(False)
    signal.set_wakeup_fd(wake.fileno(), warn_on_full_buffer=False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    while True:
        ready = select.select([asked, woken], [], [])[0]
        if woken in ready:
            woken.recv(4096)
            _report_ended(children)
        if asked in ready:
            message, handles, *_ = socket.recv_fds(asked, MESSAGE_BYTES, 2)
            if not message:
                return None
            answers, out = socket.socket(fileno=handles[0]), handles[1]
            request = json.loads(message)
            import_module(IMPORTED_BY[request["arguments"][0]])
            gc.freeze()
            assert threading.active_count() == 1
            pid = os.fork()
            if not pid:
                for inherited in (asked, woken, wake, answers, *children.values()):
                    inherited.close()
                return _begin(request, out)
            os.close(out)
            children[pid] = answers
            answers.send(pid.to_bytes(4, "big"))


def _report_ended(children: dict[int, socket.socket]) -> None:
    while children:
        pid, status = os.waitpid(-1, os.WNOHANG)
        if not pid:
            return
        with children.pop(pid) as answers:
            code = os.waitstatus_to_exitcode(status).to_bytes(4, "big", signed=True)
            try:
                answers.send(code)
            except OSError:  # nobody waits for it
                continue


def _begin(request: dict[str, object], out: int) -> list[str]:
    """What the system gives to a new process."""
    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    nothing = os.open(os.devnull, os.O_RDONLY)
    for handle, number in ((nothing, 0), (out, 1), (out, 2)):
        os.dup2(handle, number)
    os.close(nothing)
    os.close(out)
    environment, arguments = request["env"], request["arguments"]
    assert isinstance(environment, dict)
    assert isinstance(arguments, list)
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(str(request["cwd"]))
    return arguments


if __name__ == "__main__":
    from cli.__main__ import application, main

    application()
    wanted = _serve(socket.socket(fileno=int(sys.argv[1])))
    if wanted is not None:
        sys.argv = ["spendgate", *wanted]
        main()
