"""Processes of `spendgate` that are forks of one that has imported what they import.

To import it costs 1.4 of the 1.9 CPU seconds in which a worker is ready, and a run starts hundreds of processes. A fork
has an environment, a folder and an output of its own, reads its settings anew, and is killed, frozen and awaited like
any other process. That the executable starts, the tests of `up` and of commands show. Under pytest-xdist one process
forks for all.
"""

import atexit
import gc
import json
import os
import runpy
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

__all__ = ["ROOT", "Fork", "ForkingProcess", "use_forking_process"]

ROOT: Final = Path(__file__).parents[1]
MESSAGE_BYTES: Final = 1 << 20
#: What a command imports once it runs.
IMPORTED_BY: Final = {
    "worker": "streams.worker.run",
    "ledger": "ledger.ingest.run",
    "notifier": "notifier.run",
    "scheduler": "schedulers.__main__",
    "api": "console.run",
    "replay": "operations.replay.fill",
}
#: Where this run's process that forks is asked, if there is one.
_shared: Path | None = None


class Fork:
    """What of `subprocess.Popen` the tests use. The arguments are those of `spendgate`, or begin with the path of a
    program that is a worker with a defect. Its stderr goes where its stdout does, unless there is an `err`."""

    def __init__(
        self, arguments: Sequence[str], env: dict[str, str], cwd: Path, out: IO[bytes], err: IO[bytes] | None = None
    ) -> None:
        self.returncode: int | None = None
        self._lock = threading.Lock()
        self._answers, theirs = socket.socketpair()
        asked = json.dumps({"arguments": list(arguments), "env": env, "cwd": str(cwd)}).encode()
        with theirs:
            socket.send_fds(_asked(), [asked], [theirs.fileno(), out.fileno(), (err or out).fileno()])
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


class ForkingProcess:
    """It is asked by its owner, and by whoever connects to `path`, and ends with its owner."""

    def __init__(self, path: Path | None = None) -> None:
        self.asked, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs, socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as listening:
            if path is not None:
                listening.bind(str(path))
                listening.listen()
            handles = [theirs.fileno(), *([] if path is None else [listening.fileno()])]
            command = [sys.executable, "-m", "tests.forks", *map(str, handles)]
            environment = {name: value for name, value in os.environ.items() if not name.startswith("SPENDGATE_")}
            environment["PYTHONUNBUFFERED"] = "1"
            self._process = subprocess.Popen(command, cwd=ROOT, env=environment, pass_fds=handles)

    def end(self) -> None:
        self.asked.close()
        self._process.wait()


def use_forking_process(path: Path) -> None:
    """Ask the one at the path from now on, where there is one."""
    global _shared
    _shared = path


@cache
def _asked() -> socket.socket:
    """Where the process that forks is asked: the run's own, else one of this process."""
    if _shared is not None and _shared.exists():
        asked = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        asked.connect(str(_shared))
        atexit.register(asked.close)
        return asked
    own = ForkingProcess()
    atexit.register(own.end)
    return own.asked


def _serve(owner: socket.socket, *listening: socket.socket) -> list[str] | None:
    """Forks when it is asked to. Returns the arguments in a fork, and None at the end of its owner."""
    children: dict[int, socket.socket] = {}
    asking = {owner}
    woken, wake = socket.socketpair()
    wake.setblocking(False)
    signal.set_wakeup_fd(wake.fileno(), warn_on_full_buffer=False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    while True:
        ready = select.select([woken, *listening, *asking], [], [])[0]
        if woken in ready:
            woken.recv(4096)
            _report_ended(children)
        asking.update(it.accept()[0] for it in listening if it in ready)
        for asked in asking.intersection(ready):
            message, handles, *_ = socket.recv_fds(asked, MESSAGE_BYTES, 3)
            if not message:
                if asked is owner:
                    return None
                asking.remove(asked)
                asked.close()
                continue
            answers, outputs = socket.socket(fileno=handles[0]), handles[1:]
            request = json.loads(message)
            import_module(IMPORTED_BY.get(request["arguments"][0], IMPORTED_BY["worker"]))
            gc.freeze()
            assert threading.active_count() == 1
            pid = os.fork()
            if not pid:
                for inherited in (*listening, *asking, woken, wake, answers, *children.values()):
                    inherited.close()
                return _begin(request, outputs)
            for output in outputs:
                os.close(output)
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


def _begin(request: dict[str, object], outputs: Sequence[int]) -> list[str]:
    """What the system gives to a new process."""
    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    nothing = os.open(os.devnull, os.O_RDONLY)
    for number, handle in enumerate((nothing, *outputs)):
        os.dup2(handle, number)
        os.close(handle)
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
    wanted = _serve(*(socket.socket(fileno=int(it)) for it in sys.argv[1:]))
    if wanted is not None and wanted[0].endswith(".py"):
        sys.argv = wanted
        runpy.run_path(wanted[0], run_name="__main__")
    elif wanted is not None:
        sys.argv = ["spendgate", *wanted]
        main()
