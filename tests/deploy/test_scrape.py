"""A real Prometheus with the shipped configuration, at other ports, scrapes every process and evaluates every alert."""

import asyncio
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from local.ports import HOST, choose_port
from streams.settings import Settings
from tests.docs.repository import ROOT
from tests.installation import Surroundings
from tests.ledger.ledger_process import LedgerProcess
from tests.streams.worker_process import WorkerProcess

PATIENCE_SECONDS = 120
OTHERS = ("scheduler", "ledger", "notifier", "api")


class Process(LedgerProcess):
    def __init__(self, command: str, settings: Settings, folder: Path) -> None:
        self.command = command
        super().__init__(settings, folder / f"{command}.log")


@pytest.fixture
def ports(surroundings: Surroundings, tmp_path: Path) -> Iterator[dict[str, int]]:
    """Of each job of Prometheus, the port where its process serves."""
    settings, worker_port = surroundings.settings, choose_port(0, "test")
    worker = WorkerProcess(settings, tmp_path / "worker.log", SPENDGATE_METRICS_PORT=str(worker_port))
    worker.start()
    others = {name: Process(name, settings, tmp_path) for name in OTHERS}
    yield {"spendgate-worker": worker_port} | {f"spendgate-{name}": it.port for name, it in others.items()}
    for process in (worker, *others.values()):
        process.kill()


@pytest.fixture
def prometheus(ports: dict[str, int], tmp_path: Path) -> Iterator[str]:
    """Its address."""
    program = shutil.which("prometheus")
    if program is None:
        pytest.skip("prometheus is not installed: apt-get install prometheus")
    shipped = ROOT / "deploy/prometheus"
    config = yaml.safe_load((shipped / "prometheus.yml").read_text())
    config["global"] = {"scrape_interval": "1s", "evaluation_interval": "1s"}
    config["rule_files"] = [str(shipped / it) for it in config["rule_files"]]
    assert {it["job_name"] for it in config["scrape_configs"]} == ports.keys()
    for job in config["scrape_configs"]:
        job["static_configs"] = [{"targets": [f"{HOST}:{ports[job['job_name']]}"]}]
    (tmp_path / "prometheus.yml").write_text(yaml.safe_dump(config))
    address = f"{HOST}:{choose_port(0, 'test')}"
    options = {
        "config.file": tmp_path / "prometheus.yml",
        "storage.tsdb.path": tmp_path / "data",
        "web.listen-address": address,
    }
    with (tmp_path / "prometheus.log").open("wb") as out:
        process = subprocess.Popen(
            [program, *(f"--{name}={it}" for name, it in options.items())], stdout=out, stderr=subprocess.STDOUT
        )
    yield f"http://{address}/api/v1"
    process.kill()
    process.wait()


async def test_every_process_is_scraped_and_every_alert_evaluated(prometheus: str) -> None:
    async with httpx.AsyncClient(timeout=10) as client:

        async def asked(path: str) -> Any:
            try:
                return (await client.get(f"{prometheus}/{path}")).json()["data"]
            except (httpx.HTTPError, ValueError):  # not yet
                return {}

        async def targets_are_up() -> bool:
            found = (await asked("targets")).get("activeTargets", [])
            return bool(found) and {it["health"] for it in found} == {"up"}

        async def rules_are_evaluated() -> bool:
            found = [it for group in (await asked("rules")).get("groups", []) for it in group["rules"]]
            assert "err" not in {it["health"] for it in found}, found
            return bool(found) and {it["health"] for it in found} == {"ok"}

        async with asyncio.timeout(PATIENCE_SECONDS):
            while not (await targets_are_up() and await rules_are_evaluated()):
                await asyncio.sleep(0.2)
