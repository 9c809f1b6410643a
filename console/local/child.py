"""A server process that never outlives the program that started it, and finding one that did all the same."""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from queue import SimpleQueue

import psutil

RUN_TIED = Path(__file__).with_name("run_tied.py")


def start_tied(
    command: Sequence[str],
    *,
    folder: Path,
    log: Path,
    death_signal: signal.Signals = signal.SIGTERM,
    user: int | None = None,
    keep_access: bool = False,
    environment: Mapping[str, str] | None = None,
) -> subprocess.Popen[bytes]:
    """Starts `command` in `folder`, in a session of its own, so that Ctrl-C reaches it only through us."""
    wrapped = tied(command, death_signal, user=user, keep_access=keep_access)
    started: SimpleQueue[subprocess.Popen[bytes] | OSError] = SimpleQueue()

    def run() -> None:
        # Linux counts the thread that forked as the parent: it has to live as long as the child does.
        try:
            with log.open("ab") as output:
                process = subprocess.Popen(
                    wrapped,
                    cwd=folder,
                    env=environment,
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=subprocess.STDOUT,
                    start_new_session=True,
                )
        except OSError as error:
            started.put(error)
            return
        started.put(process)
        process.wait()

    threading.Thread(target=run, name=f"child {folder.name}", daemon=True).start()
    result = started.get()
    if isinstance(result, OSError):
        raise result
    return result


def tied(command: Sequence[str], death_signal: signal.Signals, *, user: int | None, keep_access: bool) -> list[str]:
    """`command` such that it gets `death_signal` when we die, as another user if one is given."""
    options = (str(os.getpid()), str(int(death_signal)), "" if user is None else str(user), str(int(keep_access)))
    return [sys.executable, "-I", "-S", str(RUN_TIED), *options, *command]


def ended(process: subprocess.Popen[bytes], *, within_seconds: float) -> bool:
    try:
        process.wait(within_seconds)
    except subprocess.TimeoutExpired:
        return False
    return True


def stop(process: subprocess.Popen[bytes], first: signal.Signals, *, patience_seconds: float) -> None:
    """Asks, waits, and in the end kills."""
    process.send_signal(first)
    if not ended(process, within_seconds=patience_seconds):
        process.kill()
        process.wait()


def stop_leftovers(folder: Path, names: set[str], first: signal.Signals, *, patience_seconds: float) -> None:
    """Ends what a killed run left behind: our servers are told by their name and by working in `folder`."""
    leftovers = [process for process in psutil.process_iter() if _works_in(process, folder, names)]
    for process in leftovers:
        with suppress(psutil.NoSuchProcess):
            process.send_signal(first)
            process.resume()
    _, stubborn = psutil.wait_procs(leftovers, timeout=patience_seconds)
    for process in stubborn:
        with suppress(psutil.NoSuchProcess):
            process.kill()
    psutil.wait_procs(stubborn)


def last_line(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1] if lines else ""


def _works_in(process: psutil.Process, folder: Path, names: set[str]) -> bool:
    try:
        return process.name() in names and process.cwd() == str(folder)
    except psutil.Error:
        return False
