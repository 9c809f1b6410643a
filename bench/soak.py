"""The whole of `spendgate up` under steady spend, and the resident memory of each process. `--help` lists the options.

At the end the ledger must agree with the controller: exit 1 where it does not.
"""

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import psutil

from bench.machine import describe, wait_until

_SPENDGATE: Final = Path(sys.executable).with_name("spendgate")
_PATIENCE_SECONDS: Final = 300.0
_SAMPLE_SECONDS: Final = 5.0
#: Of the time, after each of which memory is told: growth that ends looks other than growth that goes on.
_PARTS: Final = 6
_OURS: Final = ("worker", "scheduler", "ledger", "notifier", "api")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=30)
    parser.add_argument("--rate", type=int, default=2_000, help="events a second")
    parser.add_argument("--brands", type=int, default=100)
    parser.add_argument("--campaigns", type=int, default=5, help="of each brand")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="spendgate-soak-") as folder, up(Path(folder)) as process:
        fill_catalog(Path(folder), given.brands, given.campaigns)
        done(traffic(Path(folder), given.rate, 20))  # what is loaded with the first spend is no growth
        rows, result = soak(process, Path(folder), given.rate, given.minutes * 60)
        agrees = reconciled(Path(folder))
    print(f"{given.minutes:g} minutes at {given.rate:,} events/s; {describe()}")
    print(result)
    print("controller and ledger agree" if agrees else "CONTROLLER AND LEDGER DIFFER")
    minutes = [given.minutes * part / _PARTS for part in range(_PARTS + 1)]
    print(f"\n| MiB after minutes | {' | '.join(f'{it:g}' for it in minutes)} | highest |")
    print("|---" * (_PARTS + 3) + "|")
    for name, samples in rows.items():
        told = [samples[(len(samples) - 1) * part // _PARTS] for part in range(_PARTS + 1)]
        print(f"| {name} | {' | '.join(f'{it:.0f}' for it in [*told, max(samples)])} |")
    sys.exit(not agrees)


@contextmanager
def up(folder: Path) -> Iterator[psutil.Process]:
    """Everything, on free ports, with its data in the folder."""
    command = [_SPENDGATE, "up", "--data-dir", folder, "--kafka-port", "0", "--postgres-port", "0", "--http-port", "0"]
    log = folder / "up.log"
    with log.open("wb") as out:
        process = subprocess.Popen(command, stdout=out, stderr=subprocess.STDOUT)
    try:
        wait_until(lambda: "\nready" in f"\n{log.read_text()}", _PATIENCE_SECONDS)
        yield psutil.Process(process.pid)
    finally:
        process.terminate()
        process.wait(_PATIENCE_SECONDS)


def command(folder: Path, *arguments: str) -> subprocess.Popen[str]:
    """A command of the installation in the folder; its output is small, and read when it has ended."""
    environment = {**os.environ, "SPENDGATE_DATA_DIR": str(folder)}
    out = (folder / f"{arguments[0]}.out").open("w")
    with out:
        return subprocess.Popen(
            [_SPENDGATE, *arguments], env=environment, stdout=out, stderr=subprocess.DEVNULL, text=True
        )


def done(process: subprocess.Popen[str]) -> None:
    assert process.wait() == 0, process.args


def fill_catalog(folder: Path, brands: int, campaigns: int) -> None:
    """Brands without budgets, and every tenth with one that is soon used up."""
    rows: list[dict[str, Any]] = []
    for number in range(brands):
        budget = "100.00" if number % 10 == 0 else "none"
        brand = {"kind": "brand", "brand_id": f"soak-{number}", "time_zone": "UTC", "currency": "USD"}
        rows.append(brand | {"daily_budget": budget})
        for one in range(campaigns):
            ids = {"brand_id": f"soak-{number}", "campaign_id": f"soak-{number}-{one}"}
            rows.append({"kind": "campaign", **ids})
    path = folder / "catalog.yaml"
    path.write_text(json.dumps(rows))  # JSON is YAML
    done(command(folder, "catalog", "apply", str(path), "--format", "yaml", "--yes"))


def traffic(folder: Path, rate: int, seconds: float) -> subprocess.Popen[str]:
    return command(folder, "simulate-traffic", "--rate", str(rate), "--seconds", f"{seconds:.0f}", "--json")


def soak(
    process: psutil.Process, folder: Path, rate: int, seconds: float
) -> tuple[dict[str, list[float]], dict[str, Any]]:
    """MiB of each process from the first to the last event, and what was sent."""
    rows: dict[str, list[float]] = defaultdict(list)
    began = time.monotonic()
    sending = traffic(folder, rate, seconds)
    ended = False
    while not ended:
        ended = sending.poll() is not None
        for name, mib in memory(process).items():
            rows[name].append(mib)
        time.sleep(0 if ended else _SAMPLE_SECONDS)
    took = time.monotonic() - began
    done(sending)
    sent = json.loads((folder / "simulate-traffic.out").read_text())
    counts = {name: value for name, value in sent.items() if isinstance(value, int)}
    return rows, {**counts, "seconds": round(took)}


def memory(process: psutil.Process) -> dict[str, float]:
    """MiB; of PostgreSQL's processes together, each page that they share once."""
    found: dict[str, float] = defaultdict(float)
    for one in process.children(recursive=True):
        try:
            name = kind(one.cmdline())
            found[name] += (one.memory_full_info().pss if name == "postgres" else one.memory_info().rss) / 2**20
        except psutil.NoSuchProcess:
            continue
    return dict(found)


def kind(arguments: list[str]) -> str:
    line = " ".join(arguments)
    if "kafka.Kafka" in line:
        return "kafka"
    if re.search(r"\bpostgres\b", line):
        return "postgres"
    return next((name for name in _OURS if name in arguments), "others")


def reconciled(folder: Path) -> bool:
    """Waits for the ledger as long as `reconcile` does, and again."""
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while time.monotonic() < deadline:
        if command(folder, "reconcile").wait() == 0:
            return True
    return False


if __name__ == "__main__":
    main()
