"""The overview with 10,000 brands: how long until it is painted, what an open page costs. `--help` lists the options.

The controller's state is written as a worker would write it, so that none has to run beside what is measured.
"""

import argparse
import json
import secrets
import time
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.request import urlopen

import psycopg2
from confluent_kafka import Producer
from playwright.sync_api import Page, sync_playwright
from psycopg2.extras import execute_values

from bench.machine import BROKER_CORE, WORKER_CORE, Process, broker, database, describe, median, topics, wait_until
from core.calendar import ZoneSpan, budget_day, budget_month
from core.partitioner import partition_of
from core.state_records import SCHEMA
from models.migrations import migrate
from operations.accounts.accounts import add_user
from streams.kafka.topics import Topic
from streams.settings import Settings

_PASSWORD = secrets.token_hex(12)
_ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"]
_ZONES = ("America/Los_Angeles", "Europe/Berlin", "Asia/Karachi", "Asia/Tokyo")
_FIRST_PAINT = "performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? 0"
#: The first brand has many campaigns.
_PATHS = (
    "/",
    "/?sort=-day",
    "/?sort=-paused&number=100",
    "/?search=brand-77",
    "/campaigns",
    "/campaigns?sort=-today&only=paused",
    "/brands/brand-0",
    "/brands/brand-0?only=running&search=99",
)


def main() -> None:
    options = _options()
    about = describe()
    with broker(BROKER_CORE, WORKER_CORE) as kafka, database() as postgres:
        settings = topics(kafka, "many-", 4).replace(database_url=postgres.url)
        migrate.upgrade(settings.database)
        add_user(settings.database, "bench", "viewer", _PASSWORD, actor="bench")
        _fill_catalog(postgres.url, options.brands, options.campaigns, options.large)
        state = _State(settings, options.brands, options.campaigns, options.large)
        state.write(range(options.brands))
        with Process("api", settings, WORKER_CORE) as api, sync_playwright() as playwright:
            began = time.monotonic()
            ready = wait_until(lambda: _is_ready(api.address), 120) - began
            chromium = playwright.chromium.launch(executable_path=Path("/usr/bin/chromium"), args=_ARGUMENTS)
            page = chromium.new_page()
            _sign_in(page, api.address)
            paints = {path: _paints(api, page, path, options.loads) for path in _PATHS}
            page.goto(api.address)
            page.locator("#live-state.on").wait_for()
            watched = _watch(api, page, state, options)
            chromium.close()
            found = {
                "brands": options.brands,
                "ready_seconds": round(ready, 2),
                "first_paint_ms": paints,
                "resident_mib": round(api.resident_mib()),
                **watched,
            }
    print(json.dumps(about | found, indent=1))


