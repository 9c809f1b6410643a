"""Asks a process of `spendgate` whether it is ready."""

import urllib.error
import urllib.request

from local.ports import HOST

__all__ = ["is_ready"]


def is_ready(port: int) -> bool:
    """Whether `/health/ready` at this port is fine; False also while nothing listens there."""
    try:
        with urllib.request.urlopen(f"http://{HOST}:{port}/health/ready", timeout=2) as answer:
            return bool(answer.status == 200)
    except urllib.error.HTTPError as error:
        error.close()
        return False
    except OSError:
        return False
