"""Asks a process of `spendgate` whether it is ready."""

import urllib.error
import urllib.request

from local.ports import HOST

__all__ = ["is_ready", "readiness"]


def is_ready(port: int) -> bool:
    """Whether `/health/ready` at this port is fine; False also while nothing listens there."""
    return readiness(port)[0] == 200


def readiness(port: int) -> tuple[int, str]:
    """Status and text of `/health/ready` at this port; 0 while nothing listens there."""
    try:
        with urllib.request.urlopen(f"http://{HOST}:{port}/health/ready", timeout=2) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode()
    except OSError:
        return 0, ""