class _State:
    """Records of the controller: each writing gives every brand a little more spend."""

    def __init__(self, settings: Settings, brands: int, campaigns: int, large: int) -> None:
        self._producer = Producer({"bootstrap.servers": settings.brokers, "linger.ms": 20})
        self._topic = settings.topic(Topic.CONTROLLER_STATE)
        self._partitions = settings.partitions
        self._campaigns = campaigns
        self._large = large
        self._spent: dict[int, int] = {}
        now = time.time_ns() // 1_000_000
        for partition in range(self._partitions):
            self._send(partition, "part", {"schema": SCHEMA, "topic_ids": {}, "positions": {}, "clock": now})
        for number in range(brands):
            self._documents(number)

    def write(self, numbers: range) -> None:
        for number in numbers:
            self._brand(number)
        self._producer.flush()

    def _documents(self, number: int) -> None:
        brand_id = f"brand-{number}"
        home = partition_of(brand_id, self._partitions)
        zones = [{"time_zone": _ZONES[number % len(_ZONES)], "from": None}]
        document = {"kind": "brand", "brand_id": brand_id, "version": 1, "zones": zones, "currency": "USD"}
        self._send(home, f"doc/{brand_id}", document | {"daily_budget": "100.00", "monthly_budget": "2000.00"})
        for campaign in range(self._campaigns_of(number)):
            name = f"{brand_id}-{campaign}"
            document = {"kind": "campaign", "brand_id": brand_id, "campaign_id": name, "version": 1}
            self._send(home, f"doc/{brand_id}/{name}", document)

    def _brand(self, number: int) -> None:
        brand_id = f"brand-{number}"
        home = partition_of(brand_id, self._partitions)
        now = time.time_ns() // 1_000_000
        zones = (ZoneSpan(_ZONES[number % len(_ZONES)], None),)
        day, month = budget_day(zones, now), budget_month(zones, now)
        spent = self._spent[number] = self._spent.get(number, number % 120 * 900_000) + 10_000
        total = {"day": day.date.isoformat(), "day_starts_at": day.starts_at, "daily_micros": spent}
        total |= {"month": month.first.isoformat(), "month_starts_at": month.starts_at, "monthly_micros": 5 * spent}
        self._send(home, f"brand/{brand_id}", total | {"clock": now, "has_spend": True, "ahead": {}})
        for campaign in range(self._campaigns_of(number)):
            held = {"day": day.date.isoformat(), "daily_micros": spent // 2, "total_micros": 9 * spent, "ahead": {}}
            held |= {"reasons": ["daily_budget"] if spent > 100_000_000 else [], "told": "resume", "sequence": 1}
            self._send(home, f"campaign/{brand_id}/{brand_id}-{campaign}", held | {"awaited": None})

    def _campaigns_of(self, number: int) -> int:
        return self._campaigns if number else self._large

    def _send(self, partition: int, key: str, value: dict[str, Any]) -> None:
        while True:
            try:
                self._producer.produce(self._topic, json.dumps(value), key, partition)
                return
            except BufferError:
                self._producer.poll(0.1)


def _fill_catalog(url: str, brands: int, campaigns: int, large: int) -> None:
    names = [(f"brand-{number}", f"Brand number {number}") for number in range(brands)]
    with psycopg2.connect(url) as connection, connection.cursor() as cursor:
        execute_values(cursor, "INSERT INTO brand (brand_id, name, currency) VALUES %s", [(*it, "USD") for it in names])
        zones = [(brand_id, _ZONES[number % len(_ZONES)]) for number, (brand_id, _) in enumerate(names)]
        execute_values(cursor, "INSERT INTO brand_zone (brand_id, time_zone) VALUES %s", zones)
        counts = [large, *[campaigns] * (brands - 1)]
        rows = [
            (f"{brand_id}-{campaign}", brand_id)
            for (brand_id, _), count in zip(names, counts, strict=True)
            for campaign in range(count)
        ]
        execute_values(cursor, "INSERT INTO campaign (campaign_id, brand_id) VALUES %s", rows)


def _sign_in(page: Page, address: str) -> None:
    page.goto(f"{address}/sign-in")
    page.get_by_label("Name").fill("bench")
    page.get_by_label("Password").fill(_PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url(f"{address}/")


def _paints(api: Process, page: Page, path: str, loads: int) -> dict[str, float]:
    """Milliseconds from asking for the page to the first paint of what is on it, and the API's own CPU for it, with the
    beginning of the page's stream."""
    found, before = [], api.cpu_seconds()
    for _ in range(loads):
        page.goto(api.address + path)
        # The page's policy refuses to evaluate text, by which wait_for_function waits.
        wait_until(lambda: page.evaluate(_FIRST_PAINT) > 0, 30)
        found.append(float(page.evaluate(_FIRST_PAINT)))
    cpu_ms = (api.cpu_seconds() - before) * 1_000 / loads
    return {"median": median(found), "max": round(max(found)), "cpu_ms": round(cpu_ms)}


def _watch(api: Process, page: Page, state: _State, options: argparse.Namespace) -> dict[str, Any]:
    """Every brand changes again and again while one page is open: what that page is sent, and what it costs."""
    page.evaluate("""() => {
        window.parts = 0;
        new MutationObserver((changes) => (window.parts += changes.length))
            .observe(document.querySelector('[data-live]'), {subtree: true, childList: true, characterData: true});
    }""")
    before, began = api.cpu_seconds(), time.monotonic()
    rounds = 0
    while time.monotonic() - began < options.seconds:
        state.write(range(options.brands))
        rounds += 1
    took = time.monotonic() - began
    return {
        "changes_per_second": round(rounds * options.brands / took),
        "dom_changes_per_second": round(page.evaluate("window.parts") / took),
        "api_core_share": round((api.cpu_seconds() - before) / took, 2),
    }


def _is_ready(address: str) -> bool:
    try:
        with urlopen(f"{address}/health/ready", timeout=2) as answer:  # noqa: S310
            return bool(answer.status == 200)
    except (URLError, OSError):
        return False


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--brands", type=int, default=10_000)
    parser.add_argument("--campaigns", type=int, default=2, help="of each brand")
    parser.add_argument("--large", type=int, default=5_000, help="campaigns of the first brand")
    parser.add_argument("--loads", type=int, default=7, help="of each page")
    parser.add_argument("--seconds", type=float, default=10, help="of changes while a page is open")
    return parser.parse_args()


if __name__ == "__main__":
    main()
