"""The pages of spend, commands and dead letters, and the form that publishes spend, behind a worker and a ledger."""

import asyncio
import csv
import html
import io
import json
import re
import time

import httpx
import pytest

from core.moment import format_moment
from models.queries.commands import list_commands
from models.session import session_scope
from models.tables.control_ack import ControlAck
from models.tables.control_log import ControlLog
from operations.accounts.person import Role
from operations.catalog_file.application import apply_file
from operations.catalog_file.reading import read_rows
from operations.catalog_file.rows import CatalogFileFormat
from streams.kafka.producer import spend_producer
from streams.kafka.reader import topic_reader
from streams.kafka.topics import Topic
from streams.settings import SETTINGS
from tests.console.api.server import served, until
from tests.console.pages.conftest import PASSWORD, FormClient
from tests.installation import Surroundings
from tests.ledger.ingest.test_ledger_process import LedgerProcess
from tests.models.ledger_rows import add
from tests.streams.worker_process import WorkerProcess

PATIENCE_SECONDS = 60


def _text(page: str) -> str:
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", page)).split())


def _rows(visitor: FormClient, path: str, **query: str) -> list[dict[str, str]]:
    answer = visitor.get(path, **query)
    assert answer.headers["content-type"].startswith("text/csv")
    assert "attachment" in answer.headers["content-disposition"]
    return list(csv.DictReader(io.StringIO(answer.text, newline="")))


@pytest.fixture
def campaign_id(operator: FormClient, worker: WorkerProcess, ledger: LedgerProcess) -> str:
    return operator.campaign(operator.brand(daily_budget="10"))


def _spend_events(surroundings: Surroundings) -> int:
    """How many records were ever written to the topic of spend."""

    async def ends() -> dict[int, int]:
        async with topic_reader(surroundings.settings, Topic.SPEND_EVENTS) as reader:
            return await reader.ends()

    return sum(asyncio.run(ends()).values())


def _publish(visitor: FormClient, campaign_id: str, **sent: str) -> str:
    typed = {"amount": "4", "event_id": "", "occurred_at": "", **sent}
    answer = visitor.post(f"/campaigns/{campaign_id}/publish-spend", {**typed, "confirmed": typed["amount"]})
    assert answer.status_code == 303, _text(answer.text)
    return answer.headers["location"]


def test_published_spend_is_on_the_broker_when_the_page_says_so(operator: FormClient, campaign_id: str) -> None:
    address = _publish(operator, campaign_id, amount="4.5", event_id=f"{campaign_id}.a")
    observed = _text(operator.page(address))
    assert f"Spend {campaign_id}.a of 4.50 EUR is on" in observed
    brand_id = campaign_id.split(".")[0]
    until(lambda: f"{campaign_id}.a" in operator.page("/spend", brand=brand_id), PATIENCE_SECONDS)


def test_loading_the_page_after_published_spend_again_publishes_nothing(
    operator: FormClient, campaign_id: str, surroundings: Surroundings
) -> None:
    before = _spend_events(surroundings)
    address = _publish(operator, campaign_id)
    for _ in range(3):
        assert " of 4.00 EUR is on " in _text(operator.page(address))
    assert _spend_events(surroundings) == before + 1


def test_spend_is_asked_about_and_counts_once_however_often_the_answer_is_sent(
    operator: FormClient, campaign_id: str, surroundings: Surroundings
) -> None:
    before = _spend_events(surroundings)
    path = f"/campaigns/{campaign_id}/publish-spend"
    asked = operator.post(path, {"amount": "4", "event_id": "", "occurred_at": ""})
    assert "4.00 EUR will be counted as spent" in _text(asked.text)
    assert _spend_events(surroundings) == before
    inputs = dict(re.findall(r'<input[^>]*?name="([^"]+)"[^>]*?value="([^"]*)"', asked.text))
    assert inputs["event_id"], "an answer that is sent twice has the same event id"
    changed = operator.post(path, {**inputs, "amount": "400"})
    assert "400.00 EUR will be counted as spent" in _text(changed.text)
    assert _spend_events(surroundings) == before
    assert operator.post(path, inputs).status_code == 303


