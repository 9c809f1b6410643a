"""The settings of a command: the environment, then the addresses of the `up` that runs on the data folder."""

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from streams.settings import Settings

__all__ = ["PLAINTEXT_CONNECTION", "RUN_FILE", "advice_on_defaults", "load_settings", "running_up"]

RUN_FILE = "run.json"

#: Settings of a connection without TLS and without a password, which replace those of the environment.
PLAINTEXT_CONNECTION: dict[str, Any] = {
    "kafka_security_protocol": "PLAINTEXT",
    "kafka_sasl_mechanism": "PLAIN",
    "kafka_username": None,
    "kafka_password": None,
    "kafka_password_file": None,
    "kafka_ca_file": None,
    "kafka_certificate_file": None,
    "kafka_key_file": None,
    "kafka_key_password": None,
    "kafka_key_password_file": None,
    "kafka_token_url": None,
    "kafka_token_scope": None,
    "kafka_token_extensions": "",
    "kafka_token_ca_file": None,
    "kafka_aws_region": None,
}


def load_settings(**overrides: Any) -> "Settings":
    """The settings of a command; `overrides` win over the environment. Raises RefusedValue where a value is not valid
    or a file that a setting names cannot be read."""
    from streams.settings import Settings

    settings = Settings(**overrides)
    return Settings(**{**_from_running_up(settings), **overrides})


def advice_on_defaults() -> str:
    """Advice for a command that reached no broker or database: which settings lead to another. Empty where an `up` runs
    on the data folder, and where the environment names both."""
    from streams.settings import Settings

    settings = Settings()
    addresses = [name for name in ("brokers", "database_url") if name not in settings.given]
    if not addresses or running_up(settings.data_dir):
        return ""
    names = " and ".join(f"SPENDGATE_{name.upper()}" for name in addresses)
    return (
        f"No `spendgate up` runs on the data folder {settings.data_dir.absolute()}, and {names} "
        f"{'have their defaults' if addresses[1:] else 'has its default'}: set SPENDGATE_DATA_DIR to the data folder "
        f"of the one that runs, or set {names}."
    )


def running_up(data_dir: Path) -> dict[str, Any] | None:
    """The content of the run file of the `up` that runs on a data folder, None where none runs."""
    try:
        run = json.loads((data_dir / RUN_FILE).read_text(encoding="utf-8"))
        os.kill(int(run["pid"]), 0)
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return dict(run)


def _from_running_up(settings: "Settings") -> dict[str, Any]:
    """The addresses of the running `up`, where neither the environment nor the caller has set them."""
    run = running_up(settings.data_dir) or {}
    found: dict[str, Any] = {}
    if "database_url" in run and "database_url" not in settings.given:
        found["database_url"] = run["database_url"]
    if "brokers" in run and "brokers" not in settings.given:
        # Address and credentials belong together: those of another cluster are not valid here.
        connection = {name: run[name] for name in PLAINTEXT_CONNECTION if run.get(name) is not None}
        found |= {"brokers": run["brokers"], **PLAINTEXT_CONNECTION, **connection}
    if run.get("http") and not {"http_host", "http_port"} & settings.given:
        host, _, port = str(run["http"]).removeprefix("http://").rpartition(":")
        found |= {"http_host": host, "http_port": int(port)}
    return found
