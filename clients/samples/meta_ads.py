"""Tells Spendgate what each campaign of a Meta ad account has cost; pauses and activates campaigns as Spendgate says.

Run it every few minutes, with these in the environment: SPENDGATE_API, SPENDGATE_TOKEN (of `spendgate token create
meta --role operator`), META_ACCOUNT (act_…), META_TOKEN. A campaign is found by its id at Meta: set it as `external_id`
of the campaign in Spendgate. Only what this script has paused is activated again; PAUSED_FILE names those. The exit
code is 1 where anything failed, after all that could be done is done. Only the standard library is needed.
"""

import json
import os
import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.parse import urlencode
from urllib.request import Request, urlopen
from zoneinfo import ZoneInfo

API = os.environ["SPENDGATE_API"]
GRAPH = os.environ.get("META_GRAPH", "https://graph.facebook.com/v21.0")
ACCOUNT = os.environ["META_ACCOUNT"]
PAUSED_FILE = Path(os.environ.get("PAUSED_FILE", "paused-by-spendgate.json"))
SOURCE = "meta-ads"
DAYS = 8  # Meta restates costs of the last days; Spendgate takes up to 62
TRIES = 4
SNAPSHOTS_AT_ONCE = 500
FIRST_PAUSE_SECONDS = float(os.environ.get("FIRST_PAUSE_SECONDS", "1"))
#: Of Meta: an error that passes, and too many calls of the app, the user or the account.
PASSING_CODES = frozenset({1, 2, 4, 17, 613, 80004})


def main() -> int:
    failures = []
    for step in (post_totals, apply_commands):  # in this order: what is applied knows of the totals
        try:
            step()
        except (OSError, ValueError, KeyError) as error:
            failures.append(f"{step.__name__}: {error}")
    for failure in failures:
        print(failure, file=sys.stderr)
    return 1 if failures else 0


def post_totals() -> None:
    """Posts the cost of each campaign and day. To post a total again is harmless."""
    account = meta("GET", f"/{ACCOUNT}", fields="currency,timezone_name")
    as_of = datetime.now(UTC)  # before the report: what it has is at least as new
    today = as_of.astimezone(ZoneInfo(account["timezone_name"])).date()
    since = {"since": str(today - timedelta(days=DAYS - 1)), "until": str(today)}
    rows = meta_pages(
        f"/{ACCOUNT}/insights",
        level="campaign",
        time_increment="1",
        fields="campaign_id,spend",
        time_range=json.dumps(since),
        limit="200",
    )
    snapshots = [
        {
            "source": SOURCE,
            "external_id": row["campaign_id"],
            "day": row["date_start"],
            "cost": row["spend"],
            "currency": account["currency"],
            "as_of": as_of.isoformat(),
        }
        for row in rows
    ]
    refused = []
    for start in range(0, len(snapshots), SNAPSHOTS_AT_ONCE):
        some = snapshots[start : start + SNAPSHOTS_AT_ONCE]
        for it in spendgate("POST", "/api/v1/spend-snapshots", some)["refused"]:
            refused.append(f"{some[it['index']]['external_id']} {some[it['index']]['day']}: {it['message']}")
    if refused:
        raise ValueError(f"refused: {'; '.join(refused[:5])}")


def apply_commands() -> None:
    """Pauses what Spendgate has paused, and activates what this script paused and Spendgate lets run."""
    states = states_by_external_id()
    ours = set(json.loads(PAUSED_FILE.read_text())) if PAUSED_FILE.exists() else set()
    failures = []
    for campaign in meta_pages(f"/{ACCOUNT}/campaigns", fields="id,status", limit="200"):
        campaign_id, state = campaign["id"], states.get(campaign["id"])
        try:
            if state == "paused" and campaign["status"] == "ACTIVE":
                save(ours := ours | {campaign_id})  # first: were this stopped in between, it could still be activated
                meta("POST", f"/{campaign_id}", status="PAUSED")
            elif state == "running" and campaign_id in ours:
                meta("POST", f"/{campaign_id}", status="ACTIVE")
                save(ours := ours - {campaign_id})
        except (OSError, ValueError) as error:
            failures.append(str(error))
    if failures:
        raise ValueError("; ".join(failures))


def states_by_external_id() -> dict[str, str]:
    states: dict[str, str] = {}
    cursor: str | None = ""
    while cursor is not None:
        query = {"limit": 200} | ({"cursor": cursor} if cursor else {})
        page = spendgate("GET", f"/api/v1/campaigns?{urlencode(query)}")
        states |= {it["external_id"]: it["state"] for it in page["items"] if it["external_id"]}
        cursor = page["next"]
    return states


def save(ours: set[str]) -> None:
    written = PAUSED_FILE.with_suffix(".new")
    written.write_text(json.dumps(sorted(ours)))
    written.replace(PAUSED_FILE)


def spendgate(method: str, path: str, body: object = None) -> Any:
    """Where every snapshot of a request is refused the status is not 202, and the list is there all the same."""
    headers = {"Authorization": f"Bearer {os.environ['SPENDGATE_TOKEN']}", "Content-Type": "application/json"}
    data = None if body is None else json.dumps(body).encode()
    return tried(
        lambda: Request(API + path, data, headers, method=method),
        lambda status, answer: status in (200, 202) or (status == 422 and isinstance(answer.get("refused"), list)),
        lambda status, answer: status >= 500 or status == 429,
    )


def meta(method: str, path: str, **fields: str) -> Any:
    return meta_at(method, f"{GRAPH}{path}", fields)


def meta_pages(path: str, **fields: str) -> Iterator[Any]:
    page = meta("GET", path, **fields)
    while True:
        yield from page["data"]
        following = page.get("paging", {}).get("next")
        if not following:
            return
        page = meta_at("GET", following, {})


def meta_at(method: str, url: str, fields: dict[str, str]) -> Any:
    text, headers = urlencode(fields), {"Authorization": f"Bearer {os.environ['META_TOKEN']}"}
    address = f"{url}?{text}" if method == "GET" and text else url
    data = text.encode() if method == "POST" else None

    def passes(status: int, answer: dict[str, Any]) -> bool:
        error = answer.get("error", {})
        return status >= 500 or error.get("is_transient") is True or error.get("code") in PASSING_CODES

    return tried(lambda: Request(address, data, headers, method=method), lambda status, answer: status == 200, passes)


def tried(
    request: Callable[[], Request],
    is_good: Callable[[int, dict[str, Any]], bool],
    passes: Callable[[int, dict[str, Any]], bool],
) -> Any:
    """The answer's document. Tries again what may pass by itself; raises what a person has to look at."""
    said = ""
    for number in range(TRIES):
        if number:
            time.sleep(FIRST_PAUSE_SECONDS * 2 ** (number - 1))
        try:
            status, answer = asked(request())
        except (URLError, TimeoutError, ConnectionError) as error:
            said = f"{request().full_url}: {error}"
            continue
        if is_good(status, answer):
            return answer
        said = f"{request().full_url} answers {status}: {json.dumps(answer)[:300]}"
        if not passes(status, answer):
            break
    raise OSError(said)


def asked(request: Request) -> tuple[int, dict[str, Any]]:
    try:
        with urlopen(request, timeout=30) as answer:
            status, text = answer.status, answer.read()
    except HTTPError as error:
        status, text = error.code, error.read()
    try:
        document = json.loads(text)
    except ValueError:
        document = {}
    return status, document if isinstance(document, dict) else {}


if __name__ == "__main__":
    raise SystemExit(main())