def test_without_the_setting_there_is_no_page_that_publishes_spend(
    operator: FormClient, campaign_id: str, surroundings: Surroundings, people: dict[Role, str]
) -> None:
    assert not SETTINGS["spend_form"].default
    path = f"/campaigns/{campaign_id}/publish-spend"
    assert path in operator.page(f"/campaigns/{campaign_id}/history")
    with served(surroundings.settings) as url, httpx.Client(base_url=url) as client:
        until(lambda: client.get("/health/ready").status_code == 200, PATIENCE_SECONDS)
        signed_in = client.post("/sign-in", data={"name": people[Role.OPERATOR], "password": PASSWORD})
        assert signed_in.status_code == 303
        assert client.get(path).status_code == 404
        history = client.get(f"/campaigns/{campaign_id}/history")
        assert history.status_code == 200
        assert path not in history.text


def test_a_link_cannot_say_that_spend_was_published(operator: FormClient, admin: FormClient, campaign_id: str) -> None:
    address = _publish(operator, campaign_id)
    forged = re.sub("event_id=[^&]*", "event_id=another", address)
    assert " is on " not in _text(operator.page(forged))
    assert " is on " not in _text(operator.page(address.partition("&signature=")[0]))
    assert " is on " not in _text(admin.page(address))
    other_id = operator.campaign(campaign_id.split(".")[0])
    assert " is on " not in _text(operator.page(address.replace(campaign_id, other_id)))


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("amount", "0", "a spend of zero says nothing"),
        ("amount", "a lot", "not a decimal amount"),
        ("occurred_at", "yesterday", "occurred_at"),
        ("event_id", "x" * 129, "event_id"),
    ],
)
def test_spend_that_the_controller_would_refuse_is_refused_beside_its_field(
    operator: FormClient, campaign_id: str, field: str, value: str, message: str
) -> None:
    sent = {"amount": "1", "event_id": "", "occurred_at": "", field: value}
    answer = operator.post(f"/campaigns/{campaign_id}/publish-spend", sent)
    assert answer.status_code == 422
    marked = re.findall(r'id="(\w+)-help">(?:<svg.*?</svg>)?([^<]*)', answer.text, re.S)
    assert [name for name, words in marked if message in html.unescape(words)] == [field]


