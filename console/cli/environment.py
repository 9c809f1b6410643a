"""The settings of a command: the environment, and where it is silent, the `up` that runs on the data folder."""

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from streams.settings import Settings

__all__ = ["RUN_FILE", "load_settings", "running_up"]

RUN_FILE = "run.json"


def load_settings(**overrides: Any) -> "Settings":
    """The one call by which commands come to their settings."""
    from pydantic import ValidationError

    from streams.errors import RefusedValue
    from streams.settings import Settings

    try:
        settings = Settings(**overrides)
        return Settings(**{**_from_running_up(settings), **overrides})
    except ValidationError as error:
        raise RefusedValue(_told(error)) from error
    except OSError as error:
        raise RefusedValue(
            f"A file that a setting names cannot be read: {error.filename} ({error.strerror})."
        ) from error


def running_up(data_dir: Path) -> dict[str, Any] | None:
    """What the running `up` on a data folder wrote down, None when there is none."""
    try:
        run = json.loads((data_dir / RUN_FILE).read_text(encoding="utf-8"))
        os.kill(int(run["pid"]), 0)
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return dict(run)


def _from_running_up(settings: "Settings") -> dict[str, Any]:
    """Addresses that neither the environment nor the caller has named."""
    run = running_up(settings.data_dir) or {}
    found: dict[str, Any] = {
        name: run[name] for name in ("brokers", "database_url") if name in run and name not in settings.model_fields_set
    }
    if run.get("http") and not {"http_host", "http_port"} & settings.model_fields_set:
        host, _, port = str(run["http"]).removeprefix("http://").rpartition(":")
        found |= {"http_host": host, "http_port": int(port)}
    return found


def _told(error: Any) -> str:
    """Names the variables, and never repeats a value, because it may be a secret."""
    faults = [(fault["loc"], str(fault["msg"]).removeprefix("Value error, ")) for fault in error.errors()]
    return "; ".join(f"SPENDGATE_{'_'.join(map(str, loc)).upper()}: {said}" if loc else said for loc, said in faults)
