"""Sends one message to people by Apprise, in a process of its own (`notifier/apprise_child.py`)."""

import asyncio
import json
import os
import sys
from contextlib import suppress
from typing import Final

from notifier.webhook import NotDelivered

__all__ = ["send_message"]

_TIMEOUT_SECONDS: Final = 60.0
#: What a child needs of our environment: no settings, no secrets, no proxies.
_INHERITED: Final = (
    "PATH",
    "LANG",
    "LC_ALL",
    "TZ",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "REQUESTS_CA_BUNDLE",
    "TMPDIR",
    "HOME",
)


async def send_message(
    address: str, title: str, text: str, *, allow_private: bool, timeout_seconds: float = _TIMEOUT_SECONDS
) -> None:
    """Send one message and return when the service has taken it. Raises NotDelivered."""
    child = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "notifier.apprise_child",
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
        env={
            **{name: os.environ[name] for name in _INHERITED if name in os.environ},
            "PYTHONPATH": os.pathsep.join(filter(None, sys.path)),
        },
    )
    wanted = {"address": address, "title": title, "text": text, "allow_private": allow_private}
    try:
        async with asyncio.timeout(timeout_seconds):
            answer, _ = await child.communicate(json.dumps(wanted).encode())
    except TimeoutError as error:
        raise NotDelivered(f"the service has not taken it within {timeout_seconds:g} s") from error
    finally:
        if child.returncode is None:
            with suppress(ProcessLookupError):
                child.kill()
            await child.wait()
    try:
        why = json.loads(answer)["error"]
    except (ValueError, KeyError, TypeError) as error:
        raise NotDelivered(f"Apprise ended with code {child.returncode}") from error
    if why is not None:
        raise NotDelivered(" ".join(str(why).split())[:500])
