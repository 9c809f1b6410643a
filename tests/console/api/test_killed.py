"""`spendgate api` is killed again and again under edits and spend: what it has answered is there, and what it has not
answered may be sent again."""

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from threading import Event, Thread

import httpx

from local.ports import HOST
from operations.accounts.person import Role
from streams.settings import Settings
from tests.console.api.server import Api, program, until
from tests.health import is_ready
from tests.installation import Surroundings
from tests.ledger.ledger_process import LedgerProcess
from tests.lengths import length
from tests.streams.worker_process import WorkerProcess

KILLS = length(3, 20)
ANSWERS = 10  # between two kills


class ApiProcess(LedgerProcess):
    command = "api"

    @property
    def url(self) -> str:
        return f"http://{HOST}:{self.port}"


class Program:
    """Names a brand by the numbers 1, 2, … and sends one spend with each, until each is answered."""

    def __init__(self, brand_id: str, campaign_id: str) -> None:
        self.answered = 0
        self._brand_id = brand_id
        self._campaign_id = campaign_id
        self._numbers = count(1)
        self._number = next(self._numbers)

    @contextmanager
    def going_on(self, robot: Api) -> Iterator[None]:
        ended = Event()
        thread = Thread(target=self._go_on, args=(robot, ended))
        thread.start()
        try:
            yield
        finally:
            ended.set()
            thread.join()

    def _go_on(self, robot: Api, ended: Event) -> None:
        while not ended.is_set():
            name = {"name": str(self._number)}
            event = {"brand_id": self._brand_id, "campaign_id": self._campaign_id, "amount": "1"}
            event |= {"event_id": f"{self._campaign_id}:{self._number}"}
            try:
                robot.ok("PATCH", f"/api/v1/brands/{self._brand_id}", json=name, headers={"if-match": "*"})
                robot.ok("POST", "/api/v1/spend", 202, json=event)
            except httpx.HTTPError:  # killed: the next one is asked the same
                return
            self.answered = self._number
            self._number = next(self._numbers)


def test_an_api_that_is_killed_loses_nothing_that_it_has_answered(
    surroundings: Surroundings, api: Api, worker: WorkerProcess, tmp_path: Path
) -> None:
    brand_id = api.brand()
    campaign_id = api.campaign(brand_id)
    asking = Program(brand_id, campaign_id)
    for _ in range(KILLS):
        with _running(surroundings.settings, tmp_path) as (process, robot), asking.going_on(robot):
            wanted = asking.answered + ANSWERS
            until(lambda wanted=wanted: asking.answered >= wanted)  # type: ignore[misc]
            process.kill()
    with _running(surroundings.settings, tmp_path) as (_, robot):
        before = asking.answered
        with asking.going_on(robot):
            until(lambda: asking.answered > before)
        name, spent = str(asking.answered), f"{asking.answered}.00"
        robot.held(f"/brands/{brand_id}", lambda brand: brand["name"] == name)
        robot.held(f"/campaigns/{campaign_id}", lambda campaign: campaign["total_spent"] == spent)


@contextmanager
def _running(settings: Settings, folder: Path) -> Iterator[tuple[ApiProcess, Api]]:
    process = ApiProcess(settings, folder / "api.log")
    try:
        until(lambda: is_ready(process.port))
        yield process, program(settings, process.url, Role.OPERATOR)
    finally:
        process.kill()
