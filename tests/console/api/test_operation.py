"""Commands, dead letters, status, health, metrics by HTTP."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
from confluent_kafka import Message, Producer

from core.partitioner import partition_of
from models.tables.control_ack import ControlAck
from models.tables.control_log import ControlLog
from streams.kafka.codec import encode
from streams.kafka.topics import Topic
from tests.console.api.server import PATIENCE_SECONDS, Api, until
from tests.docs.messages import play
from tests.installation import Surroundings
from tests.ledger.ledger_process import LedgerProcess
from tests.models.ledger_rows import NOON, add


def test_commands_are_read_newest_first_and_one_of_them_byte_for_byte(api: Api, surroundings: Surroundings) -> None:
    add(surroundings.settings.database, *(_journaled(sequence) for sequence in (1, 2, 4)))
    found = api.get("/control", campaign_id="journal.1")["items"]
    assert [it["command"]["sequence"] for it in found] == [4, 2, 1]
    assert [it["follows_a_gap"] for it in found] == [True, False, False]
    paused = api.get("/control", campaign_id="journal.1", action="pause", reason="manual", limit=1)
    assert paused["items"][0]["command"]["command_id"] == "journal.1:1:4"
    rest = api.get("/control", campaign_id="journal.1", cursor=paused["next"])
    assert len(rest["items"]) == 2
    assert api.get("/control", campaign_id="journal.1", until="2025-09-08T12:00:00Z")["items"] == []
    exact = api.http.get("/api/v1/control/journal.1:1:2")
    assert exact.content == _journaled(2).value
    api.problem("GET", "/api/v1/control/journal.1:1:3", 404)
    add(surroundings.settings.database, _ack("eu", NOON + 5_002), _ack("us", NOON + 9_002, "failed", "no route"))
    assert api.get("/control/journal.1:1:2/acks")["items"] == [
        {
            "consumer": "eu",
            "outcome": "applied",
            "applied_at": "2025-09-08T12:00:05.002Z",
            "delay_ms": 5_000,
            "spent": "0.00",
            "detail": None,
        },
        {
            "consumer": "us",
            "outcome": "failed",
            "applied_at": "2025-09-08T12:00:09.002Z",
            "delay_ms": 9_000,
            "spent": None,
            "detail": "no route",
        },
    ]
    assert api.get("/control/journal.1:1:1/acks") == {"items": []}
    api.problem("GET", "/api/v1/control/journal.1:1:3/acks", 404)
    split = api.get("/control/journal.1:1:2/overspend")
    assert split["after_pause"] == {
        "spent": "0.00",
        "events": 0,
        "last_occurred_at": None,
        "until": "2025-09-08T12:00:00.004Z",
    }
    assert [(it["consumer"], it["reaction_seconds"]) for it in split["consumers"]] == [("eu", 5.0)]
    for no_pause in ("journal.1:1:1", "journal.1:1:3"):
        api.problem("GET", f"/api/v1/control/{no_pause}/overspend", 404)
    api.problem("GET", "/api/v1/control", 422, params={"since": "yesterday"})
    api.problem("GET", "/api/v1/control", 422, params={"reason": "whim"})


def test_a_timeline_tells_when_a_campaign_was_on_and_off_and_by_whom(api: Api, surroundings: Surroundings) -> None:
    add(surroundings.settings.database, *(_journaled(sequence, "timed.1") for sequence in (1, 2)))
    api.campaign(api.brand(brand_id="timed"), campaign_id="timed.1")
    found = api.get("/campaigns/timed.1/timeline", **{"from": "2025-09-08", "to": "2025-09-08"})
    assert [(it["state"], it["command_id"]) for it in found["bands"]] == [
        ("unknown", None),
        ("running", "timed.1:1:1"),
        ("paused", "timed.1:1:2"),
    ]
    assert found["bands"][-1]["to"] == "2025-09-09T00:00:00Z"
    assert found["spent_while_paused"] == "0.00"
    path = "/api/v1/campaigns/timed.1/timeline"
    api.problem("GET", path, 422, params={"from": "2025-09-08"})
    api.problem("GET", path, 422, params={"from": "2025-09-08", "to": "2025-09-07"})
    api.problem("GET", path, 422, params={"from": "1700006400", "to": "2025-09-07"})
    api.problem("GET", "/api/v1/campaigns/nobody/timeline", 404, params={"from": "2025-09-08", "to": "2025-09-08"})


def test_a_dead_letter_is_told_replayed_once_its_brand_is_there_and_then_no_longer_waits(
    api: Api, surroundings: Surroundings
) -> None:
    value = {"event_id": "too-early", "brand_id": "later", "campaign_id": "later.1", "amount": "2"}
    letter = _only_letter(api, "later", _publish(surroundings, "later", json.dumps(value).encode()))
    assert (letter["reason"], letter["standing"]) == ("unknown_brand", "waiting")
    path = f"/api/v1/dead-letters/{letter['id']}"
    assert json.loads(api.ok("GET", path)["value"]) == value
    assert api.problem("POST", f"{path}/replay", 422, json={})["outcome"]["result"] == "refused"

    api.brand(brand_id="later")
    assert api.ok("POST", f"{path}/replay", json={"dry_run": True})["result"] == "replayed"
    assert api.ok("POST", f"{path}/replay", json={})["copy"]["partition"] == letter["original_partition"]
    assert api.ok("POST", f"{path}/replay", json={})["result"] == "already"
    api.held("/brands/later", lambda it: it["daily_spent"] == "2.00")
    assert api.get("/dead-letters", brand_id="later")["items"] == []
    [handled] = api.get("/dead-letters", brand_id="later", handled=True)["items"]
    assert (handled["standing"], handled["by"]) == ("replayed", f"token:{api.name}")


def test_a_dead_letter_is_dropped_with_a_reason(api: Api, surroundings: Surroundings) -> None:
    value = b'{"event_id":"x","brand_id":"never","campaign_id":"n","amount":1}'
    letter = _only_letter(api, "never", _publish(surroundings, "never", value))
    path = f"/api/v1/dead-letters/{letter['id']}/drop"
    api.problem("POST", path, 422, json={"because": " "})
    assert api.ok("POST", path, json={"because": "a test"})["result"] == "dropped"
    api.problem("GET", "/api/v1/dead-letters/0/999999", 404)
    api.problem("GET", "/api/v1/dead-letters/x/1", 422)


def test_the_controllers_totals_are_the_ledgers_rows(api: Api, surroundings: Surroundings, tmp_path: Path) -> None:
    campaign_id = api.campaign(api.brand(brand_id="proved"))
    event = {"event_id": "e", "brand_id": "proved", "campaign_id": campaign_id, "amount": "1.25"}
    api.ok("POST", "/api/v1/spend", 202, json=event)
    with _ledger(surroundings, tmp_path):
        until(lambda: api.http.get("/api/v1/reconcile?brand_id=proved").status_code == 200, seconds=90)
        found = api.get("/reconcile", brand_id="proved")
        assert (found["brands"], found["campaigns"], found["differences"]) == (1, 1, [])
        api.problem("GET", "/api/v1/reconcile", 404, params={"brand_id": "no-such-brand"})
        [booked] = api.get("/spend", brand_id="proved")["items"]
        assert (booked["amount"], booked["refused"]) == ("1.25", None)


def test_status_tells_workers_and_lag(api: Api) -> None:
    status = api.get("/status")
    [worker] = [group for group in status["groups"] if group["group"].endswith("spendgate-worker")]
    assert len(worker["members"]) == 1
    assert set(worker["lag"]) >= {"spend-events", "catalog"}


def test_health_and_metrics_are_open_and_name_nobody(api: Api, api_url: str) -> None:
    brand_id = api.brand()
    api.get(f"/brands/{brand_id}")
    for path in ("live", "ready", "startup"):
        assert httpx.get(f"{api_url}/health/{path}").text == "ok\n"
    metrics = httpx.get(f"{api_url}/metrics").text
    assert 'spendgate_http_requests_total{method="GET",route="/api/v1/brands/{brand_id}",status="200"}' in metrics
    assert brand_id not in metrics


@contextmanager
def _ledger(surroundings: Surroundings, folder: Path) -> Iterator[None]:
    process = LedgerProcess(surroundings.settings, folder / "ledger.log")
    try:
        yield
    finally:
        process.terminate()


def _publish(surroundings: Surroundings, brand_id: str, value: bytes) -> tuple[int, int]:
    """The partition and offset of it. Idempotent, so that a slow machine has it once: each copy would be a dead letter
    of its own."""
    settings = surroundings.settings
    producer = Producer({"bootstrap.servers": settings.brokers, "enable.idempotence": True})
    partition = partition_of(brand_id, settings.partitions)
    taken: list[Message] = []
    topic = settings.topic(Topic.SPEND_EVENTS)
    producer.produce(topic, value, brand_id.encode(), partition, lambda _, message: taken.append(message))
    assert producer.flush(PATIENCE_SECONDS) == 0
    [message] = taken
    assert message.error() is None
    return message.partition(), message.offset()


def _only_letter(api: Api, brand_id: str, original: tuple[int, int]) -> dict[str, Any]:
    """The dead letter of the original: where there are two, it tells whether one record has two or was sent twice."""
    letters = api.held("/dead-letters", lambda it: it["items"], brand_id=brand_id)["items"]
    assert [(it["original_partition"], it["original_offset"]) for it in letters] == [original]
    only: dict[str, Any] = letters[0]
    return only


def _ack(consumer: str, applied_at: int, outcome: str = "applied", detail: str | None = None) -> ControlAck:
    """Of the second command of this test."""
    return ControlAck(
        command_id="journal.1:1:2",
        consumer=consumer,
        outcome=outcome,
        campaign_id="journal.1",
        applied_at=applied_at,
        detail=detail,
        arrived_at=applied_at,
        incarnation=1,
        partition=0,
        record_offset=0,
    )


def _journaled(sequence: int, campaign_id: str = "journal.1") -> ControlLog:
    """One of the controller's own, with the ids of this test."""
    reasons = ["manual"] if sequence % 2 == 0 else []
    message = json.loads(encode(play()[0]))
    message |= {"command_id": f"{campaign_id}:1:{sequence}", "campaign_id": campaign_id, "sequence": sequence}
    message |= {"action": "pause" if reasons else "resume", "reasons": reasons}
    return ControlLog(
        command_id=message["command_id"],
        campaign_id=campaign_id,
        brand_id="journal",
        epoch=1,
        sequence=sequence,
        action=message["action"],
        reasons=reasons,
        decided_at=NOON + sequence,
        message=message,
        value=json.dumps(message).encode(),
        topic="campaign-control",
        partition=0,
        record_offset=sequence,
    )
