"""The sample scripts of clients/samples, against our API and a platform that is late, restates and fails."""

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from core.moment import format_moment
from tests.console.api.meta_ads_fake import ACCOUNT, graph
from tests.console.api.server import Api

ROOT = Path(__file__).parents[3]
SAMPLES = ROOT / "clients" / "samples"
FAKE = Path(__file__).with_name("google_ads_fake.mjs")
PATIENCE_SECONDS = 120
HARD = 1_000

Platform = dict[str, Any]
#: Runs the script once on a platform, which it changes; returns its exit code.
Run = Callable[[Platform], int]


def google(api: Api, folder: Path, platform: Platform) -> int:
    file = folder / "platform.json"
    file.write_text(json.dumps(platform))
    token = api.http.headers["authorization"].removeprefix("Bearer ")
    command = ["node", str(FAKE), str(SAMPLES / "google_ads.js"), str(file), api.url, token]
    code = subprocess.run(command, timeout=PATIENCE_SECONDS, check=False).returncode
    platform.update(json.loads(file.read_text()))
    return code


def meta(api: Api, folder: Path, platform: Platform) -> int:
    token = api.http.headers["authorization"].removeprefix("Bearer ")
    with graph(platform) as address:
        environment = os.environ | {
            "SPENDGATE_API": api.url,
            "SPENDGATE_TOKEN": token,
            "META_GRAPH": address,
            "META_ACCOUNT": ACCOUNT,
            "META_TOKEN": "of the fake",
            "PAUSED_FILE": str(folder / "paused.json"),
            "FIRST_PAUSE_SECONDS": "0",
        }
        command = [sys.executable, str(SAMPLES / "meta_ads.py")]
        return subprocess.run(command, env=environment, timeout=PATIENCE_SECONDS, check=False).returncode


@pytest.fixture(params=[google, meta], ids=["google_ads", "meta_ads"])
def run(request: pytest.FixtureRequest, api: Api, tmp_path: Path) -> Run:
    if request.param is google and shutil.which("node") is None:
        pytest.skip("clients/samples/google_ads.js is not tested: node is not on this machine")
    return lambda platform: int(request.param(api, tmp_path, platform))


def test_totals_come_in_and_pauses_go_out_whatever_the_platform_does(api: Api, run: Run) -> None:
    ids = [str(time.time_ns()), str(time.time_ns() + 1)]
    ids = [external_id[-15:] for external_id in ids]
    brand = api.brand()
    ours = api.campaign(brand, external_id=ids[0], total_budget="20")
    by_hand = api.campaign(brand, external_id=ids[1])
    today = format_moment(time.time_ns() // 1_000_000)[:10]
    row = {"id": ids[0], "day": today, "micros": 12_340_000}
    platform: Platform = {
        "currency": "USD",
        "time_zone": "UTC",
        "campaigns": [
            {"id": ids[0], "status": "ACTIVE", "labels": []},
            {"id": ids[1], "status": "PAUSED", "labels": []},  # by a person
        ],
        "rows": [row, {"id": ids[1], "day": today, "micros": 1_000_000}],
        "labels": [],
        "fails": {},
    }

    def statuses() -> list[str]:
        return [it["status"] for it in platform["campaigns"]]

    def spent(total: str, state: str) -> None:
        api.held(f"/campaigns/{ours}", lambda it: (it["total_spent"], it["state"]) == (total, state))

    # Late: by now it was more.
    assert run(platform) == 0
    spent("12.34", "running")
    api.held(f"/campaigns/{by_hand}", lambda it: it["total_spent"] == "1.00")
    assert statuses() == ["ACTIVE", "PAUSED"]

    # It has caught up, and fails once for each request.
    platform["rows"][0]["micros"] = 25_500_000
    platform["fails"] = {"fetch": 1}
    assert run(platform) == 0
    spent("25.50", "paused")
    assert run(platform) == 0
    assert statuses() == ["PAUSED", "PAUSED"]

    # No report for hours: what is told is applied all the same, and the script says that it failed.
    api.ok("PATCH", f"/api/v1/campaigns/{ours}", json={"total_budget": "30"}, headers=_if_match(api, ours))
    spent("25.50", "running")
    platform["fails"] = {"report": HARD}
    assert run(platform) == 1
    assert statuses() == ["ACTIVE", "PAUSED"]

    # Restated down, then up beyond the budget; the change fails for now and is made the next time.
    platform["fails"] = {}
    platform["rows"][0]["micros"] = 19_000_000
    assert run(platform) == 0
    spent("19.00", "running")
    platform["rows"][0]["micros"] = 30_000_000
    assert run(platform) == 0
    spent("30.00", "paused")
    platform["campaigns"][0]["status"] = "ACTIVE"
    platform["fails"] = {"change": HARD}
    assert run(platform) == 1
    assert statuses() == ["ACTIVE", "PAUSED"]
    platform["fails"] = {}
    assert run(platform) == 0
    assert statuses() == ["PAUSED", "PAUSED"]


def _if_match(api: Api, campaign_id: str) -> dict[str, str]:
    return {"if-match": api.http.get(f"/api/v1/campaigns/{campaign_id}").headers["etag"]}
