"""`python -m notifier.apprise_child`: sends one message by Apprise and ends.

A process of its own, because Apprise's many services connect by libraries of their own, and here every connection of
the process is checked where it is made; because what hangs is ended; and because it sees none of our settings.
Reads {"address", "title", "text", "allow_private"} from stdin; answers {"error": null or a sentence} on stdout.
"""

import json
import logging
import sys
from typing import Any, Final

from notifier.addresses import host_refusal

__all__ = ["main"]

#: Nothing that Apprise is needed for here runs a program.
_PROGRAMS: Final = ("subprocess.Popen", "os.system", "os.exec", "os.posix_spawn", "os.fork", "os.forkpty", "pty.spawn")
_CONNECTIONS: Final = ("socket.connect", "socket.sendto", "socket.sendmsg")


class _Refusals(logging.Handler):
    """The last words of Apprise about a failure."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.last = ""

    def emit(self, record: logging.LogRecord) -> None:
        self.last = record.getMessage()


def main() -> None:
    wanted = json.load(sys.stdin)
    refused: list[str] = []
    sys.addaudithook(_guard(bool(wanted["allow_private"]), refused))
    error = _send(wanted["address"], wanted["title"], wanted["text"])
    json.dump({"error": error and (refused[-1] if refused else error)}, sys.stdout)


def _guard(allow_private: bool, refused: list[str]) -> Any:
    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        refusal: str | None = None
        if event in _CONNECTIONS:
            address = arguments[1]
            if address is None:  # a datagram on a connected socket
                return
            host = address[0] if isinstance(address, tuple) else address
            refusal = host_refusal(str(host), allow_private=allow_private)
        elif event in _PROGRAMS:
            refusal = "it wants to run a program of this machine"
        if refusal:
            refused.append(refusal)
            raise OSError(refusal)

    return hook


def _send(address: str, title: str, text: str) -> str | None:
    import apprise
    import requests.sessions

    # A redirect is answered as one too many, so that nothing goes to another place than the channel's.
    requests.sessions.DEFAULT_REDIRECT_LIMIT = 0  # type: ignore[attr-defined]
    heard = _Refusals()
    logging.getLogger("apprise").addHandler(heard)
    service = apprise.Apprise()
    if not service.add(address):
        return "Apprise does not take the address"
    for one in service:
        # What is too long is cut: the service would refuse it for ever. An address may ask for `overflow=split`.
        if one.overflow_mode is apprise.OverflowMode.UPSTREAM:
            one.overflow_mode = apprise.OverflowMode.TRUNCATE
    return None if service.notify(body=text, title=title) else heard.last or "Apprise could not send it"


if __name__ == "__main__":
    main()
