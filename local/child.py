"""Child processes that the kernel ends with their parent, and the search for orphans of a parent that was killed."""

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

from local.service_errors import ServiceDidNotStart

#: Of initdb and the like, which take seconds: long enough for a slow disk, and an end for one that hangs.
TOOL_SECONDS = 300
EXEC_SCRIPT = Path(__file__).with_name("exec_with_death_signal.py")


def start_child(
    command: Sequence[str],
    *,
    folder: Path,
    log: Path,
    death_signal: signal.Signals = signal.SIGTERM,
    user: int | None = None,
    keep_access: bool = False,
    environment: Mapping[str, str] | None = None,
) -> subprocess.Popen[bytes]:
    """Start `command` in `folder`, in a session of its own, so that Ctrl-C reaches only the parent. Output is appended
    to `log`; `death_signal` is sent when the parent dies (Linux). Raises OSError where it cannot be started."""
    wrapped = with_death_signal(command, death_signal, user=user, keep_access=keep_access)
    started: SimpleQueue[subprocess.Popen[bytes] | OSError] = SimpleQueue()

    def run() -> None:
        # Linux counts the thread that forked as the parent: it has to live as long as the child does.
        try:
            with log.open("ab") as output:
                os.fchmod(output.fileno(), 0o600)
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


def run_to_end(
    command: Sequence[str],
    service: str,
    log: Path,
    *,
    folder: Path,
    environment: Mapping[str, str] | None = None,
    seconds: float = TOOL_SECONDS,
) -> subprocess.CompletedProcess[str]:
    """Run a tool that prepares `service`. Raises ServiceDidNotStart, which names `log`, where it does not end in
    time."""
    try:
        return subprocess.run(
            command, cwd=folder, env=environment, capture_output=True, text=True, check=False, timeout=seconds
        )
    except subprocess.TimeoutExpired as error:
        raise ServiceDidNotStart(service, log, f"its preparation has not ended within {seconds:g} s") from error


def with_death_signal(
    command: Sequence[str], death_signal: signal.Signals, *, user: int | None, keep_access: bool
) -> list[str]:
    """The command line that runs `command` with a parent-death signal, as the user id `user` if one is given."""
    options = (str(os.getpid()), str(int(death_signal)), "" if user is None else str(user), str(int(keep_access)))
    return [sys.executable, "-I", "-S", str(EXEC_SCRIPT), *options, *command]


def exits(process: subprocess.Popen[bytes], *, within_seconds: float) -> bool:
    """Wait for the exit. False when the time is up first."""
    try:
        process.wait(within_seconds)
    except subprocess.TimeoutExpired:
        return False
    return True


def stop(process: subprocess.Popen[bytes], first: signal.Signals, *, timeout_seconds: float) -> None:
    """Send the signal `first`, and SIGKILL to a process that has not ended after the timeout."""
    process.send_signal(first)
    if not exits(process, within_seconds=timeout_seconds):
        process.kill()
        process.wait()


def stop_orphans(folder: Path, names: set[str], first: signal.Signals, *, timeout_seconds: float) -> None:
    """End servers of a run that was killed: processes of one of these names whose working directory is `folder`."""
    orphans = [process for process in psutil.process_iter() if _is_server_in(process, folder, names)]
    for process in orphans:
        with suppress(psutil.NoSuchProcess):
            process.send_signal(first)
            process.resume()
    _, survivors = psutil.wait_procs(orphans, timeout=timeout_seconds)
    for process in survivors:
        with suppress(psutil.NoSuchProcess):
            process.kill()
    psutil.wait_procs(survivors)


def last_line(text: str) -> str:
    """The last line that is not blank, stripped; empty where there is none."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1] if lines else ""


def _is_server_in(process: psutil.Process, folder: Path, names: set[str]) -> bool:
    try:
        return process.name() in names and process.cwd() == str(folder)
    except psutil.Error:
        return False
