"""`up`: everything on one machine until Ctrl-C."""

import signal
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any, Final

import typer

from cli import output
from cli.framework import CommandGroup

if TYPE_CHECKING:
    from cli.local_installation import System

app = CommandGroup()

CHECK_SECONDS: Final = 0.1


def _port(usual: int) -> Any:
    return typer.Option(None, show_default=False, help=f"{usual} when it is free; 0 is any free one.")


@app.command()
def up(
    data_dir: Path = typer.Option(None, help="Where everything is kept; SPENDGATE_DATA_DIR, else .spendgate."),
    kafka_port: str = _port(9092),
    postgres_port: str = _port(5432),
    http_port: str = _port(8000),
    demo: bool = typer.Option(False, "--demo", help="Brands in three cities that spend, pause and resume."),
    services_only: bool = typer.Option(False, "--services-only", help="Kafka, PostgreSQL, tables and topics alone."),
    secured: bool = typer.Option(
        False,
        "--secured",
        help="Kafka asks for passwords, over TLS, and for rights; a folder that was started so stays so.",
    ),
) -> None:
    """Start everything on this machine; Ctrl-C stops it."""
    if demo and services_only:
        raise typer.BadParameter("--demo needs more than --services-only")
    from cli.environment import load_settings
    from cli.local_installation import Ports, running_system

    ports = Ports(*(_number_of_port(text) for text in (kafka_port, postgres_port, http_port)))
    _stop_on_signals()
    settings = load_settings()
    started_at = time.monotonic()
    folder = data_dir or settings.data_dir
    running = running_system(folder, ports, services_only=services_only, secured=secured, say=_say)
    with suppress(KeyboardInterrupt), running as system:
        _show_first_admin(system)
        _until_ready(system)
        _say(f"all of it serves after {time.monotonic() - started_at:.1f} s; Ctrl-C stops it")
        if system.http:
            output.line({"event": "console", "url": system.http}, f"the console is at {system.http}")
        output.line({"event": "ready"}, "ready")
        _serve(system, demo)
    _say("stopped")


def _number_of_port(text: str | None) -> int | None:
    from operations import validation

    return None if text is None else validation.number("ports", text, least=0, most=65_535)


def _show_first_admin(system: "System") -> None:
    """Printed before anything else can fail, because the password is shown once."""
    if admin := system.first_admin:
        output.line(
            {"event": "first_admin", "name": admin.name, "password": admin.password},
            f"sign in as {admin.name} with the password {admin.password} (shown this once; "
            f"`spendgate user set-password {admin.name}` sets another)",
        )


def _until_ready(system: "System") -> None:
    system.supervisor.check()
    while not system.supervisor.all_ready():
        time.sleep(CHECK_SECONDS)
        system.supervisor.check()


def _serve(system: "System", demo: bool) -> None:
    stop_demo = _start_demo(system) if demo else None
    try:
        while True:
            time.sleep(CHECK_SECONDS)
            system.supervisor.check()
    finally:
        if stop_demo:
            stop_demo()


def _start_demo(system: "System") -> Callable[[], None]:
    from simulation.demo import start_demo

    return start_demo(system.demo)


def _stop_on_signals() -> None:
    """The first signal stops everything; later ones are ignored while it stops."""

    def stop(number: int, frame: FrameType | None) -> None:
        for one in SIGNALS:
            signal.signal(one, signal.SIG_IGN)
        _say("stopping")
        raise KeyboardInterrupt

    for one in SIGNALS:
        # `nohup` ignores SIGHUP and wants it so. SIGINT is ignored by whoever was started in a script's background, and
        # is to stop all of it even then.
        if one is not signal.SIGHUP or signal.getsignal(one) is not signal.SIG_IGN:
            signal.signal(one, stop)


SIGNALS: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def _say(text: str) -> None:
    output.line({"event": "message", "text": text}, text)