def test_spend_dated_too_far_ahead_is_refused(operator: FormClient, campaign_id: str) -> None:
    ahead = format_moment(time.time_ns() // 1_000_000 + 3_600_000)
    sent = {"amount": "1", "event_id": "", "occurred_at": ahead}
    assert operator.post(f"/campaigns/{campaign_id}/publish-spend", sent).status_code == 422


def test_spend_and_commands_are_filtered_and_downloaded_as_they_are_shown(
    operator: FormClient, campaign_id: str
) -> None:
    brand_id = campaign_id.split(".")[0]
    event_ids = [f"={campaign_id}.{number}" for number in range(3)]
    for event_id in event_ids:
        _publish(operator, campaign_id, event_id=event_id)
    until(lambda: len(_rows(operator, "/spend.csv", brand=brand_id)) == 3, PATIENCE_SECONDS)
    spend = _rows(operator, "/spend.csv", campaign=campaign_id)
    assert {row["event_id"] for row in spend} == {f"'{event_id}" for event_id in event_ids}
    assert {(row["amount"], row["currency"], row["refused"]) for row in spend} == {("4.00", "EUR", "")}
    assert len(_rows(operator, "/spend.csv", brand=brand_id, event=event_ids[0])) == 1
    assert _rows(operator, "/spend.csv", brand=brand_id, until="2020-01-01") == []

    until(lambda: len(_rows(operator, "/commands.csv", campaign=campaign_id)) == 2, PATIENCE_SECONDS)
    commands = _rows(operator, "/commands.csv", campaign=campaign_id)
    assert [(row["action"], row["reasons"], row["sequence"]) for row in commands] == [
        ("pause", "daily_budget", "2"),
        ("resume", "", "1"),
    ]
    assert commands[0]["cause_event_id"] == f"'{event_ids[2]}"
    page = _text(operator.page("/commands", campaign=campaign_id, action="pause"))
    assert "the brand's daily budget is used up" in page
    assert "nothing holds it" not in page


@pytest.mark.parametrize(
    ("path", "query", "message"),
    [
        ("/spend", {"brand": "a b"}, "is no brand id"),
        ("/spend", {"from": "yesterday"}, "such as 2025-09-08"),
        ("/commands", {"action": "fly"}, "is no action"),
        ("/changes", {"field": "colour"}, "is no field"),
        ("/changes", {"until": "tomorrow"}, "such as 2025-09-08"),
        ("/dead-letters", {"reason": "boredom"}, "is no reason"),
    ],
)
def test_a_wrong_filter_says_what_to_write(viewer: FormClient, path: str, query: dict[str, str], message: str) -> None:
    assert message in _text(viewer.page(path, **query))
    if path != "/dead-letters":
        assert viewer.get(f"{path}.csv", **query).status_code == 422


def test_changes_of_every_brand_are_found_by_person_field_day_and_note(
    operator: FormClient, viewer: FormClient
) -> None:
    brands = [operator.brand(), operator.brand()]
    rows = [f"{it},1,{budget}" for it, budget in zip(brands, ("7", "8"), strict=True)]
    why = f"Black Friday {brands[0]}"
    sent = "\n".join(("brand_id,revision,daily_budget", *rows)).encode()
    file = read_rows(io.BytesIO(sent), CatalogFileFormat.CSV)
    with session_scope(operator.settings.database) as session:
        apply_file(session, file, time.time_ns() // 1_000_000, actor="cli:=ann", note=why)
    page = _text(viewer.page("/changes", note=why.upper()))
    assert page.count(f"Note: {why}") == 2
    assert page.index(brands[1]) < page.index(brands[0])
    assert "Daily budget from unlimited to 8.00 EUR" in page
    today, none = time.strftime("%Y-%m-%d", time.gmtime()), "No change fits."
    for fitting, other in (
        ({"person": "=AN"}, {"person": "%"}),
        ({"field": "daily_budget"}, {"field": "currency"}),
        ({"from": "2025-01-01"}, {"until": "2025-01-01"}),
        ({"until": today[:3] + "9-12-31"}, {"from": today[:3] + "9-12-31"}),
        ({"brand": brands[0]}, {"campaign": brands[0]}),
    ):
        assert none not in viewer.page("/changes", note=why, **fitting), fitting
        assert none in viewer.page("/changes", note=why, **other), other
    told = _rows(viewer, "/changes.csv", note=why)
    assert [*told[0]][-2:] == ["note", "currency"]
    assert [(it["actor"], it["field"], it["to"], it["currency"], it["note"]) for it in told] == [
        ("cli:=ann", "daily_budget", "8.00", "EUR", why),
        ("cli:=ann", "daily_budget", "7.00", "EUR", why),
    ]
    assert f"Note: {why}" in _text(viewer.page(f"/brands/{brands[0]}/history"))


async def _dead_letter(surroundings: Surroundings, brand_id: str, campaign_id: str, event_id: str) -> None:
    value = {
        "event_id": event_id,
        "brand_id": brand_id,
        "campaign_id": campaign_id,
        "amount": "1.00",
        "currency": "USD",
    }
    async with spend_producer(surroundings.settings) as producer:
        await producer.send(brand_id, json.dumps(value).encode())


def _letter_path(visitor: FormClient, brand_id: str) -> str:
    until(lambda: "currency mismatch" in visitor.page("/dead-letters", brand=brand_id), PATIENCE_SECONDS)
    (path,) = set(re.findall(r'href="(/dead-letters/\d+/\d+)"', visitor.page("/dead-letters", brand=brand_id)))
    return path


async def test_a_dead_letter_is_shown_refused_again_and_dropped_with_a_reason(
    operator: FormClient, viewer: FormClient, surroundings: Surroundings, campaign_id: str
) -> None:
    brand_id = campaign_id.split(".")[0]
    await _dead_letter(surroundings, brand_id, campaign_id, "wrong-currency")
    path = _letter_path(operator, brand_id)
    assert "wrong-currency" in operator.page(path)
    for part in ("replay", "drop"):
        assert viewer.post(f"{path}/{part}", {"because": "x"}).status_code == 403
        assert operator.post(f"{path}/{part}", {"because": "x"}, csrf_token="0" * 64).status_code == 403
        assert f"{path}/{part}" not in viewer.page(path)

    again = operator.post(f"{path}/replay", {})
    assert again.status_code == 422
    assert "It would be refused again" in _text(again.text)
    assert operator.post(f"{path}/drop", {"because": ""}).status_code == 422
    assert operator.post(f"{path}/drop", {"because": "a test"}).status_code == 303
    assert f"dropped by {operator.name}: a test" in _text(operator.page(path))
    assert path not in operator.page("/dead-letters", brand=brand_id)
    assert path in operator.page("/dead-letters", brand=brand_id, handled="true")


def test_a_viewer_cannot_publish(viewer: FormClient, operator: FormClient, campaign_id: str) -> None:
    path = f"/campaigns/{campaign_id}/publish-spend"
    assert viewer.get(path).status_code == 403
    assert viewer.post(path, {"amount": "1"}).status_code == 403
    assert operator.post(path, {"amount": "1"}, csrf_token="0" * 64).status_code == 403


def test_the_column_applied_and_the_campaigns_page_show_what_was_spent_until_a_pause_was_applied(
    operator: FormClient, campaign_id: str
) -> None:
    database = operator.settings.database
    brand_id = campaign_id.split(".")[0]
    _publish(operator, campaign_id, amount="12")

    def pause() -> ControlLog | None:
        with session_scope(database) as session:
            rows = list_commands(session, campaign_id=campaign_id, limit=5).rows
            return next((it.command for it in rows if it.command.action == "pause"), None)

    until(lambda: pause() is not None, PATIENCE_SECONDS)
    command = pause()
    assert command is not None
    assert " spent" not in _text(operator.page("/commands", campaign=campaign_id))
    _publish(operator, campaign_id, amount="1.5", event_id=f"{campaign_id}.late")
    until(lambda: f"{campaign_id}.late" in operator.page("/spend", brand=brand_id), PATIENCE_SECONDS)
    acks = [
        ControlAck(
            command_id=command.command_id,
            campaign_id=campaign_id,
            consumer=consumer,
            outcome=outcome,
            applied_at=command.decided_at + after_ms,
            detail=detail,
            arrived_at=command.decided_at,
            incarnation=1,
            partition=0,
            record_offset=after_ms,
        )
        for consumer, outcome, after_ms, detail in (
            ("eu", "applied", 3_600_000, None),
            ("us", "failed", 4_500, "no <route>"),
            ("at-once", "applied", 1, None),
        )
    ]
    add(database, *acks)
    shown = _text(operator.page("/commands", campaign=campaign_id))
    assert re.search(r"at-once after 0\.0 s, \S*0\.00\S* (EUR )?spent", shown), shown
    assert re.search(r"eu after 3600\.0 s, \S*1\.50\S* (EUR )?spent", shown), shown
    assert re.search(r"failed\s+us after 4\.5 s no <route>", shown), shown

    page = _text(operator.page(f"/campaigns/{campaign_id}")).partition("Overspend of the last pause")[2]
    assert re.search(r"Crossing event \S*2\.00\S*.* beyond the daily budget", page), page
    assert re.search(r"After the decision \S*1\.50\S*.* in 1 events", page), page
    assert re.search(r"Until at-once applied it \S*0\.00\S*.* in 0\.0 s, \S*1\.50\S*.* after that", page), page
    assert re.search(r"Until eu applied it \S*1\.50\S*.* in 3600\.0 s, \S*0\.00\S*.* after that", page), page


def test_a_command_has_a_page_with_its_totals_computed_anew_in_the_brands_own_time(
    operator: FormClient, viewer: FormClient, campaign_id: str
) -> None:
    _publish(operator, campaign_id, event_id=f"{campaign_id}.one", amount="12.000001")
    brand_id, command_id = campaign_id.split(".")[0], f"{campaign_id}:1:2"
    until(lambda: len(_rows(operator, "/commands.csv", campaign=campaign_id)) == 2, PATIENCE_SECONDS)
    until(lambda: len(_rows(operator, "/spend.csv", brand=brand_id)) == 1, PATIENCE_SECONDS)
    assert f'href="/commands/{command_id}"' in viewer.page("/commands", campaign=campaign_id)
    markup = viewer.page(f"/commands/{command_id}")
    words = _text(markup)
    assert "The brand's daily budget is used up" in words
    assert "Europe/Berlin" in words
    assert "agrees" in words.partition("computed anew from the ledger")[2][:80]
    for name in ("Brand on", "Brand in", "Campaign on", "Campaign in all"):
        assert words.partition(f"{name}")[2].count("12.000001") >= 3, name
    assert "2.000001 EUR beyond the daily budget" in words
    assert viewer.get("/commands/nobody:1:1").status_code == 404
