"""Kafka or PostgreSQL away: the server lives, says so, answers nothing old, and comes back by itself."""

import asyncio
import json
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from local.kafka import LocalKafka
from local.postgres import LocalPostgres
from operations.accounts.person import Role
from streams.kafka.provision import create_topics
from tests.console.api.server import PATIENCE_SECONDS, Api, program, served, signed_in, status_of, until
from tests.console.api.tcp_proxy import TcpProxy
from tests.installation import Surroundings


@pytest.fixture
def ways(kafka: LocalKafka, postgres: LocalPostgres) -> Iterator[tuple[TcpProxy, TcpProxy]]:
    """To the broker and to the database, both shut."""
    both = TcpProxy(kafka.port), TcpProxy(postgres.port)
    yield both
    for way in both:
        way.close()


def test_it_starts_without_both_and_recovers_when_they_come_go_and_come_back(
    surroundings: Surroundings, ways: tuple[TcpProxy, TcpProxy], postgres: LocalPostgres, api: Api
) -> None:
    brand_id = api.brand()
    to_kafka, to_postgres = ways
    url = surroundings.settings.database.replace(f":{postgres.port}/", f":{to_postgres.port}/")
    settings = surroundings.settings.replace(brokers=f"127.0.0.1:{to_kafka.port}", database_url=url)
    with served(settings) as address:
        robot = Api(settings, address, headers=dict(api.http.headers))
        assert status_of(address, "/health/live") == 200
        assert status_of(address, "/health/startup") == 503
        _is_away(robot, brand_id)

        to_postgres.open()
        until(lambda: "database" not in httpx.get(f"{address}/health/ready").json()["away"])
        robot.problem("GET", f"/api/v1/brands/{brand_id}", 503)

        to_kafka.open()
        until(lambda: status_of(address, "/health/ready") == 200)
        assert robot.get(f"/brands/{brand_id}")["brand_id"] == brand_id

        http = signed_in(settings, address).http
        with http.stream("GET", f"/live/brands?id={brand_id}") as live:
            lines = live.iter_lines()
            while _state(lines) != "on":
                pass
            to_postgres.close()
            assert http.get("/spend.csv").status_code == 503
            assert _state(lines) == "off"
        until(lambda: status_of(address, "/health/ready") == 503)
        _is_away(robot, brand_id)
        assert status_of(address, "/health/startup") == 200

        to_postgres.open()
        until(lambda: status_of(address, "/health/ready") == 200)
        api.ok("PATCH", f"/api/v1/brands/{brand_id}", json={"name": "seen"}, headers={"if-match": "*"})
        until(lambda: robot.get(f"/brands/{brand_id}")["name"] == "seen")


def test_what_a_broker_that_has_died_told_is_not_given_as_new_and_nothing_is_half_done(
    surroundings: Surroundings, api: Api, tmp_path: Path
) -> None:
    brand_id = api.brand()
    own = LocalKafka(tmp_path)
    own.start()
    try:
        settings = surroundings.settings.replace(brokers=own.brokers, topic_prefix="own-")
        asyncio.run(create_topics(settings))
        with served(settings) as address:
            until(lambda: status_of(address, "/health/ready") == 200)
            robot = program(settings, address, Role.OPERATOR)
            spend = {"event_id": "e", "brand_id": brand_id, "campaign_id": "c", "amount": "1"}
            robot.ok("POST", "/api/v1/spend", 202, json=spend)

            own.kill()
            until(lambda: status_of(address, "/health/ready") == 503)
            _is_away(robot, brand_id)
            problem = robot.problem("POST", "/api/v1/spend", 503, json=spend)
            assert problem["accepted"] == []
            robot.problem("PATCH", f"/api/v1/brands/{brand_id}", 503, json={"name": "x"}, headers={"if-match": "*"})
            assert api.get(f"/brands/{brand_id}")["name"] == ""

            own = LocalKafka(tmp_path, own.port)
            own.start()
            until(lambda: status_of(address, "/health/ready") == 200, seconds=60)
            until(lambda: robot.http.post("/api/v1/spend", json=spend).status_code == 202)
    finally:
        own.kill()


def _state(lines: Iterator[str]) -> str:
    """What the light of a page is next told to say."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    name = ""
    for line in lines:
        assert time.monotonic() < deadline
        name = line.removeprefix("event: ") if line.startswith("event: ") else name
        if name == "state" and line.startswith("data: "):
            return str(json.loads(line.removeprefix("data: "))["html"])
    raise AssertionError("the stream has ended")


def _is_away(robot: Api, brand_id: str) -> None:
    for path in ("brands", f"brands/{brand_id}", "campaigns", "control", "spend"):
        answer = robot.http.get(f"/api/v1/{path}")
        if path in ("control", "spend") and answer.status_code == 200:
            continue  # the database alone answers that
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "2")
        assert answer.json()["detail"]
